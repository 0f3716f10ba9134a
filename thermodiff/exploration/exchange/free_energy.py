"""The tilt that buys accuracy at the least cost, its free energy, and what another policy dissipates beside it.

With reward r in {0, 1}, p = pi_0(r = 1), and a temperature beta (nats a unit of reward),
    pi* = pi_0 exp(r/beta)/Z,   Z = 1 - p + p exp(1/beta),
    E_pi[r] - beta KL(pi || pi_0) = beta ln Z - beta KL(pi || pi*)
for every policy pi: beta ln Z is the most that reward less its cost can be, and beta KL(pi || pi*) is lost work.
This project; the variational principle is Donsker and Varadhan's.
"""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np

from thermodiff.exploration.exchange.cost import binary_divergence
from thermodiff.exploration.exchange.response_tables import read_responses, weighted
from thermodiff.validation import check_positive, complain


class FreeEnergy(NamedTuple):
    """Of each problem, in the shape of p and beta together."""

    free_energy: np.ndarray
    """beta ln Z, in units of the reward."""
    log_partition: np.ndarray
    """ln Z, nats."""
    accuracy: np.ndarray
    """p* = p exp(1/beta)/Z, that of the tilt."""
    cost: np.ndarray
    """KL(pi* || pi_0) = kl(p* || p), nats: the tilt wastes nothing."""


def free_energy(p: Any, beta: Any) -> FreeEnergy:
    """The tilt of problems with chances ``p`` of a correct answer at temperature ``beta`` > 0; shapes are broadcast.

    Any p in [0, 1], any beta: exp(1/beta) is never formed. Raises ValueError for other p and beta.
    """
    p, beta = _chances(p), _temperature(beta)
    with np.errstate(divide="ignore"):
        log_p, log_q = np.log(p) + 0 * beta, np.log1p(-p) + 0 * beta
    right = log_p + 1 / beta
    with np.errstate(invalid="ignore"):  # -inf less -inf, where the weight is 0
        log_p_new, log_q_new = -np.logaddexp(0, log_q - right), -np.logaddexp(0, right - log_q)
        cost = weighted(log_p_new, log_p_new - log_p) + weighted(log_q_new, log_q_new - log_q)
    log_z = np.logaddexp(right, log_q)
    return FreeEnergy(beta * log_z, log_z, np.exp(log_p_new), cost)


def dissipated_work(
    log_probs_base: Any,
    log_probs: Any,
    correct: Any,
    beta: float,
    *,
    real: Any | None = None,
    remainder: bool = False,
) -> np.ndarray:
    """beta KL(pi || pi*) of each problem, (M,): how far E[r] - beta KL(pi || pi_0) is below the free energy.

    Tables as in ``exact_cost_of_accuracy``, all (M, R); with ``remainder`` a lower bound, as KL(pi || pi_0) is. In
    units of the reward. Raises ValueError as there, and for a beta that is not positive.
    """
    tables = {"log_probs_base": log_probs_base, "log_probs": log_probs}
    responses = read_responses(tables, correct, real, remainder)
    base, new = responses.log_probs
    (right, wrong), _ = responses.log_sums()
    if np.ndim(beta) != 0:
        raise complain("beta", f"shape {np.shape(beta)}", "one temperature")
    beta = float(_temperature(beta))
    log_z = np.logaddexp(right + 1 / beta, wrong)[:, None]
    tilt = base + responses.correct / beta - log_z
    with np.errstate(invalid="ignore"):  # -inf less -inf, where the weight is 0
        return beta * weighted(new, new - tilt).sum(-1)


class LeastCost(NamedTuple):
    """The cheapest way to a mean accuracy."""

    cost: float
    """Mean over problems of kl(p' || p), nats."""
    tilt: float
    """lambda, the logarithm by which the odds of a correct answer are raised on every problem."""
    accuracy: np.ndarray
    """p' = p exp(lambda)/(1 - p + p exp(lambda)) of each problem."""


def least_cost_of_mean_accuracy(p: Any, accuracy: float) -> LeastCost:
    """The least mean KL at which problems of chances ``p``, (M,), reach this mean accuracy: one tilt for all of them.

    Minimising mean kl(p'_x || p_x) at a given mean of p'_x has the stationary points ln odds(p'_x) = ln odds(p_x) +
    lambda; kl is convex, so that this is the minimum. The kl of the two means is below it, any other allocation
    above. An accuracy below the mean of p costs too (lambda < 0). Raises ValueError for an accuracy that no finite
    tilt reaches: outside the open interval from the share of p = 1 to 1 less the share of p = 0. This project.
    """
    from scipy.optimize import brentq
    from scipy.special import expit

    p = np.atleast_1d(_chances(p))
    if p.ndim != 1:
        raise complain("p", f"shape {p.shape}", "one chance a problem, (M,)")
    if np.ndim(accuracy) != 0:
        raise complain("accuracy", f"shape {np.shape(accuracy)}", "one mean accuracy")
    low, high = float((p == 1).mean()), 1 - float((p == 0).mean())
    if not low < accuracy < high:
        raise complain("accuracy", f"{accuracy}", f"a mean accuracy inside ({low:g}, {high:g})")
    with np.errstate(divide="ignore"):
        odds = np.log(p) - np.log1p(-p)

    def excess(tilt: float) -> float:
        return float(expit(odds + tilt).mean()) - accuracy

    most = 1.0
    while excess(most) < 0 or excess(-most) > 0:
        most *= 2
    tilt = float(brentq(excess, -most, most, xtol=1e-14, rtol=8.9e-16))
    reached = expit(odds + tilt)
    return LeastCost(float(binary_divergence(reached, p).mean()), tilt, reached)


def _chances(p: Any) -> np.ndarray:
    p = np.asarray(p, dtype=np.float64)
    if not ((p >= 0) & (p <= 1)).all():
        raise complain("p", f"{p[~((p >= 0) & (p <= 1))].ravel()[0]:g}", "probabilities in [0, 1]")
    return p


def _temperature(beta: Any) -> np.ndarray:
    check_positive("beta", beta)
    return np.asarray(beta, dtype=np.float64)
