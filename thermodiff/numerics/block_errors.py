"""The standard error of a mean of dependent values: by overlapping blocks whose length the values choose.

    se^2 = b/(n - b) mean_i (mean of the b values from i on - mean)^2,    after the last value comes the first,

which is what the circular block bootstrap gives with all resamples at once. The length is that of Politis & White
(2004), eq. (9), with the correction of Patton, Politis & White (2009): b = (2 G^2/D)^(1/3) n^(1/3), where
    G = sum_k lambda(k/M) |k| R(k),    D = (4/3) (sum_k lambda(k/M) R(k))^2
for autocovariances R, the flat-top window lambda and M twice the lag after which correlations are no longer seen.
"""

from __future__ import annotations

import numpy as np
from jaxtyping import Float

from thermodiff.types import Estimate

UNSEEN = 2.0
"""Correlations below so many sqrt(log10 n/n) count as none."""


def block_length(values: Float[np.ndarray, " n"]) -> int:
    """How many values of a stationary series (n,) make a block: 1 where they are not correlated."""
    n = len(values)
    most = int(min(np.ceil(3 * np.sqrt(n)), n // 3))
    covariance = _autocovariance(values)
    if most < 2 or covariance[0] <= 0:
        return 1
    run = max(5, int(np.ceil(np.sqrt(np.log10(n)))))
    seen = np.abs(covariance[1:] / covariance[0]) >= UNSEEN * np.sqrt(np.log10(n) / n)
    reach = min(int(np.ceil(np.sqrt(n))) + run, n - 1 - run)
    quiet = [lag for lag in range(reach) if not seen[lag : lag + run].any()]
    window = 2 * max(1, quiet[0] if quiet else reach)
    lags = np.arange(-min(window, n - 1), min(window, n - 1) + 1)
    weights = np.clip(2 * (1 - np.abs(lags) / window), 0.0, 1.0)
    summed = weights * covariance[np.abs(lags)]
    spectrum = 4 / 3 * np.sum(summed) ** 2
    if spectrum <= 0:
        return 1
    length = np.cbrt(2 * np.sum(np.abs(lags) * summed) ** 2 / spectrum * n)
    return int(np.clip(np.ceil(length), 1, most))


def estimate_dependent(values: Float[np.ndarray, " n"], length: int | None = None) -> Estimate:
    """Mean and standard error of a stationary series (n,), by blocks of ``length`` (default: ``block_length``)."""
    n, b = len(values), length or block_length(values)
    around = np.concatenate([values, values[: b - 1]]) - values.mean()
    sums = np.cumsum(np.concatenate([[0.0], around]))
    means = (sums[b:] - sums[:-b]) / b
    return Estimate(float(values.mean()), float(np.sqrt(b / (n - b) * np.mean(means**2))), n)


def _autocovariance(values: np.ndarray) -> np.ndarray:
    """R(k) = (1/n) sum_i (v_i - mean)(v_(i+k) - mean), shape (n,), by the fast Fourier transform."""
    n = len(values)
    transform = np.fft.rfft(values - values.mean(), 2 * n)
    return np.fft.irfft(np.abs(transform) ** 2)[:n] / n
