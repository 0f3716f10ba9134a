"""What a cell of a text file says: a number, that there is none, or something else."""

from __future__ import annotations

import re

MISSING = frozenset({"", "na", "n/a", "#n/a", "nan", "null", "none", "?", "-"})
"""What stands for a missing value, in small letters."""
_EXPONENT = r"([eE][+-]?[0-9]+)?"
_NUMBER = {
    ".": re.compile(rf"[+-]?([0-9]+\.?[0-9]*|\.[0-9]+){_EXPONENT}"),
    ",": re.compile(rf"[+-]?([0-9]+(,[0-9]+)?|,[0-9]+){_EXPONENT}"),
}
_WHOLE = re.compile(r"[+-]?[0-9]+")
_INFINITE = frozenset({"inf", "infinity"})


def is_missing(cell: str) -> bool:
    """Whether a cell says that there is no value."""
    return cell.lower() in MISSING


def is_number(cell: str, decimal: str = ".") -> bool:
    """Whether a cell is a number with this decimal mark. What only Python takes for one, such as 1_000, is none."""
    return bool(_NUMBER[decimal].fullmatch(cell)) or cell.lstrip("+-").lower() in _INFINITE


def is_whole(cell: str) -> bool:
    """Whether a cell is a number written without a point or an exponent."""
    return bool(_WHOLE.fullmatch(cell))


def value(cell: str, decimal: str = ".") -> float:
    """The number in a cell, NaN where the value is missing. Raises ValueError for anything else."""
    if is_missing(cell):
        return float("nan")
    if not is_number(cell, decimal):
        raise ValueError(cell)
    return float(cell.replace(decimal, "."))
