"""Which columns of which table are classes: said by the user, checked, counted.

A side of a mutual information has columns with a density, columns of classes, or both. Several columns of classes are
one: their joint classes. Source: this project.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple

import numpy as np

from thermodiff.distributions.rows import Rows, column_names
from thermodiff.information.arguments import FEWEST_ROWS
from thermodiff.validation import check_points, complain

Discrete = str | Sequence[str] | Mapping[str, int | str | Sequence[int | str]]
"""Which columns are classes: the name of a table all of whose columns are ("y"), several such names, or by table the
columns, counted from 0 or by the names that they have in a DataFrame ({"x": [2], "y": "sex"})."""
FEWEST_IN_CLASS = 10
"""With fewer rows of a class some part of the folds would have none."""
RARE = 50
FEW_VALUES = 20
"""A column without more distinct values than this, in ten times as many rows, is taken for one of classes."""


class Side(NamedTuple):
    """Rows (n, d) of the columns that are numbers (d may be 0), and the joint class of each row.

    ``codes`` (n,) are whole numbers from 0, ``classes`` what they stand for; None and nothing without classes.
    ``named`` are the rows with what their columns are called.
    """

    rows: np.ndarray
    codes: np.ndarray | None
    classes: tuple[str, ...]
    named: Rows = Rows(None)

    @property
    def dim(self) -> int:
        """Number of columns that are numbers."""
        return self.rows.shape[1]


def sides(named: Mapping[str, Any], discrete: Discrete) -> dict[str, Side]:
    """Each table by name, its columns told apart. Raises ValueError for what can be neither classes nor numbers."""
    tables = {name: _table(name, array) for name, array in named.items()}
    chosen = _chosen(tables, discrete)
    first, *others = tables
    n = {name: len(table.values) for name, table in tables.items()}
    if n[first] < FEWEST_ROWS:
        raise complain(first, f"{n[first]} rows", f"at least {FEWEST_ROWS} to train and to hold out")
    for name in others:
        if n[name] != n[first]:
            raise complain(name, f"{n[name]} rows", f"as many as {first} has, {n[first]}")
    return {name: _side(name, table, chosen.get(name, [])) for name, table in tables.items()}


def check_no_classes(named: Mapping[str, Any], discrete: Discrete = ()) -> dict[str, list[int]]:
    """Raise where a column that is not ``discrete`` looks like one of classes; the message says how to name it so.

    Returns the numbers, from 0, of those that are, by table.
    """
    tables = {name: _table(name, array) for name, array in named.items()}
    chosen = _chosen(tables, discrete)
    for name, table in tables.items():
        n, d = table.values.shape
        for j in set(range(d)) - set(chosen.get(name, [])):
            values = len(np.unique(_numbers(name, table, j)))
            if 1 < values <= min(FEW_VALUES, n / 10):
                got = f"{values} distinct values in {n} rows"
                raise complain(f"{name}[:, {table.label(j)}]", got, _hint(name, table, j))
    return chosen


def _numbers(name: str, table: Rows, j: int) -> np.ndarray:
    """A column (n,) in double precision. Raises ValueError for words, and for true and false."""
    column, called, need = table.values[:, j], f"{name}[:, {table.label(j)}]", _hint(name, table, j)
    kind = "true or false" if column.dtype.kind == "b" else "words"
    if column.dtype.kind in "USb" or isinstance(column[0], bool | str):
        raise complain(called, f"{kind}, such as {column[0]}", need)
    try:
        return column.astype(np.float64)
    except (TypeError, ValueError) as error:
        raise complain(called, f"entries that are no numbers ({error})", need) from error


def _hint(name: str, table: Rows, j: int) -> str:
    """How to say that a column is of classes: to the command where it is a file's, else in Python."""
    python = f'discrete={{"{name}": {table.label(j)}}}'
    how = python if table.places is None else f"--discrete {table.label(j)}"
    return f"a column with a density, or {how} if its values are classes"


def one_hot(codes: np.ndarray) -> np.ndarray:
    """A column for each class but the first, 1 where a row is of it, shape (n, k - 1)."""
    return (codes[:, None] == np.arange(1, codes.max() + 1)).astype(np.float64)


def joint(codes: Sequence[np.ndarray | None]) -> np.ndarray | None:
    """The joint classes of several columns of codes (n,), numbered from 0; None where there is no column."""
    there = [column for column in codes if column is not None]
    if not there:
        return None
    return np.unique(np.stack(there, axis=1), axis=0, return_inverse=True)[1].reshape(-1)


def _table(name: str, array: Any) -> Rows:
    values = np.asarray(array.values if isinstance(array, Rows) else array)
    values = values[:, None] if values.ndim == 1 else values
    if values.ndim != 2 or 0 in values.shape:
        raise complain(name, f"shape {values.shape}", "an array of shape (n, d), or (n,) for one column")
    return Rows(values, column_names(name, array), array.places if isinstance(array, Rows) else None)


def _chosen(tables: Mapping[str, Rows], discrete: Discrete) -> dict[str, list[int]]:
    """By table the columns, counted from 0, that are classes."""
    if isinstance(discrete, str):
        discrete = [discrete]
    said = discrete if isinstance(discrete, Mapping) else dict.fromkeys(discrete)
    chosen = {}
    for name, columns in said.items():
        if name not in tables:
            raise complain("discrete", repr(name), f"a name among {', '.join(tables)}")
        width = tables[name].values.shape[1]
        words = tables[name].columns or ()
        # An array of objects keeps 1 a number beside "sex".
        listed = np.arange(width) if columns is None else np.atleast_1d(np.array(columns, dtype=object))
        numbers = [words.index(j) if j in words else j for j in listed.tolist()]
        if not all(isinstance(j, int | np.integer) and 0 <= j < width for j in numbers):
            need = f"columns from 0 to {width - 1}" + (f" or of {', '.join(words)}" if words else "")
            raise complain("discrete", f"{columns!r} for {name}", need)
        chosen[name] = sorted(set(numbers))
    return chosen


def _side(name: str, table: Rows, chosen: list[int]) -> Side:
    rest = [j for j in range(table.values.shape[1]) if j not in chosen]
    rows = np.zeros((len(table.values), 0))
    if rest:
        rows = np.column_stack([_numbers(name, table, j) for j in rest])
        check_points(name, rows)
    named = table.take(rest)._replace(values=rows)
    if not chosen:
        return Side(rows, None, (), named)
    columns = [_codes(f"{name}[:, {table.label(j)}]", table.values[:, j]) for j in chosen]
    codes = joint([column for column, _ in columns])
    assert codes is not None
    first = np.unique(codes, return_index=True)[1]
    labels = tuple(", ".join(str(values[column[i]]) for column, values in columns) for i in first)
    _check_classes(name, codes, labels)
    return Side(rows, codes, labels, named)


def _codes(name: str, column: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Numbers from 0 and the values they stand for. Raises ValueError for missing labels."""
    missing = np.array([value is None or value != value for value in column.tolist()])  # NaN is not itself
    if missing.any():
        got = f"{missing.sum()} missing label(s), the first in row {int(missing.argmax())}, counted from 0"
        raise complain(name, got, "a class in every row")
    if column.dtype.kind == "O":
        column = column.astype(str)
    values, codes = np.unique(column, return_inverse=True)
    return codes.reshape(-1), values


def _check_classes(name: str, codes: np.ndarray, labels: tuple[str, ...]) -> None:
    times = np.bincount(codes)
    if len(times) < 2:
        raise complain(name, f"one class, {labels[0]!r}", "at least two: one alone has no entropy")
    rarest = int(times.argmin())
    if times[rarest] < FEWEST_IN_CLASS:
        few = int(np.sum(times < FEWEST_IN_CLASS))
        got = f"{times[rarest]} row(s) of class {labels[rarest]!r}, and {few} of {len(times)} classes like it"
        raise complain(name, got, f"at least {FEWEST_IN_CLASS} rows of each: put rare classes together")


def rare_warning(codes: Sequence[np.ndarray | None]) -> list[str]:
    """Classes, joint ones too, that are too rare to be known well."""
    together = joint(codes)
    if together is None or np.bincount(together).min() >= RARE:
        return []
    times = np.bincount(together)
    return [
        f"{int(np.sum(times < RARE))} of {len(times)} joint classes have fewer than {RARE} rows, "
        f"the rarest {times.min()}: what depends on them is hardly known"
    ]
