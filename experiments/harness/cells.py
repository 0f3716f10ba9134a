"""Cells measured one after another, here or in jobs; a failed one is a row with its error."""

from __future__ import annotations

import functools
import time
from collections.abc import Callable

from experiments.harness.cluster import HERE, Cluster, turns
from experiments.harness.meter import meter
from experiments.harness.records import Cell, Records, Row, failure


def run_cells(
    records: Records,
    cells: list[Cell],
    measure: Callable[[Cell], Row],
    label: str,
    cluster: Cluster = HERE,
) -> list[Cell]:
    """Measures every cell that has no row yet, one row each, here or in the jobs of ``cluster``; returns the failed."""
    if cluster.cluster is not None:
        work = functools.partial(_run_cells, records, measure, label)
        share_out(records, cells, turns, work, label, cluster)
    else:
        _run_cells(records, measure, label, cells)
    return records.missing(cells)


def share_out(
    records: Records,
    cells: list[Cell],
    shares: Callable[[list, int], list[list]],
    work: Callable[[list[Cell]], None],
    label: str,
    cluster: Cluster,
) -> None:
    """``work`` on the cells that have no row yet, in jobs; a cell whose jobs all died gets a row that says so."""
    with meter(len(records.missing(cells)), label) as progress:
        folder = records.path.parent / "jobs"
        died = cluster.share_out(folder, label, records.missing, cells, shares, work, progress.advance)
    for cell, reason in died:
        records.append(cell, {"error": reason, "where": str(folder)}, 0.0)


def _run_cells(records: Records, measure: Callable[[Cell], Row], label: str, cells: list[Cell]) -> None:
    todo = records.missing(cells)
    with meter(len(todo), label) as progress:
        for cell in todo:
            start = time.perf_counter()
            try:
                row = measure(cell)
            except Exception as error:  # noqa: BLE001  a failed cell is a row with its error
                row = failure(error)
            records.append(cell, row, time.perf_counter() - start)
            progress.advance(
                1, " ".join(str(cell[key]) for key in records.cell_keys if cell[key] is not None)
            )


def report_failures(failed: list[Cell]) -> int:
    """The exit status: 0, or 1 with a line saying how many cells have no result."""
    if failed:
        print(f"{len(failed)} cells failed; their rows hold the error, and running again tries them again")
    return 1 if failed else 0
