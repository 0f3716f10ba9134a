"""Clocks: where along ell = ln(sigma/alpha) the steps of a sampler are needed, measured on a score and data.

A clock is a density rho(ell); its schedule of N steps makes int rho d ell equal in all. With s = e^ell, the averages of
``sampling.clock_moments`` and mmse = E|x0 - D|^2 = s^2 loss:

    flow_curvature        [bend square/d]^(1/4) = [E|dD/d ell|^2 E|n|^2/(d s^2)]^(1/4)
    conditional_entropy   mmse/s^2, the entropic time of Stancevic et al. (2025), whose learned reading is this loss
    rescaled_entropic     mmse/s, theirs rescaled
    intrinsic             E|n + kappa x|^2, the rate of entropy production
    wasserstein           sqrt(speed): W2 speed where the data have unit variance at all times
    least_waste           2 gamma sqrt(w), gamma = 1/s^2, w = -mmse' - mmse^2/d: the waste of N ancestral steps with the
                          analytic variance is its length^2/(4N) at large N
    least_waste_posterior the same with w = -mmse', for the posterior variance
Flow curvature is the local error of an Euler step relative to the scale of the score, in the schedule that has the
least sum of them: a heuristic, which for isotropic Gaussian data is exactly the cosine clock arctan(s/r), there optimal
for DDIM at every N. Source: this project, but for the two entropic ones.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, NamedTuple

import jax
import numpy as np
from jaxtyping import Float

from thermodiff.array_types import Key, Process, Score
from thermodiff.numerics.estimates import as_float64
from thermodiff.sampling.clock_moments import ClockUnits, clock_units
from thermodiff.sampling.schedules import Schedule, schedule_of_ratios
from thermodiff.scores.diffusion import learned_diffusion
from thermodiff.thermodynamics.ensembles import DEFAULT_POINTS, DEFAULT_REPLICATES, ensemble
from thermodiff.thermodynamics.moments import ScoreError
from thermodiff.thermodynamics.time_grid import DEFAULT_NODES, time_grid
from thermodiff.types import Estimate, is_concrete
from thermodiff.validation import check_count, check_key, complain

MOST_POINTS = 4096
"""Rows of a user's sample that a clock is measured on unless told otherwise: more move no step by a visible amount."""
GROUPS = 32
"""Groups of units whose leaving out, one by one, makes the error of a density and a length."""
STANDSTILL = 1e-6
"""A density nowhere above this is rounding."""
SLOWEST = 1e-4
"""Pace, in units of its mean, at which a least-waste clock goes where the noise of a difference makes w negative."""
JUMP = 2.0
"""Change of ln rho between nodes beyond which a spline would overshoot, and a monotone interpolant takes its place."""
REFINEMENT = 64
"""Points a node at which the density's interpolant is integrated and inverted."""


class _Means(NamedTuple):
    """Averages (T,) in double precision, s (T,), ell (T,) and d."""

    ell: np.ndarray
    s: np.ndarray
    dim: int
    loss: np.ndarray
    square: np.ndarray
    local: np.ndarray
    speed: np.ndarray
    bend: np.ndarray | None


def _flow_curvature(m: _Means) -> np.ndarray:
    assert m.bend is not None
    return np.sqrt(np.sqrt(np.maximum(m.bend * m.square, 0) / m.dim))


def _least_waste(m: _Means, variance: float) -> np.ndarray:
    """2 gamma sqrt(w), the derivative that of a cubic spline through ln mmse."""
    from scipy.interpolate import CubicSpline  # slow to import

    mmse = m.s**2 * m.loss
    slope = (
        0.5 * m.s**2 * mmse * CubicSpline(m.ell, np.log(np.maximum(mmse, 1e-300)))(m.ell, 1)
    )  # -dmmse/dgamma
    density = 2 / m.s**2 * np.sqrt(np.maximum(slope - variance * mmse**2 / m.dim, 0))
    return np.maximum(density, SLOWEST * density.mean())


KINDS: dict[str, Callable[[_Means], np.ndarray]] = {
    "flow_curvature": _flow_curvature,
    "conditional_entropy": lambda m: m.loss,
    "rescaled_entropic": lambda m: m.s * m.loss,
    "intrinsic": lambda m: m.local,
    "wasserstein": lambda m: np.sqrt(m.speed),
    "least_waste": lambda m: _least_waste(m, 1.0),
    "least_waste_posterior": lambda m: _least_waste(m, 0.0),
}
"""Density of each kind, (T,). A new clock of these averages is a line here."""
WITH_BEND = {"flow_curvature"}
"""Kinds that need the derivative of the noise prediction, which doubles the cost."""


class ClockMoments(NamedTuple):
    """The averages a clock was made of, each an Estimate over (T,): ``mmse`` E|x0 - D|^2, the rest as in the module.

    ``bend`` is None where the kind did not need it.
    """

    mmse: Estimate
    loss: Estimate
    square: Estimate
    local: Estimate
    speed: Estimate
    bend: Estimate | None


class Clock(NamedTuple):
    """rho(ell) at ell (T,) = ln(sigma/alpha), increasing, with what it was made of; ``length`` is its integral.

    ``moments`` also say E|x0 - D|^2, from which the waste of an ancestral sampler follows. Length and density of a
    least-waste clock are in nats^(1/2), of the entropic and the intrinsic ones in nats.
    """

    ell: Float[np.ndarray, " T"]
    density: Estimate
    kind: str
    moments: ClockMoments
    length: Estimate
    dim: int
    process: Any
    t_min: float

    def schedule(self, steps: int) -> Schedule:
        """``steps`` steps of equal length, from t = 1 to the clock's t_min."""
        from scipy.interpolate import PchipInterpolator  # slow to import

        check_count("steps", steps)
        fine, tau = _integrated(self.ell, self.density.mean)
        ell = PchipInterpolator(tau, fine)(np.linspace(tau[-1], 0.0, steps + 1))
        ell[0], ell[-1] = self.ell[-1], self.ell[0]
        return schedule_of_ratios(self.process, np.exp(ell), self.t_min, self.kind)

    def mmse_at(self, noise_ratio: Any) -> np.ndarray:
        """E|x0 - D|^2 at noise ratios in the clock's range, by a cubic spline through its logarithm.

        Raises ValueError for ratios outside.
        """
        from scipy.interpolate import CubicSpline

        ell = np.log(np.asarray(noise_ratio, dtype=np.float64))
        low, high = self.ell[0], self.ell[-1]
        if not np.all((ell > low - 1e-4) & (ell < high + 1e-4)):
            got = f"sigma/alpha from {np.exp(ell.min()):.4g} to {np.exp(ell.max()):.4g}"
            raise complain("noise_ratio", got, f"the clock's range, {np.exp(low):.4g} to {np.exp(high):.4g}")
        curve = CubicSpline(self.ell, np.log(self.moments.mmse.mean))
        return np.exp(curve(np.clip(ell, low, high)))


def equal_length_ratios(clock: Clock, steps: int, variance: float) -> np.ndarray:
    """Noise ratios of ``steps`` equal steps in thermodynamic length, of the posterior's (0) or analytic (1) variance.

    From the averages of a clock of any kind; none where that length is rounding.
    """
    moments: list[Any] = [None if part is None else part.mean for part in clock.moments[1:]]
    density = _least_waste(_Means(clock.ell, np.exp(clock.ell), clock.dim, *moments), variance)
    if not density.mean() > STANDSTILL:
        return np.empty(0)
    return clock._replace(density=clock.density._replace(mean=density)).schedule(steps).noise_ratio


def _integrated(ell: np.ndarray, density: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """A fine grid and the integral of the density up to each of its points, by a spline of the density's logarithm."""
    from scipy.interpolate import CubicSpline, PchipInterpolator

    through = PchipInterpolator if np.abs(np.diff(np.log(density))).max() > JUMP else CubicSpline
    fine = np.linspace(ell[0], ell[-1], REFINEMENT * (len(ell) - 1) + 1)
    values = np.exp(through(ell, np.log(density))(fine))
    return fine, CubicSpline(fine, values).antiderivative()(fine)


def clock(
    key: Key,
    score: Score,
    process: Process,
    data: Any,
    kind: str = "flow_curvature",
    *,
    max_points: int = MOST_POINTS,
    nodes: int = DEFAULT_NODES,
    t_min: float | None = None,
    replicates: int = DEFAULT_REPLICATES,
    points: int = DEFAULT_POINTS,
) -> Clock:
    """The ``Clock`` of a kind for ``score`` on ``data``: a distribution, or the first ``max_points`` samples of (n, d).

    ``kind`` is one of flow_curvature, conditional_entropy, rescaled_entropic, intrinsic, wasserstein, least_waste and
    least_waste_posterior. ``nodes`` times uniform in log-SNR, ``t_min``, ``replicates`` and ``points`` are as in
    ``td.entropy_rates``, and so is the cost: a score call a point and node, about three for flow_curvature. Errors are
    those of leaving out groups of independent units, one by one.

    Raises ValueError for another kind and where the clock stands still (wasserstein on isotropic Gaussian data, say),
    ScoreError where the score gives NaN. Source: ``sampling.clocks``.
    """
    key = check_key(key)
    if kind not in KINDS:
        raise complain("kind", repr(kind), f"one of {', '.join(KINDS)}")
    pts = ensemble(key, data, 1 + nodes, replicates, points, max_points)
    diffusion = learned_diffusion(score, process, pts.dim).taking(None)
    start = diffusion.starting_time(t_min)
    if not is_concrete((diffusion, start)):
        raise complain(
            "score", "a score or process that JAX is tracing", "numbers: a clock is made outside jax.jit"
        )
    grid = time_grid(process, start, nodes)
    units = jax.tree.map(as_float64, clock_units(diffusion, pts, grid.time, kind in WITH_BEND))
    _check_finite(units, grid.time)
    ell = as_float64(grid.ell)
    density, length = _density(kind, ell, pts.dim, units)
    averaged = np.exp(2 * ell) * units.loss, *units
    moments: list[Any] = [None if part is None else _estimate(part) for part in averaged]
    return Clock(ell, density, kind, ClockMoments(*moments), length, pts.dim, process, float(start))


def _check_finite(units: ClockUnits, times: Any) -> None:
    bad = ~np.isfinite(sum(jax.tree.leaves(units))).all(axis=0)
    if bad.any():
        raise ScoreError(
            f"score: NaN or infinite at t = {float(times[int(bad.argmax())]):.3g}; raise t_min if it is not defined "
            "there"
        )


def _estimate(units: Any) -> Estimate:
    """Mean over independent units (units, T) and its standard error, in double precision on the host."""
    n = len(units)
    return Estimate(units.mean(axis=0), units.std(axis=0, ddof=1) / np.sqrt(n), n)


def _density(kind: str, ell: np.ndarray, dim: int, units: ClockUnits) -> tuple[Estimate, Estimate]:
    """Density (T,) and length, with jackknife errors."""
    n = len(units.loss)
    groups = np.array_split(np.arange(n), min(n, GROUPS))

    def of(means: Any) -> tuple[np.ndarray, float]:
        density = KINDS[kind](_Means(ell, np.exp(ell), dim, *means))
        if not density.max() > STANDSTILL or not density.min() > 0:
            at = f"sigma/alpha = {np.exp(ell[density.argmin()]):.3g}"
            raise complain(
                "kind", f"{kind!r}, a clock that stands still at {at}", "another kind for these data"
            )
        return density, float(_integrated(ell, density)[1][-1])

    def without(group: Any) -> Any:
        rest = n - len(group)
        return jax.tree.map(lambda u: (u.sum(axis=0) - u[group].sum(axis=0)) / rest, units)

    density, length = of(jax.tree.map(lambda u: u.mean(axis=0), units))
    densities, lengths = zip(*(of(without(group)) for group in groups), strict=True)
    scale = np.sqrt((len(groups) - 1) ** 2 / len(groups))
    of_density, of_length = (scale * np.std(np.array(part), axis=0, ddof=1) for part in (densities, lengths))
    return Estimate(density, of_density, n), Estimate(length, float(of_length), n)
