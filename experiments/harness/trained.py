"""What experiments with networks share: data and diffusions, and training one group while the last is measured."""

from __future__ import annotations

import functools
import threading
import time
from collections.abc import Callable, Iterable
from concurrent.futures import Future, ThreadPoolExecutor
from itertools import groupby
from typing import Any

import jax
import numpy as np

import thermodiff as td
from experiments.harness.cells import share_out
from experiments.harness.cluster import Cluster, runs
from experiments.harness.meter import Meter, meter
from experiments.harness.records import Records, failure, fingerprint_of
from experiments.harness.types import Cell, Row, Run

CORRELATION = 0.8
"""Between any two coordinates of the correlated Gaussian."""

Tell = Callable[[float], None]
"""Told how much of a training is done, 0 to 1; raises ``Stopped`` to end it."""
Train = Callable[[list[Cell], Tell], list[Any]]
"""From cells that train together to a score for each."""
Measure = Callable[[Cell, Any], Row]


def distribution(name: str, dim: int) -> Any:
    """The data: zero mean and unit variance in every coordinate."""
    if name == "gaussian":
        return td.Gaussian(np.zeros(dim), np.eye(dim))
    if name == "correlated":
        cov = (1 - CORRELATION) * np.eye(dim) + CORRELATION * np.ones((dim, dim))
        return td.Gaussian(np.zeros(dim), cov)
    if name == "uniform":
        half = np.sqrt(3.0) * np.ones(dim)
        return td.Uniform(-half, half)
    if name == "mixture":
        # Skewed: weights, places and widths differ. 0.3 * 0.6 + 0.7 * 0.2 within and 0.68 between make one.
        between = np.sqrt(0.68 / 0.21) * np.ones(dim)
        covs = np.stack([0.6 * np.eye(dim), 0.2 * np.eye(dim)])
        return td.GaussianMixture([0.3, 0.7], np.stack([-0.7 * between, 0.3 * between]), covs)
    raise ValueError(f"data: got {name!r}, need gaussian, correlated, mixture or uniform")


def process(name: str, sigma: float) -> Any:
    """The diffusion that "sigma" names: VE is dx = sigma^t dw, VP has beta(t) from 0.1 to sigma."""
    if name == "VE":
        return td.VarianceExploding(sigma)
    if name == "VP":
        return td.VariancePreserving(0.1, sigma)
    raise ValueError(f"process: got {name!r}, need VE or VP")


def cell_key(cell: Cell, names: Iterable[str]) -> Any:
    """A random key that depends on these entries of the cell alone, so that a cell run by itself repeats its row."""
    number = int(fingerprint_of({name: cell[name] for name in names}), 16) % 2**31
    return jax.random.fold_in(jax.random.key(cell["seed"]), number)


def kept(audit: td.Audit, names: Iterable[str]) -> Row:
    """These numbers of an audit with their standard errors, and the verdict on each inequality."""
    row: Row = {"verdicts": {i.name: i.verdict for i in audit.inequalities}}
    for name in names:
        row[name], row[f"{name}_stderr"] = float(audit[name].mean), float(audit[name].stderr)
    return row


# --- training ahead -----------------------------------------------------------------------------


class Stopped(Exception):
    """Training was told to stop."""


def ahead(
    group_of: Callable[[Cell], Any],
    train: Callable[[Any, list[Cell], Tell], list[Any]],
    measure: Callable[[Any, Cell, Any], Row],
) -> Run:
    """Cells that need a trained network, here or in the jobs of a cluster.

    A group is a run of cells with the same ``group_of``: ``train(config, group, tell)`` gives a score for each, and
    ``measure(config, cell, score)`` a row. While one group is measured the next one trains.
    """

    def run(config: Any, records: Records, cells: list[Cell], label: str, cluster: Cluster) -> None:
        work = functools.partial(
            _run,
            records,
            group_of,
            functools.partial(train, config),
            functools.partial(measure, config),
            label,
        )
        if cluster.cluster is None:
            return work(cells)
        return share_out(records, cells, runs, work, label, cluster)

    return run


def _run(
    records: Records,
    group_of: Callable[[Cell], Any],
    train: Train,
    measure: Measure,
    label: str,
    cells: list[Cell],
) -> None:
    todo = records.missing(cells)
    groups = [list(members) for _, members in groupby(todo, key=group_of)]
    stop = threading.Event()
    with meter(2 * len(todo), label) as progress, ThreadPoolExecutor(max_workers=1) as trainer:
        trainings = [trainer.submit(_train, train, group, progress, stop) for group in groups]
        try:
            for group, training in zip(groups, trainings, strict=True):
                _measure_group(records, group, training, measure, progress)
        finally:
            stop.set()
            trainer.shutdown(wait=False, cancel_futures=True)


def _train(train: Train, group: list[Cell], meter: Meter, stop: threading.Event) -> tuple[list[Any], float]:
    """The scores of a group and the seconds that their training took."""
    start, done = time.perf_counter(), 0.0

    def tell(fraction: float) -> None:
        nonlocal done
        if stop.is_set():
            raise Stopped
        meter.advance(len(group) * (fraction - done))
        done = fraction

    scores = train(group, tell)
    tell(1.0)
    return scores, time.perf_counter() - start


def _measure_group(
    records: Records,
    group: list[Cell],
    training: Future,
    measure: Measure,
    meter: Meter,
) -> None:
    """One row for each cell of a group; where training failed, a row with its error for each."""
    try:
        scores, seconds = training.result()
    except Exception as error:  # noqa: BLE001  one bad group must not end the run: it becomes rows
        for cell in group:
            records.append(cell, failure(error), 0.0)
        meter.advance(0, f"{records.name(group[0])}: training failed: {error}")
        return
    for cell, score in zip(group, scores, strict=True):
        start = time.perf_counter()
        try:
            row = measure(cell, score)
        except Exception as error:  # noqa: BLE001  a failed cell is a row with its error
            row = failure(error)
        records.append(cell, row, time.perf_counter() - start + seconds / len(group))
        meter.advance(1, records.name(cell))
