"""The exchange identity from tables of all responses: entropy of the answer, among correct and among wrong ones.

H = h(p) + p S_c + (1 - p) S_w, h the binary entropy, S_c and S_w the entropies of the policy conditioned on correct
and on wrong responses. ``exchange/identity.py`` splits a change of H, and estimates the parts from rollouts. This
project.
"""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np

from thermodiff.exploration.exchange.response_tables import read_responses, weighted


class ExactEntropies(NamedTuple):
    """Of each problem, arrays (M,), in nats: ``binary`` + ``correct`` + ``wrong`` = ``entropy``."""

    p: np.ndarray
    """Chance of a correct answer."""
    q: np.ndarray
    """1 - p, summed over the wrong ones."""
    entropy: np.ndarray
    """H of whole responses."""
    binary: np.ndarray
    """h(p)."""
    correct: np.ndarray
    """p S_c."""
    wrong: np.ndarray
    """(1 - p) S_w."""
    lower_bound: bool
    """Whether ``entropy`` and ``wrong`` are lower bounds, as not all wrong responses were listed."""

    def among(self) -> tuple[np.ndarray, np.ndarray]:
        """S_c and S_w, as ``exchange_identity`` takes them; NaN where there is no correct, or no wrong, response."""
        with np.errstate(invalid="ignore"):
            return self.correct / self.p, self.wrong / self.q


def exact_entropies(
    log_probs: Any, correct: Any, *, real: Any | None = None, remainder: bool = False
) -> ExactEntropies:
    """H, h(p), p S_c and (1 - p) S_w of every problem, nats, from the table ``log_probs`` (M, R) of all responses.

    ``correct`` (M, R) is 0 or 1, ``real`` (M, R) says which entries are there (all). ``remainder``: the responses
    that are not listed are one more, wrong; merging them can only lower H and S_w. Raises ValueError for shapes that
    do not fit and for what are no log-probabilities.
    """
    responses = read_responses({"log_probs": log_probs}, correct, real, remainder)
    (table,) = responses.log_probs
    ((log_p, log_q),) = responses.log_sums()
    surprise = weighted(table, -table)
    h_right, h_wrong = weighted(log_p, -log_p), weighted(log_q, -log_q)
    return ExactEntropies(
        p=np.minimum(np.exp(log_p), 1.0),  # a sum may be 1 and a rounding
        q=np.minimum(np.exp(log_q), 1.0),
        entropy=surprise.sum(-1),
        binary=h_right + h_wrong,
        correct=(surprise * responses.correct).sum(-1) - h_right,
        wrong=(surprise * ~responses.correct).sum(-1) - h_wrong,
        lower_bound=remainder,
    )
