"""Squared errors of pass@k problem by problem: summed over problems they are M^2 times the variance of the mean.

``problems="drawn"``: M problems from a population. The squares are those around the mean.
``problems="fixed"``: these M problems, other rollouts. The square of a problem is q_k^2 - q_2k, whose mean is
Var q_k exactly (q_j q_k - q_(j+k) for a covariance), which needs 2k <= n. Of problems with fewer rollouts the squares
around their own mean are taken, which contain the differences between problems: conservative.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from thermodiff.exploration.boundary.pass_at_k import failure_table
from thermodiff.exploration.rollouts import Counts


class Squares(NamedTuple):
    """Per problem and k, shape (M, K): squared errors; and per k, shape (K,), whether these are conservative."""

    values: np.ndarray
    conservative: np.ndarray
    covariances: tuple[np.ndarray, ...]
    """Blocks over k for the band: of the ks whose sums all stay within every n, and of the others."""


class Failures(NamedTuple):
    """q_k of one policy, or of two, and what is estimated from them.

    ``tables``: (M, top + 1) each. ``samples`` (M,): n, of two policies the smaller. ``rows`` (M, K): pass@k of each
    problem at ``ks``, or the second policy's less the first's.
    """

    tables: tuple[np.ndarray, ...]
    samples: np.ndarray
    ks: np.ndarray
    rows: np.ndarray


def failures(policies: tuple[Counts, ...], ks: np.ndarray) -> Failures:
    """The tables of q up to twice the largest k, as far as some problem has so many rollouts."""
    samples = np.min([counts.samples for counts in policies], axis=0)
    top = min(2 * int(ks.max()), max(int(counts.samples.max()) for counts in policies))
    tables = tuple(failure_table(counts, top) for counts in policies)
    first, *second = (table[:, ks] for table in tables)
    return Failures(tables, samples, ks, first - second[0] if second else 1 - first)


def drawn_squares(data: Failures) -> Squares:
    """(x - mean)^2 M/(M-1), x the problems' pass@k or differences."""
    residuals = _residuals(data.rows)
    return Squares(np.square(residuals), np.zeros(len(data.ks), bool), (residuals.T @ residuals,))


def fixed_squares(data: Failures) -> Squares:
    """q_k^2 - q_2k summed over the policies where 2k <= n, squares around the mean of the rest where not.

    At a k where they are all 0 (every c is 0 or above n - k) there is no estimate; it takes the drawn ones.
    """
    twice = 2 * data.ks
    known = data.samples[:, None] >= twice
    reach = np.minimum(twice, data.tables[0].shape[1] - 1)
    values = sum(np.square(table[:, data.ks]) - table[:, reach] for table in data.tables)
    for i in np.flatnonzero(~known.all(0)):
        values[~known[:, i], i] = np.square(_residuals(data.rows[~known[:, i], i]))
    none = values.sum(0) == 0
    drawn = _residuals(data.rows[:, none])
    values[:, none] = np.square(drawn)
    return Squares(values, ~known.all(0) | none, (*_fixed_covariances(data), drawn.T @ drawn))


def _residuals(x: np.ndarray) -> np.ndarray:
    """x less its mean over the first axis, scaled so that the squares are unbiased for equal means, else too large."""
    residuals = (x - x.mean(0)) * np.sqrt(len(x) / max(len(x) - 1, 1))
    # Equal values have no spread, whatever rounding makes of their mean.
    return np.where(x.max(0) > x.min(0), residuals, 0.0)


def _fixed_covariances(data: Failures) -> list[np.ndarray]:
    """Over the ks that every problem's n allows twice, and over the others (with those problems that do allow them)."""
    inner = 2 * data.ks <= data.samples.min()
    blocks = []
    for part in (inner, ~inner):
        block = data.ks[part]
        enough = data.samples >= 2 * block.max(initial=0)
        covariance = np.zeros((len(block), len(block)))
        if not enough.all():
            residuals = _residuals(data.rows[~enough][:, part])
            covariance += residuals.T @ residuals
        if enough.any():
            for table in data.tables:
                q = table[enough]
                covariance += q[:, block].T @ q[:, block] - q.sum(0)[block[:, None] + block]
        blocks.append(covariance)
    return blocks
