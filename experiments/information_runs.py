"""What the experiments on information share: the library's setting by its sizes, rows of estimates, and the run."""

from __future__ import annotations

import dataclasses
import time
from collections.abc import Callable, Sequence
from functools import partial
from pathlib import Path
from typing import Any

import thermodiff as td
from experiments import harness
from thermodiff.information.cross_fitting.folds import DEFAULT_TRAINING


@dataclasses.dataclass(frozen=True)
class Sizes:
    """Of the cross-fitting: the library's own unless a preset is small."""

    folds: int = 3
    steps: int = DEFAULT_TRAINING.steps
    batch_size: int = DEFAULT_TRAINING.batch_size
    width: int = DEFAULT_TRAINING.width
    depth: int = DEFAULT_TRAINING.depth


SMALL: dict[str, int] = {"steps": 300, "batch_size": 256, "width": 64, "depth": 2}
"""Of a network that is trained in seconds."""


def settings(config: Sizes) -> td.CrossFitting:
    """The library's setting with the sizes of ``config``."""
    sizes = {name: getattr(config, name) for name in ("steps", "batch_size", "width", "depth")}
    chunk = max(1, min(DEFAULT_TRAINING.chunk, config.steps // 4))
    training = dataclasses.replace(DEFAULT_TRAINING, **sizes, chunk=chunk)
    return td.CrossFitting(folds=config.folds, training=training)


def estimate_row(name: str, value: Any, truth: float) -> harness.Row:
    """An estimate with its error bar, and how far it is from the truth."""
    row = {name: float(value.mean), f"{name}_stderr": float(value.stderr)}
    return {**row, f"{name}_error": float(value.mean) - truth}


def information_row(value: td.Information, truth: float) -> harness.Row:
    """An ``Information`` in full, and whether its 90 % interval holds the truth."""
    low, high = value.interval(0.9)
    return {
        **estimate_row("score", value, truth),
        "covered": bool(low <= truth <= high),
        "bracket": list(value.bracket),
        "readings": {k: [float(v.mean), float(v.stderr)] for k, v in value.readings.items()},
        "warnings": list(value.warnings),
    }


def main(
    name: str,
    presets: dict[str, Any],
    argv: list[str] | None,
    cell_keys: Sequence[str],
    cells: Callable[[Any], list[harness.Cell]],
    measure: Callable[[Any, harness.Cell], harness.Row],
    table: Callable[[list[harness.Row]], str],
    draw: Callable[[list[harness.Row], Path], Sequence[Path]],
) -> int:
    """Runs what is missing, draws the figure from the records, prints the table; the exit status."""
    call = harness.parse_command(name, presets, argv)
    if call.dry_run:
        harness.show_plan(call)
        return 0
    records = harness.Records(call.out, call.config, cell_keys)
    start = time.perf_counter()
    failed = harness.run_cells(
        records, cells(call.config), partial(measure, call.config), name.replace("_", " "), call.cluster
    )
    rows = records.rows()
    if rows:
        print(table(rows))
        for path in draw(rows, call.out):
            print(f"figure   {path}")
    print(f"records  {records.path}   ({len(rows)} cells, {time.perf_counter() - start:.0f} s)")
    return harness.report_failures(failed)
