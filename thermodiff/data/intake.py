"""The user's rows for the commands ``entropy`` and ``mi``: from a file or a name, continuous, checked and split."""

from __future__ import annotations

from pathlib import Path
from typing import NamedTuple

import numpy as np

from thermodiff.data.dequantisation import dequantise
from thermodiff.data.named import NAMES, TRAINING, named_data
from thermodiff.data.tables import Table, load
from thermodiff.distributions.sample_checks import check_continuous, check_samples
from thermodiff.validation import complain

FEWEST = 75
"""Of so many rows four fifths, to train on, are the 60 that an estimate of information takes at least."""


class UserSamples(NamedTuple):
    """All rows as a table, four fifths of them to train on and the rest to compare density models on; what was done.

    ``log_steps`` is sum_j ln step_j (nats) where every column was measured in steps, None elsewhere.
    """

    table: Table
    training: np.ndarray
    test: np.ndarray
    log_steps: float | None
    notes: tuple[str, ...]


def read(file: str, key: str | None, counts: bool, rng: np.random.Generator) -> UserSamples:
    """The rows of a file, or of data with a name; dequantised if ``counts``; cut at random, four fifths to train on.

    Named data come as ``named_data`` has them, whatever ``counts`` and ``rng``. Raises ValueError, one line, for a file
    that cannot be read and rows that have no density.
    """
    samples = _loaded(file, key)
    if file in NAMES:
        return samples
    samples = _continuous(samples.table, counts, rng)
    values = samples.table.values
    order = rng.permutation(len(values))
    cut = int(TRAINING * len(values))
    return samples._replace(training=values[order[:cut]], test=values[order[cut:]])


def read_columns(
    file: str, key: str | None, columns: tuple[str, str] | None, counts: bool, rng: np.random.Generator
) -> UserSamples:
    """As ``read``, not cut, of the ``columns`` alone: the option that chose them, and its words. None takes all."""
    samples = _loaded(file, key)
    if columns is not None:
        samples = samples._replace(table=_chosen(samples.table, *columns))
    return samples if file in NAMES else _continuous(samples.table, counts, rng)


def read_as_they_are(
    file: str, key: str | None, columns: tuple[str, str] | None
) -> tuple[UserSamples, Table, list[int]]:
    """As ``read_columns``, of columns that need no density; the whole table, and which of its columns were taken."""
    samples = _loaded(file, key)
    whole = samples.table
    taken = list(range(whole.values.shape[1])) if columns is None else places(whole, *columns)
    return samples._replace(table=_taken(whole, taken)), whole, taken


def _loaded(file: str, key: str | None) -> UserSamples:
    """As the file has them; named data as they should be."""
    if file not in NAMES:
        table = load(Path(file), key)
        return UserSamples(table, table.values, table.values[:0], None, ())
    if key is not None:
        raise complain("key", f"{key!r} for {file}", "no key: only an .npz file has several arrays")
    named = named_data(file)
    return UserSamples(named.table, named.training, named.test, named.log_steps, named.notes)


def _continuous(table: Table, counts: bool, rng: np.random.Generator) -> UserSamples:
    """The rows as they are or with noise of one step in every column that has steps; checked."""
    notes: tuple[str, ...] = ()
    log_steps = None
    if counts:
        table, log_steps, notes = _dequantised(table, rng)
    values = table.values
    check_samples(table.source, values)
    check_continuous(table.source, values)
    if len(values) < FEWEST:
        need = f"at least {FEWEST}, to train and to compare on; thousands are useful"
        raise complain(table.source, f"{len(values)} rows", need)
    return UserSamples(table, values, values[:0], log_steps, notes)


def _dequantised(table: Table, rng: np.random.Generator) -> tuple[Table, float | None, tuple[str, ...]]:
    """The table, the sum of the logarithms of its steps if all columns have one, and what was done."""
    noisy = dequantise(rng, table.values, continuous="leave")
    left = [table.column(int(j)) for j in np.flatnonzero(noisy.step == 0)]
    if len(left) == len(noisy.step):
        got = f"no column of {table.source} on a grid"
        raise complain("dequantise", got, "whole numbers, or tenths and the like")
    stepped = table._replace(values=noisy.samples)
    steps = [f"{h:g} in column {table.column(j)}" for j, h in enumerate(noisy.step.tolist()) if h > 0]
    done = f"uniform noise of one step: {', '.join(steps)}"
    if not left:
        return stepped, float(noisy.log_steps.sum()), (done,)
    return stepped, None, (done, f"column {', '.join(left)} lies on no grid and is left as it is")


def _chosen(table: Table, option: str, words: str) -> Table:
    return _taken(table, places(table, option, words))


def _taken(table: Table, chosen: list[int]) -> Table:
    columns = None if table.columns is None else tuple(table.columns[j] for j in chosen)
    return table._replace(values=np.asarray(table.values)[:, chosen], columns=columns)


def places(table: Table, option: str, words: str) -> list[int]:
    """The places, from 0, of the columns that ``words`` lists: numbers from 1 or names, with commas between."""
    width = table.values.shape[1]
    found: list[int] = []
    for word in (w.strip() for w in words.split(",")):
        if table.columns is not None and word in table.columns:
            found.append(table.columns.index(word))
        elif word.isdecimal() and 1 <= int(word) <= width:
            found.append(int(word) - 1)
        else:
            named = (
                "" if table.columns is None else f" or names of the first line ({', '.join(table.columns)})"
            )
            raise complain(option, repr(word), f"numbers from 1 to {width}{named}, with commas between")
    if len(set(found)) < len(found):
        raise complain(option, repr(words), "every column once")
    return found
