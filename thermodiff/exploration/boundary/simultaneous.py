"""The quantile that makes a band hold at every k at once: sup-t, from a Gaussian with the estimates' correlations."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

LEAST_EIGENVALUE = 1e-10
"""Relative to the largest; what is below is rounding. Curves are smooth: of 128 directions some 20 are left."""

MOST_PLACES = 600
"""An eigenvalue problem of more is minutes, and the largest |Z_k| is on the grid or beside it."""


def sup_t(covariances: Sequence[np.ndarray], level: float, draws: int, seed: int) -> float:
    """The ``level`` quantile of max_k |Z_k|, Z Gaussian of mean 0 with the correlations of ``covariances``.

    Each covariance (K, K) is a block of its own; between blocks Z is independent, which can only make the quantile
    larger (the Gaussian correlation inequality, Royen 2014). Negative eigenvalues are taken as 0, a k without variance
    takes no part; 0.0 if none has any. One k alone needs no draws: its quantile is exact.
    """
    from scipy.special import ndtri

    blocks = (
        covariance[np.ix_(grid, grid)] for covariance in covariances for grid in [_grid(len(covariance))]
    )
    factors = [factor for block in blocks if (factor := _correlation_factor(block)).size]
    if not factors:
        return 0.0
    if sum(len(factor) for factor in factors) == 1:
        return float(ndtri(0.5 + 0.5 * level))
    rng = np.random.default_rng(seed)
    largest = np.zeros(draws)
    for factor in factors:
        z = factor @ rng.standard_normal((factor.shape[1], draws))
        largest = np.maximum(largest, np.abs(z, out=z).max(0))
    return float(np.quantile(largest, level))


def _grid(K: int) -> np.ndarray:
    """All of K places, or of very many those that a geometric grid picks: neighbours far out move as one."""
    return np.arange(K) if K <= MOST_PLACES else np.unique(np.geomspace(1, K, MOST_PLACES).astype(int) - 1)


def _correlation_factor(covariance: np.ndarray) -> np.ndarray:
    """L with L L^T the correlations of the k that have variance, as many columns as there are directions."""
    sd = np.sqrt(np.maximum(np.diag(covariance), 0))
    some = sd > 0
    sd = sd[some]
    if not some.any():
        return np.zeros((0, 0))
    values, vectors = np.linalg.eigh(covariance[np.ix_(some, some)] / sd / sd[:, None])
    large = values > LEAST_EIGENVALUE * values[-1]
    factor = vectors[:, large] * np.sqrt(values[large])
    # Without the negative eigenvalues the variances are no longer 1.
    return factor / np.linalg.norm(factor, axis=1, keepdims=True)
