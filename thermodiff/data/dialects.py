"""How a text file separates its cells and writes its fractions: told by the file itself, or asked for.

A separator is likely where lines have as many cells as each other and the cells are numbers. Where two ways of reading
are both perfect, as of 1,5 below 2,7 (two columns, or one with decimal commas), the file does not tell: it is refused
with the option that does.
"""

from __future__ import annotations

import csv
from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from typing import NamedTuple

from thermodiff.data.cells import is_missing, is_number
from thermodiff.validation import complain

LOOKED_AT = 200
"""So many lines of a file tell its dialect."""
SEPARATORS = {"comma": ",", "semicolon": ";", "tab": "\t", "space": " "}
_NAMES = {mark: name for name, mark in SEPARATORS.items()}


class Dialect(NamedTuple):
    """The separator of cells (a space stands for any run of white space), and the decimal mark."""

    separator: str
    decimal: str

    @property
    def note(self) -> str | None:
        """What was guessed, in words; None for commas and points, which nobody has to be told of."""
        commas = ", decimal commas" if self.decimal == "," else ""
        return None if self == PLAIN else f"cells separated by {_NAMES[self.separator]}s{commas}"

    def records(self, lines: Iterable[str]) -> Iterator[list[str]]:
        """The cells of each record, without white space around; one in quotes may go over several lines."""
        if self.separator == " ":
            lines = (" ".join(line.split()) for line in lines)
        for record in csv.reader(lines, delimiter=self.separator, skipinitialspace=True, strict=True):
            yield [cell.strip() for cell in record]

    def fit(self, lines: Sequence[str]) -> float:
        """From 0 to 1, how well lines read: the share with the commonest number of cells times that of numbers."""
        rows = [self.split(line) for line in lines]
        width = Counter(len(row) for row in rows).most_common(1)[0][0]
        cells = [cell for row in rows for cell in row]
        good = sum(is_missing(cell) or is_number(cell, self.decimal) for cell in cells)
        return sum(len(row) == width for row in rows) / len(rows) * good / len(cells)

    def split(self, line: str) -> list[str]:
        """The cells of one line, roughly: separators in quotes count too."""
        cells = line.split() if self.separator == " " else line.split(self.separator)
        return [cell.strip().strip('"') for cell in cells]


PLAIN = Dialect(",", ".")
ONE_COLUMN = Dialect(";", ",")
_SEVERAL = [PLAIN, *(Dialect(s, d) for s in (";", "\t", " ") for d in (".", ","))]


def dialect(name: str, lines: Sequence[str], separator: str) -> Dialect:
    """That of a file called ``name`` with these lines, comments left out; ``separator`` by name, or "auto".

    Raises ValueError where numbers with a comma may be one column or two.
    """
    first, body = lines[0], lines[1 : LOOKED_AT + 1] or lines[:1]
    possible = [d for d in _SEVERAL if separator in ("auto", _NAMES[d.separator])]
    best = max(possible, key=lambda d: (d.fit(body), d.fit([first])))
    if separator != "auto" or not any("," in line for line in body) or ONE_COLUMN.fit(body) < 1:
        return best
    if any("," in line and len(ONE_COLUMN.split(line)) > 1 for line in body):
        return best
    if is_number(ONE_COLUMN.split(first)[0], ","):
        got = f"lines such as {body[0]!r}: two whole numbers, or one with a decimal comma"
        raise complain(name, got, "--separator comma for two columns, --separator semicolon for one")
    return PLAIN if "," in first else ONE_COLUMN
