"""A file of rows before columns are chosen: what each reader gives, whatever the format."""

from __future__ import annotations

from typing import NamedTuple, Protocol, runtime_checkable

import numpy as np


@runtime_checkable
class Source(Protocol):
    """Columns of a file by place, their names, and numbers on demand: text in a column left out does not matter."""

    @property
    def name(self) -> str:
        """The file's name."""

    @property
    def columns(self) -> tuple[str, ...] | None:
        """The names of its columns, if it has any."""

    @property
    def width(self) -> int:
        """How many columns it has."""

    @property
    def set_aside(self) -> dict[int, str]:
        """Columns to leave out unless they are asked for, with the reason for each."""

    @property
    def notes(self) -> tuple[str, ...]:
        """What had to be guessed to read it."""

    def numbers(self, places: list[int]) -> np.ndarray:
        """The columns at these places (n, d), NaN where a value is missing. Raises ValueError for what is no number."""

    def row(self, i: int) -> str:
        """Row i as a message calls it."""


class Array(NamedTuple):
    """A file that holds an array (n, d), and the names of its columns."""

    name: str
    array: np.ndarray
    columns: tuple[str, ...] | None = None
    notes: tuple[str, ...] = ()

    @property
    def width(self) -> int:
        """How many columns it has."""
        return self.array.shape[1]

    @property
    def set_aside(self) -> dict[int, str]:
        """None: an array is as it was made."""
        return {}

    def numbers(self, places: list[int]) -> np.ndarray:
        """The columns at these places, in the type of the array."""
        return self.array if places == list(range(self.width)) else self.array[:, places]

    def row(self, i: int) -> str:
        """As x[i]."""
        return f"row {i}, counted from 0"
