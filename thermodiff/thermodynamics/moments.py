"""The four averages that every entropy rate and bound is made of, per unit of ell = ln(sigma/alpha).

Since D dt = sigma^2 d ell, with n = -sigma s the noise prediction every rate integral of the theory is an
integral over ell of an average of order d, whatever the process:

    a = E|n|^2        b = E|n_th|^2        c = E[n . n_th] = E[eps . n_th] = sigma E[div n_th]

(the letters of theory section 4: A = int a d ell, and so on). Each average is taken with the same quantity of
a Gaussian reference, whose mean is known exactly, as control variate.
"""

from __future__ import annotations

from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
from jaxtyping import Array, Float

from thermodiff.array_types import Key, Process, Scalar, Score, Vector
from thermodiff.distributions.gaussian import Gaussian
from thermodiff.runtime.devices import map_over_batch, spread
from thermodiff.scores.base import noise_prediction
from thermodiff.scores.diffusion import LearnedDiffusion
from thermodiff.thermodynamics.point_sets import Points
from thermodiff.types import is_concrete

EVALUATIONS_AT_ONCE = 4096
"""Score evaluations in one vectorised call: large enough to fill the matrix products, small enough for cache."""


class ScoreError(RuntimeError):
    """A score gave NaN or infinity; the message names the time."""


class NoiseMoments(NamedTuple):
    """Averages per unit and time, each of shape (units, T), per unit of ell = ln(sigma/alpha).

    square      b = E|n_th|^2
    overlap     c = E[eps . n_th]
    divergence  c again, as sigma E[div n_th]; None if not asked for
    local       E|n_th + kappa x|^2, kappa = a sigma/D: the intrinsic rate, |nu|^2/D per unit of ell
    true_square a = E|n|^2,  projection  E[n . (n_th - n)],  error  j = E|n_th - n|^2: None without the exact score;
                then b = a + 2 projection + j and c = a + projection, with far less scatter
    """

    square: Float[Array, "units T"]
    overlap: Float[Array, "units T"]
    divergence: Float[Array, "units T"] | None
    local: Float[Array, "units T"]
    true_square: Float[Array, "units T"] | None
    projection: Float[Array, "units T"] | None
    error: Float[Array, "units T"] | None


class _Coefficients(NamedTuple):
    """alpha, sigma and kappa = a sigma / D at one time."""

    alpha: Scalar
    sigma: Scalar
    kappa: Scalar


def _coefficients(process: Process, t: Scalar) -> _Coefficients:
    sigma = process.sigma(t)
    return _Coefficients(process.alpha(t), sigma, process.drift_rate(t) * sigma / process.diffusivity(t))


def _gaussian_excess(
    g: Gaussian, population: Scalar, at: _Coefficients, x0: Vector, eps: Vector
) -> tuple[Scalar, Scalar, Scalar]:
    """|n_G|^2, eps . n_G and |n_G + kappa x|^2 at one point, each minus its exact mean.

    n_G = sigma (alpha^2 C + sigma^2)^-1 (x - alpha m). The mean is over eps and, where the data's moments
    are exact, over x_0 too; else over eps given x_0, so that the sample's own scatter stays in the error bar.
    """
    v = at.alpha**2 * g.variances + at.sigma**2
    z = g.axes.T @ (x0 - g.mean)
    e = g.axes.T @ eps
    y = at.alpha * z + at.sigma * e
    mean_y = (1 - population) * at.alpha * z
    mean_y2 = at.alpha**2 * (population * g.variances + (1 - population) * z**2) + at.sigma**2
    gain = at.sigma / v
    centre = at.kappa * at.alpha * (g.axes.T @ g.mean)
    square = jnp.sum(gain**2 * (y**2 - mean_y2))
    overlap = jnp.sum(gain * (y * e - at.sigma))
    slope = gain + at.kappa
    local = jnp.sum(slope**2 * (y**2 - mean_y2) + 2 * slope * centre * (y - mean_y))
    return square, overlap, local


def _at_one_point(
    diffusion: LearnedDiffusion,
    exact: Score | None,
    points: Points,
    t: Scalar,
    x0: Vector,
    eps: Vector,
    key: Key | None,
) -> NoiseMoments:
    at = _coefficients(diffusion.process, t)
    x = at.alpha * x0 + at.sigma * eps
    n_th, div = diffusion.noise_with_divergence(x, t, key)
    square, overlap, local = _gaussian_excess(points.reference, points.population, at, x0, eps)
    true_square = projection = error = None
    if exact is not None:
        n = noise_prediction(exact, diffusion.process, x, t)
        true_square = jnp.sum(n**2) - square
        projection, error = jnp.dot(n, n_th - n), jnp.sum((n_th - n) ** 2)
    return NoiseMoments(
        square=jnp.sum(n_th**2) - square,
        overlap=jnp.dot(eps, n_th) - overlap,
        divergence=div,
        local=jnp.sum((n_th + at.kappa * x) ** 2) - local,
        true_square=true_square,
        projection=projection,
        error=error,
    )


def noise_moments(
    key: Key | None,
    diffusion: LearnedDiffusion,
    points: Points,
    times: Float[Array, " T"],
    exact: Score | None = None,
) -> NoiseMoments:
    """The averages of ``NoiseMoments`` for every unit of ``points`` at every time.

    Block i of the points goes with time i. Where the diffusion takes its divergence there is the divergence reading;
    ``key`` is for its probes, None where none are drawn. ``exact`` adds the true score's own moments on those points.
    Raises ScoreError where the score or its divergence gave NaN or infinity, naming the time; under a trace that is not
    looked for. Source: theory sections 3 and 4, written per unit of ell.
    """
    moments = spread(_noise_moments, key, diffusion, points, times, exact)
    if not is_concrete(moments):
        return moments
    bad = ~jnp.isfinite(sum(jax.tree.leaves(moments)))
    if bool(jnp.any(bad)):
        first = int(jnp.argmax(jnp.any(bad, axis=0)))
        raise ScoreError(
            f"score: NaN or infinite (it or its divergence) at t = {float(times[first]):.3g} for "
            f"{int(jnp.sum(bad[:, first]))} of {points.units} units of data; raise t_min if it is not defined there"
        )
    return moments


@jax.jit
def _noise_moments(
    key: Key | None,
    diffusion: LearnedDiffusion,
    points: Points,
    times: Float[Array, " T"],
    exact: Score | None,
) -> NoiseMoments:
    m = points.per_unit

    def at_time(unit_key: Key | None, unit: Any, t: Scalar, index: Any) -> NoiseMoments:
        x0, eps = points.draw(unit, index)
        probes = None if unit_key is None else jax.random.split(jax.random.fold_in(unit_key, index), m)
        one = lambda x, e, k: _at_one_point(diffusion, exact, points, t, x, e, k)  # noqa: E731
        return jax.tree.map(lambda v: jnp.mean(v, axis=0), jax.vmap(one)(x0, eps, probes))

    def over_times(keyed_unit: tuple[Key | None, Any]) -> NoiseMoments:
        unit_key, unit = keyed_unit
        index = jnp.arange(times.shape[0])
        # A gradient keeps no network's inside: each time is computed again when its turn comes.
        one_time = jax.checkpoint(lambda ti: at_time(unit_key, unit, ti[0], ti[1]))
        return jax.lax.map(one_time, (times, index))

    unit_keys = None if key is None else jax.random.split(key, points.units)
    at_once = max(1, min(points.units, EVALUATIONS_AT_ONCE // m))
    return map_over_batch(over_times, (unit_keys, points.unit_data), at_once)
