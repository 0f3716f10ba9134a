"""The entropy of samples by td.data_entropy against the truth, nearest neighbours and a Gaussian.

    python -m experiments.data_entropy --preset paper --out results/data_entropy-paper

Cells: family x dimension x number of rows x seed, the families of ``information_data`` with entropies in closed form or
by quadrature. One setting for all, the library's own; nothing is tuned to a family. Errors are in nats; the share of
cells whose 90 % interval holds the truth is the coverage of the error bars.
"""

from __future__ import annotations

import dataclasses
import time
from functools import partial
from itertools import product
from typing import Any

import jax
import numpy as np

import thermodiff as td
from experiments import data_entropy_figure, harness
from experiments.information_data import FAMILIES
from thermodiff.cross_fitting import DEFAULT_TRAINING


@dataclasses.dataclass(frozen=True)
class Config:
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
    folds: int = 3
    steps: int = DEFAULT_TRAINING.steps
    batch_size: int = DEFAULT_TRAINING.batch_size
    width: int = DEFAULT_TRAINING.width
    depth: int = DEFAULT_TRAINING.depth


PRESETS = {
    "paper": Config(),
    "smoke": Config(
        data=("autoregressive:10", "ring:2"),
        samples=(2_000,),
        seeds=(0,),
        steps=500,
        batch_size=256,
        width=64,
        depth=2,
    ),
}
CELL_KEYS = ("family", "dim", "n", "seed")
NEIGHBOURS = 3
NEIGHBOUR_ROWS = {"few": 50_000, "many": 10_000}
"""Rows that the neighbour search takes up to 10 and above 10 columns, where it compares all pairs."""


def settings(config: Any) -> td.CrossFitting:
    """The library's setting with the sizes of ``config``."""
    sizes = {name: getattr(config, name) for name in ("steps", "batch_size", "width", "depth")}
    chunk = max(1, min(DEFAULT_TRAINING.chunk, config.steps // 4))
    training = dataclasses.replace(DEFAULT_TRAINING, **sizes, chunk=chunk)
    return td.CrossFitting(folds=config.folds, training=training)


def cells(config: Config) -> list[harness.Cell]:
    """Every cell: all first with few rows, so that the whole picture is there early."""
    named = [(family, int(dim)) for family, _, dim in (entry.partition(":") for entry in config.data)]
    return [
        {"family": family, "dim": dim, "n": n, "seed": seed}
        for seed, n, (family, dim) in product(config.seeds, config.samples, named)
    ]


def cell_number(cell: harness.Cell) -> int:
    """A seed that depends on the cell alone."""
    return int(harness.fingerprint_of({name: cell[name] for name in CELL_KEYS}), 16) % 2**31


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


def measure(config: Config, cell: harness.Cell) -> harness.Row:
    """One row: the truth and each estimate with its standard error and its error, nats."""
    family, number = FAMILIES[cell["family"]], cell_number(cell)
    x, truth = (
        family.sample(np.random.default_rng(number), cell["n"], cell["dim"]),
        family.entropy(cell["dim"]),
    )
    found = td.data_entropy(jax.random.key(number), x, settings=settings(config))
    rows = NEIGHBOUR_ROWS["few" if x.shape[1] <= 10 else "many"]
    return {
        "truth": truth,
        "columns": x.shape[1],
        **information_row(found, truth),
        **estimate_row("neighbours", td.nearest_neighbour_entropy(x[:rows], NEIGHBOURS), truth),
        "gaussian": float(
            td.Gaussian(x.mean(axis=0), np.cov(x, rowvar=False).reshape(2 * x.shape[1:])).entropy()
        ),
    }


def main(argv: list[str] | None = None) -> int:
    """Runs what is missing, draws the figure from the records, prints the table."""
    call = harness.parse_command("data_entropy", PRESETS, argv)
    if call.dry_run:
        harness.show_plan(call)
        return 0
    records = harness.Records(call.out, call.config, CELL_KEYS)
    start = time.perf_counter()
    failed = harness.run_cells(records, cells(call.config), partial(measure, call.config), "entropy of data")
    rows = records.rows()
    if rows:
        print(data_entropy_figure.table(rows))
        for path in data_entropy_figure.draw(rows, call.out):
            print(f"figure   {path}")
    print(f"records  {records.path}   ({len(rows)} cells, {time.perf_counter() - start:.0f} s)")
    return harness.report_failures(failed)


if __name__ == "__main__":
    raise SystemExit(main())
