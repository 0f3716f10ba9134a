"""Means of numbers that hang together in clusters: tokens of one rollout, rollouts of one problem.

A mean over tokens is a ratio of sums, R = sum_g S_g / sum_g N_g over the problems g. Its error comes from the residuals
e_g = S_g - R N_g of whole problems,
    se^2 = G/(G - 1) sum_g e_g^2 / (sum_g N_g)^2                 (Cochran, Sampling Techniques, 1977, eq. 6.9)
whatever the dependence within a problem. With one problem there is no error to be had: NaN.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from thermodiff.types import Estimate


def index_of(names: Any) -> np.ndarray:
    """Of each entry, the number 0..G-1 of its name, in the order of the sorted names."""
    return np.unique(np.asarray(names), return_inverse=True)[1].reshape(-1)


def sums_by(groups: np.ndarray, values: Any, count: int | None = None) -> np.ndarray:
    """Sums of ``values`` (N,) or (N, B) over the entries of each group 0..G-1: (G,) or (G, B)."""
    values = np.asarray(values, dtype=np.float64)
    size = int(groups.max()) + 1 if count is None else count
    if values.ndim == 1:
        return np.bincount(groups, weights=values, minlength=size)
    columns = [np.bincount(groups, weights=column, minlength=size) for column in values.T]
    return np.stack(columns, axis=1)


def ratio_residuals(top: np.ndarray, bottom: np.ndarray) -> tuple[Any, np.ndarray]:
    """R = sum top / sum bottom over axis 0, and what each cluster adds to its error, (top - R bottom)/sum bottom.

    ``top`` and ``bottom`` are sums of clusters, (G,) or (G, B). Where a denominator is 0, NaN.
    """
    total = bottom.sum(axis=0)
    with np.errstate(divide="ignore", invalid="ignore"):
        ratio = top.sum(axis=0) / total
        return ratio, (top - ratio * bottom) / total


def clustered_error(residuals: np.ndarray) -> Any:
    """Standard error from what each cluster adds, (G,) or (G, B); NaN for a single cluster."""
    clusters = len(residuals)
    if clusters < 2:
        return np.full(residuals.shape[1:], np.nan)[()]
    return np.sqrt(clusters / (clusters - 1) * np.square(residuals).sum(axis=0))


def clustered_mean(values: Any, groups: np.ndarray) -> Estimate:
    """Mean of ``values`` (N,) with the error of the clusters that ``groups`` (N,) numbers; n is how many these are.

    Of no values at all: NaN, n = 0.
    """
    values = np.asarray(values, dtype=np.float64)
    if not len(values):
        return Estimate(np.nan, np.nan, 0)
    present = index_of(groups)
    ratio, residuals = ratio_residuals(sums_by(present, values), sums_by(present, np.ones(len(values))))
    return Estimate(float(ratio), float(clustered_error(residuals)), len(residuals))
