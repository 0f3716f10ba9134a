"""Which columns of a file to take: those asked for by name or number, or all but an index."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from thermodiff.data.sources import Source
from thermodiff.data.tables import Table, called
from thermodiff.validation import complain


class Choice(NamedTuple):
    """The option that chooses columns, for messages, its words (None: all), and the words of those to leave out."""

    option: str = "columns"
    columns: str | None = None
    without: str | None = None


def choose(source: Source, choice: Choice) -> tuple[list[int], tuple[str, ...]]:
    """The places of the columns to take, and a note on each that was left out without being asked to.

    Raises ValueError for a column that is not there, one named twice, and where none is left.
    """
    names, width = source.columns, source.width
    gone = [] if choice.without is None else places("without", choice.without, names, width)
    if choice.columns is not None:
        chosen = places(choice.option, choice.columns, names, width)
        return _left(choice, [j for j in chosen if j not in gone]), ()
    left_out = {
        j: why for j, why in source.set_aside.items() if j not in gone and len(source.set_aside) < width
    }
    notes = tuple(
        f"column {called(names, j)} left out: {why} (--{choice.option} takes it)"
        for j, why in left_out.items()
    )
    return _left(choice, [j for j in range(width) if j not in gone and j not in left_out]), notes


def _left(choice: Choice, chosen: list[int]) -> list[int]:
    if not chosen:
        raise complain("without", repr(choice.without), "a column that is left")
    return chosen


def places(option: str, words: str, names: tuple[str, ...] | None, width: int) -> list[int]:
    """The places, from 0, of the columns that ``words`` lists: names, or numbers from 0, with commas between."""
    found: list[int] = []
    for word in (w.strip() for w in words.split(",")):
        if names is not None and names.count(word) > 1:
            numbers = [j for j, name in enumerate(names) if name == word]
            raise complain(option, f"{word!r}, the name of columns {numbers}", "one of these numbers")
        if names is not None and word in names:
            found.append(names.index(word))
        elif word.isdecimal() and int(word) < width:
            found.append(int(word))
        else:
            named = "" if names is None else f" or names ({_shown(names)})"
            raise complain(option, repr(word), f"numbers from 0 to {width - 1}{named}, with commas between")
    if len(set(found)) < len(found):
        raise complain(option, f"{words!r}, which are columns {found}", "every column once")
    return found


def _shown(names: tuple[str, ...]) -> str:
    return ", ".join(names[:12]) + (", ..." if len(names) > 12 else "")


def refuse_row_numbers(table: Table) -> None:
    """Raise where a column, one of several, counts the rows: it is no measurement."""
    n, d = table.values.shape
    for j in range(d) if n > 2 and d > 1 else ():
        column = table.values[:, j].astype(np.float64)
        if np.array_equal(column, np.arange(n) + column[0]):
            name = f"{table.source}, column {table.column(j)}"
            raise complain(name, "row numbers", f"columns of data alone (--without {_word(table, j)})")


def _word(table: Table, j: int) -> str:
    return table.words[j] or f"{table.place(j)}"
