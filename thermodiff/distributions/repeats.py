"""How many rows repeat another, and why: rounded numbers, a type with too few digits, or rows that were copied."""

from __future__ import annotations

import numpy as np

from thermodiff.numerics.estimates import ROWS_AT_ONCE

COARSE = 1e-3
"""A type that keeps steps of more than this part of a column's spread makes values repeat."""


def distinct_rows(array: np.ndarray) -> int:
    """How many rows (n, d) differ, by a 64-bit hash of each: a copy sorted row by row would take twice their memory."""
    return len(np.unique(row_hashes(array)))


def row_hashes(array: np.ndarray) -> np.ndarray:
    """A whole number of 64 bits for each row (n, d): the same for rows that are equal in double precision."""
    factors = np.random.default_rng(0).integers(0, 2**64, array.shape[1], dtype=np.uint64) | np.uint64(1)
    hashes = []
    for i in range(0, len(array), ROWS_AT_ONCE):
        # Adding zero makes -0 and 0 the same; the product's upper half, moved down, mixes the trailing zeros away.
        bits = (np.asarray(array[i : i + ROWS_AT_ONCE], dtype=np.float64) + 0.0).view(np.uint64)
        bits = (bits ^ (bits >> np.uint64(32))) * factors
        hashes.append((bits ^ (bits >> np.uint64(29))).sum(axis=1, dtype=np.uint64))
    return np.concatenate(hashes)


def why_repeated(array: np.ndarray) -> str:
    """What to do about values of x (n, d) that repeat, by the likeliest cause."""
    for column in np.asarray(array).T:
        if step := _step_of_type(column):
            largest = np.abs(column.astype(np.float64)).max()
            return (
                f"distinct samples: {column.dtype} keeps steps of {step:.2g} at {largest:.2g}; store them in float64, "
                "or less their mean"
            )
    if all(_on_a_grid(column) for column in np.asarray(array).T):
        return (
            "distinct samples; add uniform noise of one step to integer data and rounded numbers (dequantise)"
        )
    return "distinct samples: were rows copied? numpy.unique(x, axis=0) keeps one of each"


def _step_of_type(column: np.ndarray) -> float | None:
    """The distance to the next number that the type of a column can keep, where that is too coarse for its spread."""
    # The short floats of accelerators have no finfo in NumPy: what they keep is told by their bits.
    if column.dtype.itemsize > 4 or column.dtype.kind in "biu":
        return None
    bits = {"float32": 24, "float16": 11, "bfloat16": 8}.get(str(column.dtype))
    if bits is None:
        return None
    values = column.astype(np.float64)
    step = float(2.0 ** (np.floor(np.log2(np.abs(values).max())) + 1 - bits)) if values.any() else 0.0
    return step if step > COARSE * values.std() else None


def _on_a_grid(column: np.ndarray) -> bool:
    """Whether the values of a column lie whole smallest gaps apart."""
    values = np.unique(column.astype(np.float64))
    if len(values) < 2:
        return True
    steps = (values - values[0]) / np.diff(values).min()
    return bool(steps[-1] < 1e9 and np.all(np.abs(steps - np.round(steps)) < 1e-3))
