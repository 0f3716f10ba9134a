"""Cells measured one after another, here or in jobs; a failed one is a row with its error."""

from __future__ import annotations

import functools
import time
from collections.abc import Callable
from typing import Any

from experiments.harness.cluster import HERE, Cluster, turns
from experiments.harness.meter import meter
from experiments.harness.records import Records, failure
from experiments.harness.types import Cell, Row, Run


def one_by_one(measure: Callable[[Any, Cell], Row]) -> Run:
    """Each cell by itself, ``measure(config, cell)``, here or in the jobs of a cluster."""

    def run(config: Any, records: Records, cells: list[Cell], label: str, cluster: Cluster) -> None:
        run_cells(records, cells, functools.partial(measure, config), label, cluster)

    return run


def timed_here(measure: Callable[[Any, Cell], Row]) -> Run:
    """The same for times, which mean nothing where jobs run beside each other: ``--cluster`` is refused."""

    def run(config: Any, records: Records, cells: list[Cell], label: str, cluster: Cluster) -> None:
        if cluster.cluster is not None:
            raise SystemExit(f"--cluster: got {cluster.cluster}, need none: what is timed runs alone")
        run_cells(records, cells, functools.partial(measure, config), label)

    return run


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
            progress.advance(1, records.name(cell))
