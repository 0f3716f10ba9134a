"""The entropy of samples by td.data_entropy against the truth, nearest neighbours and a Gaussian.

    python -m experiments.information.data_entropy --preset paper --out results/data_entropy-paper

Cells: family x dimension x number of rows x seed, the families of ``known_answers`` with entropies in closed form or
by quadrature. One setting for all, the library's own; nothing is tuned to a family. Errors are in nats; the share of
cells whose 90 % interval holds the truth is the coverage of the error bars.
"""

from __future__ import annotations

import dataclasses
from itertools import product

import jax
import numpy as np

import thermodiff as td
from experiments.harness.cells import one_by_one
from experiments.harness.command import Experiment
from experiments.harness.records import fingerprint_of
from experiments.harness.types import Cell, Row
from experiments.information import data_entropy_figure, runs
from experiments.information.known_answers import FAMILIES


@dataclasses.dataclass(frozen=True)
class Config(runs.Sizes):
    """Entropy of samples from cross-fitted scores against the truth. ``data`` are family:dimension."""

    data: tuple[str, ...] = (
        *("gaussian:1", "gaussian:2", "gaussian:10", "gaussian:50", "autoregressive:10", "autoregressive:50"),
        *(
            "uniform:1",
            "uniform:2",
            "uniform:10",
            "ring:2",
            "student:1",
            "student:5",
            "laplace:1",
            "laplace:10",
        ),
        *("curve:2", "curve:5", "curve:11"),
    )
    samples: tuple[int, ...] = (2_000, 10_000, 50_000)
    seeds: tuple[int, ...] = (0, 1, 2)


PRESETS = {
    "paper": Config(),
    "smoke": Config(
        data=("autoregressive:10", "ring:2"),
        samples=(2_000,),
        seeds=(0,),
        **runs.SMALL,
    ),
}
CELL_KEYS = ("family", "dim", "n", "seed")
NEIGHBOURS = 3
NEIGHBOUR_ROWS = {"few": 50_000, "many": 10_000}
"""Rows that the neighbour search takes up to 10 and above 10 columns, where it compares all pairs."""


def cells(config: Config) -> list[Cell]:
    """Every cell, those with few rows first: each size is complete, over all seeds, before the next begins."""
    named = [(family, int(dim)) for family, _, dim in (entry.partition(":") for entry in config.data)]
    return [
        {"family": family, "dim": dim, "n": n, "seed": seed}
        for n, seed, (family, dim) in product(config.samples, config.seeds, named)
    ]


def cell_number(cell: Cell) -> int:
    """A seed that depends on the cell alone."""
    return int(fingerprint_of({name: cell[name] for name in CELL_KEYS}), 16) % 2**31


def measure(config: Config, cell: Cell) -> Row:
    """One row: the truth and each estimate with its standard error and its error, nats."""
    family, number = FAMILIES[cell["family"]], cell_number(cell)
    x, truth = (
        family.sample(np.random.default_rng(number), cell["n"], cell["dim"]),
        family.entropy(cell["dim"]),
    )
    found = td.data_entropy(jax.random.key(number), x, settings=runs.settings(config))
    rows = NEIGHBOUR_ROWS["few" if x.shape[1] <= 10 else "many"]
    return {
        "truth": truth,
        "columns": x.shape[1],
        **runs.information_row(found, truth),
        **runs.estimate_row("neighbours", td.nearest_neighbour_entropy(x[:rows], NEIGHBOURS), truth),
        "gaussian": float(
            td.Gaussian(x.mean(axis=0), np.cov(x, rowvar=False).reshape(2 * x.shape[1:])).entropy()
        ),
    }


EXPERIMENT = Experiment(
    "information.data_entropy",
    PRESETS,
    CELL_KEYS,
    cells,
    one_by_one(measure),
    data_entropy_figure.table,
    data_entropy_figure.draw,
)
main = EXPERIMENT.main

if __name__ == "__main__":
    raise SystemExit(main())
