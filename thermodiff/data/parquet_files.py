"""Rows from a parquet file, by pyarrow (extra ``tables``): missing values are NaN, pandas' index is left out."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np

from thermodiff.runtime.extras import from_extra
from thermodiff.validation import complain


class Parquet(NamedTuple):
    """A table of pyarrow's, whose columns are made numbers when they are asked for."""

    name: str
    table: Any
    columns: tuple[str, ...]
    set_aside: dict[int, str]
    notes: tuple[str, ...] = ()

    @property
    def width(self) -> int:
        """How many columns it has."""
        return len(self.columns)

    def numbers(self, places: list[int]) -> np.ndarray:
        """The columns at these places in double precision. Raises ValueError for one that is not of numbers."""
        return np.column_stack([self._column(j) for j in places])

    def _column(self, j: int) -> np.ndarray:
        kinds = from_extra("tables", "pyarrow.types", "file")
        column, kind = self.table.column(j), self.table.schema.types[j]
        tests = (kinds.is_integer, kinds.is_floating, kinds.is_boolean, kinds.is_decimal)
        if not any(test(kind) for test in tests):
            name = f"{self.name}, column {j} ({self.columns[j]!r})"
            raise complain(
                name,
                f"entries of type {kind}",
                "numbers: leave the column out, or write its classes as 0, 1, ...",
            )
        if kinds.is_boolean(kind) or kinds.is_decimal(kind) or kinds.is_float16(kind):
            return np.array([np.nan if v is None else float(v) for v in column.to_pylist()])
        return column.cast("float64").to_numpy()

    def row(self, i: int) -> str:
        """Its number."""
        return f"row {i}, counted from 0"


def read_parquet(path: Path) -> Parquet:
    """Raises ValueError where the file cannot be read, or without pyarrow."""
    arrow = from_extra("tables", "pyarrow", "file")
    parquet = from_extra("tables", "pyarrow.parquet", "file")
    try:
        # One file, not a data set: folder names such as year=2020 are no columns.
        table = parquet.ParquetFile(path).read()
    except (arrow.ArrowException, OSError, ValueError) as error:
        reason = (str(error).splitlines() or [type(error).__name__])[0][:120]
        raise complain(path.name, f"a damaged file ({reason})", "a parquet file") from error
    if not table.num_columns or not table.num_rows:
        raise complain(path.name, f"a table of shape ({table.num_rows}, {table.num_columns})", "rows (n, d)")
    names = tuple(str(name) for name in table.column_names)
    kept = _pandas_index(table.schema)
    return Parquet(
        path.name, table, names, {j: "the index that pandas kept" for j, n in enumerate(names) if n in kept}
    )


def _pandas_index(schema: Any) -> set[str]:
    """The names of the columns that were the index of a DataFrame, where pandas wrote the file."""
    found = (schema.metadata or {}).get(b"pandas")
    if found is None:
        return set()
    try:
        kept = json.loads(found).get("index_columns", [])
    except (ValueError, AttributeError):
        return set()
    return {name for name in kept if isinstance(name, str)}
