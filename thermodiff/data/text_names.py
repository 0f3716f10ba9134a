"""The names of the columns of a text file: its first line, the comment above the numbers, or none."""

from __future__ import annotations

import csv
from typing import NamedTuple

from thermodiff.data.cells import is_missing, is_number
from thermodiff.data.dialects import Dialect
from thermodiff.data.headers import Cells, has_header

COMMENT = ("#", "%")
"""A line that begins with one of these is a comment, or the header if it is the last before the numbers."""
Names = tuple[str, ...]


class Named(NamedTuple):
    """The names of the columns if there are any, the rows below them, and what was guessed."""

    columns: Names | None
    rows: list[Cells]
    notes: tuple[str, ...]


def is_comment(line: str) -> bool:
    """Whether a line is one."""
    return line.lstrip().startswith(COMMENT)


def last_comment(lines: list[str], spoken: Dialect) -> Names | None:
    """The cells of the last comment before the first row, if there is one."""
    found = None
    for line in lines:
        if line.strip() and not is_comment(line):
            break
        found = line.strip().lstrip("".join(COMMENT)) if line.strip() else found
    if found is None or len(found) > csv.field_size_limit():
        return None
    try:
        return tuple(next(spoken.records([found]), ()))
    except csv.Error:  # words with a quotation mark among them
        return None


def name_columns(name: str, rows: list[Cells], comment: Names | None, decimal: str, wanted: str) -> Named:
    """The rows of a file called ``name`` with their names; ``wanted`` says whether there is a header.

    Raises ValueError where that cannot be told.
    """
    first = rows[0]
    says_numbers = [is_number(cell, decimal) or is_missing(cell) for cell in (*first, *(comment or ()))]
    if wanted == "auto" and comment and says_numbers == [True] * len(first) + [False] * len(first):
        return Named(comment, rows, ("names of columns from the comment above the numbers",))
    if not has_header(name, rows, decimal, wanted):
        return Named(None, rows, ())
    guessed = wanted == "auto" and any(is_number(cell, decimal) for cell in first)
    shown = ",".join(first[:6]) + (",..." if len(first) > 6 else "")
    note = f"the first line, {shown}, taken for names of columns (--header no if it is a row)"
    return Named(_as_long(tuple(first), rows[1:]), rows[1:], (note,) if guessed else ())


def _as_long(names: Names, rows: list[Cells]) -> Names:
    """R names all columns but the first, which has the rows' names: one name fewer than there are cells."""
    if any(len(row) != len(names) + 1 for row in rows):
        return names
    return (*names, "") if all(row[-1] == "" for row in rows) else ("", *names)


def without_trailing(named: Named) -> Named:
    """Without a last column that has neither a name nor values: lines that end in a separator."""
    names, rows, notes = named
    if len(rows[0]) < 2 or (names is not None and names[-1] != "") or any(row[-1] for row in rows):
        return named
    shorter = None if names is None else names[:-1]
    note = "lines end in a separator: no column after it"
    return Named(shorter, [row[:-1] for row in rows], (*notes, note))


def nameless(names: Names | None) -> dict[int, str]:
    """The first column, if it alone has no name where others have: pandas and R write an index so."""
    if names is None or len(names) < 2 or names[0] != "" or all(name == "" for name in names[1:]):
        return {}
    return {0: "it has no name, as an index"}
