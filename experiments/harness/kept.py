"""Rows that are kept for good, in one file an experiment: what a run elsewhere, or later, goes on from."""

from __future__ import annotations

from pathlib import Path

from experiments.harness.records import Records, rows_in
from experiments.harness.types import Row
from thermodiff.runtime.files import write_atomically
from thermodiff.runtime.records import strict_json


def restore(kept: Path, records: Records) -> None:
    """Adds the kept rows of cells that have none."""
    have = records.newest(records.path)
    for name, row in records.newest(kept).items():
        if name not in have:
            records.add(row)


def keep(records: Records, kept: Path) -> list[Row]:
    """Appends the newest good row of each cell to ``kept``, but those that are in it; the new ones."""
    have = {strict_json(row, sort_keys=True) for row in rows_in(kept)}
    new = [row for row in records.rows() if strict_json(row, sort_keys=True) not in have]
    if new:
        before = kept.read_text(encoding="utf-8") if kept.exists() else ""
        write_atomically(kept, before + "".join(strict_json(row) + "\n" for row in new))
    return new
