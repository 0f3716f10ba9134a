"""Kullback-Leibler divergence of two samples from score networks trained on each.

    KL(p || q) = CE(p, q) - S(p),    CE(p, q) = E_p[-ln G_q] - int E_p K_q d ell,
K_q the readings of ``gaussian_correction`` of q's networks at p's rows. Source: theory section 6 (this project).
"""

from __future__ import annotations

from typing import Any

import jax
import numpy as np

from thermodiff.cross_fitting import CrossFitting, FoldRows, Part, Rows
from thermodiff.fold_training import Trained, corrections
from thermodiff.information_report import Information
from thermodiff.information_sums import (
    READINGS,
    MakeMarginals,
    check_arguments,
    checked_rows,
    cross_fitted_sum,
    report,
    teller,
    warnings_of,
)
from thermodiff.marginals import Asinh
from thermodiff.numerics import wishart_log_det_bias
from thermodiff.types import Key
from thermodiff.validation import complain


def kl_divergence(
    key: Key,
    samples_p: Any,
    samples_q: Any,
    *,
    marginals: MakeMarginals = Asinh,
    settings: CrossFitting = CrossFitting(),  # noqa: B008  frozen
    progress: bool = False,
) -> Information:
    """KL(p || q) = CE(p, q) - S(p) from rows of p (n, d) and rows of q (m, d), nats.

    One map of the coordinates, fitted to both samples, serves both. Networks trained on q are evaluated on the rows of
    p. The standard error is that of the sampling of p, of the bracket, and of the moments of q from m rows
    (``moment_error``). Arguments and errors as in ``data_entropy``; terms: ``cross entropy`` and ``entropy`` of p after
    the map.
    """
    check_arguments(key, marginals, settings)
    p, q = checked_rows("samples_p", samples_p), checked_rows("samples_q", samples_q)
    if p.shape[1] != q.shape[1]:
        raise complain("samples_q", f"{q.shape[1]} columns", f"as many as samples_p has, {p.shape[1]}")
    fitted = marginals(np.concatenate([p, q]))
    z_p, z_q = fitted.forward(p), fitted.forward(q)
    part = Part(tuple(range(p.shape[1])))
    key_p, key_q, key_cross = jax.random.split(key, 3)
    with teller(2 * settings.folds, progress) as tell:
        answers_p, rows_p = cross_fitted_sum(key_p, z_p, {part: 1.0}, settings, frozenset(), tell)
        answers_q, rows_q = cross_fitted_sum(key_q, z_q, {part: 1.0}, settings, frozenset(), tell)
    cross = _cross(key_cross, z_p, answers_p[part], answers_q[part])
    total = Rows(*(of_q - of_p for of_q, of_p in zip(cross, rows_p, strict=True)))
    terms = {"cross entropy": float(cross.best.mean()), "entropy": float(rows_p.best.mean())}
    warnings = warnings_of(z_p, answers_p, rows_p, settings) + warnings_of(z_q, answers_q, rows_q, settings)
    unique = list(dict.fromkeys(warnings))
    return report("KL divergence", total, terms, unique, other=moment_error(z_p, z_q))


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


def _cross(key: Key, z: np.ndarray, folds_p: list[FoldRows], folds_q: list[FoldRows]) -> Rows:
    """-ln q of every row of p (n,), by the networks k of q on fold k of p; the Gaussian part unbiased."""
    rows = Rows(*(np.full(len(z), np.nan) for _ in Rows._fields))
    for k, (of_p, of_q) in enumerate(zip(folds_p, folds_q, strict=True)):
        held_out, noise = of_p.fold.held_out, jax.random.fold_in(key, k)
        whole = _readings(noise, of_q.trained, z[held_out], len(of_q.fold.training))
        half = _readings(noise, of_q.less, z[held_out], len(of_q.fold.half))
        rows.half[held_out] = half["denoising"]
        rows.held_out[held_out] = whole["denoising"]
        rows.quadratic[held_out] = whole["quadratic"]
        rows.divergence[held_out] = whole["divergence"]
    return rows


def _readings(key: Key, trained: Trained, rows: np.ndarray, m: int) -> dict[str, np.ndarray]:
    """-ln q of rows (n, d) in each reading, by a network that was fitted to m rows of q."""
    d = rows.shape[1]
    correction = corrections(key, trained, rows, tuple(range(d)), d)
    excess = _cross_bias(correction.gaussian, trained.reference, m)
    return {name: correction.entropy(name, trained.scale) - excess for name in READINGS}


def _cross_bias(cost: np.ndarray, reference: Any, m: int) -> np.ndarray:
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
