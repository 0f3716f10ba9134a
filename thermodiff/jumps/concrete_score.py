"""The concrete score, what a wrong one wastes, and the law that a model with it generates.

    reverse rates    R_ij = Q_ji s(i, j),   s = r = p_t(j)/p_t(i) for the true model
    waste            J = int E sum_j Q_ji [s_th - r ln s_th + r ln r - r] dt >= 0        (score entropy)
    -ELBO            = H(p_0) + J + KL(p_1 || pi),    J + KL(p_1 || pi) >= KL(p_0 || p_th)

J is the relative entropy of the two path measures. Source: Lou, Meng & Ermon (2024) for the score entropy;
this project for its reading as waste.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, NamedTuple

import numpy as np
from jaxtyping import Float
from scipy.integrate import solve_ivp

from thermodiff.jumps.states import checked_probabilities, entropy, relative_entropy
from thermodiff.jumps.uniform import UniformNoise
from thermodiff.validation import check_time, complain

ConcreteScore = Callable[[Any, Any], Any]
"""``score(x, t)`` for states x (N, L) of whole numbers and a time gives p_t(j)/p_t(i) as (N, L, K): j is i with the
value v at the site l. What stands at a site's own value is not used."""
TOLERANCE = 1e-11
"""Relative, of the master equation's solution."""


class ScoreEntropy(NamedTuple):
    """What a concrete score costs, nats: -ELBO = H(p_0) + ``waste`` J + ``terminal`` KL(p_1 || pi).

    ``quadrature_error`` is the difference of the integral of J from that with half as many nodes.
    """

    waste: float
    terminal: float
    entropy: float
    neg_elbo: float
    quadrature_error: float


def concrete_score(noise: Any, p0: Any) -> ConcreteScore:
    """The true ratios p_t(j)/p_t(i) of data with the probabilities ``p0`` (N,), as a function score(x, t).

    Raises ValueError for a noise that is not uniform and for probabilities that are none.
    """
    _check_noise(noise)
    p0 = checked_probabilities("p0", p0, noise.size)

    def score(x: Any, t: Any) -> Float[np.ndarray, "N L K"]:
        p = noise.marginal(p0, float(t))
        with np.errstate(divide="ignore", invalid="ignore"):
            return p[noise.moves] / p[:, None, None]

    return score


def score_entropy(noise: Any, p0: Any, score: Any, *, prior: Any = None, nodes: int = 64) -> ScoreEntropy:
    """Waste and -ELBO of ``score`` on data with the probabilities ``p0`` (N,), nats: sums over states, a rule over t.

    ``prior`` (N,) is the law that generation starts from, by default the uniform one; ``nodes`` those of Gauss and
    Legendre over t in [0, 1], at least 4. Raises ValueError for a score of another shape, or that is not positive.
    """
    _check_noise(noise)
    if nodes < 4:
        raise complain("nodes", f"{nodes}", "at least 4")
    _check_score(score)
    p0 = checked_probabilities("p0", p0, noise.size)
    end = noise.marginal(p0, 1.0)
    J, coarse = (_waste(noise, p0, score, number) for number in (nodes, nodes // 2))
    KL, H = relative_entropy(end, _prior(noise, prior)), entropy(p0)
    return ScoreEntropy(J, KL, H, H + J + KL, abs(J - coarse))


def model_distribution(
    noise: Any, score: Any, *, prior: Any = None, t_min: float = 0.0
) -> Float[np.ndarray, " N"]:
    """p_th (N,) at ``t_min``: the master equation of the reverse rates, solved from ``prior`` (N,) at t = 1.

    To a relative 1e-11 by Dormand & Prince's method of order 8. Raises ValueError for ratios that are not finite: those
    of data that leave out states are not at t = 0, so start at a ``t_min`` above it.
    """
    _check_noise(noise)
    check_time(t_min, "t_min")
    _check_score(score)

    def flow(back: float, p: np.ndarray) -> np.ndarray:
        rates = noise.rate * _checked_ratio(noise, score, 1.0 - back)
        sent = rates * p[:, None, None]
        change = -sent.sum(axis=(1, 2))
        np.add.at(change, targets, sent)
        return change

    targets, start = noise.moves, _prior(noise, prior)
    solved = solve_ivp(
        flow, (0.0, 1.0 - t_min), start, method="DOP853", rtol=TOLERANCE, atol=TOLERANCE * start.max()
    )
    if not solved.success:
        raise RuntimeError(
            f"score: the master equation of its reverse rates was not solved: {solved.message}"
        )
    return solved.y[:, -1]


def _check_noise(noise: Any) -> None:
    if not isinstance(noise, UniformNoise):
        raise complain(
            "noise",
            type(noise).__name__,
            "a UniformNoise: of masks the model is its conditionals (unmasking_cross_entropy)",
        )


def _check_score(score: Any) -> None:
    if not callable(score):
        need = "a callable score(x, t) -> (N, L, K), such as concrete_score makes"
        raise complain("score", type(score).__name__, need)


def _prior(noise: UniformNoise, prior: Any) -> Float[np.ndarray, " N"]:
    if prior is None:
        return np.full(noise.size, 1 / noise.size)
    return checked_probabilities("prior", prior, noise.size)


def _checked_ratio(noise: UniformNoise, score: ConcreteScore, t: float) -> Float[np.ndarray, "N L K"]:
    """The score's ratios at a time, zero where nothing moves."""
    x = noise.states
    ratio = np.asarray(score(x, t), dtype=np.float64)
    need = (noise.size, noise.sites, noise.values)
    if ratio.shape != need:
        raise complain("score", f"an output of shape {ratio.shape} at t = {t:.3g}", f"shape {need}")
    moved = np.arange(noise.values) != x[:, :, None]
    bad = moved & ~(np.isfinite(ratio) & (ratio >= 0))
    if bad.any():
        raise complain("score", f"{ratio[bad][0]} at t = {t:.3g}", "finite ratios that are not negative")
    return np.where(moved, ratio, 0.0)


def _waste(noise: UniformNoise, p0: np.ndarray, score: ConcreteScore, nodes: int) -> float:
    """J by Gauss and Legendre's rule."""
    places, weights = np.polynomial.legendre.leggauss(nodes)
    return float(
        sum(
            0.5 * w * _waste_rate(noise, p0, score, 0.5 * (1 + u))
            for u, w in zip(places, weights, strict=True)
        )
    )


def _waste_rate(noise: UniformNoise, p0: np.ndarray, score: ConcreteScore, t: float) -> float:
    """rate sum_i sum_j [p_i s - p_j ln s + p_j ln(p_j/p_i) - p_j], each of the terms not negative."""
    p = noise.marginal(p0, t)
    here, there = np.broadcast_to(p[:, None, None], noise.moves.shape), p[noise.moves]
    moved = noise.moves != np.arange(noise.size)[:, None, None]
    s, pi, pj = _checked_ratio(noise, score, t)[moved], here[moved], there[moved]
    with np.errstate(divide="ignore"):
        return float(noise.rate * np.sum(pi * s - pj - pj * (np.log(s) - np.log(pj / pi))))
