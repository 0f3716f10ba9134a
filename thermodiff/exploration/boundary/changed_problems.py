"""Which problems changed, one by one: Fisher's exact test of each, with a false discovery rate."""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np

from thermodiff.exploration.rollouts import Counts, paired
from thermodiff.validation import complain

TIE = 1e-7
"""Tables as likely as the one seen, up to rounding, count as at least as extreme."""


class ChangedProblems(NamedTuple):
    """Per problem, shape (M,): p-values of p_a = p_b, and Benjamini-Hochberg q-values twice.

    ``q_values_of_all`` are over all problems, ``q_values`` over the ``testable`` ones, those whose margin c_a + c_b can
    reach p <= rate at all (NaN for the others). ``worse_of_all`` and ``better_of_all``: problems with a q-value over
    all up to ``rate``, by the sign of c_b/n_b - c_a/n_a; ``worse`` and ``better`` by those over the testable ones.
    ``lost``: solved by a in its n rollouts and never by b; ``gained``: the reverse.
    """

    problems: np.ndarray | None
    p_values: np.ndarray
    q_values_of_all: np.ndarray
    q_values: np.ndarray
    testable: np.ndarray
    worse: np.ndarray
    better: np.ndarray
    worse_of_all: np.ndarray
    better_of_all: np.ndarray
    lost: np.ndarray
    gained: np.ndarray
    rate: float
    remarks: tuple[str, ...]

    def __str__(self) -> str:
        among = f"among the {self.testable.sum()} that can show a change"
        lost, gained = self.lost, self.gained
        lines = [
            f"of {len(self.p_values)} problems, false discovery rate {self.rate:.0%}: over all "
            f"worse {self.worse_of_all.sum()}, better {self.better_of_all.sum()}; {among} "
            f"worse {self.worse.sum()}, better {self.better.sum()}",
            f"of {lost.sum()} lost and {gained.sum()} gained in all rollouts, beyond chance: over all "
            f"{(lost & self.worse_of_all).sum()} and {(gained & self.better_of_all).sum()}; {among} "
            f"{(lost & self.worse).sum()} and {(gained & self.better).sum()}",
        ]
        return "\n".join(lines + [f"  {remark}" for remark in self.remarks])


def changed_problems(a: Any, b: Any, *, rate: float = 0.05) -> ChangedProblems:
    """Fisher's two-sided exact test of p_a = p_b of every problem, with the false discovery rate held at ``rate``.

    It asks whether a problem's chance of success changed, not whether the problem was lost at some k. A problem is left
    out of the rate if no table with its margin c_a + c_b has p <= rate: the margin says nothing of p_a - p_b, so
    nothing is lost. Benjamini and Hochberg 1995, Tarone 1990. Raises as ``paired``, and ValueError for a rate
    outside (0, 1).
    """
    if not 0 < rate < 1:
        raise complain("rate", f"{rate}", "a probability in (0, 1)")
    first, second, remarks = paired(a, b)
    p, least = fisher_p_values(first, second)
    testable = least <= rate
    every, some = benjamini_hochberg(p), np.full(len(p), np.nan)
    some[testable] = benjamini_hochberg(p[testable])
    change = second.correct * first.samples - first.correct * second.samples
    remarks += _resolution(least, testable, rate)
    return ChangedProblems(
        first.problems, p, every, some, testable,
        (some <= rate) & (change < 0), (some <= rate) & (change > 0),
        (every <= rate) & (change < 0), (every <= rate) & (change > 0),
        (first.correct > 0) & (second.correct == 0), (first.correct == 0) & (second.correct > 0),
        rate, remarks,
    )  # fmt: skip


def _resolution(least: np.ndarray, testable: np.ndarray, rate: float) -> tuple[str, ...]:
    """Whether so few rollouts can show the change of a single problem among so many."""
    if not testable.any():
        return (f"no problem has counts that could reach p <= {rate:g}: nothing can be found",)
    needed = int(np.ceil(least.min() * testable.sum() / rate))
    if needed <= 1:
        return ()
    return (
        f"the least p that these counts allow is {least.min():.1e}: a change shows only if {needed} problems or more "
        "have one as clear, a single one cannot be found",
    )


def fisher_p_values(a: Counts, b: Counts) -> tuple[np.ndarray, np.ndarray]:
    """Of each problem the two-sided p and the least p that its margins n_a, n_b, c_a + c_b allow, shapes (M,).

    Given the margins c_a is hypergeometric; p is the probability of all tables at most as likely as the one seen.
    """
    tables = np.stack([a.samples, b.samples, a.correct + b.correct, a.correct], 1)
    tables, index = np.unique(tables, axis=0, return_inverse=True)
    n_a, n_b, total, c_a = tables.T
    x = np.arange(n_a.max() + 1)
    pmf = hypergeometric(x, n_a[:, None], n_b[:, None], total[:, None])
    seen = np.take_along_axis(pmf, c_a[:, None], 1)
    p = np.where(pmf <= seen * (1 + TIE), pmf, 0).sum(1)
    possible = np.where(pmf > 0, pmf, np.inf)
    rarest = possible.min(1, keepdims=True)
    least = np.where(possible <= rarest * (1 + TIE), pmf, 0).sum(1)
    return np.minimum(p, 1)[index.ravel()], np.minimum(least, 1)[index.ravel()]


def hypergeometric(x: np.ndarray, n_a: np.ndarray, n_b: np.ndarray, total: np.ndarray) -> np.ndarray:
    """P(c_a = x) where ``total`` correct ones fall among n_a + n_b rollouts; 0 outside the support."""
    from scipy.special import gammaln

    def log_choose(n: np.ndarray, k: np.ndarray) -> np.ndarray:
        return gammaln(n + 1.0) - gammaln(k + 1.0) - gammaln(n - k + 1.0)

    inside = (x <= n_a) & (x <= total) & (total - x <= n_b)
    x = np.where(inside, x, np.maximum(total - n_b, 0))
    logs = log_choose(n_a, x) + log_choose(n_b, total - x) - log_choose(n_a + n_b, total)
    return np.where(inside, np.exp(logs), 0.0)


def benjamini_hochberg(p: np.ndarray) -> np.ndarray:
    """q_(i) = min over j >= i of p_(j) m/j: the least false discovery rate at which a problem is reported."""
    order = np.argsort(p)
    ranked = p[order] * len(p) / np.arange(1, len(p) + 1)
    q = np.empty(len(p))
    q[order] = np.minimum(np.minimum.accumulate(ranked[::-1])[::-1], 1)
    return q
