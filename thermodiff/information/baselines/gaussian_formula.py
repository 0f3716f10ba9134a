"""Mutual information of the Gaussian that has the rows' covariance, without its bias."""

from __future__ import annotations

from typing import Any

import numpy as np
from scipy.linalg import solve_triangular

from thermodiff.distributions.sample_checks import check_samples, sample_rows
from thermodiff.information.gaussian_bias import wishart_log_det_bias
from thermodiff.numerics.estimates import estimate_rows
from thermodiff.types import Estimate
from thermodiff.validation import complain


def gaussian_mutual_information(x: Any, y: Any) -> Estimate:
    """I of the Gaussian with the covariance of paired rows x (n, a) and y (n, b), nats.

        I = -(1/2) ln det C/(det C_x det C_y) - bias,   bias = (b_a + b_b - b_(a+b))/2,
        b_d = E ln det C - ln det Sigma = sum_(i=1..d) digamma((n - i)/2) + d ln 2/(n - 1)

    without bias for Gaussian rows (Wishart's law), whatever their covariance. Its standard error is that of the mean of
    ln p(x, y)/p(x)p(y) over the rows. Raises ValueError for samples that have no density, unless both have as many
    rows, and for n <= a + b.
    """
    named = {"x": x, "y": y}
    x, y = (np.asarray(sample_rows(name, rows), dtype=np.float64) for name, rows in named.items())
    n, a, b = len(x), x.shape[1], y.shape[1]
    if len(y) != n:
        raise complain("y", f"{len(y)} rows", f"as many as x has, {n}")
    joint = np.hstack([x, y])
    check_samples("x and y side by side", joint)
    first, second, both = (_minus_log_gaussian(rows) for rows in (x, y, joint))
    bias = 0.5 * (wishart_log_det_bias(n, a) + wishart_log_det_bias(n, b) - wishart_log_det_bias(n, a + b))
    information = estimate_rows(first + second - both)
    return information._replace(mean=information.mean - bias)


def _minus_log_gaussian(rows: np.ndarray) -> np.ndarray:
    """-ln N(x; mean, covariance) of rows (n, d) under their own moments, shape (n,), without the terms in d alone."""
    centred = rows - rows.mean(axis=0)
    root = np.linalg.cholesky(centred.T @ centred / (len(rows) - 1))
    white = solve_triangular(root, centred.T, lower=True)
    return 0.5 * np.square(white).sum(axis=0) + np.log(np.diag(root)).sum()
