"""Two policies on the same problems: who answers whom, by name where names are known."""

from __future__ import annotations

from typing import Any

import numpy as np

from thermodiff.exploration.rollouts import Counts, counts_of
from thermodiff.validation import complain


def common_problems(a: Any, b: Any) -> tuple[Counts, Counts, tuple[str, ...]]:
    """The counts of the problems that both policies answered, in one order, and a remark if that leaves some out.

    By name if both sides have names, else by place. Raises ValueError for a name that occurs twice, for tables of
    different lengths without names, and for fewer than two common problems.
    """
    first, second = counts_of(a, "a"), counts_of(b, "b")
    if first.problems is None or second.problems is None:
        if len(first.correct) != len(second.correct):
            got = f"{len(second.correct)} problems without names"
            raise complain("b", got, f"as many as a has, {len(first.correct)}, or names on both sides")
        rows_a = rows_b = np.arange(len(first.correct))
    else:
        for name, names in (("a", first.problems), ("b", second.problems)):
            values, times = np.unique(names, return_counts=True)
            if (times > 1).any():
                raise complain(f"{name}.problems", f"'{values[times > 1][0]}' twice", "names that differ")
        _, rows_a, rows_b = np.intersect1d(first.problems, second.problems, True, True)
        order = np.argsort(rows_a)
        rows_a, rows_b = rows_a[order], rows_b[order]
    if len(rows_a) < 2:
        raise complain("a and b", f"{len(rows_a)} common problem(s)", "at least two")
    return _rows(first, rows_a), _rows(second, rows_b), _left_out(first, second, len(rows_a))


def _rows(counts: Counts, rows: np.ndarray) -> Counts:
    names = None if counts.problems is None else counts.problems[rows]
    return Counts(counts.correct[rows], counts.samples[rows], names)


def _left_out(a: Counts, b: Counts, common: int) -> tuple[str, ...]:
    if common == len(a.correct) == len(b.correct):
        return ()
    return (
        f"{common} problems are common to both, of {len(a.correct)} and {len(b.correct)}: only these are used",
    )
