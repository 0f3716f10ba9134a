"""Speed against accuracy of deterministic generation, in one dimension: eta <= c1 <= c2.

p_t is the data's density and q_t one that starts wrongly at t = 1; the exact probability flow of p carries both. Then
    eta = (Delta W1)^2/(tau D0)  <=  c1 = int (dW1/dt)^2 dt/D0  <=  c2 = int E|nu|^2 dt,        tau = 1 - t_min
with W1(t) the distance of q_t and p_t, Delta W1 its change, D0 = int (p_1 - q_1)^2/p_1 dx, which the flow conserves.
In one dimension the flow keeps order: the points of p and of q with the same share of their mass below them stay
partners, so that W1(t) = int |Q_q - Q_p| dz over quantiles, and dW1/dt has the velocities themselves in it. For the
exact velocity and deterministic transport only: not for the reverse SDE, under which D0 falls. Source: Ikeda et al.
(2025), arXiv 2407.04495, eq. (77); by quantiles this project's.
"""

from __future__ import annotations

from typing import Any, NamedTuple

import jax
import numpy as np
from jaxtyping import Float
from scipy.interpolate import CubicSpline
from scipy.special import ndtri

from thermodiff.array_types import Process
from thermodiff.distributions.base import Family
from thermodiff.distributions.gaussian import Gaussian
from thermodiff.distributions.quadrature import in_float64, log_density
from thermodiff.numerics.estimates import as_float64
from thermodiff.processes.base import last_time
from thermodiff.scores.base import starting_time
from thermodiff.scores.exact import exact_score
from thermodiff.types import NotKnownError
from thermodiff.validation import check_finite, check_process, complain

REACH, PLACES = 7.5, 801
"""Quantiles are taken at standard normal z up to this, so many of them: what lies beyond is 1e-13 of the mass."""
WIDTH, CELLS = 40.0, 20001
"""A density is tabulated so many standard deviations to both sides of its mean, in so many places."""
NEGLIGIBLE = 1e-10


class SpeedAccuracy(NamedTuple):
    """response eta <= error_speed c1 <= cost c2, squared length per unit of t, and what they are made of.

    pearson is D0; w1_start at t = 1, where generation starts, w1_end at t_min, lengths; time (T,) and w1 (T,) the way
    between; quadrature_error of c1 and of c2, their differences from a rule of half as many times.
    """

    response: float
    error_speed: float
    cost: float
    pearson: float
    w1_start: float
    w1_end: float
    time: Float[np.ndarray, " T"]
    w1: Float[np.ndarray, " T"]
    quadrature_error: tuple[float, float]


def speed_accuracy(
    distribution: Any,
    process: Process,
    *,
    shift: float = 0.01,
    prior: Any = None,
    t_min: float | None = None,
    nodes: int = 64,
) -> SpeedAccuracy:
    """How much of an error of the start is left in the samples, against the speed and the cost of the process.

    ``distribution`` is one-dimensional with a known density. The start is wrong by ``shift``, in standard deviations of
    p_1, or is ``prior``, another one-dimensional Gaussian. All is quadrature, in double precision: nothing is random.
    ``nodes`` are times of Gauss and Legendre's rule in [t_min, 1].

    Raises ValueError for another dimension, a shift of zero, or a prior whose D0 is infinite (wider than p_1 allows).
    Source: Ikeda et al. (2025), eq. (77).
    """
    check_process(process)
    if not isinstance(distribution, Family):
        raise complain("distribution", type(distribution).__name__, "a known density in one dimension")
    if distribution.dim != 1:
        raise complain("distribution", f"{distribution.dim} dimensions", "a known density in one dimension")
    if nodes < 8:
        raise complain("nodes", f"{nodes}", "at least 8")
    start = starting_time(exact_score(distribution, process), process, t_min)
    noised = _Noised(distribution, process)
    z = np.linspace(-REACH, REACH, PLACES)
    last = float(last_time(process))
    end = noised.table(last)
    wrong_z, D0 = _wrong_start(end, z, shift, prior)
    weight = np.exp(-0.5 * z**2) / np.sqrt(2 * np.pi) * (z[1] - z[0])
    (c1, c2, time, w1), (coarse1, coarse2, _, _) = (
        _along(noised, (start, last), number, z, wrong_z, weight) for number in (nodes, nodes // 2)
    )
    w1_end, w1_start = (_distance(noised.table(t), z, wrong_z, weight) for t in (start, last))
    return SpeedAccuracy(
        response=(w1_end - w1_start) ** 2 / ((last - start) * D0),
        error_speed=c1 / D0,
        cost=c2,
        pearson=D0,
        w1_start=w1_start,
        w1_end=w1_end,
        time=time,
        w1=w1,
        quadrature_error=(abs(c1 - coarse1) / D0, abs(c2 - coarse2)),
    )


class _Table(NamedTuple):
    """ln p on places (m,), and the place of every standard normal quantile as a spline."""

    x: np.ndarray
    log_p: np.ndarray
    of_z: CubicSpline
    to_z: CubicSpline
    scale: float


class _Noised:
    """p_t and the velocity f - D s of a density under a process, in double precision on the host."""

    def __init__(self, distribution: Family, process: Process) -> None:
        self.process = process
        self.distribution = distribution
        mean, cov = distribution.moments()
        self.mean, self.variance = float(as_float64(mean)[0]), float(as_float64(cov)[0, 0])
        with jax.enable_x64(True):
            self.precise = in_float64(distribution)

    def coefficients(self, t: float) -> tuple[float, float]:
        with jax.enable_x64(True):
            return float(self.process.alpha(t)), float(self.process.sigma(t))

    def table(self, t: float) -> _Table:
        """Quantiles by the integral of a spline through p, from whichever side has less mass."""
        alpha, sigma = self.coefficients(t)
        scale = float(np.sqrt(alpha**2 * self.variance + sigma**2))
        x = alpha * self.mean + scale * np.linspace(-WIDTH, WIDTH, CELLS)
        log_p = log_density(self.distribution, alpha, sigma)(x[:, None])
        p = np.exp(log_p)
        below = CubicSpline(x, p).antiderivative()(x)
        above = CubicSpline(-x[::-1], p[::-1]).antiderivative()(-x[::-1])[::-1]
        with np.errstate(divide="ignore", invalid="ignore"):
            z = np.where(below < above, ndtri(below / (below + above)), -ndtri(above / (below + above)))
        kept = np.isfinite(z) & (np.abs(z) < REACH + 1)
        kept[kept] = np.diff(z[kept], prepend=-np.inf) > 0  # flat where p is below rounding
        if not z[kept][0] < -REACH < REACH < z[kept][-1]:
            raise NotKnownError(
                f"quantiles of {type(self.distribution).__name__}: its tails have mass beyond {WIDTH:g} standard "
                "deviations, so that W1 is not resolved by quadrature"
            )
        return _Table(x, log_p, CubicSpline(z[kept], x[kept]), CubicSpline(x[kept], z[kept]), scale)

    def velocity(self, x: np.ndarray, t: float) -> np.ndarray:
        """f - D s at x (m,), per unit of t."""
        alpha, sigma = self.coefficients(t)
        with jax.enable_x64(True):
            a, D = float(self.process.drift_rate(t)), float(self.process.diffusivity(t))
            return a * x - D * as_float64(_scores(self.precise, x[:, None], alpha, sigma))[:, 0]


@jax.jit
def _scores(distribution: Any, x: Any, alpha: Any, sigma: Any) -> Any:
    return jax.vmap(lambda y: distribution.noised_score(y, alpha, sigma))(x)


def _wrong_start(end: _Table, z: np.ndarray, shift: float, prior: Any) -> tuple[np.ndarray, float]:
    """Under which of p_1's standard normal quantiles the wrong start's lie, (m,), and its D0."""
    x = end.of_z(z)
    if prior is None:
        check_finite("shift", shift)
        if shift == 0:
            raise complain("shift", "0", "a start that is wrong")
        step = shift * end.scale
        moved, log_q = x + step, CubicSpline(end.x, end.log_p)(end.x - step)
    else:
        if not isinstance(prior, Gaussian) or prior.dim != 1:
            raise complain("prior", type(prior).__name__, "a td.Gaussian in one dimension")
        mean, sd = float(as_float64(prior.mean)[0]), float(np.sqrt(as_float64(prior.cov)[0, 0]))
        moved = mean + sd * z
        log_q = -0.5 * ((end.x - mean) / sd) ** 2 - np.log(sd * np.sqrt(2 * np.pi))
    inside = (end.x > end.x[0] + abs(moved - x).max()) & (end.x < end.x[-1] - abs(moved - x).max())
    log_ratio = np.where(inside, 2 * log_q - end.log_p, -np.inf)
    ratio = np.exp(log_ratio - log_ratio.max())
    edge = ratio[inside][[0, -1]].max()
    if edge > NEGLIGIBLE:
        raise complain("prior", "a start for which D0 is infinite", "one whose tails p_1 covers")
    # (q - p)^2/p, in the form that does not cancel where q is close to p, nor overflow where it is not.
    p, excess = np.exp(end.log_p), log_q - end.log_p
    close = np.abs(excess) < 1
    apart = np.exp(np.where(close, 0.0, log_ratio)) - 2 * np.exp(log_q) + p
    square = np.where(close, p * np.expm1(np.where(close, excess, 0.0)) ** 2, apart)
    pearson = float(square[inside].sum() * (end.x[1] - end.x[0]))
    return end.to_z(moved), pearson


def _distance(table: _Table, z: np.ndarray, wrong_z: np.ndarray, weight: np.ndarray) -> float:
    """W1 = int |Q(z~) - Q(z)| phi(z) dz."""
    return float(weight @ np.abs(table.of_z(wrong_z) - table.of_z(z)))


def _along(
    noised: _Noised,
    ends: tuple[float, float],
    nodes: int,
    z: np.ndarray,
    wrong_z: np.ndarray,
    weight: np.ndarray,
) -> tuple[float, float, np.ndarray, np.ndarray]:
    """int (dW1/dt)^2 dt and int E|nu|^2 dt by Gauss and Legendre's rule, with W1 at its times."""
    places, weights = np.polynomial.legendre.leggauss(nodes)
    half = 0.5 * (ends[1] - ends[0])
    time, weights = ends[0] + half * (1 + places), half * weights
    speed, cost, w1 = np.empty(nodes), np.empty(nodes), np.empty(nodes)
    for i, t in enumerate(time):
        table = noised.table(t)
        right, wrong = table.of_z(z), table.of_z(wrong_z)
        velocity, other = noised.velocity(right, t), noised.velocity(wrong, t)
        speed[i] = weight @ (np.sign(wrong - right) * (other - velocity))
        cost[i] = weight @ velocity**2
        w1[i] = weight @ np.abs(wrong - right)
    return float(weights @ speed**2), float(weights @ cost), time, w1
