"""Rows from a text file: csv with commas, semicolons, tabs or white space, with or without a header and comments.

Cells become numbers when a column is asked for, so that words in a column that is left out do no harm.
"""

from __future__ import annotations

import csv
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

import numpy as np

from thermodiff.data.cells import is_missing, is_number, value
from thermodiff.data.dialects import Dialect, dialect
from thermodiff.data.headers import Cells, has_header
from thermodiff.data.tables import called
from thermodiff.validation import complain

COMMENT = ("#", "%")
"""A line that begins with one of these is a comment, or the header if it is the last before the numbers."""


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
    return "a number in every cell; --without leaves a column out"


def read_text(path: Path, separator: str = "auto", header: str = "auto") -> Text:
    """The cells of a text file. ``separator`` and ``header`` say what it has where the file itself does not.

    Raises ValueError for what is no text or no table, and where the file can be read in two ways.
    """
    try:
        text = path.read_text(encoding="utf-8-sig")  # with every kind of line end made a plain one
    except UnicodeDecodeError as error:
        got = f"bytes that are no text ({error.reason})"
        raise complain(path.name, got, "a csv file in UTF-8") from error
    lines = text.split("\n")
    content = [line for line in lines if line.strip() and not _is_comment(line)]
    if not content:
        raise complain(path.name, "no rows of numbers", "samples, one a row")
    spoken = dialect(path.name, content, separator)
    rows, ends = _cells(path.name, lines, spoken)
    if not rows:
        raise complain(path.name, "no rows of numbers", "samples, one a row")
    names, commented = _header(path.name, rows, lines, spoken, header)
    if names is not None and not commented:
        rows, ends = rows[1:], ends[1:]
    if not rows:
        raise complain(path.name, "no rows of numbers", "samples, one a row")
    names = _with_index(names, rows)
    _check_widths(path.name, names, rows, ends)
    names, rows, trailing = _without_trailing(names, rows)
    skipped = sum(_is_comment(line) for line in lines) - commented
    notes = (
        *((spoken.note,) if spoken.note and separator == "auto" and len(rows[0]) > 1 else ()),
        *(("decimal commas",) if spoken.decimal == "," and len(rows[0]) == 1 else ()),
        *((f"{skipped} comment line(s) skipped",) if skipped else ()),
        *((_header_note(names, spoken.decimal, commented),) if names and header == "auto" else ()),
        *trailing,
    )
    return Text(path.name, rows, ends, spoken.decimal, names, _nameless(names), tuple(n for n in notes if n))


def _is_comment(line: str) -> bool:
    return line.lstrip().startswith(COMMENT)


def _cells(name: str, lines: list[str], spoken: Dialect) -> tuple[list[Cells], list[int]]:
    """The cells of every record that has any, and the line that it ends on."""
    at = 0

    def numbered() -> Iterator[str]:
        nonlocal at
        for at, line in enumerate(lines, 1):  # noqa: B007  read by the loop below
            if line.strip() and not _is_comment(line):
                yield line + "\n"

    rows, ends = [], []
    try:
        for cells in spoken.records(numbered()):
            if any(cells) or len(cells) > 1:
                rows.append(cells)
                ends.append(at)
    except csv.Error as error:
        raise complain(
            f"{name}, line {(ends[-1] if ends else 0) + 1}",
            f"what is no csv ({error})",
            "cells with one separator",
        ) from error
    return rows, ends


def _header(
    name: str, rows: list[Cells], lines: list[str], spoken: Dialect, wanted: str
) -> tuple[tuple[str, ...] | None, bool]:
    """The names of the columns, and whether they stand in a comment: the last one before the rows."""
    if has_header(name, rows, spoken.decimal, wanted):
        return tuple(rows[0]), False
    comments = []
    for line in lines:
        if line.strip() and not _is_comment(line):
            break
        comments += [line.strip().lstrip("".join(COMMENT))] if line.strip() else []
    if wanted == "no" or not comments or len(comments[-1]) > csv.field_size_limit():
        return None, False
    cells = next(spoken.records([comments[-1]]), [])
    words = not any(is_number(cell, spoken.decimal) or is_missing(cell) for cell in cells)
    return (tuple(cells), True) if words and len(cells) == len(rows[0]) else (None, False)


def _with_index(names: tuple[str, ...] | None, rows: list[Cells]) -> tuple[str, ...] | None:
    """R names all columns but the first, which has the rows' names: one name fewer than there are cells."""
    if names is not None and all(len(row) == len(names) + 1 for row in rows):
        ends_in_separator = all(row[-1] == "" for row in rows)
        return (*names, "") if ends_in_separator else ("", *names)
    return names


def _check_widths(name: str, names: tuple[str, ...] | None, rows: list[Cells], ends: list[int]) -> None:
    width = len(rows[0] if names is None else names)
    for row, line in zip(rows, ends, strict=True):
        if len(row) != width:
            raise complain(f"{name}, line {line}", f"{len(row)} cell(s)", f"{width} as in the first line")


def _without_trailing(
    names: tuple[str, ...] | None, rows: list[Cells]
) -> tuple[tuple[str, ...] | None, list[Cells], tuple[str, ...]]:
    """Without a last column that has neither a name nor values: lines that end in a separator."""
    nameless = names is None or names[-1] == ""
    if len(rows[0]) < 2 or not nameless or any(row[-1] for row in rows):
        return names, rows, ()
    shorter = None if names is None else names[:-1]
    return shorter, [row[:-1] for row in rows], ("lines end in a separator: no column after it",)


def _header_note(names: tuple[str, ...], decimal: str, commented: bool) -> str | None:
    """What was guessed of the names, where it could have been otherwise."""
    if commented:
        return "names of columns from the comment above the numbers"
    if any(is_number(cell, decimal) for cell in names):
        shown = ",".join(names[:6]) + (",..." if len(names) > 6 else "")
        return f"the first line, {shown}, taken for names of columns (--header no if it is a row)"
    return None


def _nameless(names: tuple[str, ...] | None) -> dict[int, str]:
    """The first column, if it alone has no name where others have: pandas and R write an index so."""
    if names is None or len(names) < 2 or names[0] != "" or all(name == "" for name in names[1:]):
        return {}
    return {0: "it has no name, as an index"}
