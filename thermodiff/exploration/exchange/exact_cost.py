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
