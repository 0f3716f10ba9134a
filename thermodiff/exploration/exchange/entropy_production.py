"""Entropy production of a policy: how much likelier it writes a response than the same response reversed.

sigma = ln P(y | x) - ln P(reversed y | x), both by the same machine reading from left to right; E sigma = KL(P || P
reversed) >= 0, and E exp(-sigma) = 1 if the reversal is an involution of all outcomes and none of them is impossible.
What is impossible one way round makes E exp(-sigma) = 1 - P(reverse impossible) and E sigma infinite.

A diagnostic of order in what is written, at the level of tokens or of blocks (``exchange/reversal.py``); it makes no
claim. In a pilot it did not rise with learning. This project, after Seifert (2005) and Sagawa (2026), arXiv 2604.07867.
"""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np

from thermodiff.exploration.exchange.response_tables import log_sum, read_responses, weighted
from thermodiff.numerics.path_ratio import path_ratio, refuse_unless
from thermodiff.types import Estimate
from thermodiff.validation import complain


class EntropyProduction(NamedTuple):
    """In nats a response; means over problems, errors for problems drawn."""

    production: Estimate
    """E sigma; infinite where a response is possible whose reverse is not."""
    possible: Estimate
    """Mean of sigma over responses whose reverse is possible."""
    impossible: Estimate
    """Probability that the reverse of a response is impossible."""

    def __str__(self) -> str:
        return (
            f"entropy production {self.production} nats a response; reverse impossible with probability "
            f"{self.impossible}"
        )


class ExactEntropyProduction(NamedTuple):
    """Of each problem, arrays (M,), in nats a response."""

    production: np.ndarray
    """E sigma; infinite where a response is possible whose reverse is not."""
    possible: np.ndarray
    """Mean of sigma over responses whose reverse is possible; NaN where there is none."""
    impossible: np.ndarray
    """Probability that the reverse of a response is impossible."""
    fluctuation: np.ndarray
    """E exp(-sigma): 1 - ``impossible`` if the reversal is an involution of all outcomes, else anything."""


def policy_entropy_production(problem: Any, log_probs: Any, log_probs_reversed: Any) -> EntropyProduction:
    """E sigma from rollouts of the policy, each problem weighing the same.

    Of rollouts, shape (N,): ``problem`` (whole numbers or names), ``log_probs`` = ln P(y | x) in nats, summed over
    the tokens, end token included, as drawn (temperature and top-p included), and ``log_probs_reversed`` those of the
    reversed responses under the same policy and prompt, -inf where it cannot write them. All rollouts must be in it,
    those that were cut off too, with ``reverse_tokens`` or ``reverse_blocks``. Reversed responses that the policy
    cannot write may exist unseen: ``impossible`` is estimated too.

    Standard errors are sd over problems/sqrt(M); of one problem, over its rollouts. E exp(-sigma) is not estimated:
    at tens of nats its mean hangs on responses that no sample holds (``td.path_ratio``, which this is made of, does it,
    with its effective samples). Raises ValueError for shapes that do not fit, NaN, and responses that the policy could
    not draw.
    """
    problem, forward, backward = (np.asarray(x) for x in (problem, log_probs, log_probs_reversed))
    if forward.ndim != 1 or not problem.shape == forward.shape == backward.shape or not len(forward):
        got = f"shapes {problem.shape}, {forward.shape}, {backward.shape}"
        raise complain("problem, log_probs, log_probs_reversed", got, "one entry a rollout in each")
    refuse_unless("log_probs", forward, np.isfinite(forward), "finite numbers")
    refuse_unless("log_probs_reversed", backward, backward < np.inf, "numbers, or -inf where impossible")
    found = path_ratio(forward, backward, units=problem)
    return EntropyProduction(found.mean, found.possible, found.impossible)


def exact_entropy_production(
    log_probs: Any, log_probs_reversed: Any, *, real: Any | None = None
) -> ExactEntropyProduction:
    """E sigma and E exp(-sigma) of every problem by enumeration of all outcomes.

    ``log_probs`` (M, R): ln P of every outcome of each problem, those that are cut off included, so that they sum to
    1; ``log_probs_reversed`` (M, R): ln P of the reverse of each; ``real`` (M, R) which entries are there (all).
    Raises ValueError for shapes that do not fit and sums other than 1. The reversal need not be an involution: E
    exp(-sigma) shows whether it is.
    """
    shape = np.shape(log_probs)
    (table,) = read_responses({"log_probs": log_probs}, np.zeros(shape), real).log_probs
    backward = np.asarray(log_probs_reversed, dtype=np.float64)
    if backward.shape != table.shape:
        raise complain("log_probs_reversed", f"shape {backward.shape}", f"that of log_probs, {table.shape}")
    drawn = table > -np.inf
    refuse_unless(
        "log_probs_reversed", backward, (backward < np.inf) | ~drawn, "numbers, or -inf where impossible"
    )
    both = drawn & (backward > -np.inf)
    sigma = np.where(both, np.where(both, table, 0.0) - np.where(both, backward, 0.0), 0.0)
    total = weighted(table, sigma).sum(-1)
    impossible = np.exp(log_sum(table, drawn & ~both))
    with np.errstate(invalid="ignore"):
        possible = total / np.exp(log_sum(table, both))
    fluctuation = np.exp(log_sum(np.where(both, backward, -np.inf), both))
    return ExactEntropyProduction(np.where(impossible > 0, np.inf, total), possible, impossible, fluctuation)
