"""Squared errors of pass@k problem by problem: summed over problems they are M^2 times the variance of the mean.

``problems="drawn"``: M problems from a population. The squares are those around the mean.
``problems="fixed"``: these M problems, other rollouts. The square of a problem is q_k^2 - q_2k, whose mean is
Var q_k exactly (q_j q_k - q_(j+k) for a covariance), which needs 2k <= n. Of problems with fewer rollouts the squares
around their own mean are taken, which contain the differences between problems: conservative.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from thermodiff.exploration.pass_at_k import failure_table
from thermodiff.exploration.rollouts import Counts


class Squares(NamedTuple):
    """Per problem and k, shape (M, K): squared errors; and per k, shape (K,), whether these are conservative."""

    values: np.ndarray
    conservative: np.ndarray
    covariances: tuple[np.ndarray, ...]
    """Blocks over k for the band: of the ks whose sums all stay within every n, and of the others."""


class Failures(NamedTuple):
    """q_k of one policy, or of two: the table (M, top + 1) and n (M,) of each, and of which sign it enters."""

    tables: tuple[np.ndarray, ...]
    samples: np.ndarray
    """The fewer rollouts of the two, per problem."""
    ks: np.ndarray

    @property
    def rows(self) -> np.ndarray:
        """pass@k of each problem, (M, K): of one policy 1 - q_k, of two the second's less the first's."""
        first, *rest = (table[:, self.ks] for table in self.tables)
        return first - rest[0] if rest else 1 - first


def failures(policies: tuple[Counts, ...], ks: np.ndarray) -> Failures:
    """The tables of q up to twice the largest k, as far as some problem has so many rollouts."""
    samples = np.min([counts.samples for counts in policies], axis=0)
    top = min(2 * int(ks.max()), max(int(counts.samples.max()) for counts in policies))
    return Failures(tuple(failure_table(counts, top) for counts in policies), samples, ks)


def drawn_squares(data: Failures) -> Squares:
    """(x - mean)^2 M/(M-1), x the problems' pass@k or differences."""
    residuals = _around(data.rows, np.ones(data.rows.shape, bool))
    return Squares(np.square(residuals), np.zeros(len(data.ks), bool), (residuals.T @ residuals,))


def fixed_squares(data: Failures) -> Squares:
    """q_k^2 - q_2k summed over the policies where 2k <= n, squares around the mean of the rest where not.

    At a k where they are all 0 (every c is 0 or above n - k) there is no estimate; it takes the drawn ones.
    """
    twice = 2 * data.ks
    known = data.samples[:, None] >= twice
    reach = np.minimum(twice, data.tables[0].shape[1] - 1)
    exact = sum(np.square(table[:, data.ks]) - table[:, reach] for table in data.tables)
    values = np.where(known, exact, np.square(_around(data.rows, ~known)))
    none = values.sum(0) == 0
    drawn = drawn_squares(data._replace(ks=data.ks[none]))
    values[:, none] = drawn.values
    return Squares(values, ~known.all(0) | none, _fixed_covariances(data) + drawn.covariances)


def _around(x: np.ndarray, which: np.ndarray) -> np.ndarray:
    """x (M, K) less its mean over ``which``, 0 elsewhere, scaled so that the squares are unbiased or conservative."""
    count = which.sum(0)
    inside = np.where(which, x, 0.0)
    # Equal values have no spread, whatever rounding makes of their mean.
    spread = np.where(which, x, -np.inf).max(0) > np.where(which, x, np.inf).min(0)
    residuals = np.where(which & spread, x - inside.sum(0) / np.maximum(count, 1), 0.0)
    return residuals * np.sqrt(count / np.maximum(count - 1, 1))


def _fixed_covariances(data: Failures) -> tuple[np.ndarray, ...]:
    """Over the ks that every problem's n allows twice, and over the others (with those problems that do allow them)."""
    inner = 2 * data.ks <= data.samples.min()
    blocks = []
    for block in (data.ks[inner], data.ks[~inner]):
        if len(block):
            enough = data.samples >= 2 * block.max()
            covariance = np.zeros((len(block), len(block)))
            for table in data.tables if enough.any() else ():
                q = table[enough]
                covariance += q[:, block].T @ q[:, block] - q.sum(0)[block[:, None] + block]
            rows = data._replace(ks=block).rows
            around = _around(rows, np.repeat(~enough[:, None], len(block), 1))
            blocks.append(covariance + around.T @ around)
    return tuple(blocks)
