"""td.data_entropy with the library's own setting on families that nothing was chosen on.

    python -m experiments.information.unseen --preset paper --out results/unseen-paper

Cells: family of ``unseen_families`` x number of rows x seed, entropies exact. What is asked is whether the error bar
can be believed: the share of cells whose estimate is within two of its own standard errors of the truth, and how large
these standard errors are. No setting may be chosen by the answer.
"""

from __future__ import annotations

import dataclasses
import time
from itertools import product

import jax
import numpy as np

import thermodiff as td
from experiments.harness.cells import one_by_one
from experiments.harness.command import Experiment
from experiments.harness.records import fingerprint_of
from experiments.harness.types import Cell, Row
from experiments.information import runs, unseen_figure
from experiments.information.unseen_families import FAMILIES, entropy


@dataclasses.dataclass(frozen=True)
class Config(runs.Sizes):
    """Entropy of samples of unseen families against the truth."""

    names: tuple[str, ...] = tuple(FAMILIES)
    samples: tuple[int, ...] = (2_000, 10_000)
    seeds: tuple[int, ...] = (0,)


PRESETS = {
    "paper": Config(),
    "smoke": Config(names=("parity-3", "cauchy-2"), samples=(2_000,), **runs.SMALL),
}
CELL_KEYS = ("family", "n", "seed")


def cells(config: Config) -> list[Cell]:
    """Every cell, those with few rows first."""
    unknown = [name for name in config.names if name not in FAMILIES]
    if unknown:
        raise SystemExit(f"--names: got {', '.join(unknown)}, need some of {', '.join(FAMILIES)}")
    return [
        {"family": name, "n": n, "seed": seed}
        for n, seed, name in product(config.samples, config.seeds, config.names)
    ]


def measure(config: Config, cell: Cell) -> Row:
    """One row: the truth, the estimate with its standard error, and whether two of these reach the truth; nats."""
    number, truth = int(fingerprint_of(cell), 16) % 2**31, entropy(cell["family"])
    x, log_p = FAMILIES[cell["family"]](np.random.default_rng(number), cell["n"])
    start = time.perf_counter()
    found = td.data_entropy(jax.random.key(number), x, settings=runs.settings(config))
    return {
        "truth": truth,
        "columns": x.shape[1],
        **runs.information_row(found, truth),
        "within": bool(abs(found.mean - truth) <= 2 * found.stderr),
        "sampling": float(log_p.std() / np.sqrt(len(x))),
        "seconds": time.perf_counter() - start,
    }


EXPERIMENT = Experiment(
    "information.unseen",
    PRESETS,
    CELL_KEYS,
    cells,
    one_by_one(measure),
    unseen_figure.table,
    unseen_figure.draw,
)
main = EXPERIMENT.main

if __name__ == "__main__":
    raise SystemExit(main())
