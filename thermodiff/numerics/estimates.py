"""Means, covariances and their errors on the host, in double precision, a part of the rows at a time."""

from __future__ import annotations

from typing import Any

import numpy as np
from jaxtyping import Float

from thermodiff.types import Estimate


def estimate_rows(values: Float[np.ndarray, " n"]) -> Estimate:
    """Mean and standard error sqrt(var/n) of independent rows' values (n,), in double precision on the host."""
    return Estimate(float(values.mean()), float(values.std(ddof=1) / np.sqrt(len(values))), len(values))


ROWS_AT_ONCE = 65536
"""Rows of a large sample that are in memory in double precision at one time."""


def streamed_moments(x: Any) -> tuple[np.ndarray, np.ndarray]:
    """Mean (d,) and covariance (d, d), over n, of the rows x (n, d), in double precision, ``ROWS_AT_ONCE`` at a time.

    In two passes, so that a mean far from zero costs no digits; x may be memory-mapped.
    """
    n, d = x.shape
    parts = [slice(i, i + ROWS_AT_ONCE) for i in range(0, n, ROWS_AT_ONCE)]
    mean = sum(np.asarray(x[part], dtype=np.float64).sum(axis=0) for part in parts) / n
    cov = np.zeros((d, d))
    for part in parts:
        centred = np.asarray(x[part], dtype=np.float64) - mean
        cov += centred.T @ centred
    return mean, cov / n


def as_float64(x: Any) -> np.ndarray:
    """A host copy in double precision, for closed forms and quadrature."""
    return np.asarray(x, dtype=np.float64)
