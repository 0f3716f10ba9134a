"""The shape k of the largest weights' tail: whether a mean of weights, and its error, can be believed.

Weights of a sample whose tail falls as w^(-1/k) have a finite variance for k < 1/2 and a finite mean for k < 1. The
effective sample size is blind to what the sample holds none of; k is told by how the largest that it holds are spread,
by a generalised Pareto law fitted to the m = min(n/5, 3 sqrt n) largest (Zhang & Stephens 2009). Above
min(1 - 1/log10 n, 0.7) neither mean nor error are reliable at that n (Vehtari et al. 2024). NumPy alone.
"""

from __future__ import annotations

from typing import Any

import numpy as np

FEWEST = 5
"""Weights of a tail."""
LARGEST = 0.7
PRIOR_WEIGHT, PRIOR_SHAPE = 10, 0.5
"""The fit is drawn to this shape as if by so many weights: Vehtari et al. (2024), appendix C."""


def largest_shape(n: int) -> float:
    """min(1 - 1/log10 n, 0.7), above which a mean of n weights is not to be believed."""
    return min(1 - 1 / np.log10(max(n, 2)), LARGEST)


def pareto_shape(log_weights: Any) -> float:
    """k of the tail of weights (n,) given by their logarithms; -infinity where the largest are all equal, or too few.

    Source: Zhang & Stephens (2009), with the prior of Vehtari et al. (2024).
    """
    log_weights = np.sort(np.asarray(log_weights, dtype=np.float64).ravel())
    n = len(log_weights)
    m = int(min(n / 5, 3 * np.sqrt(n)))
    if m < FEWEST or not np.isfinite(log_weights[-1]):
        return -np.inf
    tail = np.exp(log_weights[-m - 1 :] - log_weights[-1])
    above = tail[1:] - tail[0]
    above = above[above > 1e-12]
    return _fitted(above) if len(above) >= FEWEST else -np.inf


def _fitted(above: np.ndarray) -> float:
    """k of the generalised Pareto law of sorted excesses: the posterior mean over theta = -k/scale."""
    m = len(above)
    nodes = 30 + int(np.sqrt(m))
    quartile = above[int(m / 4 + 0.5) - 1]
    theta = 1 / above[-1] + (1 - np.sqrt(nodes / (np.arange(1, nodes + 1) - 0.5))) / (3 * quartile)
    shape = np.log1p(-theta[:, None] * above).mean(axis=1)
    log_likelihood = m * (np.log(-theta / shape) - shape - 1)
    weights = np.exp(log_likelihood - log_likelihood.max())
    chosen = float(theta @ weights / weights.sum())
    k = float(np.log1p(-chosen * above).mean())
    return (m * k + PRIOR_WEIGHT * PRIOR_SHAPE) / (m + PRIOR_WEIGHT)
