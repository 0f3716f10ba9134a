"""Paths of generation, drawn step by step, and what they produce against their own reversed protocol: ratio (b).

With m_k(x) the mean map of step k and v_k its variance, in units of x,
    Q_k/T = (|x_k - m_k(x_{k-1})|^2 - |x_{k-1} - m_k(x_k)|^2)/(2 v_k)     (for many steps int F o dx/D)
    Sigma = ln pi(x_N) - ln rho_0(x_0) + sum_k Q_k/T,
the log ratio to the same kernels applied in the opposite order from rho_0: <e^-Sigma> = 1 for any normalised rho_0, at
any number of steps. It is the heat of generation, and knows nothing of how good the model is.
"""

from __future__ import annotations

from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Float

from thermodiff.array_types import Key, Process, Score
from thermodiff.distributions.gaussian import Gaussian
from thermodiff.numerics.estimates import as_float64
from thermodiff.paths.denoising import kernel_for
from thermodiff.paths.noising import PathEntropy
from thermodiff.paths.predictions import log_density, noise_predictions
from thermodiff.runtime.devices import in_full_precision, map_over_batch, spread
from thermodiff.sampling.kernels import Kernel, Steps, steps_of
from thermodiff.sampling.schedules import Schedule
from thermodiff.scores.base import reference_of
from thermodiff.scores.diffusion import LearnedDiffusion, learned_diffusion
from thermodiff.thermodynamics.chosen_prior import chosen_prior
from thermodiff.thermodynamics.moments import EVALUATIONS_AT_ONCE
from thermodiff.validation import check_count, check_key, complain


class GeneratedPaths(NamedTuple):
    """Paths of generation, data first like those of noising; what is drawn first is the last column.

    x (n, N+1, d) from t_min to 1; noise (n, N, d), the xi_k of each step; the kernel that drew them, with its name if
    it had one; the prior that x_N was drawn from.
    """

    x: Float[np.ndarray, "n N1 d"]
    noise: Float[np.ndarray, "n N d"]
    schedule: Schedule
    kernel: Any
    prior: Gaussian
    per_point: int = 1

    @property
    def direction(self) -> str:
        """The process that drew them."""
        return "generation"


@in_full_precision
def generated_paths(
    key: Key,
    score: Score,
    process: Process,
    n: int,
    schedule: Schedule,
    kernel: Kernel | str = "analytic",
    *,
    prior: Gaussian | str | None = None,
    data: Any = None,
) -> GeneratedPaths:
    """``n`` paths of the generator, from ``prior`` down the ``schedule``, with all that was drawn on the way.

    ``kernel`` is "posterior", "forward", "analytic" or one of ``sampling.kernels``. The analytic one is measured on
    ``data``, a distribution or rows (n, d), at the cost of one evaluation a step and row, and needs them. ``prior``
    as in ``td.flow_likelihood``. Raises ValueError for a schedule or kernel of the wrong form. Source: Ho et al.
    (2020).
    """
    check_count("n", n)
    key_kernel, key_prior, key_noise = jax.random.split(check_key(key), 3)
    dim = _dim_of(score, data, prior)
    diffusion = learned_diffusion(score, process, dim).taking(None)
    steps = steps_of(process, schedule, getattr(score, "t_min", None))
    kernel = kernel_for(key_kernel, kernel, diffusion, data, steps)
    prior, _ = chosen_prior(prior, diffusion.score, process, dim)
    start = prior.sample(key_prior, n)
    maps = _maps(kernel, steps, dim)
    x, noise = spread(
        _generate, diffusion, key_noise, start, tuple(jnp.asarray(m[::-1], float) for m in maps)
    )
    return GeneratedPaths(as_float64(x)[:, ::-1], as_float64(noise)[:, ::-1], schedule, kernel, prior)


class _Maps(NamedTuple):
    """x_{k-1} = pull x_k - push n_th(x_k, time_k) + deviation xi_k, each (N,)."""

    time: np.ndarray
    pull: np.ndarray
    push: np.ndarray
    deviation: np.ndarray


def _maps(kernel: Kernel, steps: Steps, dim: int) -> _Maps:
    at, below = kernel.at(steps, dim), steps.alpha[:-1]
    return _Maps(
        steps.time[1:],
        below / steps.alpha[1:],
        below * steps.s[1:] * at.gain,
        below * at.deviation(steps),
    )


@jax.jit
def _generate(diffusion: LearnedDiffusion, key: Key, start: Float[Array, "n d"], maps: Any) -> Any:
    """x (n, N+1, d) and xi (n, N, d) in the order in which they are drawn."""

    def one(keyed: tuple[Key, Any]) -> tuple[Any, Any]:
        own, x = keyed

        def step(x: Any, at: Any) -> tuple[Any, Any]:
            (time, pull, push, deviation), index = at
            xi = jax.random.normal(jax.random.fold_in(own, index), x.shape)
            below = pull * x - push * diffusion.noise(x, time) + deviation * xi
            return below, (below, xi)

        _, (path, noise) = jax.lax.scan(step, x, (maps, jnp.arange(maps[0].shape[0])))
        return jnp.concatenate([x[None], path]), noise

    return map_over_batch(one, (jax.random.split(key, start.shape[0]), start), EVALUATIONS_AT_ONCE)


def _dim_of(score: Score, data: Any, prior: Any) -> int:
    """Number of columns, from whatever knows it."""
    for thing in (reference_of(score), prior, data):
        dim = getattr(thing, "dim", None)
        if dim is not None:
            return int(dim)
    shape: tuple[int, ...] = np.shape(getattr(data, "array", data)) if data is not None else ()
    if len(shape) == 2:
        return shape[1]
    raise complain("data", "nothing that tells the number of columns", "data, or a td.Gaussian as prior")


@in_full_precision
def generation_heat(paths: Any, score: Score, process: Process, final: Any = None) -> PathEntropy:
    """Sigma = ln P_G - ln P_B of each generated path against its reversed protocol, with system part and heat.

    ``paths`` are those of ``td.generated_paths``; ``final`` is rho_0, where the reversed protocol starts: a
    distribution whose noised density is known (of t = 0: it is noised to t_min), by default the Gaussian of the moments
    of the data that the score knows of. With the model's own law the mean is the generator's intrinsic entropy
    production, with another larger by KL(p_th || rho_0). Two score evaluations a step. A kernel without noise is
    irreversible: heat and total are then infinite, and a remark says so. Raises ValueError where ``final`` is needed.
    Source: Seifert (2005); this project for the finite-step form.
    """
    if not isinstance(paths, GeneratedPaths):
        need = "paths of generation, as td.generated_paths makes (of noising td.noising_entropy_production)"
        raise complain("paths", type(paths).__name__, need)
    dim = paths.x.shape[2]
    diffusion = learned_diffusion(score, process, dim).taking(None)
    steps = steps_of(process, paths.schedule)
    final = final if final is not None else reference_of(diffusion.score)
    if final is None:
        raise complain("final", "None, with a score that knows of no data", "a distribution, rho_0")
    x, m = paths.x, _maps(paths.kernel, steps, dim)
    system = as_float64(paths.prior.log_prob(jnp.asarray(x[:, -1], float)))
    system = system - log_density(final, process, float(steps.time[0]), x[:, 0], "final")
    if np.any(m.deviation == 0):
        heat = np.full(len(x), np.inf)
        why = ("without noise a step cannot be undone: the heat is infinite",)
        return PathEntropy(system, heat, system + heat, heat, None, remarks=why)
    after, before = (noise_predictions(diffusion, part, m.time) for part in (x[:, 1:], x[:, :-1]))
    # x_k - m(x_{k-1}) with x_{k-1} put in: what is left has no large terms that cancel.
    pull, push, deviation = (value[:, None] for value in (m.pull, m.push, m.deviation))
    own = paths.noise
    back = (1 - pull**2) * x[:, 1:] + push * (pull * after + before) - pull * deviation * own
    heat = 0.5 * np.sum((back / deviation) ** 2 - own**2, axis=(1, 2))
    return PathEntropy(system, heat, system + heat, heat, None)
