"""Rows from a text file: csv with commas, semicolons, tabs or white space, with or without a header and comments.

Cells become numbers when a column is asked for, so that words in a column that is left out do no harm.
"""

from __future__ import annotations

import csv
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

import numpy as np

from thermodiff.data.cells import is_number, value
from thermodiff.data.dialects import PLAIN, Dialect, dialect
from thermodiff.data.headers import Cells
from thermodiff.data.tables import called
from thermodiff.data.text_names import (
    Named,
    is_comment,
    last_comment,
    name_columns,
    nameless,
    without_trailing,
)
from thermodiff.validation import complain


class Text(NamedTuple):
    """Rows of cells of a file, with the line that each ends on, counted from 1 as editors do."""

    name: str
    rows: list[Cells]
    lines: list[int]
    decimal: str
    columns: tuple[str, ...] | None
    set_aside: dict[int, str]
    notes: tuple[str, ...]

    @property
    def width(self) -> int:
        """How many columns it has."""
        return len(self.rows[0])

    def numbers(self, places: list[int]) -> np.ndarray:
        """The columns at these places in double precision; NaN where a cell is empty or says NA and the like."""
        return np.array([[self._value(i, j) for j in places] for i in range(len(self.rows))])

    def _value(self, i: int, j: int) -> float:
        try:
            return value(self.rows[i][j], self.decimal)
        except ValueError as error:
            where = f"{self.name}, {self.row(i)}, column {called(self.columns, j)}"
            where += "" if self.columns is not None else " counted from 0"
            raise complain(where, repr(self.rows[i][j]), _number_needed(self.rows[i][j])) from error

    def row(self, i: int) -> str:
        """As an editor counts."""
        return f"line {self.lines[i]}"


def _number_needed(cell: str) -> str:
    if is_number(cell.replace("_", "").replace(" ", "").replace("'", "")):
        return "digits alone, such as 1000"
    if is_number(cell.replace(",", "")) or is_number(cell.replace(".", "").replace(",", ".")):
        return "one decimal mark in the whole file, point or comma, and nothing between thousands"
    return "a number in every cell: leave the column out, or write its classes as 0, 1, ..."


def read_text(path: Path, separator: str = "auto", header: str = "auto") -> Text:
    """The cells of a text file. ``separator`` and ``header`` say what it has where the file itself does not.

    Raises ValueError for what is no text or no table, and where the file can be read in two ways.
    """
    lines = _lines(path)
    content = [line for line in lines if line.strip() and not is_comment(line)]
    spoken = dialect(path.name, content, separator) if content else PLAIN
    rows, ends = _cells(path.name, lines, spoken)
    comment = last_comment(lines, spoken)
    named = name_columns(path.name, rows, comment, spoken.decimal, header) if rows else Named(None, [], ())
    if not named.rows:
        raise complain(path.name, "no rows of numbers", "samples, one a row")
    ends = ends[len(rows) - len(named.rows) :]
    width = len(named.rows[0] if named.columns is None else named.columns)
    for row, line in zip(named.rows, ends, strict=True):
        if len(row) != width:
            got, need = f"{len(row)} cell(s)", f"{width} as in the first line"
            raise complain(f"{path.name}, line {line}", got, need)
    columns, rows, notes = without_trailing(named)
    skipped = sum(map(is_comment, lines)) - (columns is not None and columns == comment)
    notes = (*_of_dialect(spoken, width, separator), *_of_comments(skipped), *notes)
    return Text(path.name, rows, ends, spoken.decimal, columns, nameless(columns), notes)


def _lines(path: Path) -> list[str]:
    try:
        text = path.read_text(encoding="utf-8-sig")  # every kind of line end becomes a plain one
    except UnicodeDecodeError as error:
        got = f"bytes that are no text ({error.reason})"
        raise complain(path.name, got, "a csv file in UTF-8") from error
    return text.split("\n")


def _of_dialect(spoken: Dialect, width: int, separator: str) -> tuple[str, ...]:
    """What was guessed of separators and decimal marks."""
    if width == 1:
        return ("decimal commas",) if spoken.decimal == "," else ()
    return (spoken.note,) if spoken.note and separator == "auto" else ()


def _of_comments(skipped: int) -> tuple[str, ...]:
    return (f"{skipped} comment line(s) skipped",) if skipped else ()


def _cells(name: str, lines: list[str], spoken: Dialect) -> tuple[list[Cells], list[int]]:
    """The cells of every record that has any, and the line that it ends on."""
    at = 0

    def numbered() -> Iterator[str]:
        nonlocal at
        for at, line in enumerate(lines, 1):  # noqa: B007  read by the loop below
            if line.strip() and not is_comment(line):
                yield line + "\n"

    rows: list[Cells] = []
    ends: list[int] = []
    try:
        for cells in spoken.records(numbered()):
            if any(cells) or len(cells) > 1:
                rows.append(cells)
                ends.append(at)
    except csv.Error as error:
        where = f"{name}, line {(ends[-1] if ends else 0) + 1}"
        raise complain(where, f"what is no csv ({error})", "cells with one separator") from error
    return rows, ends
