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

    def __repr__(self) -> str:
        least, most = np.min(self.samples), np.max(self.samples)
        each = f"{most}" if least == most else f"{least} to {most}"
        M, named = np.size(self.correct), "" if self.problems is None else ", named"
        return f"Counts: {M} problems{named}, {each} rollouts of each, {np.sum(self.correct)} correct"


@dataclasses.dataclass(frozen=True, repr=False)
class Rollouts:
    """N responses of a policy to problems, each judged correct or not; what a source does not tell is None.

    Per rollout, shape (N,): ``problem`` (names), ``correct`` (bool), ``length`` (tokens), ``finish_reason`` (words;
    "length" where the response was cut off), ``step`` (of training), ``answer`` (what was taken as its answer),
    ``response`` (hashes of the responses: equal where these are identical, within one run of Python). Per token, T in
    all: ``log_probs``, ``entropies``, ``reference_log_probs`` (nats, shape (T,)), ``nucleus_sizes`` (tokens in the
    nucleus of mass 0.95, shape (T,)) and ``top_log_probs`` (nats, largest first, shape (T, J), -inf where a list is
    shorter); the tokens of rollout r are ``offsets[r]:offsets[r + 1]``. A log-probability that was not listed is NaN.
    ``vocabulary`` is V, the number of tokens there are. ``remarks`` are sentences on what is unusual in these
    rollouts, each with its share.
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

    def __repr__(self) -> str:
        """One line on what there is, and one for each remark; the arrays are too long to be read."""
        there = [name for name in PER_TOKEN if getattr(self, name) is not None]
        tokens = f"; a token: {', '.join(there)}" if there else "; nothing a token"
        steps = "" if self.step is None else f" of {len(np.unique(self.step))} step(s)"
        head = f"Rollouts{steps} from {self.source}: {self.counts()!r} of {len(self.correct)}{tokens}"
        return "\n".join([head, *(f"  {remark}" for remark in self.remarks)])

    def counts(self) -> Counts:
        """c and n of each problem, in the order in which the problems first appear; of all steps together."""
        names, first, index = np.unique(self.problem, return_index=True, return_inverse=True)
        samples = np.bincount(index, minlength=len(names))
        correct = np.bincount(index, weights=self.correct, minlength=len(names)).astype(int)
        order = np.argsort(first)
        return Counts(correct[order], samples[order], names[order])

    def select(self, chosen: np.ndarray) -> Rollouts:
        """The rollouts that a mask of shape (N,) chooses, with their tokens and with the remarks on all of them."""
        chosen = np.asarray(chosen, dtype=bool)
        if chosen.shape != self.correct.shape:
            raise complain("chosen", f"shape {chosen.shape}", f"a mask of shape {self.correct.shape}")
        changes: dict[str, Any] = {name: cut(getattr(self, name), chosen) for name in PER_ROLLOUT}
        if self.offsets is not None:
            lengths = np.diff(self.offsets)
            changes["offsets"] = np.concatenate([[0], np.cumsum(lengths[chosen])])
            changes |= {name: cut(getattr(self, name), np.repeat(chosen, lengths)) for name in PER_TOKEN}
        return dataclasses.replace(self, **changes)


PER_ROLLOUT = ("problem", "correct", "length", "finish_reason", "step", "answer", "response")
PER_TOKEN = ("log_probs", "entropies", "reference_log_probs", "nucleus_sizes", "top_log_probs")


def cut(column: np.ndarray | None, chosen: np.ndarray) -> np.ndarray | None:
    """The chosen rows of a column, if there is one."""
    return None if column is None else column[chosen]


def by_step(rollouts: Rollouts) -> tuple[tuple[int, Rollouts], ...]:
    """A training taken apart: (step, the rollouts of that step), by increasing step.

    Raises ValueError if the rollouts do not say of which step they are.
    """
    if rollouts.step is None:
        raise complain(
            rollouts.source, "rollouts without a step", "a step for each, or files called <step>.jsonl"
        )
    return tuple(
        (
            int(step),
            dataclasses.replace(
                rollouts.select(rollouts.step == step), source=f"{rollouts.source}, step {step}"
            ),
        )
        for step in np.unique(rollouts.step)
    )


class Pair(NamedTuple):
    """Two policies' counts on the same problems in the same order, and what had to be left out for it."""

    first: Counts
    second: Counts
    remarks: tuple[str, ...] = ()


def paired(a: Any, b: Any, labels: tuple[str, str] = ("a", "b")) -> Pair:
    """The counts of two policies (what ``counts_of`` takes) on the problems that both answered.

    Problems are the same where they are called the same (1 and "1" are), in the order of ``a``; where either has no
    names, the order says which is which, and both must have as many. ``remarks`` says which share of each is left out.

    Raises ValueError where there are fewer than two common problems, or other numbers of them without names.
    """
    first, second = counts_of(a, labels[0]), counts_of(b, labels[1])
    if first.problems is None or second.problems is None:
        if len(first.correct) != len(second.correct):
            got = f"{len(first.correct)} and {len(second.correct)} problems, not all named"
            raise complain(" and ".join(labels), got, "names in both, or as many problems in the same order")
        names = second.problems if first.problems is None else first.problems
        if names is None:
            names = np.array([f"row {i + 1}" for i in range(len(first.correct))])
        # Who passes bare arrays knows their order; what a file has of it may be chance.
        bare = not any(isinstance(data, Counts | Rollouts) for data in (a, b))
        remark = f"problems have no names in both {labels[0]} and {labels[1]}: matched by their order"
        result = Pair(
            first._replace(problems=names), second._replace(problems=names), () if bare else (remark,)
        )
    else:
        result = on_common_names(first, second, labels)
    if len(result.first.correct) < 2:
        raise complain(
            " and ".join(labels),
            f"{len(result.first.correct)} common problem(s){_apart(first, second)}",
            "at least two that are called the same (without an id: asked in the same words)",
        )
    same = [getattr(data, "response", None) for data in (a, b)]
    if same[0] is not None and same[0] is not same[1] and np.array_equal(*same):  # type: ignore[arg-type]
        twice = f"{labels[0]} and {labels[1]} hold the same responses: one file twice, or one seed"
        return result._replace(remarks=(twice, *result.remarks))
    return result


def _apart(first: Counts, second: Counts) -> str:
    """A name of each, for a message about names that do not meet."""
    if first.problems is None or second.problems is None or set(first.problems) & set(second.problems):
        return ""
    return f" between {str(first.problems[0])!r}, ... and {str(second.problems[0])!r}, ..."


def on_common_names(first: Counts, second: Counts, labels: tuple[str, str]) -> Pair:
    """The counts of problems whose names are in both."""
    ours, theirs = ([str(name) for name in counts.problems] for counts in (first, second))  # type: ignore[union-attr]
    for label, names in zip(labels, (ours, theirs), strict=True):
        if len(set(names)) < len(names):
            raise complain(label, "two problems of one name", "names that are all different")
    place = {name: j for j, name in enumerate(theirs)}
    chosen = [i for i, name in enumerate(ours) if name in place]
    there = [place[ours[i]] for i in chosen]
    remarks = tuple(
        f"{len(chosen)} of {len(names)} problems of {label} ({len(chosen) / len(names):.1%}) are in both and used"
        for label, names in zip(labels, (ours, theirs), strict=True)
        if len(chosen) < len(names)
    )
    return Pair(pick(first, chosen), pick(second, there), remarks)


def pick(counts: Counts, places: list[int]) -> Counts:
    """Some of the problems."""
    assert counts.problems is not None
    return Counts(counts.correct[places], counts.samples[places], counts.problems[places])


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
            raise complain(
                name, f"an array of shape {table.shape}", "Rollouts, Counts, or 0 and 1 of shape (M, n)"
            )
        correct, samples, problems = table.sum(1), np.full(len(table), table.shape[1]), None
    for what, values in (("correct", correct), ("samples", samples)):
        if values.ndim != 1 or len(values) == 0 or not np.all(np.equal(np.mod(values, 1), 0)):
            raise complain(
                f"{name}.{what}", f"shape {values.shape}, {values.dtype}", "whole numbers, one a problem"
            )
    correct, samples = correct.astype(int), samples.astype(int)
    bad = np.flatnonzero((correct < 0) | (correct > samples) | (samples < 1))
    if len(bad):
        i = bad[0]
        raise complain(
            f"{name}, problem {i}", f"{correct[i]} correct of {samples[i]}", "0 <= correct <= samples >= 1"
        )
    return Counts(correct, samples, None if problems is None else np.asarray(problems))
