"""The problems that a policy cannot solve: how many, which were never solved, and of which that can be certified."""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np

from thermodiff.exploration.boundary.pass_at_k import failure_table
from thermodiff.exploration.boundary.pass_at_k_intervals import pass_at_k_interval
from thermodiff.exploration.rollouts import counts_of
from thermodiff.types import Estimate
from thermodiff.validation import complain


class UnsolvableProblems(NamedTuple):
    """U_k, the problems without a success in k rollouts: their expected number, with an interval, shape of k.

    ``chance`` = q_k of each problem, shape (M,) + shape of k; ``never`` (M,): no success in all of its n rollouts.
    ``level``: of the interval; ``errors_for``: problems "fixed" or "drawn".
    """

    k: np.ndarray
    size: Estimate
    low: np.ndarray
    high: np.ndarray
    chance: np.ndarray
    never: np.ndarray
    problems: np.ndarray | None
    remarks: tuple[str, ...]
    level: float
    errors_for: str

    def __str__(self) -> str:
        lines = [
            f"expected without a success in k rollouts, {self.level:.0%} at each k, {self.size.n} problems "
            f"{self.errors_for}"
        ]
        rows = zip(*map(np.atleast_1d, (self.k, *self.size[:2], self.low, self.high)), strict=True)
        lines += [f"  k = {k:<5d} {m:8.1f} ± {s:.1f}   [{lo:.1f}, {hi:.1f}]" for k, m, s, lo, hi in rows]
        lines.append(f"without a success in all of their rollouts: {self.never.sum()}")
        return "\n".join(lines + [f"  {remark}" for remark in self.remarks])


def unsolvable_problems(
    data: Any, k: Any = None, *, problems: str = "fixed", level: float = 0.95
) -> UnsolvableProblems:
    """The size of U_k, problems without a success in k independent rollouts: sum of q_k, without bias.

    arXiv 2508.07534 takes the set from one sample; which problems are in it is then mostly chance where p is small, its
    expected size is not. Errors for these ``problems`` "fixed", or "drawn", M times those of ``pass_at_k_interval``.
    """
    counts = counts_of(data)
    band = pass_at_k_interval(counts, k, problems=problems, level=level)
    M = len(counts.correct)
    size = Estimate(M * (1 - band.estimate.mean), M * band.estimate.stderr, M)
    chance = failure_table(counts, int(band.k.max()))[:, band.k]
    low, high = M * (1 - band.high), M * (1 - band.low)
    return UnsolvableProblems(
        band.k, size, low, high, chance, counts.correct == 0, counts.problems, band.remarks, level, problems
    )


class BoundaryCertificate(NamedTuple):
    """Per problem, shape (M,): is failing k rollouts certain to be at least as likely as not, or certain not to be?

    ``unsolvable`` and ``solvable`` hold for all problems together with confidence ``level`` (Bonferroni);
    ``..._alone`` for one problem that was named before its counts were seen. ``needed``: how many rollouts without a
    success certify a problem, together and alone.
    """

    k: int
    level: float
    unsolvable: np.ndarray
    solvable: np.ndarray
    unsolvable_alone: np.ndarray
    solvable_alone: np.ndarray
    needed: int
    needed_alone: int

    def __str__(self) -> str:
        M, sure, solved = len(self.solvable), self.unsolvable.sum(), self.solvable.sum()
        return (
            f"k = {self.k}, {self.level:.0%} for {M} problems together: {sure} unsolvable, {solved} solvable, "
            f"{M - sure - solved} undecided\nwithout a success a problem needs {self.needed} rollouts "
            f"({self.needed_alone} if it is the only one asked about)"
        )


def boundary_certificate(data: Any, k: Any, *, level: float = 0.95) -> BoundaryCertificate:
    """Which problems are certainly unsolvable in k rollouts, (1-p)^k >= 1/2, and which certainly solvable, < 1/2.

    By the one-sided limits of Clopper and Pearson at 1 - a, a = 1 - ``level``: (1-p_U)^k >= 1/2 if c or fewer of n have
    at most chance a at p* = 1 - 2^(-1/k), and (1-p_L)^k < 1/2 if c or more have less than a there. With c = 0 that
    takes n >= k ln(1/a)/ln 2; for M problems together a is a/M. ``k`` may be larger than n. This project.

    Raises ValueError for a k that is no positive whole number and a level outside (0, 1).
    """
    from scipy.special import betainc

    if not 0 < level < 1:
        raise complain("level", f"{level}", "a probability in (0, 1)")
    if not isinstance(k, int | np.integer) or k < 1:
        raise complain("k", f"{k}", "a positive whole number")
    correct, samples, _ = counts_of(data)
    chances = (1 - level) / len(correct), 1 - level
    edge = -np.expm1(-np.log(2) / k)
    all_correct, none = correct == samples, correct == 0
    at_most = np.where(all_correct, 1.0, betainc(np.maximum(samples - correct, 1), correct + 1, 1 - edge))
    at_least = np.where(none, 1.0, betainc(np.maximum(correct, 1), samples - correct + 1, edge))
    together, alone = ((at_most <= a, at_least < a) for a in chances)
    needed = [int(np.ceil(k * np.log(1 / a) / np.log(2))) for a in chances]
    return BoundaryCertificate(int(k), level, *together, *alone, *needed)
