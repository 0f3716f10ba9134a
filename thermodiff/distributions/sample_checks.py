"""Which rows can be the sample of a density: those that vary, are not tied and not combinations of one another."""

from __future__ import annotations

from typing import Any

import numpy as np

from thermodiff.distributions.repeats import distinct_rows, why_repeated
from thermodiff.distributions.rows import Rows, as_rows
from thermodiff.numerics.estimates import streamed_moments
from thermodiff.numerics.robust_scatter import CORRELATED, in_a_plane
from thermodiff.validation import check_points, complain

MOST_REPEATED = 0.05
"""Largest fraction of rows that may repeat another."""
NARROWEST_WIDTH = 5e-4
"""Of the rows' principal standard deviations, the smallest over the largest: noise a thirtieth of it, beside numbers as
large as the largest, is still many times their rounding in single precision."""
MOST_EQUAL = 0.05
"""Largest fraction of rows that may share one value of a column."""
ENOUGH_DISTINCT = 500
"""A column with so many distinct values counts as continuous, however many rows there are."""
SQUARABLE = 1e150
"""Numbers up to this, and down to its inverse, have squares in double precision."""


def sample_rows(name: str, x: Any) -> np.ndarray:
    """The rows (n, d) of an array, a DataFrame or an Arrow table that can be the sample of a density in d dimensions.

    In the type that they came in. Raises ValueError as ``check_samples`` does.
    """
    rows = as_rows(name, x)
    check_samples(name, rows)
    return np.asarray(rows.values)


def check_samples(name: str, x: Any) -> None:
    """Raise unless ``x`` (n, d) can be the sample of a density in d dimensions.

    Refused: non-numeric, missing or non-finite entries, one row, fewer rows than d + 1, a constant or duplicated
    column (singular covariance), columns too large or too small to be squared, and more than one row in twenty repeated
    (a discrete distribution has no density).
    """
    rows = as_rows(name, x)
    check_points(name, rows.values)
    array = np.asarray(rows.values)
    n, d = array.shape
    if n <= d:
        raise complain(
            name,
            f"{n} row(s) of dimension {d}",
            f"at least {d + 1} rows, one a sample, far more to be useful",
        )
    _check_independent(name, rows, _checked_moments(name, rows))
    repeated = n - distinct_rows(array)
    if repeated > max(1, MOST_REPEATED * n):
        got = f"{repeated} repeated rows out of {n}: a discrete distribution has no density"
        raise complain(name, got, why_repeated(array))


def _checked_moments(name: str, rows: Rows) -> np.ndarray:
    """The covariance (d, d) of rows whose columns vary, by as much as can be squared."""
    array = np.asarray(rows.values)
    high, low = (np.asarray(f(axis=0), dtype=np.float64) for f in (array.max, array.min))
    span = high / 2 - low / 2  # half of it, which no double is too small for
    for odd, word in (span > SQUARABLE, "large"), ((span > 0) & (span < 1 / SQUARABLE), "small"):
        if odd.any():
            j = int(np.flatnonzero(odd)[0])
            got = f"column {rows.called([j])} from {low[j]:.3g} to {high[j]:.3g}, too {word} to be squared"
            raise complain(name, got, "columns in a unit of their own size: divide by a constant")
    _refuse_constant(name, rows, span == 0)
    _, cov = streamed_moments(array)
    # By the size of the numbers themselves, so that charges of 1e-19 vary as well as anything.
    _refuse_constant(name, rows, np.sqrt(np.diag(cov)) <= 1e-12 * np.maximum(high, -low))
    return cov


def _refuse_constant(name: str, rows: Rows, flat: np.ndarray) -> None:
    if flat.any():
        got = f"constant column(s) {rows.called(np.flatnonzero(flat).tolist())}"
        raise complain(name, got, "columns that vary: a constant has no density")


def _check_independent(name: str, rows: Rows, cov: np.ndarray) -> None:
    """Raise where columns with this covariance are combinations of one another, whatever their units."""
    spread = np.sqrt(np.diag(cov))
    values, vectors = np.linalg.eigh(cov / np.outer(spread, spread))
    if values[0] < CORRELATED and in_a_plane(np.asarray(rows.values, dtype=np.float64)):
        involved = np.flatnonzero(np.abs(vectors[:, 0]) > 1e-3).tolist()
        got = f"linearly dependent columns {rows.called(involved)} (singular covariance)"
        raise complain(name, got, "columns none of which is a combination of the others")


def check_scales(name: str, x: Any) -> None:
    """Raise where the covariance of ``x`` (n, d) is too uneven for single precision, saying what would even it out.

    Its widest and narrowest principal standard deviations may differ by a factor 2000. Beyond, the columns differ in
    scale, or one entry makes up most of a column's spread, or they are nearly dependent.
    """
    array = np.asarray(x)
    mean, cov = streamed_moments(array)
    principal, axes = np.linalg.eigh(cov)
    if principal[0] > NARROWEST_WIDTH**2 * principal[-1]:
        return
    spread = np.sqrt(np.diag(cov))
    low, high = int(spread.argmin()), int(spread.argmax())
    column = np.abs(array[:, high].astype(np.float64) - mean[high])
    if column.max() ** 2 > 0.5 * len(column) * spread[high] ** 2:
        row = int(column.argmax())
        raise complain(
            f"{name}[{row}, {high}]",
            f"{array[row, high]:.4g}, which alone makes up most of the spread of column {high}",
            f"a look at row {row} (counted from 0): leave it out, or mend it, and then standardise the columns",
        )
    if spread[low] ** 2 <= 10 * NARROWEST_WIDTH**2 * spread[high] ** 2:
        raise complain(
            name,
            f"standard deviations from {spread[low]:.3g} (column {low}) to {spread[high]:.3g} (column {high})",
            "columns of one scale: standardise them, (x - x.mean(axis=0)) / x.std(axis=0)",
        )
    width = np.sqrt(max(float(principal[0] / principal[-1]), 0.0))
    raise complain(
        name,
        f"columns {np.flatnonzero(np.abs(axes[:, 0]) > 0.1).tolist()}, counted from 0, together {width:.1g} times as "
        "wide as the widest direction",
        f"at least {NARROWEST_WIDTH:g} in single precision: white = td.whiten({name}), train on white.rows, and add "
        "white.log_jacobian to entropies and likelihoods",
    )


def check_continuous(name: str, x: Any) -> None:
    """Raise if a column of ``x`` (n, d) is tied: its values repeat as those of a density never do.

    Tied is a column of which one value makes up more than ``MOST_EQUAL`` of the rows (and more than two of them), or
    which has fewer distinct values than half its rows, unless they are ``ENOUGH_DISTINCT``: a grid that fine, a few
    thousandths of the column's spread, is not seen any more. Columns are counted from 0, as x[:, j], or named.
    """
    rows = as_rows(name, x)
    check_points(name, rows.values)
    array = np.asarray(rows.values)
    n = len(array)
    for j in range(array.shape[1]):
        values, times = np.unique(array[:, j], return_counts=True)
        if times.max() <= max(2, MOST_EQUAL * n) and len(values) >= min(n / 2, ENOUGH_DISTINCT):
            continue
        share = f"{times.max() / n:.1%} of them {values[times.argmax()]:g}"
        raise complain(
            f"{name}[:, {rows.label(j)}]",
            f"{len(values)} distinct values in {n} rows, {share}",
            _what_to_do_about_ties(array[:, j]),
        )


def _what_to_do_about_ties(column: np.ndarray) -> str:
    why = why_repeated(column[:, None])
    if " keeps steps " in why:
        return why
    return "a column without ties: dequantise it (td.dequantise, --dequantise) or leave it out"
