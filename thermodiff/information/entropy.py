"""Entropy of data, and of columns given others, from score networks trained on them.

    S(x)     = S(z) - E ln|dz/dx|,                  z = the coordinates that are modelled (``coordinates``)
    S(z)     = E[-ln G] - int E|n - n_G|^2 d ell    a Gaussian, and what corrects it (``cross_fitting.negentropy``)
Every entropy is one ``cross_fit``. Source: theory section 6 (this project), after arXiv 2510.06174 and its successor.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Sequence
from typing import Any

import numpy as np

from thermodiff.array_types import Key
from thermodiff.information.arguments import (
    MakeMarginals,
    blocks,
    check_arguments,
    check_no_function,
    checked_rows,
    labels,
    paired_rows,
)
from thermodiff.information.coordinate_maps import Asinh, Gaussianise
from thermodiff.information.coordinates import Coordinates, conditional_table
from thermodiff.information.cross_fitting.folds import CrossFitting
from thermodiff.information.cross_fitting.half_effort import Part, truncation
from thermodiff.information.cross_fitting.white_rows import white_rows
from thermodiff.information.entropy_sums import (
    cross_fitted_sum,
    gaussian_entropy_of,
    report,
    trained_at_once,
    warnings_of,
)
from thermodiff.information.gaussian_bias import wishart_log_det_bias
from thermodiff.information.report import Information
from thermodiff.information.warnings import above_gaussian_warning, tail_warning
from thermodiff.runtime.devices import in_full_precision


@in_full_precision
def data_entropy(
    key: Key,
    samples: Any,
    *,
    marginals: MakeMarginals = Asinh,
    settings: CrossFitting | None = None,
    effort: str | None = None,
    progress: bool = False,
) -> Information:
    """Differential entropy S(x) of independent rows ``samples`` (n, d), in nats in the units of the samples.

    Args:
        key: fixes folds, training and noise.
        samples: rows of a density; integers have none (``dequantise`` them).
        marginals: Asinh (long tails are bent), Standardise, or a class of your own with the same methods.
        settings: folds and training, unless an ``effort`` names them.
        effort: "quick", "standard" (where neither is given) or "thorough"; what each takes and how wrong it is, is
            measured in docs/information.md.
        progress: how far the trainings are, and how long is left, on stderr: a bar on a terminal, lines elsewhere.

    Returns:
        ``Information`` with the terms ``gaussian`` (entropy of the Gaussian of the same moments, after the marginal
        map), ``negentropy`` (how far below it the entropy lies), ``marginal map`` (with the mixing of columns that
        are narrow together, where there are any) and ``truncation``.

    Raises:
        ValueError: for samples that have no density or too few rows; NotKnownError for ``Gaussianise``.
    """
    key, settings = check_arguments(key, marginals, settings, effort)
    x = checked_rows("samples", samples)
    fitted = Coordinates(x, marginals)
    part = Part(tuple(range(x.shape[1])))
    z, called = fitted.forward(x), labels({"samples": samples})
    return _entropy(key, "entropy", x, z, part, fitted.log_derivative(x), called, settings, progress)


@in_full_precision
def conditional_entropy(
    key: Key,
    samples: Any,
    given: Any,
    *,
    marginals: MakeMarginals = Asinh,
    settings: CrossFitting | None = None,
    effort: str | None = None,
    progress: bool = False,
) -> Information:
    """S(x | y) of paired rows ``samples`` (n, d) and ``given`` (n, c), nats in the units of x.

    One network, shown y beside the noised x. Arguments and errors as in ``data_entropy``, and ValueError where a column
    is a sum of others or a monotone function of one: minus infinity.
    """
    key, settings = check_arguments(key, marginals, settings, effort)
    named = {"samples": samples, "given": given}
    (x, y), called = paired_rows(named), labels(named)
    infinite = "columns with noise of their own: their entropy given the others is minus infinity"
    check_no_function(np.hstack([x, y]), called, infinite)
    part, table = Part(*blocks([x, y])), np.hstack([x, y])
    z, log_derivative = conditional_table(table, part, marginals)
    check_no_function(Gaussianise(z).forward(z), called, infinite)
    return _entropy(key, "conditional entropy", table, z, part, log_derivative, called, settings, progress)


def _entropy(
    key: Key,
    quantity: str,
    x: np.ndarray,
    z: np.ndarray,
    part: Part,
    log_derivative: np.ndarray,
    called: Sequence[str],
    settings: CrossFitting,
    progress: bool,
) -> Information:
    """S of a part of rows x (n, D), mapped to z with ``log_derivative`` (n,), nats in the units of x."""
    ((answers, rows),) = trained_at_once(
        [cross_fitted_sum(key, z, {part: 1.0}, settings, map_columns=True)], progress
    )
    blur = truncation(answers[part])
    terms = {
        "gaussian": gaussian_entropy_of(answers[part]),
        "marginal map": -float(log_derivative.mean()),
        "truncation": -blur,
    }
    total = rows.shifted(-log_derivative - blur)
    terms["negentropy"] = terms["gaussian"] + terms["marginal map"] - blur - float(total.best.mean())
    warnings = [*warnings_of(z, answers, rows, settings), *tail_warning(z, called)]
    answer = report(quantity, total, terms, warnings)
    above = above_gaussian_warning(answer.estimate, _most(part.of(x), part.dim))
    return dataclasses.replace(answer, warnings=(*answer.warnings, *above))


def _most(rows: np.ndarray, dim: int) -> float:
    """The entropy of the Gaussian of rows (n, d + c), the first ``dim`` given the others: no density has more, nats.

    Infinite where rows are too few to tell.
    """
    n, width = rows.shape
    if n <= width + 2:
        return np.inf
    white = white_rows(rows, dim)
    cov = np.cov(white.forward(rows), rowvar=False).reshape(width, width)
    log_det = np.linalg.slogdet(cov)[1] - np.linalg.slogdet(cov[dim:, dim:])[1]
    # Residuals have n - 1 - c degrees of freedom, and a determinant is too small on average.
    freedom = n - 1 - (width - dim)
    log_det += dim * np.log((n - 1) / freedom) - wishart_log_det_bias(freedom + 1, dim)
    return 0.5 * float(dim * np.log(2 * np.pi * np.e) + log_det) + white.log_jacobian
