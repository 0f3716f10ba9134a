"""Mutual information by td.mutual_information against the truth, nearest neighbours (KSG) and a Gaussian (CCA).

    python -m experiments.information.mutual_information --preset public

Tasks are those of ``known_answers``, or with ``--tasks`` the samples in a folder (``truth.csv`` and one .npz a task,
as in the public benchmark of Czyz et al., NeurIPS 2023), which the preset ``public`` looks for in ``mi_tasks``. One
setting for all, the library's own.
"""

from __future__ import annotations

import dataclasses
from itertools import product
from pathlib import Path

import jax
import numpy as np

import thermodiff as td
from experiments.harness.cells import one_by_one
from experiments.harness.command import Experiment
from experiments.harness.records import fingerprint_of
from experiments.harness.types import Cell, Row
from experiments.information import mutual_information_figure, runs
from experiments.information.known_answers import TASKS, Task, stored_tasks


@dataclasses.dataclass(frozen=True)
class Config(runs.Sizes):
    """Mutual information from cross-fitted scores against the truth.

    ``tasks`` is a folder of samples with their true values, and the empty path our own generators; ``names`` chooses
    among the tasks, all if empty. A folder's samples are the same for every seed, which then changes the estimate only.
    """

    tasks: Path = Path()
    names: tuple[str, ...] = ()
    samples: int = 10_000
    seeds: tuple[int, ...] = (0,)


PRESETS = {
    "paper": Config(),
    "public": Config(tasks=Path("mi_tasks")),
    "smoke": Config(
        names=("half_cube-normal-1-1", "student-1-1-df1"),
        samples=2_000,
        **runs.SMALL,
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


def cells(config: Config) -> list[Cell]:
    """Every cell."""
    return [
        {"task": name, "n": config.samples, "seed": seed}
        for seed, name in product(config.seeds, tasks(config))
    ]


def measure(config: Config, cell: Cell) -> Row:
    """One row: the truth and each estimate with its standard error and its error, nats."""
    number = int(fingerprint_of(cell), 16) % 2**31
    task = tasks(config)[cell["task"]]
    x, y = task.sample(np.random.default_rng(number), cell["n"])
    found = td.mutual_information(jax.random.key(number), x, y, settings=runs.settings(config))
    ranks = [td.Gaussianise(part).forward(part) for part in (x, y)]
    return {
        "truth": task.truth,
        "dims": [x.shape[1], y.shape[1]],
        **runs.information_row(found, task.truth),
        **runs.estimate_row(
            "neighbours", td.nearest_neighbour_mutual_information(*ranks, NEIGHBOURS), task.truth
        ),
        "gaussian": found.terms["gaussian"],
    }


EXPERIMENT = Experiment(
    "information.mutual_information",
    PRESETS,
    CELL_KEYS,
    cells,
    one_by_one(measure),
    mutual_information_figure.table,
    mutual_information_figure.draw,
)
main = EXPERIMENT.main

if __name__ == "__main__":
    raise SystemExit(main())
