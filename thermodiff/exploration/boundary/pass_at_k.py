"""pass@k without bias from counts: C(n-c, k)/C(n, k) for every problem and every k at once.

q_k is the share of the k-subsets of a problem's n rollouts in which none is correct, and its mean over many draws of
the n rollouts is (1-p)^k exactly. The plug-in 1 - (1-c/n)^k is biased low, and so is drawing with replacement.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from thermodiff.exploration.rollouts import Counts, counts_of
from thermodiff.types import Estimate
from thermodiff.validation import complain


def pass_at_k(data: Any, k: Any = None) -> Estimate:
    """pass@k = 1 - mean over problems of q_k, q_k = C(n-c, k)/C(n, k): the chance that one of k rollouts is correct.

    ``data`` is what ``counts_of`` takes: Rollouts, Counts, a pair (c, n), or 0 and 1 of shape (M, n). ``k`` is a whole
    number or several (all from 1 to the least n if None), and ``mean`` and ``stderr`` have its shape. The standard
    error is for M problems drawn from a population, sd(q_k)/sqrt(M), NaN for one problem; ``pass_at_k_interval`` has
    the others. Exact up to rounding, 1e-12. Chen et al. 2021 (arXiv 2107.03374), eq. 1.

    Raises ValueError for a k that is no positive whole number or is larger than some n: there pass@k is not known.
    """
    counts = counts_of(data)
    ks = budgets(k, counts)
    table, index = distinct_failures(counts, int(ks.max()))
    weights = np.bincount(index)
    q = table[:, ks]
    M = len(index)
    fails = np.tensordot(weights, q, 1) / M
    spread = np.tensordot(weights, np.square(q - fails), 1)
    stderr = np.sqrt(spread / (M - 1) / M) if M > 1 else np.full(ks.shape, np.nan)
    return Estimate(1 - fails, stderr, M)


def failure_table(data: Any, top: int | None = None) -> np.ndarray:
    """q_k = C(n-c, k)/C(n, k) of each problem for k = 0..``top`` (the least n if None), shape (M, top + 1).

    Products of ratios (n-c-j)/(n-j), so that no factorial overflows and the relative error stays near top times
    1e-16. NaN where k > n.
    """
    counts = counts_of(data)
    table, index = distinct_failures(counts, int(counts.samples.min()) if top is None else top)
    return table[index]


def distinct_failures(counts: Counts, top: int) -> tuple[np.ndarray, np.ndarray]:
    """``failure_table`` of the distinct pairs (c, n) alone, and for each problem which of these is its own."""
    # A thousand problems have some hundred pairs: what is done once a pair need not be done once a problem.
    base = int(counts.samples.max()) + 1
    keys, index = np.unique(counts.samples * base + counts.correct, return_inverse=True)
    n, c = np.divmod(keys[:, None], base)
    j = np.arange(top)
    table = np.ones((len(keys), top + 1))
    table[:, 1:] = np.cumprod(np.maximum(n - c - j, 0) / np.maximum(n - j, 1), axis=1)
    table[np.arange(top + 1) > n] = np.nan
    return table, index


def budgets(k: Any, *policies: Counts) -> np.ndarray:
    """``k`` as an array of whole numbers, at most the least n of all policies; all of them if k is None."""
    least = min(int(counts.samples.min()) for counts in policies)
    if k is None:
        return np.arange(1, least + 1)
    ks = np.asarray(k)
    if (
        ks.size == 0
        or ks.ndim > 1
        or ks.dtype.kind not in "iuf"
        or not np.all((ks >= 1) & (ks == np.round(ks)))
    ):
        raise complain("k", f"{k}", "positive whole numbers")
    if ks.max() > least:
        need = f"at most {least}, the rollouts of the problem that has fewest: beyond n pass@k is not known"
        raise complain("k", f"{int(ks.max())}", need)
    return ks.astype(int)
