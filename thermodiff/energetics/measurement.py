"""The averages that every price is made of, relative to the process's own equilibrium s_eq = f/D, per unit of ell.

With kappa = a sigma/D the noising's velocity is nu = f - D s = (D/sigma)(n + kappa x), and D dt = sigma^2 d ell, so
that
    a_eq = E|n + kappa x|^2        b_eq = E|n_th + kappa x|^2        c_eq = E[(n + kappa x) . (n_th + kappa x)]
are the true intrinsic rate, the learned one, and what joins them. c_eq needs no true score: E[n . v] = E[eps . v].
Source: theory sections 2 and 3, relative to s_eq (this project).
"""

from __future__ import annotations

from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Float

from thermodiff.array_types import Key, Process, Score
from thermodiff.distributions.base import Family
from thermodiff.distributions.gaussian import Gaussian
from thermodiff.numerics.divergence import HutchinsonDivergence
from thermodiff.numerics.estimates import as_float64
from thermodiff.scores.diffusion import LearnedDiffusion, learned_diffusion
from thermodiff.scores.exact import exact_score
from thermodiff.thermodynamics.ensembles import ensembles
from thermodiff.thermodynamics.entropies import marginal_entropy
from thermodiff.thermodynamics.moments import NoiseMoments, noise_moments
from thermodiff.thermodynamics.point_sets import Points, noised_points
from thermodiff.thermodynamics.priors import moment_prior, prior_cross_entropy
from thermodiff.thermodynamics.time_grid import TimeGrid, time_grid
from thermodiff.types import NotKnownError
from thermodiff.validation import check_key

SMALLEST = 1e-6
"""Per dimension and unit of ell: a learned rate below counts as this in c^2/b, which can only lower that bound."""
UNDECAYED = 0.1
"""By how much kappa^2 falls at least from sigma/alpha = 1e-4 to 1e-6 where the entropy production up to t = 0 is
finite; it falls by 1e-4 for the usual processes and not at all where the drift outlives the noise."""


class Means(NamedTuple):
    """Averages with a leading axis of independent units; None for what only a known density tells.

    local b_eq, cross c_eq, mean_square E|x|^2, square b, overlap c (``_quieter``) and
    error j = E|n_th - n|^2 have shape (units, T);
    S0 = S(p(t_min)), S1 = S(p_1) and CE = CE(p_1, pi) are per unit, nats.
    """

    local: Float[Array, "units T"]
    cross: Float[Array, "units T"]
    mean_square: Float[Array, "units T"]
    square: Float[Array, "units T"]
    overlap: Float[Array, "units T"]
    error: Float[Array, "units T"] | None
    S0: Float[Array, " units"] | None
    S1: Float[Array, " units"] | None
    CE: Float[Array, " units"]


class Measured(NamedTuple):
    """What was averaged, on which times; ``trap`` is a/D where it is constant, else None; ``prior`` that of CE."""

    means: Means
    grid: TimeGrid
    dim: int
    sigma: Float[np.ndarray, " T"]
    kappa: Float[np.ndarray, " T"]
    trap: float | None
    finite: bool
    reference: Gaussian
    exact_moments: bool
    prior: Gaussian
    diffusion: LearnedDiffusion


def measure(
    key: Key,
    score: Score,
    process: Process,
    data: Any,
    t_min: float | None,
    nodes: int,
    replicates: int,
    points: int,
    max_points: int | None,
) -> Measured:
    """The averages of ``score`` over ``data``, as of ``td.entropy_rates``; rows of an array come in parts."""
    sets = ensembles(check_key(key), data, nodes + 2, replicates, points, max_points)
    parts: list[Means] = []
    for pts in sets:
        if not parts:
            diffusion = learned_diffusion(score, process, pts.dim)
            grid = time_grid(process, diffusion.starting_time(t_min), nodes)
            reference, prior = pts.reference, moment_prior(pts.reference, process)
        parts.append(_means(diffusion, data, pts, grid, prior))
    means = jax.tree.map(lambda *leaves: jnp.concatenate(leaves), *parts)
    sigma, kappa = _coefficients(process, grid.time)
    return Measured(
        means=means,
        grid=grid,
        dim=diffusion.dim,
        sigma=sigma,
        kappa=kappa,
        trap=_constant_trap(kappa / sigma),
        finite=_finite_to_the_start(process),
        reference=reference,
        exact_moments=float(pts.population) == 1.0,
        prior=prior,
        diffusion=diffusion,
    )


def _means(diffusion: LearnedDiffusion, data: Any, points: Points, grid: TimeGrid, prior: Gaussian) -> Means:
    process, nodes, d = diffusion.process, len(grid.time), points.dim
    exact = _exact_score_of(data, process)
    random = isinstance(diffusion.divergence, HutchinsonDivergence)
    moments = noise_moments(None, diffusion.taking(None) if random else diffusion, points, grid.time, exact)
    overlap = _quieter(moments, process, points, grid)
    sigma, kappa = (jnp.asarray(v, moments.local.dtype) for v in _coefficients(process, grid.time))
    square = process.alpha(grid.time) ** 2 * _data_square(points, nodes) + sigma**2 * d
    # kappa E[x . n_th], from what the three averages have in common.
    drift_overlap = 0.5 * (moments.local - moments.square - kappa**2 * square)
    start, end = (noised_points(process, points, nodes + i, grid.time[-i]) for i in (0, 1))
    S0, _ = marginal_entropy(data, process, points, start, grid.time[0])
    S1, _ = marginal_entropy(data, process, points, end, grid.time[-1])
    return Means(
        local=moments.local,
        cross=overlap + kappa * sigma * d + drift_overlap + kappa**2 * square,
        mean_square=square,
        square=moments.square,
        overlap=overlap,
        error=moments.error,
        S0=None if S0 is None else S0.units,
        S1=None if S1 is None else S1.units,
        CE=prior_cross_entropy(points, process, prior),
    )


def _quieter(moments: NoiseMoments, process: Process, points: Points, grid: TimeGrid) -> Any:
    """c = E[eps . n_th] from both its forms, which agree given each data point but not in how they scatter.

    sigma div n_th scatters like the noise, eps . n_th relative to s_eq like the signal, so that each weighs as much as
    the other's variance: what is small at either end is then not lost. Only the second where the divergence is random.
    """
    if moments.divergence is None:
        return moments.overlap
    signal = process.alpha(grid.time) ** 2 * jnp.mean(points.reference.variances)
    weight = signal / (signal + process.sigma(grid.time) ** 2)
    return weight * moments.divergence + (1 - weight) * moments.overlap


def _exact_score_of(data: Any, process: Process) -> Score | None:
    if not isinstance(data, Family):
        return None
    try:
        return exact_score(data, process)
    except NotKnownError:
        return None


def _coefficients(process: Process, time: Any) -> tuple[np.ndarray, np.ndarray]:
    """sigma and kappa = a sigma/D at the times (T,), in double precision."""
    sigma = as_float64(process.sigma(time))
    return sigma, as_float64(process.drift_rate(time)) * sigma / as_float64(process.diffusivity(time))


def _constant_trap(stiffness: np.ndarray) -> float | None:
    """a/D where it is the same at all times: the equilibrium does not move, and work is a difference of free energy."""
    first = float(stiffness[-1])
    return first if np.allclose(stiffness, first, rtol=1e-4, atol=1e-7) else None


def _finite_to_the_start(process: Process) -> bool:
    """Whether int a^2/D dt converges at t = 0: it does not where the drift stays while the noise goes."""
    with jax.enable_x64(True):
        times = process.time_of_log_snr(-2 * jnp.log(jnp.asarray([1e-6, 1e-4])))
        _, kappa = _coefficients(process, times)
    return bool(kappa[0] ** 2 <= UNDECAYED * kappa[1] ** 2)


def _data_square(points: Points, blocks: int) -> Any:
    """E|x_0|^2 as the averages have it, (units, T): exact where the moments are, else of each unit's points."""
    g = points.reference
    if float(points.population) == 1.0:
        return jnp.full((points.units, blocks), jnp.sum(g.mean**2) + jnp.sum(g.variances))
    return _drawn_square(points, jnp.arange(blocks))


@jax.jit
def _drawn_square(points: Points, blocks: Any) -> Float[Array, "units T"]:
    def of_block(block: Any) -> Any:
        x0, _ = jax.vmap(points.draw, in_axes=(0, None))(points.unit_data, block)
        return jnp.mean(jnp.sum(x0**2, axis=-1), axis=-1)

    return jax.lax.map(of_block, blocks).T


def certified_rate(cross: Any, local: Any, dim: Any) -> Any:
    """c_eq^2/b_eq, which the true intrinsic rate is not below (Cauchy-Schwarz), where b_eq is not lost in rounding."""
    return jnp.maximum(cross, 0.0) ** 2 / jnp.maximum(local, SMALLEST * dim)
