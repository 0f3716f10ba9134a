"""An exact test of "no problem changed": rollouts of a problem are dealt anew between the two policies."""

from __future__ import annotations

import numpy as np

from thermodiff.exploration.boundary.pass_at_k import failure_table
from thermodiff.exploration.rollouts import Counts

AT_ONCE = 200_000
ROUNDING = 1e-9


def exchange_p_values(a: Counts, b: Counts, ks: np.ndarray, resamples: int, seed: int) -> np.ndarray:
    """p = (1 + #{T* >= T})/(resamples + 1) at each k, shape (K,): exact if no p changed, whatever the p are.

    c_a* is hypergeometric: c_a + c_b correct ones among n_a + n_b rollouts, of which a gets n_a. T is the distance D^2
    where 2k is at most every n, and lost + gained where it is not.
    """
    rng = np.random.default_rng(seed)
    least = int(min(a.samples.min(), b.samples.min()))
    total, every = a.correct + b.correct, a.samples + b.samples
    mixed = np.flatnonzero((total > 0) & (total < every))
    if len(mixed) == 0:
        return np.ones(len(ks))
    # The other problems can be dealt in one way only, and differ by nothing.
    a, b = (Counts(counts.correct[mixed], counts.samples[mixed]) for counts in (a, b))
    total, every = total[mixed], every[mixed]
    lookup = _Lookup(np.union1d(a.samples, b.samples), ks, least)
    seen = lookup.statistic(a.correct[None], a.samples, b.correct[None], b.samples)
    extreme = np.zeros(len(ks), int)
    rows = max(1, AT_ONCE // len(total))
    for start in range(0, resamples, rows):
        shape = (min(rows, resamples - start), len(total))
        drawn = rng.hypergeometric(total, every - total, a.samples, shape)
        again = lookup.statistic(drawn, a.samples, total - drawn, b.samples)
        extreme += (again >= seen - ROUNDING * np.maximum(1, np.abs(seen))).sum(0)
    return (1 + extreme) / (resamples + 1)


class _Lookup:
    """q_k and q_2k of every c that some n allows; q_k twice where 2k > n, which makes D^2 lost + gained."""

    def __init__(self, sizes: np.ndarray, ks: np.ndarray, least: int) -> None:
        self.first = np.zeros(sizes[-1] + 1, int)
        self.first[sizes] = np.cumsum(sizes + 1) - (sizes + 1)
        # Column by column of what is needed: all k of all c and n can be gigabytes.
        columns = np.append(ks, np.where(2 * ks <= least, 2 * ks, ks))
        tables = [failure_table((np.arange(n + 1), n), int(columns.max()))[:, columns] for n in sizes]
        once, twice = np.split(np.concatenate(tables).T, 2)
        self.once, self.twice = np.ascontiguousarray(once), np.ascontiguousarray(twice)

    def statistic(self, c_a: np.ndarray, n_a: np.ndarray, c_b: np.ndarray, n_b: np.ndarray) -> np.ndarray:
        rows_a, rows_b = self.first[n_a] + c_a, self.first[n_b] + c_b
        sums = []
        for once, twice in zip(self.once, self.twice, strict=True):
            sums.append((twice[rows_a] + twice[rows_b] - 2 * once[rows_a] * once[rows_b]).sum(1))
        return np.stack(sums, 1)
