"""Rollouts of a policy, and the counts of correct ones: what every measure of exploration starts from.

A problem i was answered n_i times, c_i times correctly. Tokens of all rollouts lie one after another in flat arrays;
``offsets`` says where each rollout begins, so that a gigabyte of rollouts stays a few arrays.
"""

from __future__ import annotations

import dataclasses
from typing import Any, NamedTuple

import numpy as np

from thermodiff.validation import complain


class Counts(NamedTuple):
    """Of each problem: how many rollouts were correct, how many there are, and, where known, what it is called."""

    correct: np.ndarray
    """c_i, whole numbers, shape (M,)."""
    samples: np.ndarray
    """n_i, whole numbers, shape (M,)."""
    problems: np.ndarray | None = None
    """Names, shape (M,), all different; None where the order alone says which problem is which."""


@dataclasses.dataclass(frozen=True)
class Rollouts:
    """N responses of a policy to problems, each judged correct or not; what a source does not tell is None.

    Per rollout, shape (N,): ``problem`` (names), ``correct`` (bool), ``length`` (tokens), ``finish_reason`` (words; "length"
    where the response was cut off), ``step`` (of training), ``answer`` (what was taken as its answer), ``response``
    (hashes of the responses: equal where these are identical). Per token, T in all: ``log_probs``, ``entropies``,
    ``reference_log_probs`` (nats, shape (T,)), ``nucleus_sizes`` (tokens in the nucleus of mass 0.95, shape (T,)) and
    ``top_log_probs`` (nats, largest first, shape (T, J), -inf where a list is shorter); the tokens of rollout r are
    ``offsets[r]:offsets[r + 1]``. ``vocabulary`` is V, the number of tokens there are.
    """

    problem: np.ndarray
    correct: np.ndarray
    length: np.ndarray | None = None
    finish_reason: np.ndarray | None = None
    step: np.ndarray | None = None
    answer: np.ndarray | None = None
    response: np.ndarray | None = None
    offsets: np.ndarray | None = None
    log_probs: np.ndarray | None = None
    entropies: np.ndarray | None = None
    reference_log_probs: np.ndarray | None = None
    nucleus_sizes: np.ndarray | None = None
    top_log_probs: np.ndarray | None = None
    vocabulary: int | None = None
    source: str = "rollouts"
    remarks: tuple[str, ...] = ()

    def counts(self) -> Counts:
        """c and n of each problem, in the order in which the problems first appear."""
        names, first, index = np.unique(self.problem, return_index=True, return_inverse=True)
        samples = np.bincount(index, minlength=len(names))
        correct = np.bincount(index, weights=self.correct, minlength=len(names)).astype(int)
        order = np.argsort(first)
        return Counts(correct[order], samples[order], names[order])


def counts_of(data: Any, name: str = "counts") -> Counts:
    """The counts of ``Rollouts``, of ``Counts`` or a pair (correct, samples), or of a table of 0 and 1, (M, n).

    Raises ValueError unless they are whole numbers with 0 <= c <= n, n >= 1, of at least one problem.
    """
    if isinstance(data, Rollouts):
        return data.counts()
    if isinstance(data, tuple):
        correct, samples, problems = Counts(*data)
        correct = np.atleast_1d(np.asarray(correct))
        samples = np.broadcast_to(np.asarray(samples), correct.shape)
    else:
        table = np.asarray(data)
        if table.ndim != 2 or not np.isin(table, (0, 1)).all():
            raise complain(name, f"an array of shape {table.shape}", "Rollouts, Counts, or 0 and 1 of shape (M, n)")
        correct, samples, problems = table.sum(1), np.full(len(table), table.shape[1]), None
    for what, values in (("correct", correct), ("samples", samples)):
        if values.ndim != 1 or len(values) == 0 or not np.all(np.equal(np.mod(values, 1), 0)):
            raise complain(f"{name}.{what}", f"shape {values.shape}, {values.dtype}", "whole numbers, one a problem")
    correct, samples = correct.astype(int), samples.astype(int)
    bad = np.flatnonzero((correct < 0) | (correct > samples) | (samples < 1))
    if len(bad):
        i = bad[0]
        raise complain(f"{name}, problem {i}", f"{correct[i]} correct of {samples[i]}", "0 <= correct <= samples >= 1")
    return Counts(correct, samples, None if problems is None else np.asarray(problems))
