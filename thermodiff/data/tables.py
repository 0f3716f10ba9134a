"""A table of samples: its rows, what its columns are called, where it is from and what was done with it."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np

from thermodiff.distributions.rows import Rows


class Table(NamedTuple):
    """values (n, d), the columns' names if there are any, the file's name, and a line on each thing that was done.

    ``places`` (d,) are the numbers, from 0, of columns that were chosen among those of the file; None: all of them.
    """

    values: np.ndarray
    columns: tuple[str, ...] | None
    source: str
    notes: tuple[str, ...] = ()
    places: tuple[int, ...] | None = None

    def place(self, index: int) -> int:
        """The number, from 0, that a column has in its file."""
        return index if self.places is None else self.places[index]

    def column(self, index: int) -> str:
        """A column as a message calls it: its place in the file counted from 0, and its name if it has one."""
        return (
            f"{self.place(index)}"
            if self.columns is None
            else f"{self.place(index)} ({self.columns[index]!r})"
        )

    @property
    def words(self) -> tuple[str, ...]:
        """What the options of commands and tables of results call the columns: their names, else their numbers."""
        return self.columns or tuple(f"{self.place(j)}" for j in range(np.shape(self.values)[1]))

    def take(self, places: Sequence[int]) -> Table:
        """The table of some columns, in this order."""
        names = None if self.columns is None else tuple(self.columns[j] for j in places)
        numbers = tuple(self.place(j) for j in places)
        return self._replace(values=np.asarray(self.values)[:, list(places)], columns=names, places=numbers)

    @property
    def rows(self) -> Rows:
        """The values with their columns' names, as checks of samples take them."""
        return Rows(self.values, self.columns, tuple(map(self.place, range(np.shape(self.values)[1]))))


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
