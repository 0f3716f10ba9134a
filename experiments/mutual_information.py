"""Mutual information by td.mutual_information against the truth, nearest neighbours (KSG) and a Gaussian (CCA).

    python -m experiments.mutual_information --preset paper --tasks FOLDER --out results/mutual_information-paper

Tasks are those of ``information_data``, or with ``--tasks`` the samples in a folder (``truth.csv`` and one .npz a task,
as in the public benchmark of Czyz et al., NeurIPS 2023). One setting for all, the library's own.
"""

from __future__ import annotations

import dataclasses
import time
from functools import partial
from itertools import product
from pathlib import Path

import jax
import numpy as np

import thermodiff as td
from experiments import harness, mutual_information_figure
from experiments.data_entropy import estimate_row, information_row, settings
from experiments.information_data import TASKS, Task, stored_tasks
from thermodiff.cross_fitting import DEFAULT_TRAINING


@dataclasses.dataclass(frozen=True)
class Config:
    """Mutual information from cross-fitted scores against the truth.

    ``tasks`` is a folder of samples with their true values, and the empty path our own generators; ``names`` chooses
    among the tasks, all if empty. A folder's samples are the same for every seed, which then changes the estimate only.
    """

    tasks: Path = Path()
    names: tuple[str, ...] = ()
    samples: int = 10_000
    seeds: tuple[int, ...] = (0,)
    folds: int = 3
    steps: int = DEFAULT_TRAINING.steps
    batch_size: int = DEFAULT_TRAINING.batch_size
    width: int = DEFAULT_TRAINING.width
    depth: int = DEFAULT_TRAINING.depth


PRESETS = {
    "paper": Config(),
    "smoke": Config(
        names=("half_cube-normal-1-1", "student-1-1-df1"),
        samples=2_000,
        steps=500,
        batch_size=256,
        width=64,
        depth=2,
    ),
}
CELL_KEYS = ("task", "n", "seed")
NEIGHBOURS = 10


def tasks(config: Config) -> dict[str, Task]:
    """The tasks of the configuration, by name."""
    found = TASKS if config.tasks == Path() else stored_tasks(config.tasks)
    unknown = [name for name in config.names if name not in found]
    if unknown:
        raise SystemExit(f"--names: got {', '.join(unknown)}, need some of {', '.join(found)}")
    return {name: task for name, task in found.items() if not config.names or name in config.names}


def cells(config: Config) -> list[harness.Cell]:
    """Every cell."""
    return [
        {"task": name, "n": config.samples, "seed": seed}
        for seed, name in product(config.seeds, tasks(config))
    ]


def measure(config: Config, cell: harness.Cell) -> harness.Row:
    """One row: the truth and each estimate with its standard error and its error, nats."""
    number = int(harness.fingerprint_of(cell), 16) % 2**31
    task = tasks(config)[cell["task"]]
    x, y = task.sample(np.random.default_rng(number), cell["n"])
    found = td.mutual_information(jax.random.key(number), x, y, settings=settings(config))
    ranks = [td.Gaussianise(part).forward(part) for part in (x, y)]
    return {
        "truth": task.truth,
        "dims": [x.shape[1], y.shape[1]],
        **information_row(found, task.truth),
        **estimate_row("neighbours", td.nearest_neighbour_mutual_information(*ranks, NEIGHBOURS), task.truth),
        "gaussian": found.terms["gaussian"],
    }


def main(argv: list[str] | None = None) -> int:
    """Runs what is missing, draws the figure from the records, prints the table."""
    call = harness.parse_command("mutual_information", PRESETS, argv)
    if call.dry_run:
        harness.show_plan(call)
        return 0
    records = harness.Records(call.out, call.config, CELL_KEYS)
    start = time.perf_counter()
    failed = harness.run_cells(
        records, cells(call.config), partial(measure, call.config), "mutual information"
    )
    rows = records.rows()
    if rows:
        print(mutual_information_figure.table(rows))
        for path in mutual_information_figure.draw(rows, call.out):
            print(f"figure   {path}")
    print(f"records  {records.path}   ({len(rows)} cells, {time.perf_counter() - start:.0f} s)")
    return harness.report_failures(failed)


if __name__ == "__main__":
    raise SystemExit(main())
