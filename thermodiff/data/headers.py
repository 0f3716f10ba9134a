"""Whether the first line of a text file names its columns.

Names over numbers are a header. Numbers are one where they are written without a fraction, none twice, and nothing
below them is: pandas' 0,1,2 and years. Where they could be a row as well, or names stand beside numbers, the file does
not tell, and is refused with the option that does.
"""

from __future__ import annotations

import itertools
from collections.abc import Sequence
from decimal import Decimal

from thermodiff.data.cells import is_missing, is_number, is_whole
from thermodiff.validation import complain

Cells = list[str]


def has_header(name: str, rows: Sequence[Cells], decimal: str, wanted: str) -> bool:
    """Whether the first of some rows of cells is a header; ``wanted`` is "yes", "no" or "auto".

    Raises ValueError where that cannot be told.
    """
    if wanted != "auto":
        return wanted == "yes"
    first, body = rows[0], [row for row in rows[1:] if len(row) == len(rows[0])]
    if not body:
        return not any(is_number(cell, decimal) for cell in first)
    of_numbers = [j for j in range(len(first)) if _mostly_numbers([row[j] for row in body], decimal)]
    told = [j for j in of_numbers if not is_missing(first[j])] or [
        j for j in range(len(first)) if not is_missing(first[j])
    ]
    numbers = [j for j in told if is_number(first[j], decimal)]
    if not numbers:
        return bool(told)
    if len(numbers) < len(told):
        words = [first[j] for j in told if j not in numbers]
        if not any(c.isalpha() for word in words for c in word):
            return False  # 1_000 or 1,000.5 beside numbers: badly written, no name
        word = words[0]
        got = f"{word!r} beside {first[numbers[0]]!r}: a header partly of numbers, or a row with a word"
        raise complain(f"{name}, first line", got, "--header yes or --header no to say which")
    return _numbers_are_names(name, [first[j] for j in told], [[row[j] for j in told] for row in body])


def _mostly_numbers(cells: Cells, decimal: str) -> bool:
    good = sum(is_number(cell, decimal) or is_missing(cell) for cell in cells)
    return 2 * good > len(cells)


def _numbers_are_names(name: str, first: Cells, body: Sequence[Cells]) -> bool:
    """Whether cells that are all numbers name the columns of ``body`` below them."""
    distinct = len(set(first)) == len(first)
    if distinct and all(map(is_whole, first)) and not any(is_whole(cell) for row in body for cell in row):
        return True
    if distinct and _evenly_spaced(first) and not all(_evenly_spaced(row) for row in body):
        need = "--header yes or --header no to say which"
        raise complain(f"{name}, first line", f"{','.join(first[:6])}: names of columns, or a row", need)
    return False


def _evenly_spaced(cells: Cells) -> bool:
    """0,1,2 or 400,410,420 or 0.1,0.2,0.3: three or more with even steps, or two consecutive whole numbers."""
    if any(is_missing(cell) or not is_number(cell) or not cell[-1].isdigit() for cell in cells):
        return False
    numbers = [Decimal(cell) for cell in cells]
    steps = {b - a for a, b in itertools.pairwise(numbers)}
    if len(steps) != 1 or steps == {Decimal(0)}:
        return False
    return len(numbers) > 2 or (steps == {Decimal(1)} and all(map(is_whole, cells)))
