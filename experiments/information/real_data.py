"""Entropy of seven public data sets, and the score's held-out likelihood beside that of other density models.

    python -m experiments.information.real_data --preset paper --out results/real_data-paper

Cells: data set x seed; data sets and their splits are those of td.named_data, the settings the library's own for all.
Every model is fitted to the same training rows and judged on the same test rows, so that differences are paired.
"""

from __future__ import annotations

import dataclasses
from itertools import product

import jax
import numpy as np

import thermodiff as td
from experiments.harness.cells import one_by_one
from experiments.harness.command import Experiment
from experiments.harness.types import Cell, Row
from experiments.information import real_data_figure, runs
from thermodiff.data.named import NAMES
from thermodiff.numerics.estimates import estimate_rows


@dataclasses.dataclass(frozen=True)
class Config(runs.Sizes):
    """Held-out -ln p and entropy of the named data sets."""

    names: tuple[str, ...] = NAMES
    seeds: tuple[int, ...] = (0,)


PRESETS = {
    "paper": Config(),
    "smoke": Config(names=("iris",), **runs.SMALL),
}
CELL_KEYS = ("data", "seed")
BASELINES = {"gaussian": td.GaussianBaseline, "mixture": td.MixtureBaseline, "kernel": td.KernelBaseline}


def cells(config: Config) -> list[Cell]:
    """Every cell."""
    return [{"data": name, "seed": seed} for seed, name in product(config.seeds, config.names)]


def measure(config: Config, cell: Cell) -> Row:
    """One row: the entropy, each model's mean -ln p of the test rows, and what it loses to the score, paired; nats."""
    data = td.named_data(cell["data"])
    entropy_key, split_key = jax.random.split(jax.random.key(cell["seed"]))
    settings = runs.settings(config)
    entropy = td.data_entropy(entropy_key, data.table.values, settings=settings)
    nll = {"score": td.held_out_nll(split_key, data.training, data.test, settings=settings)}
    nll |= {name: -make(data.training).log_prob(data.test) for name, make in BASELINES.items()}
    neighbours = td.nearest_neighbour_entropy(data.table.values)
    return {
        "columns": data.test.shape[1],
        "rows": len(data.table.values),
        "test": len(data.test),
        "entropy": [entropy.mean, entropy.stderr],
        "bracket": list(entropy.bracket),
        "warnings": list(entropy.warnings),
        "neighbours": _numbers(neighbours),
        "nll": {name: _numbers(estimate_rows(values)) for name, values in nll.items()},
        "loss": {name: _numbers(estimate_rows(nll[name] - nll["score"])) for name in BASELINES},
    }


def _numbers(estimate: td.Estimate) -> list[float]:
    return [float(np.asarray(estimate.mean)), float(np.asarray(estimate.stderr))]


EXPERIMENT = Experiment(
    "information.real_data",
    PRESETS,
    CELL_KEYS,
    cells,
    one_by_one(measure),
    real_data_figure.table,
    real_data_figure.draw,
)
main = EXPERIMENT.main

if __name__ == "__main__":
    raise SystemExit(main())
