"""Mutual information and total correlation of data, as sums of entropies on the same folds and noise.

    TC(x)       = sum_j S(x_j) - S(x)
    I(x; y)     = S(y) - S(y | x),      y the one of fewer columns: the shape of x need not be learned
    I(x; y | w) = S(y | w) - S(y | x, w)
S(y | x) is that of a network that is shown x beside the noised y; the entropies of one line share folds and noise, so
that errors cancel. Source: theory section 6 (this project).
"""

from __future__ import annotations

from typing import Any

import numpy as np

from thermodiff.array_types import Key
from thermodiff.information.arguments import (
    MakeMarginals,
    blocks,
    check_arguments,
    check_no_function,
    checked_rows,
    paired_rows,
)
from thermodiff.information.classes.mixed import mixed_information
from thermodiff.information.classes.sides import Discrete, check_no_classes
from thermodiff.information.coordinate_maps import Gaussianise
from thermodiff.information.cross_fitting.folds import CrossFitting
from thermodiff.information.cross_fitting.half_effort import Part
from thermodiff.information.entropy_sums import (
    cross_fitted_sum,
    gaussian_entropy_of,
    report,
    teller,
    warnings_of,
)
from thermodiff.information.report import Information
from thermodiff.information.warnings import strong_warning
from thermodiff.runtime.devices import in_full_precision
from thermodiff.validation import complain


@in_full_precision
def mutual_information(
    key: Key,
    x: Any,
    y: Any,
    *,
    given: Any = None,
    discrete: Discrete = (),
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
    if discrete:
        return mixed_information(key, named, discrete, marginals, settings, progress)
    check_no_classes(named)
    parts = paired_rows(named)
    first, second, *rest = blocks(parts)
    known = rest[0] if rest else ()
    told, asked = (first, second) if len(second) <= len(first) else (second, first)
    coefficients = {Part(asked, known): 1.0, Part(asked, told + known): -1.0}
    quantity = "mutual information" if given is None else "conditional mutual information"
    return _dependence(key, quantity, parts, coefficients, marginals, settings, progress)


@in_full_precision
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
