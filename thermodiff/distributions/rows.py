"""Rows as people hold them: arrays, lists, DataFrames of any library, Arrow tables. The names of columns are kept.

Every function that takes samples takes all of these, through ``as_rows``. Tables are read by narwhals, which knows
pandas, polars, pyarrow and their like and needs none of them; arrays come through as they are, memory-mapped or JAX's.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, NamedTuple

import numpy as np

from thermodiff.runtime.extras import from_extra
from thermodiff.types import is_concrete
from thermodiff.validation import complain

_TABLE_METHODS = ("__arrow_c_stream__", "__dataframe__", "collect_schema")
"""One of them is on everything that is a table of named columns, and on no array."""


class Rows(NamedTuple):
    """Rows ``values`` (n, d), and the names of their columns (d,) where they have any.

    ``places`` (d,) are the numbers, from 0, of columns that were chosen from a file; None where all there are came.
    """

    values: Any
    columns: tuple[str, ...] | None = None
    places: tuple[int, ...] | None = None

    def label(self, j: int) -> str:
        """What stands for column j between brackets: its name, else its number from 0, that of the file it is from."""
        if self.columns is not None and self.columns[j]:
            return repr(self.columns[j])
        return f"{j if self.places is None else self.places[j]}"

    def take(self, places: Sequence[int]) -> Rows:
        """Some columns, which keep their names, and the numbers that they had."""
        names = None if self.columns is None else tuple(self.columns[j] for j in places)
        numbers = tuple(j if self.places is None else self.places[j] for j in places)
        return Rows(self.values[:, list(places)], names, numbers)

    def called(self, places: Sequence[int]) -> str:
        """Some columns as a message calls them: by name where they have one, else by number from 0."""
        listed = f"[{', '.join(map(self.label, places))}]"
        return listed if self.columns is not None else f"{listed}, counted from 0"


def as_rows(name: str, x: Any) -> Rows:
    """The rows of the argument ``name``; a table's in double precision unless it is in single throughout.

    Raises ValueError for a table with missing values or columns that are no numbers, one that is not in memory, and
    where narwhals is not installed. Other arrays are not looked at here.
    """
    if isinstance(x, Rows):
        return x
    if not is_table(x):
        return Rows(x)
    columns = _columns(name, x)
    missing = [column.is_null() | _is_nan(column) for column in columns]
    _refuse_missing(name, columns, np.column_stack([m.to_numpy() for m in missing]).astype(bool))
    single = all(str(column.dtype) == "Float32" for column in columns)
    values = [column.to_numpy() for column in columns]
    kept = np.float32 if single else np.float64
    return Rows(np.column_stack([np.asarray(v).astype(kept) for v in values]), _names(columns))


def column_names(name: str, x: Any) -> tuple[str, ...] | None:
    """The names of the columns of the argument ``name``, whatever is in them; None for an array or a single column.

    Raises ValueError for a table that is not in memory, and one whose columns have one name.
    """
    if isinstance(x, Rows):
        return x.columns
    if not is_table(x):
        return None
    frame = _frame(name, x)
    return tuple(map(str, frame.columns)) if hasattr(frame, "columns") else None


def is_table(x: Any) -> bool:
    """Whether ``x`` is a DataFrame or an Arrow table: told by its methods, without importing any library."""
    return is_concrete(x) and any(hasattr(type(x), method) for method in _TABLE_METHODS)


def _frame(name: str, x: Any) -> Any:
    """A table, or a single column, as narwhals has it."""
    narwhals = from_extra("tables", "narwhals", name)
    need = "a table in memory, such as a DataFrame of pandas or polars or an Arrow table (collect a lazy one first)"
    try:
        return narwhals.from_native(x, eager_only=True, allow_series=True)
    except TypeError as error:
        raise complain(name, type(x).__name__, need) from error
    except narwhals.exceptions.DuplicateError as error:
        raise complain(name, "two columns with one name", "a name of its own for each column") from error


def _columns(name: str, x: Any) -> list[Any]:
    """The columns of a table as narwhals has them, all of numbers."""
    narwhals, frame = from_extra("tables", "narwhals", name), _frame(name, x)
    if isinstance(frame, narwhals.Series):
        raise complain(name, f"one column, a {type(x).__name__}", "a table: its .to_frame() has rows (n, 1)")
    columns = list(frame.iter_columns())
    if not columns or not len(frame):
        raise complain(name, f"a table of shape {frame.shape}", "rows (n, d)")
    for column in columns:
        if not (column.dtype.is_numeric() or isinstance(column.dtype, narwhals.Boolean)):
            got = f"column {column.name!r} of type {column.dtype}"
            raise complain(name, got, "columns of numbers: choose those that are")
    return columns


def _is_nan(column: Any) -> Any:
    """Where a column holds NaN, which some libraries tell from a missing value and some do not."""
    return column.is_nan().fill_null(True) if column.dtype.is_float() else column.is_null()


def _names(columns: list[Any]) -> tuple[str, ...]:
    return tuple(str(column.name) for column in columns)


def _refuse_missing(name: str, columns: list[Any], missing: np.ndarray) -> None:
    """Raise where a table (n, d) lacks values, naming the first row, from 0, and the columns."""
    if not missing.any():
        return
    rows = np.flatnonzero(missing.any(axis=1))
    where = Rows(None, _names(columns)).called(np.flatnonzero(missing.any(axis=0)).tolist())
    got = f"{int(missing.sum())} missing value(s) in {len(rows)} row(s), first in row {rows[0]}, column(s) {where}"
    raise complain(name, got, "a number in every cell: drop or fill those rows (drop_nulls, dropna)")
