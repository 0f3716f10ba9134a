"""The Gaussian of the data: of a density's moments, of draws from it, or of a sample, shrunk where rows are few."""

from __future__ import annotations

from typing import Any

import numpy as np

from thermodiff.array_types import Key, computed_now
from thermodiff.distributions.base import if_known
from thermodiff.distributions.gaussian import Gaussian
from thermodiff.distributions.samples import Samples
from thermodiff.numerics.affine_maps import FEW_ROWS_PER_DIM as FEW_ROWS_PER_DIM
from thermodiff.numerics.estimates import streamed_moments


def sample_gaussian(x: Any) -> Gaussian:
    """The Gaussian of a sample's mean and covariance; the covariance's diagonal alone where n <= d."""
    n, d = np.shape(x)
    mean, cov = streamed_moments(x)
    variances = np.diag(cov) if n > 1 else np.ones(d)
    cov = cov * (n / (n - 1)) if n > d else np.diag(np.maximum(variances, 1e-12))
    # A nearly singular covariance would make a useless control variate and an invalid prior.
    floor = 1e-6 * np.trace(cov) / d
    smallest = np.linalg.eigvalsh(cov)[0]
    if smallest < floor:
        cov = cov + (floor - smallest) * np.eye(d)
    return Gaussian(mean, cov)


MOMENT_DRAWS = 65536
"""Draws that stand for a density whose moments are not known."""


def exact_gaussian(data: Any) -> Gaussian | None:
    """The Gaussian of the moments that a distribution knows of itself; None where it knows none."""
    with computed_now(data):
        known = if_known(data, "moments")
    with computed_now(known):
        return None if known is None else Gaussian(*known)


def drawn_gaussian(key: Key, data: Any) -> Gaussian:
    """The Gaussian of the moments of ``MOMENT_DRAWS`` draws from a distribution."""
    return sample_gaussian(np.asarray(data.sample(key, MOMENT_DRAWS)))


def reference_gaussian(key: Key, data: Any) -> Gaussian:
    """The Gaussian that a training starts from: of the data's own moments, else of those of draws from it.

    For ``Samples`` of n < 10 d rows the correlation matrix R is shrunk to (1 - rho) R + rho I with the rho of the
    oracle approximating estimator, Chen, Wiesel, Eldar & Hero (2010), eq. (23), so that no direction looks narrower
    than few rows can tell.
    """
    if not isinstance(data, Samples):
        return exact_gaussian(data) or drawn_gaussian(key, data)
    return Gaussian(*believed_moments(data.array))


def believed_moments(x: Any, fewest: float = FEW_ROWS_PER_DIM) -> tuple[np.ndarray, np.ndarray]:
    """``rows_moments``, the covariance ``shrunk`` where rows are fewer than ``fewest`` a column."""
    (n, d), (mean, cov) = x.shape, rows_moments(x)
    return mean, shrunk(cov, n) if n < fewest * d else cov


def rows_moments(x: Any) -> tuple[np.ndarray, np.ndarray]:
    """Mean (d,) and covariance (d, d), over n - 1, of rows x (n, d), in double precision: narrow directions keep it."""
    mean, cov = streamed_moments(x)
    return mean, cov * (len(x) / (len(x) - 1))


def shrunk(cov: np.ndarray, n: int) -> np.ndarray:
    """The covariance (d, d) of n rows with its correlations shrunk as ``reference_gaussian`` says."""
    d = len(cov)
    std = np.sqrt(np.diag(cov))
    correlation = cov / np.outer(std, std)
    off_diagonal = np.sum(correlation**2) - d
    above = (1 - 2 / d) * (off_diagonal + d) + d**2
    below = (n + 1 - 2 / d) * off_diagonal
    rho = min(1.0, above / below) if below > 0 else 1.0
    return np.outer(std, std) * ((1 - rho) * correlation + rho * np.eye(d))
