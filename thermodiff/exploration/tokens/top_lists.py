"""Truncated lists of next-token log-probabilities, as servers log them: what is refused, and where the drawn token is.

A row holds the J largest of V log-probabilities, largest first; entries that are not there are -inf (or -9999) and
stand at the end. A drawn token outside the J largest is not part of a row: its log-probability comes apart.
"""

from __future__ import annotations

import numpy as np

from thermodiff.exploration.tokens.token_data import NOT_LISTED, ROUNDING, Tokens, check_length
from thermodiff.validation import complain

SUM_SLACK = 0.01
"""A list may sum to this much over 1, and leave this much more than the other tokens could hold: half precision."""


def check_lists(lists: np.ndarray, tokens: Tokens) -> np.ndarray:
    """Lists (T, J), "not listed" as -inf. Raises ValueError at the first unsorted, above 0, or of a sum above 1."""
    check_length(lists, tokens, "top-k lists")
    if lists.ndim != 2 or lists.shape[1] == 0:
        raise complain(
            f"{tokens.source}: top-k lists", f"shape {lists.shape}", "shape (tokens, entries of a list)"
        )
    _refuse(~(lists <= 0), lists, tokens, "log-probabilities (nats), at most 0")
    lists = np.where(lists <= NOT_LISTED, -np.inf, lists)
    # Not by differences: -inf less -inf is NaN.
    rising = np.zeros(lists.shape, dtype=bool)
    rising[:, 1:] = lists[:, 1:] > lists[:, :-1]
    _refuse(rising, lists, tokens, "a top-k list sorted from the largest down")
    total = np.exp(lists).sum(axis=1)
    heavy = np.flatnonzero(total > 1 + SUM_SLACK)
    if len(heavy):
        got = f"a top-k list of total probability {total[heavy[0]]:.4f}"
        raise complain(tokens.place(heavy[0]), got, "natural logarithms of probabilities, in all at most 1")
    return lists


def drawn_outside(log_probs: np.ndarray, lists: np.ndarray, tokens: Tokens) -> np.ndarray:
    """Where the drawn token (T,) is less likely than all that its list (T, J) names, so that it stands outside.

    Raises ValueError at the first that is in no list though more likely than the list's last entry: such a list does
    not hold the largest. A drawn token that is "not listed" itself counts as unknown, not as outside.
    """
    smallest = np.min(np.where(np.isfinite(lists), lists, np.inf), axis=1)
    with np.errstate(invalid="ignore"):
        named = (np.abs(lists - log_probs[:, None]) <= ROUNDING).any(axis=1)
    missing = np.flatnonzero((log_probs > smallest + ROUNDING) & ~named)
    if len(missing):
        i = missing[0]
        got = f"a drawn token of log-probability {log_probs[i]:.6g} outside a list that goes down to {smallest[i]:.6g}"
        raise complain(
            tokens.place(i), got, "the largest probabilities in the list, or a drawn token below all of them"
        )
    return np.isfinite(log_probs) & ~named & (log_probs < smallest)


def _refuse(bad: np.ndarray, lists: np.ndarray, tokens: Tokens, need: str) -> None:
    if bad.any():
        row = int(np.flatnonzero(bad.any(axis=1))[0])
        shown = ", ".join(f"{value:.6g}" for value in lists[row, :6])
        raise complain(
            tokens.place(row), f"a top-k list {shown}{', ...' if lists.shape[1] > 6 else ''}", need
        )
