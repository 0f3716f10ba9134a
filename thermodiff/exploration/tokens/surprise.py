"""Do the logged log-probabilities belong to the policy that drew the tokens? Surprise against entropy.

If a policy draws y_i from pi_i and logs ln pi_i(y_i) and H_i, then E[-ln pi_i(y_i)] = E[H_i] token by token, and the
sums S_r = sum_i (-ln pi_i(y_i) - H_i) of rollouts are martingales: of mean zero, whatever the lengths, and
uncorrelated. So
    z = sum_r S_r / sqrt(sum_r S_r^2)
is standard normal in many rollouts. All of them must be in it: leaving out truncated ones breaks the identity. Passing
shows that two columns agree, not that their units or both their temperatures are right. This project.
"""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np

from thermodiff.exploration.rollouts import Rollouts
from thermodiff.exploration.tokens.clusters import clustered_mean, index_of
from thermodiff.exploration.tokens.entropy_from_lists import entropy_bounds
from thermodiff.exploration.tokens.token_data import (
    Tokens,
    check_entropies,
    check_log_probs,
    column,
    tokens_of,
)
from thermodiff.types import Estimate
from thermodiff.validation import complain

STRONG = 4.0
"""Standard errors from 0 beyond which a gap is no chance."""


class SurpriseGap(NamedTuple):
    """Mean surprise less mean entropy, in nats; from top-k lists an interval, else both ends are the same."""

    low: Estimate
    """Per token: sum of S_r over sum of lengths, error clustered by problem; with the greatest entropies of lists."""
    high: Estimate
    """Per token, with the least entropies of lists."""
    per_rollout: tuple[Estimate, Estimate]
    """Mean of S_r, both ends, errors clustered by problem."""
    z: tuple[float, float]
    """sum S_r/sqrt(sum S_r^2) at both ends: standard normal if the columns are one policy's."""
    rollouts: int
    remarks: tuple[str, ...]

    @property
    def differs(self) -> bool:
        """True where z is beyond 4 on one side at both ends: the columns are not of the policy that drew the tokens."""
        return self.z[0] > STRONG or self.z[1] < -STRONG

    def __str__(self) -> str:
        if self.low == self.high:
            first = f"surprise gap {self.low} nats a token, z = {self.z[0]:.2f}, {self.rollouts} rollouts"
        else:
            first = (
                f"surprise gap between {self.low} and {self.high} nats a token, "
                f"z from {self.z[0]:.2f} to {self.z[1]:.2f}, {self.rollouts} rollouts"
            )
        return "\n".join([first, *self.remarks])


def surprise_entropy_gap(
    data: Any, entropies: Any = None, offsets: Any = None, problem: Any = None
) -> SurpriseGap:
    """The gap E[-ln pi(y) - H] per token with its error, and z; near 0 if the logged policy drew the tokens.

    ``data`` are ``Rollouts`` with log-probabilities and with entropies or top-k lists, or log-probabilities (T,) with
    ``entropies`` (T,), ``offsets`` (N + 1,) and each rollout's ``problem`` (N,). With lists each H lies in an interval,
    and the gap differs from 0 only if both its ends lie on one side of it. A drawn token without a log-probability
    (-inf or -9999) leaves the gap unknown (NaN, and a remark). Raises ValueError if a column is missing or impossible.
    """
    rollouts = data if isinstance(data, Rollouts) else _rollouts(data, entropies, offsets, problem)
    tokens = tokens_of(rollouts)
    surprise = -check_log_probs(column(rollouts, "log_probs", "log-probabilities of the tokens"), tokens)
    low, high = _entropies(rollouts, tokens)
    unknown = int(np.isinf(surprise).sum())
    if unknown:
        surprise = np.where(np.isinf(surprise), np.nan, surprise)
    ends = [_gap(surprise - high, tokens, rollouts), _gap(surprise - low, tokens, rollouts)]
    gap = SurpriseGap(
        ends[0][0],
        ends[1][0],
        (ends[0][1], ends[1][1]),
        (ends[0][2], ends[1][2]),
        len(rollouts.problem),
        (),
    )
    return gap._replace(remarks=_remarks(gap, unknown))


def _rollouts(log_probs: Any, entropies: Any, offsets: Any, problem: Any) -> Rollouts:
    for name, value in (("entropies", entropies), ("offsets", offsets), ("problem", problem)):
        if value is None:
            raise complain(
                name, "None", "entropies (T,), offsets (N + 1,) and problem (N,) with log-probabilities"
            )
    names = np.asarray(problem)
    return Rollouts(
        names,
        np.zeros(len(names), dtype=bool),
        offsets=np.asarray(offsets),
        log_probs=np.asarray(log_probs, dtype=np.float64),
        entropies=np.asarray(entropies, dtype=np.float64),
        source="log_probs",
    )


def _entropies(rollouts: Rollouts, tokens: Tokens) -> tuple[np.ndarray, np.ndarray]:
    """Least and greatest entropy of each token: the column itself, or what lists allow."""
    if rollouts.entropies is None and rollouts.top_log_probs is not None:
        bounds = entropy_bounds(rollouts)
        return bounds.low, bounds.high
    values = column(rollouts, "entropies", "entropies of the tokens, or top-k log-probabilities")
    values = check_entropies(values, tokens, rollouts.vocabulary)
    return values, values


def _gap(terms: np.ndarray, tokens: Tokens, rollouts: Rollouts) -> tuple[Estimate, Estimate, float]:
    """Per token, per rollout, and z."""
    sums = np.bincount(tokens.rollout, weights=terms, minlength=len(rollouts.problem))
    if not np.isfinite(sums).all():
        end = Estimate(-np.inf if np.isneginf(sums).any() else np.nan, np.nan, 0)
        return end, end, end.mean
    spread = np.sqrt(np.square(sums).sum())
    z = float(sums.sum() / spread) if spread > 0 else 0.0
    return clustered_mean(terms, tokens.problem), clustered_mean(sums, index_of(rollouts.problem)), z


def _remarks(gap: SurpriseGap, unknown: int) -> tuple[str, ...]:
    if unknown:
        return (
            f"{unknown} drawn tokens have no log-probability: the gap is not known, and leaving them out would bias it",
        )
    if gap.differs:
        return (
            "the log-probabilities are not of the policy that drew the tokens: temperature, top-p, another "
            "checkpoint or other units on one side",
        )
    return ()
