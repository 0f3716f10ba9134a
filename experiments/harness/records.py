"""Rows that survive being killed: one a cell in ``records.jsonl``, each written at once, the newest good one counts."""

from __future__ import annotations

import contextlib
import dataclasses
import fcntl
import hashlib
import json
import os
import traceback
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any

from experiments.harness.provenance import HERE_AND_NOW, provenance
from experiments.harness.types import Cell, Row
from thermodiff.runtime.devices import first_process
from thermodiff.runtime.files import cannot_write, check_writable
from thermodiff.runtime.records import plain, strict_json


def fingerprint(config: Any) -> str:
    """Twelve hexadecimal digits that change with anything in the configuration that changes a number."""
    return fingerprint_of(dataclasses.asdict(config))


def fingerprint_of(values: dict[str, Any]) -> str:
    """Twelve hexadecimal digits of a dictionary of plain values."""
    text = strict_json(values, sort_keys=True)
    return hashlib.sha256(text.encode()).hexdigest()[:12]


class Records:
    """The rows of ``DIR/records.jsonl``. Appending is one write of one line, so no reader meets half a row.

    Several processes, on several machines, may append to one file.
    """

    def __init__(self, out: Path, config: Any, cell_keys: Iterable[str]) -> None:
        self.path = out / "records.jsonl"
        self.config = plain(dataclasses.asdict(config))
        self.measurement = fingerprint(config)
        self.cell_keys = tuple(cell_keys)
        check_writable("out", out)

    def rows(self) -> list[Row]:
        """The newest good row of each cell measured under this configuration."""
        return list(self.newest(self.path).values())

    def newest(self, path: Path) -> dict[tuple, Row]:
        """Those of any file, by the entries that name their cell."""
        good = (
            row for row in rows_in(path) if row.get("fingerprint") == self.measurement and "error" not in row
        )
        return {self._identity(row): row for row in good}

    def of(self, cells: Iterable[Cell]) -> list[Row]:
        """The rows of these cells, in their order, whoever measured them when; those without one are left out."""
        rows = {self._identity(row): row for row in self.rows()}
        return [rows[name] for name in map(self._identity, cells) if name in rows]

    def missing(self, cells: Iterable[Cell]) -> list[Cell]:
        """The cells that have no good row yet."""
        done = {self._identity(row) for row in self.rows()}
        return [cell for cell in cells if self._identity(cell) not in done]

    def name(self, cell: Cell) -> str:
        """A cell's entries, for people."""
        keys = (key for key in self.cell_keys if key not in HERE_AND_NOW)
        return " ".join(str(cell[key]) for key in keys if cell[key] is not None)

    def append(self, cell: Cell, result: Row, seconds: float) -> None:
        """Adds one row: the cell, what was measured, and where it came from."""
        row = {
            **cell,
            **result,
            "seconds": round(seconds, 3),
            "fingerprint": self.measurement,
            "config": self.config,
        }
        self.add({**row, **provenance()})

    def add(self, row: Row) -> None:
        """Writes a row as it is."""
        if first_process():
            try:
                self._append(strict_json(row) + "\n")
            except OSError as error:
                raise cannot_write("out", self.path, error) from error

    def _append(self, line: str) -> None:
        descriptor = os.open(self.path, os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o644)
        try:
            # Network file systems append atomically under a lock only. Some offer none; there two machines that write
            # in one moment can lose a row, whose cell is then measured again.
            with contextlib.suppress(OSError):
                fcntl.lockf(descriptor, fcntl.LOCK_EX)
            # A line cut short by a kill, or a full disk, stays behind without its newline: start on a fresh one.
            whole = (line if self._ends_with_newline() else "\n" + line).encode()
            while whole:  # once, unless the disk is full: then the second time says so
                whole = whole[os.write(descriptor, whole) :]
            os.fsync(descriptor)
        finally:
            os.close(descriptor)

    def _ends_with_newline(self) -> bool:
        if self.path.stat().st_size == 0:
            return True
        with self.path.open("rb") as file:
            file.seek(-1, os.SEEK_END)
            return file.read(1) == b"\n"

    def _identity(self, row: Row) -> tuple:
        return tuple(strict_json(row.get(key)) for key in self.cell_keys)


def rows_in(path: Path) -> Iterator[Row]:
    """Every row of a file, whatever its configuration; none of a file that is not there."""
    if not path.exists():
        return
    for line in path.read_text(encoding="utf-8").splitlines():
        try:
            yield json.loads(line)
        except json.JSONDecodeError:
            continue  # the one line that a killed process can leave behind


def failure(error: BaseException) -> Row:
    """The row of a cell that failed: the message, and where."""
    frame = traceback.extract_tb(error.__traceback__)[-1]
    return {
        "error": f"{type(error).__name__}: {error}",
        "where": f"{Path(frame.filename).name}:{frame.lineno}",
    }
