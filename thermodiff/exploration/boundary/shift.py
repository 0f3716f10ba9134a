"""How training moved the boundary: problems lost and gained, beside what chance alone makes of one policy."""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np

from thermodiff.exploration.boundary.changed_problems import ChangedProblems, changed_problems
from thermodiff.exploration.boundary.pass_at_k import budgets, failure_table
from thermodiff.exploration.boundary.permutation import exchange_p_values
from thermodiff.exploration.rollouts import Counts, paired
from thermodiff.types import Estimate
from thermodiff.validation import complain


class BoundaryShift(NamedTuple):
    """Expected numbers of problems at each k, shape (K,), with their errors.

    ``lost``: solved by a in k rollouts, not by b; ``gained``: the reverse; ``neither``: solved by none of them;
    ``net`` = gained - lost. ``self_a``, ``self_b``: what two runs of one policy lose, and gain, NaN where 2k > n.
    ``distance`` = lost + gained - self_a - self_b = sum [(1-p_a)^k - (1-p_b)^k]^2, D^2: what is left when chance is
    taken out, of both directions together; unbiased, so it may be negative. ``p_value``: the exact test of "no problem
    changed", at least 1/(``resamples`` + 1). ``conservative``: where the error of the distance is larger than it need
    be. ``changed``: the problems one by one.
    """

    k: np.ndarray
    lost: Estimate
    gained: Estimate
    neither: Estimate
    net: Estimate
    self_a: Estimate
    self_b: Estimate
    distance: Estimate
    p_value: np.ndarray
    conservative: np.ndarray
    changed: ChangedProblems
    problems: str
    remarks: tuple[str, ...]
    resamples: int

    def __str__(self) -> str:
        names = ("lost", "gained", "self_a", "self_b", "distance")
        lines = [
            f"{self.lost.n} problems {self.problems}",
            "    k" + "".join(f"{name:>16}" for name in names),
        ]
        for i, k in enumerate(self.k):
            cells = (getattr(self, name) for name in names)
            row = "".join(f"{_cell(cell.mean[i], cell.stderr[i]):>16}" for cell in cells)
            lines.append(f"{k:>5d}{row}   {self._p_value(i)}")
        return "\n".join([*lines, str(self.changed), *(f"  {remark}" for remark in self.remarks)])

    def _p_value(self, i: int) -> str:
        # No p-value can be below this floor, however clear the change.
        floor = 1 / (self.resamples + 1)
        return f"p {'<=' if self.p_value[i] <= floor else '='} {self.p_value[i]:.3g}"


def _cell(mean: float, stderr: float) -> str:
    return "not known" if np.isnan(mean) else f"{mean:.1f} ± {stderr:.1f}"


def boundary_shift(
    a: Any,
    b: Any,
    k: Any = None,
    *,
    problems: str = "drawn",
    rate: float = 0.05,
    resamples: int = 999,
    seed: int = 0,
) -> BoundaryShift:
    """Problems lost, gained and left unsolved from ``a`` to ``b`` in k rollouts of each, and what of that is chance.

    With q_k of each problem: lost = sum (1-q_a) q_b, gained = sum q_a (1-q_b), self = sum (q_k - q_2k), all unbiased
    for independent rollouts; common seeds or shared prefixes break them. ``k``: one or several, 1, 2, 4, ... and the
    least n if None. Standard errors for ``problems`` "drawn" are sqrt(M) sd over problems; "fixed" takes the squared
    means out without bias (the distance needs 4k <= n) and falls back on drawn, conservative, where it cannot.
    ``p_value`` by ``resamples`` exchanges. ``changed`` as ``changed_problems(a, b, rate=rate)``. This project.

    Raises as ``paired`` and ``pass_at_k``; ValueError for another ``problems`` or fewer than 1 resample.
    """
    if problems not in ("drawn", "fixed"):
        raise complain("problems", f"{problems!r}", "'drawn' or 'fixed'")
    if resamples < 1:
        raise complain("resamples", f"{resamples}", "at least 1")
    first, second, remarks = paired(a, b)
    ks = np.atleast_1d(budgets(_doublings(first, second) if k is None else k, first, second))
    terms = _Terms(first, second, ks)
    squares = terms.squared_means() if problems == "fixed" else {}
    sums = {name: _sum(x, squares.get(name)) for name, x in terms.values().items()}
    conservative = (problems == "fixed") & ~_usable(terms.values()["distance"], squares.get("distance"))
    remarks += _remarks(ks, terms.least, ks[conservative])
    p = exchange_p_values(first, second, ks, resamples, seed)
    changed = changed_problems(first, second, rate=rate)
    return BoundaryShift(
        k=ks,
        **sums,
        p_value=p,
        conservative=conservative,
        changed=changed,
        problems=problems,
        remarks=remarks,
        resamples=resamples,
    )


class _Terms:
    """What is summed over problems, (M, K) each, and unbiased estimates of the squares of its means."""

    def __init__(self, a: Counts, b: Counts, ks: np.ndarray) -> None:
        self.least = int(min(a.samples.min(), b.samples.min()))
        tables = (failure_table(counts, self.least) for counts in (a, b))
        reach = np.multiply.outer(np.arange(5), ks)
        # q[j] is q_jk, NaN where jk > n.
        self.a, self.b = (
            np.where(reach > self.least, np.nan, table[:, np.minimum(reach, self.least)]).swapaxes(0, 1)
            for table in tables
        )

    def values(self) -> dict[str, np.ndarray]:
        a, b = self.a, self.b
        return {
            "lost": (1 - a[1]) * b[1],
            "gained": a[1] * (1 - b[1]),
            "neither": a[1] * b[1],
            "net": a[1] - b[1],
            "self_a": a[1] - a[2],
            "self_b": b[1] - b[2],
            "distance": a[2] + b[2] - 2 * a[1] * b[1],
        }

    def squared_means(self) -> dict[str, np.ndarray]:
        a, b = self.a, self.b
        fourth = a[4] - 4 * a[3] * b[1] + 6 * a[2] * b[2] - 4 * a[1] * b[3] + b[4]
        return {
            "lost": (1 - 2 * a[1] + a[2]) * b[2],
            "gained": a[2] * (1 - 2 * b[1] + b[2]),
            "neither": a[2] * b[2],
            "net": a[2] + b[2] - 2 * a[1] * b[1],
            "self_a": a[2] - 2 * a[3] + a[4],
            "self_b": b[2] - 2 * b[3] + b[4],
            "distance": fourth,
        }


def _sum(x: np.ndarray, squared_mean: np.ndarray | None) -> Estimate:
    """The sum over problems; its variance is sum (x^2 - squared mean) for problems fixed, M var(x) for drawn."""
    variance = len(x) * x.var(0, ddof=1)
    if squared_mean is not None:
        variance = np.where(_usable(x, squared_mean), (np.square(x) - squared_mean).sum(0), variance)
    return Estimate(x.sum(0), np.sqrt(variance), len(x))


def _usable(x: np.ndarray, squared_mean: np.ndarray | None) -> np.ndarray:
    """Where the variance for problems fixed is known, and came out positive."""
    if squared_mean is None:
        return np.zeros(x.shape[1], bool)
    return (np.square(x) - squared_mean).sum(0) > 0


def _doublings(*policies: Counts) -> np.ndarray:
    least = min(int(counts.samples.min()) for counts in policies)
    return np.union1d(2 ** np.arange(least.bit_length()), least)


def _remarks(ks: np.ndarray, least: int, conservative: np.ndarray) -> tuple[str, ...]:
    beyond = ks[2 * ks > least]
    remarks = []
    if len(beyond):
        remarks.append(
            f"k = {_listed(beyond)}: more than half of {least} rollouts, so self-churn and distance are "
            "not known and the test is of lost + gained"
        )
    if len(conservative):
        remarks.append(
            f"k = {_listed(conservative)}: the error of the distance for problems fixed, and beyond half the rollouts "
            "every error, is conservative"
        )
    return tuple(remarks)


def _listed(ks: np.ndarray) -> str:
    return ", ".join(map(str, ks))
