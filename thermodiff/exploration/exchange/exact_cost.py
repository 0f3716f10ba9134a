"""What accuracy costs, exactly: the ledger of KL(pi || pi_0) from tables of all responses.

Per problem, p and p' the chances of a correct answer under the base pi_0 and the policy pi,
    KL(pi || pi_0) = kl(p' || p) + p' KL_c + (1 - p') KL_w
with kl the binary divergence and KL_c, KL_w those of the policies conditioned on correct and on wrong responses: what
the accuracy costs at least, and two kinds of waste. ``exchange/cost.py`` has the same from rollouts. This project.
"""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np

from thermodiff.exploration.exchange.cost import CostOfAccuracy, mean_over_problems
from thermodiff.exploration.exchange.response_tables import read_responses, weighted
from thermodiff.types import Estimate
from thermodiff.validation import complain

LOWER = (
    "responses that are not listed stand together as one wrong one: KL(pi || pi_0) and its part among wrong "
    "answers are lower bounds, the other parts exact"
)


class CostByProblem(NamedTuple):
    """The exact ledger of each problem, arrays (M,), in nats; the last three parts add up to ``divergence``."""

    p: np.ndarray
    """Chance of a correct answer under the base."""
    p_new: np.ndarray
    """p', that under the policy."""
    divergence: np.ndarray
    """KL(pi || pi_0)."""
    paid: np.ndarray
    """kl(p' || p)."""
    among_correct: np.ndarray
    """p' KL_c."""
    among_wrong: np.ndarray
    """(1 - p') KL_w."""
    lower_bound: bool
    """Whether ``divergence`` and ``among_wrong`` are lower bounds, as not all wrong responses were listed."""

    def mean(self) -> CostOfAccuracy:
        """Means over problems. They are exact for these problems; the errors, sd/sqrt(M), are for problems drawn."""
        with np.errstate(invalid="ignore"):  # the error of an infinite mean is not known
            return CostOfAccuracy(
                divergence=mean_over_problems(self.divergence),
                paid=mean_over_problems(self.paid),
                among_correct=mean_over_problems(self.among_correct),
                among_wrong=mean_over_problems(self.among_wrong),
                won=mean_over_problems(np.where(self.p_new > self.p, self.paid, 0.0)),
                lost=mean_over_problems(np.where(self.p_new < self.p, self.paid, 0.0)),
                remarks=(LOWER,) if self.lower_bound else (),
            )


def exact_cost_by_problem(
    log_probs_base: Any, log_probs: Any, correct: Any, *, real: Any | None = None, remainder: bool = False
) -> CostByProblem:
    """The ledger of every problem from all its responses, nats.

    ``log_probs_base`` and ``log_probs``, ln pi_0(y | x) and ln pi(y | x) in nats, and ``correct``, 0 or 1, have shape
    (M, R), a row a problem; ``real`` (M, R) says which entries are there where problems have fewer responses (all).
    ``remainder``: only some responses are listed, among them all correct ones; the others are one more response,
    wrong, of the probability that is left. Merging them can only lower KL_w (the data-processing inequality).

    Infinite where the policy gives what the base cannot. Raises ValueError for shapes that do not fit and for what
    are no log-probabilities: of sums other than 1, or above 1 with ``remainder``.
    """
    tables = {"log_probs_base": log_probs_base, "log_probs": log_probs}
    responses = read_responses(tables, correct, real, remainder)
    base, new = responses.log_probs
    (right_0, wrong_0), (right, wrong) = responses.log_sums()
    with np.errstate(invalid="ignore"):  # -inf less -inf, where the weight is 0
        terms = weighted(new, new - base)
        paid_right, paid_wrong = weighted(right, right - right_0), weighted(wrong, wrong - wrong_0)
        among_correct = (terms * responses.correct).sum(-1) - paid_right
        among_wrong = (terms * ~responses.correct).sum(-1) - paid_wrong
    # Infinite less infinite: the whole class is new, and how it is spread costs nothing beyond that.
    return CostByProblem(
        p=np.minimum(np.exp(right_0), 1.0),  # a sum may be 1 and a rounding
        p_new=np.minimum(np.exp(right), 1.0),
        divergence=terms.sum(-1),
        paid=paid_right + paid_wrong,
        among_correct=np.where(np.isnan(among_correct), 0.0, among_correct),
        among_wrong=np.where(np.isnan(among_wrong), 0.0, among_wrong),
        lower_bound=remainder,
    )


def exact_cost_of_accuracy(
    log_probs_base: Any, log_probs: Any, correct: Any, *, real: Any | None = None, remainder: bool = False
) -> CostOfAccuracy:
    """Means over problems of ``exact_cost_by_problem``, of the same arguments; every problem weighs the same.

    ``won`` and ``lost`` are sorted by the exact p' and p. The means are exact for these problems; their errors are
    for other problems of this kind. With ``remainder`` the remarks say which parts are lower bounds.
    """
    return exact_cost_by_problem(log_probs_base, log_probs, correct, real=real, remainder=remainder).mean()


def share_bought(log_probs: Any, change: Any, correct: Any, *, real: Any | None = None) -> Estimate:
    """The share of its KL that a small step u = d ln pi pays for accuracy, in [0, 1], exact to first order in the step.

    E_x[Cov(u, r)^2/(p (1 - p))]/E_x Var(u), covariance and variance over y ~ pi(. | x): kl(p' || p) is
    dp^2/(2 p (1 - p)) with dp = Cov(u, r), and KL is Var(u)/2. ``change`` is u, shape (M, R) as ``log_probs`` and
    ``correct``; a constant in a row changes nothing. Problems with p = 0 or 1 buy nothing.

    The standard error is for problems drawn (of a ratio of means, by the delta method), NaN for one problem. Raises
    ValueError as ``exact_cost_of_accuracy`` and where nothing changes. This project.
    """
    responses = read_responses({"log_probs": log_probs}, correct, real)
    ((log_p, log_q),) = responses.log_sums()
    pi = np.exp(responses.log_probs[0])
    u = _change(change, pi)
    u = np.where(pi > 0, u - (pi * u).sum(-1, keepdims=True), 0.0)
    gained = (pi * responses.correct * u).sum(-1)
    with np.errstate(divide="ignore", invalid="ignore", over="ignore"):
        bought = np.where(gained != 0, gained**2 * np.exp(-log_p - log_q), 0.0)
    spent = (pi * u**2).sum(-1)
    if not spent.sum() > 0:
        raise complain("change", "a step that changes no probability", "one that does")
    return _ratio(bought, spent)


def _change(change: Any, pi: np.ndarray) -> np.ndarray:
    u = np.asarray(change, dtype=np.float64)
    if u.shape != pi.shape:
        raise complain("change", f"shape {u.shape}", f"that of log_probs, {pi.shape}")
    u = np.where(pi > 0, u, 0.0)
    if not np.isfinite(u).all():
        raise complain("change", "entries that are not finite", "finite ones wherever pi > 0")
    return u


def _ratio(above: np.ndarray, below: np.ndarray) -> Estimate:
    ratio, M = float(above.mean() / below.mean()), len(above)
    error = float((above - ratio * below).std(ddof=1) / np.sqrt(M) / below.mean()) if M > 1 else np.nan
    return Estimate(ratio, error, M)
