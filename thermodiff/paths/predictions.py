"""A score along given paths, and the densities at their ends: all that a path ratio asks of JAX."""

from __future__ import annotations

from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Float

from thermodiff.array_types import Process, as_pytree
from thermodiff.distributions.base import states
from thermodiff.numerics.estimates import as_float64
from thermodiff.runtime.devices import map_over_batch, spread
from thermodiff.scores.diffusion import LearnedDiffusion
from thermodiff.thermodynamics.moments import EVALUATIONS_AT_ONCE, ScoreError
from thermodiff.types import NotKnownError
from thermodiff.validation import complain


def noise_predictions(
    diffusion: LearnedDiffusion, x: Float[np.ndarray, "n N d"], time: Float[np.ndarray, " N"]
) -> Float[np.ndarray, "n N d"]:
    """n_th at every point of paths x (n, N, d), whose column k lies at time k, in double precision on the host.

    Raises ScoreError where the score gives NaN or infinity, naming the time.
    """
    found = as_float64(spread(_predict, diffusion, jnp.asarray(x, float), jnp.asarray(time, float)))
    bad = ~np.isfinite(found).all(axis=(0, 2))
    if bad.any():
        first = int(np.argmax(bad))
        raise ScoreError(
            f"score: NaN or infinite at t = {time[first]:.3g} on {int(bad.sum())} steps of the paths"
        )
    return found


@jax.jit
def _predict(diffusion: LearnedDiffusion, x: Float[Array, "n N d"], time: Float[Array, " N"]) -> Any:
    along = jax.vmap(diffusion.noise)
    return map_over_batch(lambda path: along(path, time), x, max(1, EVALUATIONS_AT_ONCE // x.shape[1]))


def log_density(
    data: Any, process: Process, t: float, x: Float[np.ndarray, "n d"], name: str = "data"
) -> Float[np.ndarray, " n"]:
    """ln p_t(x) for x (n, d) of data whose noised density is known, nats, in double precision on the host.

    ``name`` is the argument that the data came as. Raises NotKnownError, naming what does without it, for samples and
    for a density that is not known, ValueError for data of another dimension, which would broadcast.
    """
    advice = (
        "; td.path_log_likelihood needs no density of the data, and td.path_waste without data gives the work"
    )
    if not states(data, "noised_log_prob"):
        raise NotKnownError(f"{name}: the noised density of {type(data).__name__} is not known{advice}")
    dim = getattr(data, "dim", x.shape[1])
    if dim != x.shape[1]:
        raise complain(name, f"{dim} dimensions for paths of {x.shape[1]}", "as many in both")
    try:
        found = _log_density(as_pytree(data), process.alpha(t), process.sigma(t), jnp.asarray(x, float))
    except NotKnownError as error:
        raise NotKnownError(f"{name}: {error}{advice}") from error
    return as_float64(found)


@jax.jit
def _log_density(data: Any, alpha: Any, sigma: Any, x: Any) -> Any:
    return jax.vmap(lambda point: data.noised_log_prob(point, alpha, sigma))(x)
