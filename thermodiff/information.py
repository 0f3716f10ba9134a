"""Entropy, mutual information and total correlation of data from score networks trained on them.

    S(x)        = S(z) - E ln|dz/dx|,                        z = the map of single coordinates (``marginals``)
    S(z)        = E[-ln G] - int E|n - n_G|^2 d ell        a Gaussian, and what corrects it (``gaussian_correction``)
    TC(x)       = sum_j S(x_j) - S(x)
    I(x; y)     = S(y) - S(y | x),      y the one of fewer columns: the shape of x need not be learned
    I(x; y | w) = S(y | w) - S(y | x, w)
Every entropy on the right is one ``cross_fit``, S(y | x) that of a network that is shown x beside the noised y; those
of one line share folds and noise, so that errors cancel.
Source: theory section 6 (this project), after arXiv 2510.06174 and its successor.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from thermodiff.cross_fitting import CrossFitting, Part, truncation
from thermodiff.information_report import Information, strong_warning
from thermodiff.information_sums import (
    MakeMarginals,
    blocks,
    check_arguments,
    check_no_function,
    checked_rows,
    cross_fitted_sum,
    gaussian_entropy_of,
    paired_rows,
    report,
    shifted,
    teller,
    warnings_of,
)
from thermodiff.marginals import Asinh, Gaussianise
from thermodiff.types import Key
from thermodiff.validation import complain

# --- entropy --------------------------------------------------------------------------------------


def data_entropy(
    key: Key,
    samples: Any,
    *,
    marginals: MakeMarginals = Asinh,
    settings: CrossFitting = CrossFitting(),  # noqa: B008  frozen
    progress: bool = False,
) -> Information:
    """Differential entropy S(x) of independent rows ``samples`` (n, d), in nats in the units of the samples.

    Args:
        key: fixes folds, training and noise.
        samples: rows of a density; integers have none (``dequantise`` them).
        marginals: Asinh (long tails are bent), Standardise, or a class of your own with the same methods.
        settings: folds and training.
        progress: a bar on stderr, a step a network, if stderr is a terminal.

    Returns:
        ``Information`` with the terms ``gaussian`` (entropy of the Gaussian of the same moments, after the marginal
        map), ``negentropy`` (how far below it the entropy lies), ``marginal map`` and ``truncation``.

    Raises:
        ValueError: for samples that have no density or too few rows; NotKnownError for ``Gaussianise``.
    """
    check_arguments(key, marginals, settings)
    x = checked_rows("samples", samples)
    fitted = marginals(x)
    part = Part(tuple(range(x.shape[1])))
    return _entropy(key, "entropy", fitted.forward(x), part, fitted.log_derivative(x), settings, progress)


def conditional_entropy(
    key: Key,
    samples: Any,
    given: Any,
    *,
    marginals: MakeMarginals = Asinh,
    settings: CrossFitting = CrossFitting(),  # noqa: B008  frozen
    progress: bool = False,
) -> Information:
    """S(x | y) of paired rows ``samples`` (n, d) and ``given`` (n, c), nats in the units of x.

    One network, shown y beside the noised x. Arguments and errors as in ``data_entropy``.
    """
    check_arguments(key, marginals, settings)
    x, y = paired_rows({"samples": samples, "given": given})
    fitted = [marginals(part) for part in (x, y)]
    z = np.hstack([m.forward(part) for m, part in zip(fitted, (x, y), strict=True)])
    part, log_derivative = Part(*blocks([x, y])), fitted[0].log_derivative(x)
    return _entropy(key, "conditional entropy", z, part, log_derivative, settings, progress)


def _entropy(
    key: Key,
    quantity: str,
    z: np.ndarray,
    part: Part,
    log_derivative: np.ndarray,
    settings: CrossFitting,
    progress: bool,
) -> Information:
    """S of a part of mapped rows z (n, D), in the units before the map with ``log_derivative`` (n,), nats."""
    with teller(settings.folds, progress) as tell:
        answers, rows = cross_fitted_sum(key, z, {part: 1.0}, settings, frozenset(), tell)
    blur = truncation(answers[part])
    terms = {
        "gaussian": gaussian_entropy_of(answers[part]),
        "marginal map": -float(log_derivative.mean()),
        "truncation": -blur,
    }
    total = shifted(rows, -log_derivative - blur)
    terms["negentropy"] = terms["gaussian"] + terms["marginal map"] - blur - float(total.best.mean())
    return report(quantity, total, terms, warnings_of(z, answers, rows, settings))


# --- dependence -----------------------------------------------------------------------------------


def mutual_information(
    key: Key,
    x: Any,
    y: Any,
    *,
    given: Any = None,
    marginals: MakeMarginals = Gaussianise,
    settings: CrossFitting = CrossFitting(),  # noqa: B008  frozen
    progress: bool = False,
) -> Information:
    """I(x; y) of paired rows ``x`` (n, a) and ``y`` (n, b), or I(x; y | w) with ``given`` w (n, c), nats.

    By S(y) - S(y | x) for the one with fewer columns, y where both have as many: the other is shown to a network but
    not modelled. Increasing maps of single coordinates change nothing, so each is made normal by its ranks first; ranks
    of n rows lose about 3 exp(I/d)/n nats of each of the d columns of y, and where that matters a warning says so.
    Arguments and errors as in ``data_entropy``, and ValueError where a column is a monotone function of another or a
    sum of others; terms: ``gaussian``, the mutual information of a Gaussian of the mapped moments, and
    ``beyond gaussian``.
    """
    check_arguments(key, marginals, settings)
    named = {"x": x, "y": y} | ({} if given is None else {"given": given})
    parts = paired_rows(named)
    first, second, *rest = blocks(parts)
    known = rest[0] if rest else ()
    told, asked = (first, second) if len(second) <= len(first) else (second, first)
    coefficients = {Part(asked, known): 1.0, Part(asked, told + known): -1.0}
    quantity = "mutual information" if given is None else "conditional mutual information"
    return _dependence(key, quantity, parts, coefficients, marginals, settings, progress)


def total_correlation(
    key: Key,
    samples: Any,
    *,
    marginals: MakeMarginals = Gaussianise,
    settings: CrossFitting = CrossFitting(),  # noqa: B008  frozen
    progress: bool = False,
) -> Information:
    """TC(x) = sum_j S(x_j) - S(x) of rows ``samples`` (n, d), nats: zero if and only if the columns are independent.

    Arguments and errors as in ``mutual_information``.
    """
    check_arguments(key, marginals, settings)
    x = checked_rows("samples", samples)
    if x.shape[1] < 2:
        raise complain("samples", "one column", "at least two: one alone has nothing to depend on")
    coefficients = {Part((j,)): 1.0 for j in range(x.shape[1])}
    coefficients[Part(tuple(range(x.shape[1])))] = -1.0
    return _dependence(key, "total correlation", [x], coefficients, marginals, settings, progress)


def _dependence(
    key: Key,
    quantity: str,
    parts: list[np.ndarray],
    coefficients: dict[Part, float],
    marginals: MakeMarginals,
    settings: CrossFitting,
    progress: bool,
) -> Information:
    """A sum of entropies in which the units of the coordinates cancel."""
    z = np.hstack([marginals(part).forward(part) for part in parts])
    for table in (np.hstack(parts), z):
        check_no_function(table)
    normal = frozenset(Part((j,)) for j in range(z.shape[1])) if marginals is Gaussianise else frozenset()
    networks = sum(part not in normal for part in coefficients)
    with teller(networks * settings.folds, progress) as tell:
        answers, rows = cross_fitted_sum(key, z, coefficients, settings, normal, tell)
    gaussian = sum(c * gaussian_entropy_of(answers[part]) for part, c in coefficients.items())
    value = float(rows.best.mean())
    terms = {"gaussian": gaussian, "beyond gaussian": value - gaussian}
    warnings = warnings_of(z, answers, rows, settings)
    if marginals is Gaussianise:
        columns = sum(part.dim for part, c in coefficients.items() if c > 0)
        warnings += strong_warning(value / columns, len(z))
    return report(quantity, rows, terms, warnings)
