"""A table of the user's: a .npy, .npz or .csv file read whole, or refused in one line."""

from __future__ import annotations

import csv
import io
import zipfile
from pathlib import Path
from typing import NamedTuple

import numpy as np

from thermodiff.validation import complain

SUFFIXES = (".npy", ".npz", ".csv")


class Table(NamedTuple):
    """Rows as they are in the file: values (n, d), the columns' names if the file has them, the file's name."""

    values: np.ndarray
    columns: tuple[str, ...] | None
    source: str

    def column(self, index: int) -> str:
        """A column as a message calls it: its place counted from 1, and its name if it has one."""
        return f"{index + 1}" if self.columns is None else f"{index + 1} ({self.columns[index]!r})"


def load(path: Path, key: str | None = None) -> Table:
    """The table in a .npy, .npz (array ``key``, which may be left out where there is one only) or .csv file.

    Raises ValueError with one line saying what is wrong with the file. Nothing in it is ever executed (no pickles).
    """
    name, suffix = path.name, path.suffix.lower()
    if not path.exists():
        raise complain(
            "file", f"{str(path)!r}, which does not exist", "a .npy, .npz or .csv file, or 'digits'"
        )
    if path.is_dir() or suffix not in SUFFIXES:
        kind = "a directory" if path.is_dir() else f"the ending {suffix!r}"
        raise complain("file", f"{str(path)!r} ({kind})", f"one of {', '.join(SUFFIXES)}, or 'digits'")
    if key is not None and suffix != ".npz":
        raise complain("key", f"{key!r} for {name}", "no key: only an .npz file has several arrays")
    if path.stat().st_size == 0:
        raise complain(name, "an empty file", "samples, one a row")
    if suffix == ".csv":
        return _load_csv(path)
    return Table(_two_axes(name, _load_numpy(path, key)), None, name)


def _load_numpy(path: Path, key: str | None) -> np.ndarray:
    """One array from a .npy or .npz file; object arrays are refused, not unpickled."""
    try:
        loaded = np.load(path, allow_pickle=False)
        if isinstance(loaded, np.ndarray):
            return loaded
        with loaded:
            keys = list(loaded.files)
            if key is None and len(keys) == 1:
                key = keys[0]
            if key in keys:
                return loaded[key]
    except (ValueError, OSError, EOFError, KeyError, zipfile.BadZipFile) as error:
        reason = "Python objects" if "pickle" in str(error) else f"an unreadable file ({error})"
        raise complain(
            path.name, reason, "an array of numbers written by numpy.save or numpy.savez"
        ) from error
    listed = ", ".join(keys) or "no arrays at all"
    got = "no key" if key is None else repr(key)
    raise complain("key", f"{got} for {path.name}", f"one of the keys in it: {listed}")


def _two_axes(name: str, array: np.ndarray) -> np.ndarray:
    if array.ndim == 1:
        need = "shape (n, d), one sample a row (for one-dimensional samples array.reshape(-1, 1))"
        raise complain(name, f"shape {array.shape}", need)
    return array


def _load_csv(path: Path) -> Table:
    """Numbers separated by comma, semicolon or tab (whichever the first line has most of), with or without a header."""
    try:
        text = path.read_text(encoding="utf-8-sig")
    except UnicodeDecodeError as error:
        raise complain(
            path.name, f"bytes that are no text ({error.reason})", "a csv file in UTF-8"
        ) from error
    first = next((line for line in text.splitlines() if line.strip()), "")
    reader = csv.reader(io.StringIO(text), delimiter=max(",;\t", key=first.count))
    rows = [(reader.line_num, [c.strip() for c in row]) for row in reader if any(c.strip() for c in row)]
    header = None
    if rows and (rows[0][1][0] == "" or not any(_is_number(cell) for cell in rows[0][1])):
        header = tuple(cell.lstrip("#").strip() for cell in rows.pop(0)[1])
    if not rows:
        raise complain(path.name, "no rows of numbers", "samples, one a row")
    table = Table(_numbers(Table(np.empty(0), header, path.name), rows), header, path.name)
    n, d = table.values.shape
    if n > 2 and d > 1 and np.array_equal(table.values[:, 0], np.arange(n) + table.values[0, 0]):
        name = f"{path.name}, column {table.column(0)}"
        raise complain(name, "row numbers", "columns of data alone: write the file without its index")
    return table


def _numbers(table: Table, rows: list[tuple[int, list[str]]]) -> np.ndarray:
    """The cells as float64 (n, d), or a complaint that names the line and column of the first that is no number."""
    width = len(table.columns or rows[0][1])
    for line, row in rows:
        if len(row) != width:
            raise complain(
                f"{table.source}, line {line}", f"{len(row)} cell(s)", f"{width} as in the first line"
            )
    try:
        return np.array([row for _, row in rows], dtype=np.float64)
    except ValueError:
        line, column, cell = next(
            (line, i, c) for line, row in rows for i, c in enumerate(row) if not _is_number(c)
        )
    where = f"{table.source}, line {line}, column {table.column(column)}"
    need = "a number in every cell, cells separated by commas, semicolons or tabs"
    raise complain(where, repr(cell) if cell else "an empty cell", need)


def _is_number(cell: str) -> bool:
    try:
        np.float64(cell)
    except ValueError:
        return False
    return True


class NamedData(NamedTuple):
    """``table`` of all rows, training rows first; the ``training`` (n, d) and ``test`` (m, d) rows; what was done.

    ``log_steps`` is sum_j ln step_j in nats: what the entropy of the discrete data is less than that of the samples.
    """

    table: Table
    training: np.ndarray
    test: np.ndarray
    log_steps: float
    notes: tuple[str, ...]
