"""What every measure of tokens asks of its data: columns of one length, log-probabilities and entropies that can be.

Columns are flat, one number a token; a message names the source, the rollout and the token, all counted from 0.
"""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np

from thermodiff.exploration.rollouts import Rollouts
from thermodiff.exploration.tokens.clusters import clustered_mean, index_of
from thermodiff.types import Estimate
from thermodiff.validation import complain

ROUNDING = 1e-3
"""Nats by which a printed entropy may pass ln V, and two printings of one log-probability may differ."""
NOT_LISTED = -9999.0
"""At and below this a log-probability says "not listed" (vLLM and verl write -9999, others -inf)."""


class Tokens(NamedTuple):
    """Which rollout and which problem each of T tokens belongs to, numbered from 0, and how to name a token."""

    rollout: np.ndarray
    problem: np.ndarray
    source: str
    size: int

    def place(self, token: Any) -> str:
        """``file.jsonl, rollout 3, token 17``, or ``entropies, token 17`` where no rollouts are known."""
        if self.rollout[-1] == 0 and self.rollout[0] == 0:
            return f"{self.source}, token {token}"
        first = int(np.searchsorted(self.rollout, self.rollout[token]))
        return f"{self.source}, rollout {self.rollout[token]}, token {token - first}"


def tokens_of(rollouts: Rollouts) -> Tokens:
    """The layout of the tokens of ``rollouts``. Raises ValueError if there are none, or offsets that do not fit."""
    count = len(rollouts.problem)
    if rollouts.offsets is None:
        raise complain(f"{rollouts.source}: offsets", "none", "rollouts with data of their tokens")
    offsets = np.asarray(rollouts.offsets)
    lengths = np.diff(offsets)
    if len(lengths) != count or count == 0 or offsets[0] != 0 or (lengths < 0).any() or offsets[-1] == 0:
        got = f"{len(offsets)} of them for {count} rollouts"
        raise complain(f"{rollouts.source}: offsets", got, "0 and the end of each rollout's tokens, rising")
    rollout = np.repeat(np.arange(count), lengths)
    return Tokens(rollout, index_of(rollouts.problem)[rollout], rollouts.source, int(offsets[-1]))


def response_means(values: np.ndarray, tokens: Tokens) -> Estimate:
    """Mean over responses of the mean over each one's tokens, error clustered by problem; empty ones have no mean."""
    lengths = np.bincount(tokens.rollout)
    filled, first = np.unique(tokens.rollout, return_index=True)
    means = np.bincount(tokens.rollout, weights=values)[filled] / lengths[filled]
    return clustered_mean(means, tokens.problem[first])


def loose_tokens(values: Any, groups: Any, name: str) -> Tokens:
    """The layout of a column that comes without rollouts; without ``groups`` all of it is one cluster."""
    count = len(np.atleast_1d(values))
    if count == 0:
        raise complain(name, "no tokens", "at least one")
    if groups is None:
        problem = np.zeros(count, dtype=int)
    elif np.shape(groups) != (count,):
        raise complain("groups", f"shape {np.shape(groups)}", f"the problem of each token, shape ({count},)")
    else:
        problem = index_of(groups)
    return Tokens(np.zeros(count, dtype=int), problem, name, count)


def column(rollouts: Rollouts, field: str, need: str) -> np.ndarray:
    """One of the columns of ``rollouts``, as numbers. Raises ValueError if the source had none; ``need`` says what."""
    values = getattr(rollouts, field)
    if values is None:
        raise complain(f"{rollouts.source}: {field}", "none", need)
    return np.asarray(values, dtype=np.float64)


def check_log_probs(values: np.ndarray, tokens: Tokens, name: str = "log-probability") -> np.ndarray:
    """Log-probabilities (T,) with "not listed" as -inf. Raises ValueError at the first that is above 0 or NaN."""
    check_length(values, tokens, name)
    bad = np.flatnonzero(~(values <= 0))
    if len(bad):
        raise complain(
            tokens.place(bad[0]), f"{name} {values[bad[0]]:.6g}", "log-probabilities (nats), at most 0"
        )
    return np.where(values <= NOT_LISTED, -np.inf, values)


def check_entropies(values: np.ndarray, tokens: Tokens, vocabulary: int | None) -> np.ndarray:
    """Entropies (T,). Raises ValueError at the first that is NaN, below 0 or, where V is known, above ln V."""
    check_length(values, tokens, "entropy")
    most = np.inf if vocabulary is None else np.log(vocabulary)
    bad = np.flatnonzero(~((values >= -ROUNDING) & (values <= most + ROUNDING) & np.isfinite(values)))
    if len(bad):
        need = "0 or more" if vocabulary is None else f"0 to ln V = {most:.4f}, V = {vocabulary}"
        raise complain(tokens.place(bad[0]), f"entropy {values[bad[0]]:.6g}", f"entropies (nats), {need}")
    return values


def check_length(values: np.ndarray, tokens: Tokens, name: str) -> None:
    """Raise ValueError unless there is one entry a token."""
    if values.ndim == 0 or len(values) != tokens.size:
        raise complain(
            f"{tokens.source}: {name}", f"shape {values.shape}", f"one entry a token, {tokens.size}"
        )
