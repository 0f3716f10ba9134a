"""Estimators of entropy and mutual information side by side: this package's and those that people would pick instead.

    python -m experiments.information.side_by_side --preset paper --out results/side_by_side-paper

Cells: data set (``side_by_side_data``) x number of rows x seed x estimator (``estimators_side_by_side``), the rows the
same for all of them. The packages are those of the extra ``peers``, and benchmark-mi's of an environment that ``make
benchmark-mi`` makes. ``make paper EXPERIMENTS=information.side_by_side`` keeps the rows, and
``python -m experiments.information.side_by_side_page`` writes their tables into docs/which-estimator.md.
"""

from __future__ import annotations

import dataclasses
from itertools import product
from typing import Any

import numpy as np

from experiments.harness.cells import one_by_one
from experiments.harness.cluster import Cluster
from experiments.harness.command import Experiment
from experiments.harness.records import Records, fingerprint_of
from experiments.harness.types import Cell, Row
from experiments.information import side_by_side_figure, side_by_side_table
from experiments.information.estimators_side_by_side import (
    ESTIMATORS,
    SMALL,
    Estimator,
    processor_seconds,
)
from experiments.information.side_by_side_data import DATA

KNOWN = {**ESTIMATORS, **SMALL}


@dataclasses.dataclass(frozen=True)
class Config:
    """Estimators of information side by side. ``data`` and ``estimators`` are names, all if empty.

    Those that are slow and another package's run on ``slow_data`` with ``slow_samples`` rows alone.
    """

    data: tuple[str, ...] = ()
    estimators: tuple[str, ...] = ()
    samples: tuple[int, ...] = (2_000, 10_000)
    seeds: tuple[int, ...] = (0,)
    slow_data: tuple[str, ...] = ("normal-1-1", "dense-5-5", "student-3-3-df2", "spiral-sparse-3-3")
    slow_samples: int = 10_000


PRESETS = {
    "paper": Config(),
    "smoke": Config(
        data=("normal-1-1", "uniform-2"),
        estimators=("neighbours", "Gaussian", "thermodiff, small"),
        samples=(500,),
    ),
}
CELL_KEYS = ("data", "n", "seed", "estimator")


def chosen(names: tuple[str, ...], known: Any, everything: Any, option: str) -> list[str]:
    """These names, all of ``everything`` if there are none."""
    unknown = [name for name in names if name not in known]
    if unknown:
        raise SystemExit(f"--{option}: got {', '.join(unknown)}, need some of {', '.join(known)}")
    return list(names or everything)


def _runs_on(config: Config, estimator: Estimator, data: str, n: int) -> bool:
    few = data in config.slow_data and n == config.slow_samples
    return estimator.takes(DATA[data]) and (few or not estimator.slow)


def cells(config: Config) -> list[Cell]:
    """Every cell, an estimator after the other."""
    names = chosen(config.estimators, KNOWN, ESTIMATORS, "estimators")
    data = chosen(config.data, DATA, DATA, "data")
    return [
        {"data": one, "n": n, "seed": seed, "estimator": name}
        for name, n, seed, one in product(names, config.samples, config.seeds, data)
        if _runs_on(config, KNOWN[name], one, n)
    ]


def measure(config: Config, cell: Cell) -> Row:
    """One row: the truth, the estimate, its 90 % interval where it states one, and processor seconds."""
    # All estimators see the same rows.
    number = int(fingerprint_of({key: cell[key] for key in ("data", "n", "seed")}), 16) % 2**31
    data, estimator = DATA[cell["data"]], KNOWN[cell["estimator"]]
    arrays = data.sample(np.random.default_rng(number), cell["n"])
    release = estimator.release()
    start = processor_seconds()
    found = estimator.answers[data.asked](number, *arrays)
    seconds = processor_seconds() - start
    return {
        "asked": data.asked,
        "kind": data.kind,
        "columns": data.columns,
        "truth": data.truth,
        "estimate": found.mean,
        "deviation": found.mean - data.truth,
        "interval": found.interval,
        "release": release,
        "processor_seconds": seconds if found.seconds is None else found.seconds,
    }


def run(config: Config, records: Records, cells: list[Cell], label: str, cluster: Cluster) -> None:
    """Each cell by itself, once all that the missing ones need is here."""
    for name in dict.fromkeys(cell["estimator"] for cell in records.missing(cells)):
        try:
            KNOWN[name].release()
        except ValueError as error:
            raise SystemExit(str(error)) from error
    one_by_one(measure)(config, records, cells, label, cluster)


EXPERIMENT = Experiment(
    "information.side_by_side",
    PRESETS,
    CELL_KEYS,
    cells,
    run,
    side_by_side_table.table,
    side_by_side_figure.draw,
)
main = EXPERIMENT.main

if __name__ == "__main__":
    raise SystemExit(main())
