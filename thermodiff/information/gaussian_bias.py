"""By how much Gaussians fitted to few rows are wrong: exact for Gaussian rows, by Wishart's law.

For a covariance C (over n - 1) of n rows of N(m, Sigma) in d dimensions E ln det C is a sum of digammas and
E C^-1 = nu/(nu - d - 1) Sigma^-1 with nu = n - 1; every bias here follows from the two. Source: this project.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from scipy.special import digamma


def moment_error(p: np.ndarray, q: np.ndarray) -> float:
    """Standard error of E_p[-ln G_q] that comes from the m rows of q (m, d), nats.

    To first order row i of q moves the mean and covariance of G_q by (q_i - m)/m and ((q_i - m)(q_i - m)^T - C)/m and
    with them the cross entropy by a_i/m,
        a_i = -delta . u_i + (u_i^T (C - M) u_i)/2 + const.,    u_i = C^-1 (q_i - m),
    delta and M the first and second moments of p about m; the error is std(a)/sqrt(m). Source: this project.
    """
    mean, cov = q.mean(axis=0), np.cov(q, rowvar=False).reshape(2 * q.shape[1:])
    apart = p - mean
    u = np.linalg.solve(cov, (q - mean).T).T
    second = apart.T @ apart / len(p)
    influence = -u @ apart.mean(axis=0) + 0.5 * np.einsum("ni,ij,nj->n", u, cov - second, u)
    return float(influence.std(ddof=1) / np.sqrt(len(q)))


def cross_gaussian_bias(cost: np.ndarray, reference: Any, m: int) -> np.ndarray:
    """What -ln G exceeds its value under the true moments by, row by row, G fitted to m Gaussian rows.

    With nu = m - 1: E ln det is a sum of digammas; E (x - m)^T cov^-1 (x - m) is nu/(nu - d - 1) times its true value
    plus d/m times that.
    """
    d, nu = reference.dim, m - 1
    if nu <= d + 1:
        return np.zeros_like(cost)
    variances = np.asarray(reference.variances, dtype=np.float64)
    inflation = nu / (nu - d - 1)
    distance = cost - 0.5 * np.sum(np.log(2 * np.pi * variances))
    return 0.5 * wishart_log_det_bias(m, d) + distance * (1 - 1 / inflation) + 0.5 * d / m


def gaussian_bias(m: int, d: int, given: int = 0) -> float:
    """By how much -ln of the Gaussian y | w fitted to m rows exceeds the entropy on other rows, nats.

    For Gaussian data of d columns and c given ones, exactly. With nu = m - 1 - c degrees of freedom E ln det of the
    residuals' covariance is a sum of digammas, E of its inverse nu/(nu - d - 1) times the inverse, and the fitted
    centre adds (1 + 1/m)(m - 2)/(m - c - 2) - 1 of the variance. About d(d + 3 + 2c)/4m. Not known, and taken for
    zero, for nu <= d + 1.
    """
    nu = m - 1 - given
    if nu <= d + 1:
        return 0.0
    inflation = nu / (nu - d - 1) * (1 + 1 / m) * (m - 2) / (m - given - 2)
    return 0.5 * wishart_log_det_bias(nu + 1, d) + 0.5 * d * (inflation - 1)


def seen_gaussian_bias(m: int, d: int) -> float:
    """By how much -ln of the Gaussian fitted to m Gaussian rows exceeds the entropy on those rows: negative, nats."""
    return 0.5 * wishart_log_det_bias(m, d) - 0.5 * d / m


def wishart_log_det_bias(n: int, d: int) -> float:
    """E ln det C - ln det Sigma of the covariance C (over n - 1) of n Gaussian rows of dimension d < n, nats.

    sum_(i=1..d) digamma((n - i)/2) + d ln 2/(n - 1), exactly: ln det of a Wishart matrix is a sum of ln chi^2.
    """
    return float(digamma((n - np.arange(1, d + 1)) / 2).sum() + d * np.log(2 / (n - 1)))
