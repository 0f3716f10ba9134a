"""What the named efforts of the estimates of information cost and how wrong they are, in one run.

    python -m experiments.information.effort --preset paper --out results/effort-paper

Cells: family x number of rows x seed, all efforts after one another on the same rows. The truth is the mean of -ln p
over rows of their own. An effort's seconds are the shortest of its repetitions: the first compiles where no program of
that shape is kept on disk. Ratios are to the standard effort of the same cell, so that neighbours on the machine hardly
matter.
"""

from __future__ import annotations

import dataclasses
import time
from itertools import product
from pathlib import Path

import jax
import numpy as np

import thermodiff as td
from experiments.harness.cells import one_by_one
from experiments.harness.command import Experiment
from experiments.harness.records import fingerprint_of
from experiments.harness.types import Cell, Row
from experiments.information import runs
from experiments.information.known_densities import FAMILIES
from thermodiff import plotting
from thermodiff.information.cross_fitting.folds import EFFORTS

TRUTH_ROWS = 200_000
"""Rows behind the truth, whose standard error is then a hundredth of a nat at most."""
STANDARD = "standard"


@dataclasses.dataclass(frozen=True)
class Config:
    """``repeats`` of each effort of ``efforts``, in their order; of those that take long one is enough."""

    names: tuple[str, ...] = ("annulus", "simplex", "sine", "copula", "gamma_scaled", "helix")
    samples: tuple[int, ...] = (2_000,)
    seeds: tuple[int, ...] = (0,)
    efforts: tuple[str, ...] = tuple(EFFORTS)
    repeats: tuple[int, ...] = (2, 1, 1)

    def __post_init__(self) -> None:
        if len(self.repeats) != len(self.efforts):
            raise ValueError(
                f"repeats: got {len(self.repeats)}, need one for each of {len(self.efforts)} efforts"
            )


PRESETS = {
    "paper": Config(),
    "smoke": Config(names=("annulus",), samples=(2_000,), efforts=("quick",), repeats=(2,)),
}
CELL_KEYS = ("family", "n", "seed")


def measure(config: Config, cell: Cell) -> Row:
    """One row: the truth, and of each effort by name the estimate in full and its seconds."""
    number = int(fingerprint_of(cell), 16) % 2**31
    family = FAMILIES[cell["family"]]
    x, _ = family(np.random.default_rng(number), cell["n"])
    _, log_p = family(np.random.default_rng(number + 1), TRUTH_ROWS)
    truth = -float(log_p.mean())
    found = {}
    for effort, repeats in zip(config.efforts, config.repeats, strict=True):
        seconds = []
        for _ in range(repeats):
            start = time.perf_counter()
            answer = td.data_entropy(jax.random.key(number), x, effort=effort)
            seconds.append(time.perf_counter() - start)
        found[effort] = {**runs.information_row(answer, truth), "seconds": min(seconds)}
    return {"columns": x.shape[1], "truth": truth, "efforts": found}


def table(rows: list[Row]) -> str:
    """One line a cell, and the means of each effort by number of rows."""
    efforts = list(rows[0]["efforts"])
    lines = [
        f"  {'family':<14}{'d':>4}{'n':>8}{'truth':>10}" + "".join(f"{e + ', error':>24}" for e in efforts)
    ]
    for row in rows:
        errors = (f"{e['score_error']:+.3f} ± {e['score_stderr']:.3f}" for e in row["efforts"].values())
        numbers = "".join(f"{error:>24}" for error in errors)
        lines.append(f"  {row['family']:<14}{row['columns']:>4}{row['n']:>8}{row['truth']:>10.3f}{numbers}")
    head = f"  {'n':>8}  {'effort':<12}{'mean |error|':>14}{'mean s.e.':>12}{'90 % hold':>11}{'seconds/standard':>26}"
    lines += ["", head]
    for n, effort in product(sorted({row["n"] for row in rows}), efforts):
        mean = summary([row for row in rows if row["n"] == n], effort)
        ratio = (
            f"{mean['ratio']:.3g} ({mean['low']:.2g} to {mean['high']:.2g})" if STANDARD in efforts else "-"
        )
        lines.append(
            f"  {n:>8}  {effort:<12}{mean['error']:>14.3f}{mean['stderr']:>12.3f}"
            f"{mean['covered']:>8} of {mean['cells']}{ratio:>23}"
        )
    return "\n".join(lines)


def summary(rows: list[Row], effort: str) -> dict[str, float]:
    """Of one effort over cells: mean absolute error and standard error, nats, intervals that hold, ratio of seconds."""
    found = [row["efforts"][effort] for row in rows]
    ratios = [
        f["seconds"] / row["efforts"].get(STANDARD, f)["seconds"] for f, row in zip(found, rows, strict=True)
    ]
    return {
        "error": float(np.mean([abs(f["score_error"]) for f in found])),
        "stderr": float(np.mean([f["score_stderr"] for f in found])),
        "covered": sum(f["covered"] for f in found),
        "cells": len(found),
        "ratio": float(np.median(ratios)),
        "low": float(np.min(ratios)),
        "high": float(np.max(ratios)),
    }


def draw(rows: list[Row], out: Path) -> tuple[Path, Path]:
    """Mean absolute error against seconds, a line for each number of rows and a point for each effort."""
    with plotting.style():
        figure = plotting.new_figure(plotting.COLUMN, 2.6)
        axes = figure.subplots()
        for n, colour in zip(sorted({row["n"] for row in rows}), plotting.PALETTE, strict=False):
            chosen = [row for row in rows if row["n"] == n]
            means = [summary(chosen, effort) for effort in chosen[0]["efforts"]]
            ratios, errors = ([mean[name] for mean in means] for name in ("ratio", "error"))
            axes.plot(ratios, errors, "o-", markersize=3, color=colour, label=f"n = {n:,}".replace(",", " "))
        axes.set(
            xscale="log", yscale="log", xlabel="seconds, standard = 1", ylabel="mean absolute error (nats)"
        )
        axes.legend()
        return plotting.save_figure(figure, out / "effort")


EXPERIMENT = Experiment(
    "information.effort", PRESETS, CELL_KEYS, runs.family_cells, one_by_one(measure), table, draw
)
main = EXPERIMENT.main

if __name__ == "__main__":
    raise SystemExit(main())
