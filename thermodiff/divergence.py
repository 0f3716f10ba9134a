"""Kullback-Leibler divergence of two samples from score networks trained on each.

    KL(p || q) = CE(p, q) - S(p),    CE(p, q) = E_p[-ln G_q] - int E_p K_q d ell,
K_q the readings of ``gaussian_correction`` of q's networks at p's rows. Source: theory section 6 (this project).
"""

from __future__ import annotations

from typing import Any

import jax
import numpy as np

from thermodiff.cross_fitting import CrossFitting, FoldRows, Rows, corrections, gaussian_biases
from thermodiff.information_report import Information
from thermodiff.information_sums import (
    READINGS,
    MakeMarginals,
    checked_rows,
    cross_fitted_sum,
    report,
    teller,
    warnings_of,
)
from thermodiff.marginals import Asinh
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
    p. What those networks lose on rows of q that they have not seen, half of the difference between held-out and seen
    rows, is taken off CE(p, q) and widens the bracket. The standard error is that of the sampling of p and of the
    bracket; that the moments of q are known from m rows alone is not in it. Arguments and errors as in
    ``data_entropy``; terms: ``cross entropy`` and ``entropy`` of p after the map.
    """
    p, q = checked_rows("samples_p", samples_p), checked_rows("samples_q", samples_q)
    if p.shape[1] != q.shape[1]:
        raise complain("samples_q", f"{q.shape[1]} columns", f"as many as samples_p has, {p.shape[1]}")
    fitted = marginals(np.concatenate([p, q]))
    z_p, z_q = fitted.forward(p), fitted.forward(q)
    columns = tuple(range(p.shape[1]))
    key_p, key_q, key_cross = jax.random.split(key, 3)
    with teller(2 * settings.folds, progress) as tell:
        answers_p, rows_p = cross_fitted_sum(key_p, z_p, {columns: 1.0}, settings, frozenset(), tell)
        answers_q, rows_q = cross_fitted_sum(key_q, z_q, {columns: 1.0}, settings, frozenset(), tell)
    loss_q = 0.5 * max(0.0, float(np.mean(rows_q.held_out - rows_q.seen)))
    cross = _cross(key_cross, z_p, answers_p[columns], answers_q[columns])
    total = Rows(
        cross["denoising"] - rows_p.seen,
        cross["denoising"] - 2 * loss_q - rows_p.held_out,
        cross["quadratic"] - rows_p.quadratic,
        cross["divergence"] - rows_p.divergence,
    )
    terms = {
        "cross entropy": float(cross["denoising"].mean()) - loss_q,
        "entropy": float(rows_p.middle.mean()),
    }
    warnings = warnings_of(z_p, answers_p, rows_p, settings) + warnings_of(z_q, answers_q, rows_q, settings)
    return report("KL divergence", total, terms, list(dict.fromkeys(warnings)))


def _cross(
    key: Key, z: np.ndarray, folds_p: list[FoldRows], folds_q: list[FoldRows]
) -> dict[str, np.ndarray]:
    """-ln q of every row of p (n,) in each reading, by network k of q on fold k of p; its Gaussian part unbiased."""
    values = {name: np.full(len(z), np.nan) for name in READINGS}
    d = z.shape[1]
    for k, (of_p, of_q) in enumerate(zip(folds_p, folds_q, strict=True)):
        held_out, trained = of_p.fold.held_out, of_q.trained
        noise = jax.random.fold_in(key, k)
        correction = corrections(noise, trained, z[held_out], tuple(range(d)), d)
        excess = _cross_bias(correction.gaussian, trained.reference, len(of_q.fold.training))
        for name, of_reading in values.items():
            of_reading[held_out] = correction.entropy(name, trained.scale) - excess
    return values


def _cross_bias(cost: np.ndarray, reference: Any, m: int) -> np.ndarray:
    """What -ln G exceeds its value under the true moments by, row by row, G fitted to m Gaussian rows.

    With nu = m - 1: E ln det is a sum of digammas; E (x - m)^T cov^-1 (x - m) is nu/(nu - d - 1) times its true value
    plus d/m times that.
    """
    d, nu = reference.dim, m - 1
    if nu <= d + 1:
        return np.zeros_like(cost)
    variances = np.asarray(reference.variances, dtype=np.float64)
    held_out, _ = gaussian_biases(m, d)
    inflation = nu / (nu - d - 1)
    log_det_bias = held_out - 0.5 * d * (inflation * (1 + 1 / m) - 1)
    distance = cost - 0.5 * np.sum(np.log(2 * np.pi * variances))
    return log_det_bias + distance * (1 - 1 / inflation) + 0.5 * d / m
