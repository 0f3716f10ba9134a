"""An experiment to copy: the error bar of an estimate is as large as its scatter. Goes to experiments/FOLDER/NAME.py.

    python -m experiments.FOLDER.NAME --preset paper --out results/NAME-paper

One claim: a Config, the list of cells, what is measured in one, a table, and a figure made of rows alone. The class
``Experiment`` does the rest: the command line, what is missing, rows that survive being killed, failures. Its line goes
into experiments/README.md with command, minutes and the number to expect, its name into the Makefile's list of its
folder.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np

import thermodiff as td
from experiments.harness.cells import one_by_one
from experiments.harness.command import Experiment
from experiments.harness.types import Cell, Row
from thermodiff import plotting


@dataclasses.dataclass(frozen=True)
class Config:
    """Nearest-neighbour entropy of standard normal rows in ``dim`` dimensions against (d/2) ln(2 pi e)."""

    samples: tuple[int, ...] = (100, 1000, 10_000)
    seeds: tuple[int, ...] = tuple(range(20))
    dim: int = 2


PRESETS = {"paper": Config(), "smoke": Config(samples=(100, 300), seeds=(0, 1, 2))}
CELL_KEYS = ("n", "seed")
NEIGHBOURS = 3


def cells(config: Config) -> list[Cell]:
    """One cell a sample."""
    return [{"n": n, "seed": seed} for n in config.samples for seed in config.seeds]


def measure(config: Config, cell: Cell) -> Row:
    """One row: how far off the estimate is, its standard error (nats). "error" is what a failed cell has."""
    rows = np.random.default_rng([cell["n"], cell["seed"]]).normal(size=(cell["n"], config.dim))
    found = td.nearest_neighbour_entropy(rows, NEIGHBOURS)
    truth = 0.5 * config.dim * np.log(2 * np.pi * np.e)
    return {"off": float(found.mean - truth), "stderr": found.stderr}


def summary(rows: list[Row]) -> dict[int, tuple[float, float, float]]:
    """By number of samples: the mean error, its standard error, and the mean of the stated ones."""
    found = {}
    for n in sorted({row["n"] for row in rows}):
        errors, stated = np.array([(row["off"], row["stderr"]) for row in rows if row["n"] == n]).T
        found[n] = (errors.mean(), errors.std(ddof=1) / np.sqrt(len(errors)), stated.mean())
    return found


def table(rows: list[Row]) -> str:
    """Mean error of each size, and the error that one estimate states."""
    lines = [f"{'n':>8}{'mean error (nats)':>24}{'one estimate states':>24}"]
    for n, (mean, stderr, stated) in summary(rows).items():
        lines.append(f"{n:>8}{mean:>+14.4f} ± {stderr:.4f}{stated:>24.4f}")
    return "\n".join(lines)


def draw(rows: list[dict[str, Any]], out: Path) -> Sequence[Path]:
    """Error against the number of samples."""
    with plotting.style():
        figure = plotting.new_figure(plotting.COLUMN, 2.4)
        axes = figure.subplots()
        for row in rows:
            axes.plot(row["n"], row["off"], ".", color=plotting.BLACK, markersize=3)
        axes.axhline(0, color=plotting.BLACK, linewidth=0.6)
        axes.set(xscale="log", xlabel="samples", ylabel="error (nats)")
        return plotting.save_figure(figure, out / "scatter")


EXPERIMENT = Experiment("FOLDER.NAME", PRESETS, CELL_KEYS, cells, one_by_one(measure), table, draw)
main = EXPERIMENT.main

if __name__ == "__main__":
    raise SystemExit(main())
