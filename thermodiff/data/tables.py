"""A table of samples: its rows, what its columns are called, where it is from and what was done with it."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np

from thermodiff.distributions.rows import Rows


class Table(NamedTuple):
    """values (n, d), the columns' names if there are any, the file's name, and a line on each thing that was done."""

    values: np.ndarray
    columns: tuple[str, ...] | None
    source: str
    notes: tuple[str, ...] = ()

    def column(self, index: int) -> str:
        """A column as a message calls it: its place counted from 0, and its name if it has one."""
        return called(self.columns, index)

    def take(self, places: Sequence[int]) -> Table:
        """The table of some columns, in this order."""
        names = None if self.columns is None else tuple(self.columns[j] for j in places)
        return self._replace(values=np.asarray(self.values)[:, list(places)], columns=names)

    @property
    def rows(self) -> Rows:
        """The values with their columns' names, as checks of samples take them."""
        return Rows(self.values, self.columns)


def called(columns: tuple[str, ...] | None, index: int) -> str:
    """The place of a column from 0, and its name."""
    return f"{index}" if columns is None else f"{index} ({columns[index]!r})"


class NamedData(NamedTuple):
    """``table`` of all rows, training rows first; the ``training`` (n, d) and ``test`` (m, d) rows; what was done.

    ``log_steps`` is sum_j ln step_j in nats: what the entropy of the discrete data is less than that of the samples.
    """

    table: Table
    training: np.ndarray
    test: np.ndarray
    log_steps: float
    notes: tuple[str, ...]
