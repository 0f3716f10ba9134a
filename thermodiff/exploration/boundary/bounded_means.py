"""Bounds on the mean of values in [0, 1] that hold at any number of problems, whatever the values are."""

from __future__ import annotations

import numpy as np

HALVINGS = 60


def bounds_of_mean(mean: np.ndarray, M: int, error: float) -> tuple[np.ndarray, np.ndarray]:
    """Lower and upper bound on E x from the mean of M independent x in [0, 1]: all u with M kl(mean, u) <= ln(2/error).

    kl(m, u) = m ln(m/u) + (1-m) ln((1-m)/(1-u)). The x need not be alike; then it is the mean of their E x that lies
    outside with chance at most ``error``. Hoeffding 1963, theorem 1, eq. 2.1.
    """
    limit = np.log(2 / error) / M
    return 1 - _upper(1 - mean, limit), _upper(mean, limit)


def _upper(mean: np.ndarray, limit: float) -> np.ndarray:
    """The largest u with kl(mean, u) <= limit, by halving."""
    from scipy.special import rel_entr

    low, high = mean, np.ones_like(mean)
    for _ in range(HALVINGS):
        middle = (low + high) / 2
        inside = rel_entr(mean, middle) + rel_entr(1 - mean, 1 - middle) <= limit
        low, high = np.where(inside, middle, low), np.where(inside, high, middle)
    return high
