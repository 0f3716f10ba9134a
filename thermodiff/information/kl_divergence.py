"""Kullback-Leibler divergence of two samples from score networks trained on each.

    KL(p || q) = CE(p, q) - S(p),    CE(p, q) = E_p[-ln G_q] - int E_p K_q d ell,
K_q the readings of ``cross_fitting.negentropy`` of q's networks at p's rows. Source: theory section 6 (this project).
"""

from __future__ import annotations

from functools import partial
from typing import Any

import jax
import numpy as np

from thermodiff.array_types import Key
from thermodiff.information.arguments import MakeMarginals, check_arguments, checked_rows, labels
from thermodiff.information.coordinate_maps import Asinh
from thermodiff.information.coordinates import Coordinates
from thermodiff.information.cross_fitting.few_rows import are_shrunk
from thermodiff.information.cross_fitting.folds import CrossFitting
from thermodiff.information.cross_fitting.half_effort import FoldRows, Part
from thermodiff.information.cross_fitting.judged_rows import Rows, added, corrected
from thermodiff.information.cross_fitting.missing import (
    NOTHING,
    Lost,
    Missing,
    missing_of_cross,
    missing_of_cross_maps,
)
from thermodiff.information.cross_fitting.one_fold import Trained, corrections
from thermodiff.information.cross_fitting.white_rows import white_rows
from thermodiff.information.entropy_sums import (
    READINGS,
    cross_fitted_sum,
    report,
    trained_at_once,
    warnings_of,
)
from thermodiff.information.gaussian_bias import cross_gaussian_bias, moment_error
from thermodiff.information.overlap import overlap_warnings
from thermodiff.information.report import Information
from thermodiff.information.warnings import tail_warning
from thermodiff.runtime.devices import in_full_precision
from thermodiff.training.jobs import Job, run_jobs
from thermodiff.validation import complain


@in_full_precision
def kl_divergence(
    key: Key,
    samples_p: Any,
    samples_q: Any,
    *,
    marginals: MakeMarginals = Asinh,
    settings: CrossFitting | None = None,
    effort: str | None = None,
    progress: bool = False,
) -> Information:
    """KL(p || q) = CE(p, q) - S(p) from rows of p (n, d) and rows of q (m, d), nats.

    One map of single coordinates, fitted to both samples, serves both, unless columns of one are narrow together: that
    one then has coordinates of its own. Networks trained on q are evaluated on the rows of p. The standard error is
    that of the sampling of p, of the bracket, and of the moments of q from m rows (``moment_error``). Arguments and
    errors as in ``data_entropy``; terms: ``cross entropy`` and ``entropy`` of p in the units of the rows.
    """
    key, settings = check_arguments(key, marginals, settings, effort)
    p, q = checked_rows("samples_p", samples_p), checked_rows("samples_q", samples_q)
    if p.shape[1] != q.shape[1]:
        raise complain("samples_q", f"{q.shape[1]} columns", f"as many as samples_p has, {p.shape[1]}")
    map_p, map_q = Coordinates(p, marginals, q), Coordinates(q, marginals, p)
    z_p, z_q, p_seen = map_p.forward(p), map_q.forward(q), map_q.forward(p)
    part = Part(tuple(range(p.shape[1])))
    key_p, key_q, key_cross = jax.random.split(key, 3)
    plans = [
        cross_fitted_sum(k, z, {part: 1.0}, settings, map_columns=True)
        for k, z in ((key_p, z_p), (key_q, z_q))
    ]
    (answers_p, rows_p), (answers_q, rows_q) = trained_at_once(plans, progress)
    rows_p = rows_p.shifted(-map_p.log_derivative(p))
    white = white_rows(z_q, p.shape[1])
    rows_seen = white.forward(p_seen)
    cross = _cross(key_cross, rows_seen, answers_p[part], answers_q[part], progress)
    cross = cross.shifted(white.log_jacobian - map_q.log_derivative(p))
    total = added([(1.0, cross), (-1.0, rows_p)])
    terms = {"cross entropy": float(cross.best.mean()), "entropy": float(rows_p.best.mean())}
    warnings = warnings_of(z_p, answers_p, rows_p, settings) + warnings_of(z_q, answers_q, rows_q, settings)
    for name, array, z in ("samples_p", samples_p, z_p), ("samples_q", samples_q, z_q):
        warnings += tail_warning(z, labels({name: array}))
    unique = list(dict.fromkeys(warnings + overlap_warnings(rows_seen, white.forward(z_q))))
    return report("KL divergence", total, terms, unique, other=moment_error(p_seen, z_q))


def _cross(key: Key, z: np.ndarray, folds_p: list[FoldRows], folds_q: list[FoldRows], progress: bool) -> Rows:
    """-ln q of every row of p (n,), by the networks k of q on fold k of p; the Gaussian part unbiased."""
    held, less, quadratic, divergence = (np.full(len(z), np.nan) for _ in range(4))
    jobs = []
    for k, (of_p, of_q) in enumerate(zip(folds_p, folds_q, strict=True)):
        noise, rows = jax.random.fold_in(key, k), z[of_p.fold.held_out]
        for trained, m in ((of_q.trained, len(of_q.fold.training)), (of_q.less, len(of_q.fold.half))):
            jobs.append(Job(partial(_readings, noise, trained, rows, m), float(len(rows))))
    found = run_jobs(jobs, "evaluations", progress)
    for of_p, whole, half in zip(folds_p, found[::2], found[1::2], strict=True):
        held_out = of_p.fold.held_out
        less[held_out] = half["denoising"]
        held[held_out] = whole["denoising"]
        quadratic[held_out] = whole["quadratic"]
        divergence[held_out] = whole["divergence"]
    n = sum(len(of_q.fold.held_out) for of_q in folds_q)
    lost = [(less - held)[of_p.fold.held_out] for of_p in folds_p]
    missing = _missing([of_q.trained for of_q in folds_q], Lost.by_fold(lost), z.shape[1], n)
    return corrected(held, less, quadratic, divergence, missing)


def _missing(trained: list[Trained], lost: Lost, columns: int, n: int) -> Missing:
    """What is missing of a cross entropy."""
    if not any(one.learned for one in trained):
        return NOTHING
    if all(one.score is None for one in trained):
        return missing_of_cross_maps(lost)
    return missing_of_cross(lost, columns, n)


def _readings(key: Key, trained: Trained, rows: np.ndarray, m: int) -> dict[str, np.ndarray]:
    """-ln q of rows (n, d) in each reading, by a network that was fitted to m rows of q.

    What the Gaussian of so few rows that it was shrunk is wrong by under another law is not known, and stays in.
    """
    d = rows.shape[1]
    correction = corrections(key, trained, rows, tuple(range(d)), d)
    cost = correction.gaussian
    excess = np.zeros_like(cost) if are_shrunk(m, d) else cross_gaussian_bias(cost, trained.reference, m)
    return {name: correction.entropy(name, trained.scale) - excess for name in READINGS}
