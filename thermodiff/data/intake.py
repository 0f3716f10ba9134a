"""The user's rows for every command that reads them: from a file or a name, columns chosen, checked, dequantised.

One way in: what was guessed, dropped and added is a line of ``notes``, what to be careful with one of ``remarks``.
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import NamedTuple

import numpy as np

from thermodiff.data.columns import Choice, choose, places, refuse_row_numbers
from thermodiff.data.dequantisation import dequantise
from thermodiff.data.files import open_file
from thermodiff.data.missing import Lacking, without_rows
from thermodiff.data.named import NAMES, TRAINING, named_data
from thermodiff.data.remarks import identifiers, repeats
from thermodiff.data.tables import Table
from thermodiff.distributions.sample_checks import check_continuous, check_samples
from thermodiff.validation import check_points, complain

FEWEST = 75
"""Of so many rows four fifths, to train on, are the 60 that an estimate of information takes at least."""


class Wanted(NamedTuple):
    """A file, or data with a name, and what is said of it: options of the commands, with their defaults."""

    file: str
    key: str | None = None
    choice: Choice = Choice()
    dequantise: bool = False
    missing: str = "refuse"
    separator: str = "auto"
    header: str = "auto"


class UserSamples(NamedTuple):
    """All rows as a table; of named data those to train and to compare on; what was done, and what to be careful with.

    ``log_steps`` is sum_j ln step_j (nats) where every column was measured in steps, None elsewhere.
    """

    table: Table
    fixed: tuple[np.ndarray, np.ndarray] | None
    log_steps: float | None
    notes: tuple[str, ...]
    remarks: tuple[str, ...]


def read(wanted: Wanted, rng: np.random.Generator) -> UserSamples:
    """The rows of a file, or of data with a name; noise from ``rng`` where it is asked for.

    Named data come as ``named_data`` has them, whatever ``dequantise`` and ``rng``. Raises ValueError, one line, for a
    file that cannot be read, rows that lack values unless those are to be dropped, and rows that are no samples.
    """
    return _read([wanted], rng)[0]


def read_pair(x: Wanted, y: Wanted, rng: np.random.Generator) -> tuple[UserSamples, UserSamples]:
    """As ``read`` both: row i of one belongs to row i of the other, and a row is dropped from both or from none."""
    first, second = _read([x, y], rng)
    return first, second


class Taken(NamedTuple):
    """Rows of columns that need no density, the names and number of all columns there are, and which were taken."""

    samples: UserSamples
    whole: tuple[tuple[str, ...] | None, int]
    places: list[int]


def read_as_they_are(*several: Wanted) -> list[Taken]:
    """As ``read`` or ``read_pair``, of columns that need no density."""
    loaded = _whole([None if wanted.file in NAMES else _loaded(wanted) for wanted in several], several)
    return [_taken(*pair) for pair in zip(several, loaded, strict=True)]


def _taken(wanted: Wanted, table: Table | None) -> Taken:
    if table is None:
        named = named_data(wanted.file).table
        return Taken(_named(wanted), (named.columns, named.values.shape[1]), _places(named, wanted.choice))
    source = open_file(Path(wanted.file), wanted.key, wanted.separator, wanted.header)
    chosen, _ = choose(source, wanted.choice)
    return Taken(UserSamples(table, None, None, table.notes, ()), (source.columns, source.width), chosen)


def check_density(samples: UserSamples) -> None:
    """Raise unless the columns are continuous, and the rows enough to train and to compare on."""
    table = samples.table
    if samples.fixed is not None:
        return
    check_continuous(table.source, table.rows)
    if len(table.values) < FEWEST:
        need = f"at least {FEWEST}, to train and to compare on; thousands are useful"
        raise complain(table.source, f"{len(table.values)} rows", need)


def divide(samples: UserSamples, rng: np.random.Generator) -> tuple[np.ndarray, np.ndarray]:
    """Four fifths of the rows, to train on, and the rest: the fixed ones of named data, else at random."""
    if samples.fixed is not None:
        return samples.fixed
    values = samples.table.values
    order, cut = rng.permutation(len(values)), int(TRAINING * len(values))
    return values[order[:cut]], values[order[cut:]]


def _read(several: list[Wanted], rng: np.random.Generator) -> list[UserSamples]:
    tables = _whole([None if wanted.file in NAMES else _loaded(wanted) for wanted in several], several)
    return [
        _named(wanted) if table is None else _samples(table, wanted, rng)
        for wanted, table in zip(several, tables, strict=True)
    ]


def _whole(loaded: list[Lacking | None], several: Sequence[Wanted]) -> list[Table | None]:
    """The tables of files (None: data with a name) without rows that lack values: refused, or dropped from all."""
    files = [lacking for lacking in loaded if lacking is not None]
    if all(wanted.missing == "refuse" for wanted in several):
        for lacking in files:
            lacking.refuse()
        return [None if lacking is None else lacking.table for lacking in loaded]
    _check_as_long(files)
    tables = iter(without_rows(files) if files else [])
    return [None if lacking is None else next(tables) for lacking in loaded]


def _loaded(wanted: Wanted) -> Lacking:
    """The chosen columns of a file as they are, with its missing values."""
    source = open_file(Path(wanted.file), wanted.key, wanted.separator, wanted.header)
    chosen, notes = choose(source, wanted.choice)
    names = None if source.columns is None else tuple(source.columns[j] for j in chosen)
    notes = (*source.notes, *notes)
    table = Table(source.numbers(chosen), names, source.name, notes, tuple(chosen))
    if wanted.choice.columns is None:
        refuse_row_numbers(table)
    loaded = Lacking(table, source.row)
    loaded.refuse_infinite()
    return loaded


def _check_as_long(files: list[Lacking]) -> None:
    """Raise unless pairs of rows can be dropped together."""
    for other in files[1:]:
        n, m = len(files[0].table.values), len(other.table.values)
        if n != m:
            need = f"as many as {files[0].table.source} has, {n}: row i of both is one pair"
            raise complain(other.table.source, f"{m} rows", need)


def _named(wanted: Wanted) -> UserSamples:
    """Data with a name, which have been dequantised and divided already."""
    if wanted.key is not None:
        raise complain(
            "key", f"{wanted.key!r} for {wanted.file}", "no key: only an .npz file has several arrays"
        )
    for option, asked in ("separator", wanted.separator), ("header", wanted.header):
        if asked != "auto":
            raise complain(option, f"{asked!r} for {wanted.file}", "it for text files alone")
    data = named_data(wanted.file)
    chosen = _places(data.table, wanted.choice)
    if chosen == list(range(data.table.values.shape[1])):
        return UserSamples(data.table, (data.training, data.test), data.log_steps, data.notes, ())
    fixed = data.training[:, chosen], data.test[:, chosen]
    return UserSamples(data.table.take(chosen), fixed, None, data.notes, ())


def _places(table: Table, choice: Choice) -> list[int]:
    width = table.values.shape[1]
    everything = list(range(width))
    chosen = (
        everything if choice.columns is None else places(choice.option, choice.columns, table.columns, width)
    )
    gone = [] if choice.without is None else places("without", choice.without, table.columns, width)
    left = [j for j in chosen if j not in gone]
    if not left:
        raise complain("without", repr(choice.without), "a column that is left")
    return left


def _samples(table: Table, wanted: Wanted, rng: np.random.Generator) -> UserSamples:
    """The rows as they are, or with noise of one step in every column that has steps; checked."""
    check_points(table.source, table.values)
    found = identifiers(table)
    log_steps = None
    notes = table.notes
    if wanted.dequantise:
        table, log_steps, done = _dequantised(table, rng)
        notes = (*notes, *done)
    check_samples(table.source, table.rows)
    return UserSamples(table, None, log_steps, notes, (*found, *repeats(table)))


def _dequantised(table: Table, rng: np.random.Generator) -> tuple[Table, float | None, tuple[str, ...]]:
    """The table, the sum of the logarithms of its steps if all columns have one, and what was done."""
    noisy = dequantise(rng, table.values, continuous="leave")
    left = [table.column(int(j)) for j in np.flatnonzero(noisy.step == 0)]
    if len(left) == len(noisy.step):
        got = f"no column of {table.source} on a grid"
        raise complain("dequantise", got, "whole numbers, or tenths and the like")
    stepped = table._replace(values=noisy.samples)
    done = f"uniform noise of one step: {_steps(table, noisy.step)}"
    if not left:
        return stepped, float(noisy.log_steps.sum()), (done,)
    return stepped, None, (done, f"column {', '.join(left)} lies on no grid and is left as it is")


def _steps(table: Table, step: np.ndarray) -> str:
    """The width of the noise of each column (d,), columns of one width together."""
    widths = sorted(set(step[step > 0].tolist()))
    if len(widths) == 1 and (step > 0).all():
        return f"{widths[0]:g} in every column"
    where = {h: ", ".join(table.column(int(j)) for j in np.flatnonzero(step == h)) for h in widths}
    return "; ".join(f"{h:g} in column {columns}" for h, columns in where.items())
