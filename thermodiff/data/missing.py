"""Rows that lack a value: refused with their places named, or dropped and counted."""

from __future__ import annotations

from collections.abc import Callable
from typing import NamedTuple

import numpy as np

from thermodiff.data.tables import Table
from thermodiff.validation import complain


class Lacking(NamedTuple):
    """Which rows (n,) of a table lack values, and how to call row i of its file."""

    table: Table
    row: Callable[[int], str]

    @property
    def mask(self) -> np.ndarray:
        """True for every cell (n, d) without a value."""
        values = self.table.values
        return np.isnan(values) if values.dtype.kind == "f" else np.zeros(values.shape, dtype=bool)

    def refuse(self) -> None:
        """Raise ValueError where values are missing, saying how many, where the first is, and in which columns."""
        mask = self.mask
        if not mask.any():
            return
        i, j = (int(k) for k in np.argwhere(mask)[0])
        rows = int(mask.any(axis=1).sum())
        got = f"{int(mask.sum())} missing value(s) in {rows} of {len(mask)} rows, first in {self.row(i)}, "
        got += f"column {self.table.column(j)}"
        raise complain(
            self.table.source, got, "numbers everywhere, or --missing drop to do without those rows"
        )

    def refuse_infinite(self) -> None:
        """Raise ValueError where values are infinite, saying how many and where the first is."""
        values = self.table.values
        infinite = np.isinf(values) if values.dtype.kind == "f" else np.zeros(values.shape, dtype=bool)
        if infinite.any():
            i, j = (int(k) for k in np.argwhere(infinite)[0])
            where = f"first in {self.row(i)}, column {self.table.column(j)}"
            raise complain(
                self.table.source, f"{int(infinite.sum())} infinite value(s), {where}", "finite numbers"
            )


def without_rows(tables: list[Lacking]) -> list[Table]:
    """The tables without the rows that lack a value in any of them, and a note that says how many those were."""
    gone = np.any([table.mask.any(axis=1) for table in tables], axis=0)
    if not gone.any():
        return [lacking.table for lacking in tables]
    if gone.all():
        raise complain(tables[0].table.source, "missing values in every row", "rows with all values")
    return [_without(lacking, gone) for lacking in tables]


def _without(lacking: Lacking, gone: np.ndarray) -> Table:
    table = lacking.table
    counts = lacking.mask.sum(axis=0)
    where = ", ".join(f"{int(counts[j])} in column {table.column(int(j))}" for j in np.flatnonzero(counts))
    note = f"{int(gone.sum())} of {len(gone)} rows dropped for missing values" + (
        f": {where}" if where else ""
    )
    return table._replace(values=table.values[~gone], notes=(*table.notes, note))
