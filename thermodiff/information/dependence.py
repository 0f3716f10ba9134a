"""Mutual information and total correlation of data, as sums of entropies on the same folds and noise.

    TC(x)       = sum_j S(x_j) - S(x)
    I(x; y)     = S(y) - S(y | x),      y the one of fewer columns: the shape of x need not be learned
    I(x; y | w) = S(y | w) - S(y | x, w)
S(y | x) is that of a network that is shown x beside the noised y; the entropies of one line share folds and noise, so
that errors cancel. Source: theory section 6 (this project).
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
from thermodiff.information.classes.mixed import mixed_information
from thermodiff.information.classes.sides import Discrete, check_no_classes
from thermodiff.information.coordinate_maps import Asinh, Gaussianise
from thermodiff.information.coordinates import Coordinates, conditional_table, narrowest
from thermodiff.information.cross_fitting.folds import CrossFitting
from thermodiff.information.cross_fitting.half_effort import FoldRows, Part
from thermodiff.information.cross_fitting.judged_rows import Rows, added
from thermodiff.information.entropy_sums import (
    cross_fitted_sum,
    gaussian_entropy_of,
    report,
    trained_at_once,
    warnings_of,
)
from thermodiff.information.report import Information
from thermodiff.information.warnings import (
    below_scatter_warning,
    narrowest_in_ranks,
    rank_warnings,
    tail_warning,
)
from thermodiff.numerics.affine_maps import FEW_ROWS_PER_DIM
from thermodiff.numerics.robust_scatter import correlation_of, robust_scaling
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
    settings: CrossFitting | None = None,
    effort: str | None = None,
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
    key, settings = check_arguments(key, marginals, settings, effort)
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
    coordinates = [Coordinates(part, marginals) for part in parts]
    return _in_coordinates(
        key, quantity, parts, labels(named), coordinates, coefficients, marginals, settings, progress
    )


@in_full_precision
def total_correlation(
    key: Key,
    samples: Any,
    *,
    marginals: MakeMarginals = Gaussianise,
    settings: CrossFitting | None = None,
    effort: str | None = None,
    progress: bool = False,
) -> Information:
    """TC(x) = sum_j S(x_j) - S(x) of rows ``samples`` (n, d), nats: zero if and only if the columns are independent.

    Arguments and errors as in ``mutual_information``.
    """
    key, settings = check_arguments(key, marginals, settings, effort)
    x = checked_rows("samples", samples)
    if x.shape[1] < 2:
        raise complain("samples", "one column", "at least two: one alone has nothing to depend on")
    coefficients = {Part((j,)): 1.0 for j in range(x.shape[1])}
    coefficients[Part(tuple(range(x.shape[1])))] = -1.0
    # Mixed columns have another total correlation: these stay as they are.
    coordinates, called = [Coordinates(x, marginals, mix=False)], labels({"samples": samples})
    return _in_coordinates(
        key, "total correlation", [x], called, coordinates, coefficients, marginals, settings, progress
    )


def _in_coordinates(
    key: Key,
    quantity: str,
    parts: list[np.ndarray],
    called: Sequence[str],
    coordinates: list[Coordinates],
    coefficients: dict[Part, float],
    marginals: MakeMarginals,
    settings: CrossFitting,
    progress: bool,
) -> Information:
    """The sum of entropies in the coordinates given, unless these lose what the tables have together."""
    mixed, z = _side_by_side(parts, called, coordinates, marginals)
    if z is None:
        x, smooth = np.hstack(parts), Asinh if marginals is Gaussianise else marginals
        answer = _by_entropies(key, quantity, x, coefficients, smooth, settings, progress)
        tails = tail_warning(smooth(x).forward(x), called)
    else:
        answer = _dependence(key, quantity, z, called, coefficients, marginals, settings, progress)
        tails = tail_warning(z, called)
    answer = dataclasses.replace(answer, warnings=(*answer.warnings, *tails))
    return _beside_scatter(answer, mixed, coefficients)


def check_pair(x: Any, y: Any) -> None:
    """Raise ValueError where ``mutual_information`` of rows ``x`` (n, a) and ``y`` (n, b) would, before any training.

    For columns that all have a density and are mapped by ranks, the default.
    """
    named = {"x": x, "y": y}
    parts = paired_rows(named)
    _side_by_side(parts, labels(named), [Coordinates(part, Gaussianise) for part in parts], Gaussianise)


def _side_by_side(
    parts: list[np.ndarray], called: Sequence[str], coordinates: list[Coordinates], marginals: MakeMarginals
) -> tuple[np.ndarray, np.ndarray | None]:
    """All tables (n, D) mixed, and mapped as well; None for the second where the map loses what they have together.

    Raises where a column is given by the others, as far as the coordinates that are used can tell.
    """
    check_no_function(np.hstack(parts), called)
    pairs = list(zip(coordinates, parts, strict=True))
    mixed = np.hstack([c.mixing.forward(part) for c, part in pairs])
    width, narrow = narrowest(mixed)
    if len(narrow) and (marginals is not Gaussianise or width < narrowest_in_ranks(len(mixed))):
        return mixed, None
    z = np.hstack([c.forward(part) for c, part in pairs])
    check_no_function(z, called)
    return mixed, z


def _beside_scatter(answer: Information, x: np.ndarray, coefficients: dict[Part, float]) -> Information:
    """The answer, with a warning where a Gaussian of the rows' robust scatter has far more of the dependence."""
    n, d = x.shape
    if n < FEW_ROWS_PER_DIM * d:
        return answer
    correlation = correlation_of(robust_scaling(x))

    def log_det(columns: tuple[int, ...]) -> float:
        return float(np.linalg.slogdet(correlation[np.ix_(columns, columns)])[1])

    scatter = sum(
        0.5 * c * (log_det(part.columns + part.given) - log_det(part.given))
        for part, c in coefficients.items()
    )
    # A fitted scatter of independent columns shows about d^2/4n nats too much.
    below = below_scatter_warning(answer.estimate, scatter, answer.terms["gaussian"], d**2 / n)
    return dataclasses.replace(answer, warnings=(*answer.warnings, *below))


def _dependence(
    key: Key,
    quantity: str,
    z: np.ndarray,
    called: Sequence[str],
    coefficients: dict[Part, float],
    marginals: MakeMarginals,
    settings: CrossFitting,
    progress: bool,
) -> Information:
    """A sum of entropies of z (n, D) in which the units of the coordinates cancel."""
    ranks = marginals is Gaussianise
    normal = frozenset(Part((j,)) for j in range(z.shape[1])) if ranks else frozenset()
    plan = cross_fitted_sum(key, z, coefficients, settings, normal, map_columns=not ranks)
    ((answers, rows),) = trained_at_once([plan], progress)
    gaussian = sum(c * gaussian_entropy_of(answers[part]) for part, c in coefficients.items())
    warnings = warnings_of(z, answers, rows, settings)
    if ranks:
        columns = sum(part.dim for part, c in coefficients.items() if c > 0)
        warnings += rank_warnings(float(rows.best.mean()) / columns, z, called)
    return _answer(quantity, rows, gaussian, warnings)


def _by_entropies(
    key: Key,
    quantity: str,
    x: np.ndarray,
    coefficients: dict[Part, float],
    marginals: MakeMarginals,
    settings: CrossFitting,
    progress: bool,
) -> Information:
    """The same sum of columns of x (n, D) that are narrow together: each entropy in coordinates of its own.

    What ranks do not resolve these do, since S(y | w) is that of y - B w. The price is that marginals are learned too.
    """
    coordinates = [conditional_table(x, part, marginals) for part in coefficients]
    plans = [
        cross_fitted_sum(key, z, {part: c}, settings, map_columns=True)
        for (z, _), (part, c) in zip(coordinates, coefficients.items(), strict=True)
    ]
    tables: list[Rows] = []
    answers: dict[Part, list[FoldRows]] = {}
    gaussian = 0.0
    summed = trained_at_once(plans, progress)
    for (found, rows), (_, log_derivative), (part, c) in zip(
        summed, coordinates, coefficients.items(), strict=True
    ):
        answers |= found
        tables.append(rows.shifted(-c * log_derivative))
        gaussian += c * (gaussian_entropy_of(found[part]) - float(log_derivative.mean()))
    rows = added((1.0, table) for table in tables)
    last, _ = coordinates[-1]
    return _answer(quantity, rows, gaussian, warnings_of(last, answers, rows, settings))


def _answer(quantity: str, rows: Rows, gaussian: float, warnings: list[str]) -> Information:
    terms = {"gaussian": gaussian, "beyond gaussian": float(rows.best.mean()) - gaussian}
    return report(quantity, rows, terms, warnings)
