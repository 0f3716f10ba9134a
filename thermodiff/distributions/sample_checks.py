"""Which rows can be the sample of a density: those that vary, are not tied and not combinations of one another."""

from __future__ import annotations

from typing import Any

import numpy as np

from thermodiff.numerics.estimates import ROWS_AT_ONCE, streamed_moments
from thermodiff.validation import check_magnitude, check_points, complain

MOST_REPEATED = 0.05
"""Largest fraction of rows that may repeat another."""
MOST_UNEVEN = 1e-7
"""Smallest principal variance, as a fraction of the largest, that a Gaussian in single precision is made of."""
MOST_EQUAL = 0.05
"""Largest fraction of rows that may share one value of a column."""
ENOUGH_DISTINCT = 500
"""A column with so many distinct values counts as continuous, however many rows there are."""


def check_samples(name: str, x: Any) -> None:
    """Raise unless ``x`` (n, d) can be the sample of a density in d dimensions.

    Refused: non-numeric or non-finite entries, one row, fewer rows than d + 1, a constant or duplicated
    column (singular covariance), and more than one row in twenty repeated (a discrete distribution
    has no density).
    """
    check_points(name, x)
    check_magnitude(name, x, np.float64)
    array = np.asarray(x)
    n, d = array.shape
    if n <= d:
        raise complain(
            name,
            f"{n} row(s) of dimension {d}",
            f"at least {d + 1} rows, one a sample, far more to be useful",
        )
    _, cov = streamed_moments(array)
    spread = np.sqrt(np.diag(cov))
    largest = np.maximum(array.max(axis=0), -array.min(axis=0).astype(np.float64))
    constant = np.flatnonzero(spread <= 1e-12 * np.maximum(1.0, largest))
    if constant.size:
        raise complain(
            name,
            f"constant column(s) {constant.tolist()}, counted from 0",
            "columns that vary: a constant has no density",
        )
    # Normalised by each column's own spread, so that mixed units do not look singular.
    values, vectors = np.linalg.eigh(cov / np.outer(spread, spread))
    if values[0] < 1e-9:
        involved = np.flatnonzero(np.abs(vectors[:, 0]) > 1e-3).tolist()
        raise complain(
            name,
            f"linearly dependent columns {involved}, counted from 0 (singular covariance)",
            "columns none of which is a combination of the others",
        )
    repeated = n - distinct_rows(array)
    if repeated > max(1, MOST_REPEATED * n):
        raise complain(
            name,
            f"{repeated} repeated rows out of {n}: a discrete distribution has no density",
            "distinct samples; add uniform noise of one step to integer data (dequantise)",
        )


def distinct_rows(array: np.ndarray) -> int:
    """How many rows (n, d) differ, by a 64-bit hash of each: a copy sorted row by row would take twice their memory."""
    factors = np.random.default_rng(0).integers(0, 2**64, array.shape[1], dtype=np.uint64) | np.uint64(1)
    hashes = []
    for i in range(0, len(array), ROWS_AT_ONCE):
        # Adding zero makes -0 and 0 the same; the product's upper half, moved down, mixes the trailing zeros away.
        bits = (np.asarray(array[i : i + ROWS_AT_ONCE], dtype=np.float64) + 0.0).view(np.uint64)
        bits = (bits ^ (bits >> np.uint64(32))) * factors
        hashes.append((bits ^ (bits >> np.uint64(29))).sum(axis=1, dtype=np.uint64))
    return len(np.unique(np.concatenate(hashes)))


def check_scales(name: str, x: Any) -> None:
    """Raise where the covariance of ``x`` (n, d) is too uneven for single precision, saying what would even it out.

    Its widest and narrowest principal standard deviations may differ by a factor 3000. Beyond, the columns differ in
    scale, or one entry makes up most of a column's spread, or they are nearly dependent.
    """
    array = np.asarray(x)
    mean, cov = streamed_moments(array)
    principal = np.linalg.eigvalsh(cov)
    if principal[0] > MOST_UNEVEN * principal[-1]:
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
    if spread[low] ** 2 <= 10 * MOST_UNEVEN * spread[high] ** 2:
        raise complain(
            name,
            f"standard deviations from {spread[low]:.3g} (column {low}) to {spread[high]:.3g} (column {high})",
            "columns of one scale: standardise them, (x - x.mean(axis=0)) / x.std(axis=0)",
        )
    raise complain(
        name,
        f"a combination of columns with standard deviation {np.sqrt(max(principal[0], 0)):.3g} beside one "
        f"with {np.sqrt(principal[-1]):.3g}",
        "columns that are less dependent: whiten them, or leave one out",
    )


def check_continuous(name: str, x: Any) -> None:
    """Raise if a column of ``x`` (n, d) is tied: its values repeat as those of a density never do.

    Tied is a column of which one value makes up more than ``MOST_EQUAL`` of the rows (and more than two of them), or
    which has fewer distinct values than half its rows, unless they are ``ENOUGH_DISTINCT``: a grid that fine, a few
    thousandths of the column's spread, is not seen any more. Columns are counted from 0, as x[:, j].
    """
    check_points(name, x)
    array = np.asarray(x)
    n = len(array)
    for j in range(array.shape[1]):
        values, times = np.unique(array[:, j], return_counts=True)
        if times.max() <= max(2, MOST_EQUAL * n) and len(values) >= min(n / 2, ENOUGH_DISTINCT):
            continue
        share = f"{times.max() / n:.1%} of them {values[times.argmax()]:g}"
        raise complain(
            f"{name}[:, {j}]",
            f"{len(values)} distinct values in {n} rows, {share}",
            "a column without ties: dequantise it (td.dequantise, --dequantise) or leave it out",
        )
