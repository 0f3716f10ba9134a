"""How much of what a small step of learning costs pays for accuracy.

A step u = d ln pi raises the accuracy of a problem by dp = Cov(u, r) and costs KL = Var(u)/2, of which kl(p' || p) =
dp^2/(2 p (1 - p)) is paid for it, covariance and variance over y ~ pi(. | x), to first order in the step. This project.
"""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np

from thermodiff.exploration.exchange.cost import mean_over_problems
from thermodiff.exploration.exchange.response_tables import Responses, read_responses
from thermodiff.types import Estimate
from thermodiff.validation import complain


class ShareBought(NamedTuple):
    """Means over problems for a step u; errors for problems drawn, NaN for one problem."""

    share: Estimate
    """``bought`` over ``spent``, in [0, 1]; its error by the delta method."""
    gained: Estimate
    """E_x Cov(u, r): the accuracy that a step of this direction gains."""
    bought: Estimate
    """E_x[Cov(u, r)^2/(p (1 - p))]."""
    spent: Estimate
    """E_x Var(u)."""
    upper_bound: bool
    """Whether ``share`` is an upper and ``spent`` a lower bound, as not all wrong responses were listed."""

    def __str__(self) -> str:
        at_most = "at most " if self.upper_bound else ""
        return f"share of its cost that the step pays for accuracy: {at_most}{self.share}"


def share_bought(
    log_probs: Any, change: Any, correct: Any, *, real: Any | None = None, remainder: bool = False
) -> ShareBought:
    """The share of its KL that a small step u = d ln pi pays for accuracy: E_x[Cov(u, r)^2/(p (1-p))]/E_x Var(u).

    ``change`` is u, shape (M, R) as ``log_probs`` (nats), ``correct`` and ``real`` (``exact_cost_of_accuracy``); a
    constant in a row changes nothing, and problems with p = 0 or 1 buy nothing. One if and only if u depends on
    correctness alone, in the same way for all that counts: the steps of a tilt.

    ``remainder``: the responses that are not listed are one more, wrong. Its u follows from E u = 0, so that ``change``
    must be d ln pi itself, without a constant. Merging can only lower Var(u): ``share`` is then an upper bound, and
    ``gained`` and ``bought`` stay exact; with Var(u) from rollouts the share can be had from ``bought``.

    Raises ValueError as ``exact_cost_of_accuracy`` and for steps that are not finite or change nothing.
    """
    responses = read_responses({"log_probs": log_probs}, correct, real, remainder)
    ((log_p, log_q),) = responses.log_sums()
    pi, u = _centred(responses, change, remainder)
    gained = (pi * responses.correct * u).sum(-1)
    with np.errstate(divide="ignore", invalid="ignore", over="ignore"):
        bought = np.where(gained != 0, gained**2 * np.exp(-log_p - log_q), 0.0)
    spent = (pi * u**2).sum(-1)
    if not spent.sum() > 0:
        raise complain("change", "a step that changes no probability", "one that does")
    share = _ratio(bought, spent)
    gain, worth, price = (mean_over_problems(part) for part in (gained, bought, spent))
    return ShareBought(share, gain, worth, price, upper_bound=remainder)


def _centred(responses: Responses, change: Any, remainder: bool) -> tuple[np.ndarray, np.ndarray]:
    """pi and u - E u, with those of what is not listed."""
    pi = np.exp(responses.log_probs[0])
    listed = pi[:, :-1] if remainder else pi
    u = np.asarray(change, dtype=np.float64)
    if u.shape != listed.shape:
        raise complain("change", f"shape {u.shape}", f"that of log_probs, {listed.shape}")
    u = np.where(listed > 0, u, 0.0)
    if not np.isfinite(u).all():
        raise complain("change", "entries that are not finite", "finite ones wherever pi > 0")
    if remainder:
        u = np.column_stack([u, -(listed * u).sum(-1) / pi[:, -1]])
    return pi, np.where(pi > 0, u - (pi * u).sum(-1, keepdims=True), 0.0)


def _ratio(above: np.ndarray, below: np.ndarray) -> Estimate:
    ratio, M = float(above.mean() / below.mean()), len(above)
    error = float((above - ratio * below).std(ddof=1) / np.sqrt(M) / below.mean()) if M > 1 else np.nan
    return Estimate(ratio, error, M)
