"""The moments of few rows, and by how much their Gaussian is wrong on others.

With three rows a column and more moments are those of the rows, whose error Wishart's law knows exactly. Of fewer the
correlations are shrunk. That errs less than the law says, by as much as the true ones let it, for white rows hardly at
all: draws of the shrunk Gaussian are then fitted again as the rows were, and what these fits exceed its entropy by is
taken for what it exceeds the truth by. Shrunk moments of more rows would start networks a little nearer, but their
error is not known: where columns follow few factors it is twice what such draws say. Source: this project.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from thermodiff.distributions.reference import believed_moments
from thermodiff.information.cross_fitting.conditional import ConditionalGaussian, regression
from thermodiff.information.gaussian_bias import gaussian_bias

FEWEST = 3.0
"""Rows a column, below which correlations are shrunk."""
DRAWS = 24
EVERY_ROW = 10**12
"""So many that a regression loses no degree of freedom."""


class Moments(NamedTuple):
    """A mean (d,) and a covariance (d, d)."""

    mean: np.ndarray
    cov: np.ndarray


def moments_of(rows: np.ndarray) -> Moments:
    """Of rows (m, d), their correlations shrunk where they are few (``distributions.reference.reference_gaussian``)."""
    return Moments(*believed_moments(rows, FEWEST))


def are_shrunk(m: int, width: int) -> bool:
    """Whether ``moments_of`` m rows of so many columns are."""
    return m < FEWEST * width


def fitted_bias(moments: Moments, dim: int, m: int) -> float:
    """By how much -ln of the Gaussian of the first ``dim`` columns given the others exceeds the entropy, nats.

    On rows that it was not fitted to; ``moments`` are ``moments_of`` m rows. Exact for Gaussian rows where
    nothing was shrunk (``gaussian_bias``).
    """
    width = len(moments.mean)
    if not are_shrunk(m, width):
        return gaussian_bias(m, dim, width - dim)
    known = Moments(moments.mean[dim:], moments.cov[dim:, dim:])
    truth = regression(*moments, dim, EVERY_ROW)
    # With a seed of its own: the same rows have the same bias, and of all rows and their half most of the chance.
    rng = np.random.default_rng(0)
    return float(np.mean([_excess(truth, known, fit) for fit in _fits(rng, moments, dim, m)]))


def _fits(rng: np.random.Generator, moments: Moments, dim: int, m: int) -> list[ConditionalGaussian]:
    """Draws of m rows fitted as rows are."""
    root, width = np.linalg.cholesky(moments.cov), len(moments.mean)
    draws = (moments.mean + rng.normal(size=(m, width)) @ root.T for _ in range(DRAWS))
    return [regression(*moments_of(draw), dim, m) for draw in draws]


def _excess(truth: ConditionalGaussian, known: Moments, fit: ConditionalGaussian) -> float:
    """KL(truth || fit) of y given w, averaged over w of the moments ``known``, nats."""
    cov, fitted = _covariance(truth), _covariance(fit)
    tilt = _array(fit.slope) - _array(truth.slope)
    shift = _array(fit.mean) - _array(truth.mean)
    shift = shift + _array(fit.slope) @ (known.mean - _array(fit.given_mean))
    second = cov + tilt @ known.cov @ tilt.T + np.outer(shift, shift)
    log_det = np.linalg.slogdet(fitted)[1] - np.linalg.slogdet(cov)[1]
    return 0.5 * float(log_det + np.trace(np.linalg.solve(fitted, second)) - len(cov))


def _covariance(gaussian: ConditionalGaussian) -> np.ndarray:
    axes = _array(gaussian.axes)
    return axes * _array(gaussian.variances) @ axes.T


def _array(values: object) -> np.ndarray:
    return np.asarray(values, dtype=np.float64)
