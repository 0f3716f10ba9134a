"""Squared errors of pass@k problem by problem: summed over problems they are M^2 times the variance of the mean.

``problems="drawn"``: M problems from a population. The squares are those around the mean.
``problems="fixed"``: these M problems, other rollouts. The square of a problem is q_k^2 - q_2k, whose mean is
Var q_k exactly (q_j q_k - q_(j+k) for a covariance), which needs 2k <= n. Of problems with fewer rollouts the squares
around the mean of all are taken, which contain the differences between problems: conservative. Where that is only a
part of the problems, the sum can be smaller than that for problems drawn, and still is no smaller than the truth.
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
    """q_k^2 - q_2k summed over the policies where 2k <= n, squares around the mean of all problems where not.

    A policy whose squares at some k are all 0 (every c is 0 or above n - k) has no estimate there; it takes the drawn
    ones, of itself, so that a difference never has less than the sum of what its policies have alone.
    """
    known = data.samples[:, None] >= 2 * data.ks
    values, instead = np.zeros(data.rows.shape), []
    for table in data.tables:
        own = _own_squares(table, data.ks, known)
        drawn = np.where(own.sum(0) == 0, _residuals(table[:, data.ks]), 0.0)
        values += np.where(known, own + np.square(drawn), 0.0)
        instead.append(drawn)
    # From the mean of the others the squares are no smaller than the variance, however few of all are not known.
    some, M = known.any(0), len(known)
    around = np.square(_residuals(data.rows)) * np.where(some, M / max(M - 1, 1), 1)
    values = np.where(known, values, around)
    replaced = np.any([(drawn != 0).any(0) for drawn in instead], axis=0) & some
    blocks = [drawn[:, some].T @ drawn[:, some] for drawn in instead]
    return Squares(values, ~known.all(0) | replaced, (*_fixed_covariances(data), *blocks))


def _own_squares(table: np.ndarray, ks: np.ndarray, known: np.ndarray) -> np.ndarray:
    """q_k^2 - q_2k of one policy where both are ``known``, else 0; no smaller than 0, and 0 if q_k is 0 or 1."""
    reach = np.minimum(2 * ks, table.shape[1] - 1)
    return np.where(known, np.square(table[:, ks]) - table[:, reach], 0.0)


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
            residuals = _residuals(data.rows[:, part])[~enough]
            covariance += residuals.T @ residuals
        if enough.any():
            for table in data.tables:
                q = table[enough]
                covariance += q[:, block].T @ q[:, block] - q.sum(0)[block[:, None] + block]
        blocks.append(covariance)
    return blocks
