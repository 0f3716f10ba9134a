"""What a network has not learned against what half the effort loses: J/D, by which the estimates are corrected.

    python -m experiments.information.learning_effort --preset paper --out results/learning_effort-paper

Cells: family x number of rows x seed. With ln p of every row known, J = E[h + ln p] of rows held out and D = E[h' - h],
h' from half the rows and steps (``cross_fitting.half_effort``), on the same rows and noise.
"""

from __future__ import annotations

import dataclasses
from pathlib import Path

import jax
import numpy as np

import thermodiff as td
from experiments.harness.cells import one_by_one
from experiments.harness.command import Experiment
from experiments.harness.records import fingerprint_of
from experiments.harness.types import Cell, Row
from experiments.information import learning_law, runs
from experiments.information.known_densities import FAMILIES
from thermodiff import plotting
from thermodiff.information.cross_fitting.half_effort import FoldRows, Part
from thermodiff.information.cross_fitting.missing import MOST_ROWS, Lost, missing_of
from thermodiff.information.cross_fitting.negentropy import Correction
from thermodiff.information.cross_fitting.one_fold import Trained
from thermodiff.information.entropy_sums import cross_fitted_sum, trained_at_once
from thermodiff.numerics.estimates import estimate_rows
from thermodiff.types import with_error


@dataclasses.dataclass(frozen=True)
class Config(runs.Sizes):
    """J/D on families whose density is known."""

    names: tuple[str, ...] = tuple(FAMILIES)
    samples: tuple[int, ...] = (10_000, 2_000)
    seeds: tuple[int, ...] = (0, 1, 2, 3, 4)


PRESETS = {
    "paper": Config(),
    "smoke": Config(names=("annulus", "checkers"), samples=(2_000,), **runs.SMALL),
}
CELL_KEYS = ("family", "n", "seed")
COLUMNS = 4
"""Of the line that is drawn."""


def measure(config: Config, cell: Cell) -> Row:
    """One row: J, D and their ratio with standard errors, what made them fold by fold and level by level; nats."""
    number = int(fingerprint_of(cell), 16) % 2**31
    x, log_p = FAMILIES[cell["family"]](np.random.default_rng(number), cell["n"])
    fitted = td.Asinh(x)
    part = Part(tuple(range(x.shape[1])))
    settings = runs.settings(config)
    plan = cross_fitted_sum(
        jax.random.key(number), fitted.forward(x), {part: 1.0}, settings, map_columns=True
    )
    ((found, rows),) = trained_at_once([plan], progress=False)
    held_out = rows.held_out - fitted.log_derivative(x)
    missing, lost = held_out + log_p, rows.half - rows.held_out
    ratio = missing.mean() / lost.mean()
    scatter = estimate_rows((missing - ratio * lost) / lost.mean())
    return {
        "columns": x.shape[1],
        "J": _numbers(missing),
        "D": _numbers(lost),
        "ratio": [float(ratio), float(scatter.stderr)],
        "held_out": _numbers(held_out),
        "covariance": (np.cov([held_out, lost]) / len(x)).tolist(),
        **_by_fold(found[part], missing, lost),
    }


def _by_fold(folds: list[FoldRows], missing: np.ndarray, lost: np.ndarray) -> Row:
    """Of each fold J and D, where its networks ended, and what they know at each noise level (whole, half)."""

    def levels(found: Correction, trained: Trained) -> list[float]:
        reading = trained.scale * (2 * found.overlap - trained.scale * found.square)
        return np.round(reading.mean(axis=0) * found.step, 6).tolist()

    return {
        "folds": [[float(v[f.fold.held_out].mean()) for v in (missing, lost)] for f in folds],
        "steps": [[f.trained.best_step, f.less.best_step] for f in folds],
        "stopping": [[f.trained.stopping, f.less.stopping] for f in folds],
        "levels": [[levels(f.whole, f.trained), levels(f.half, f.less)] for f in folds],
        "rate": folds[0].trained.approach.rate,
        "intervals": folds[0].trained.margins.intervals,
    }


def _numbers(values: np.ndarray) -> list[float]:
    found = estimate_rows(values)
    return [float(found.mean), float(found.stderr)]


def table(rows: list[Row]) -> str:
    """One line a cell, the law that they follow, and how often its intervals hold for families that it has not seen."""
    lines = [f"  {'family':<14}{'d':>4}{'n':>8}{'J':>20}{'D':>20}{'J/D':>16}"]
    for row in rows:
        numbers = (with_error(*row[k], "+") for k in ("J", "D"))
        ratio = with_error(*row["ratio"], "+")
        lines.append(
            f"  {row['family']:<14}{row['columns']:>4}{row['n']:>8}"
            + "".join(f"{number:>20}" for number in numbers)
            + f"{ratio:>16}"
        )
    return "\n".join([*lines, learning_law.summary(rows)])


def draw(rows: list[Row], out: Path) -> tuple[Path, Path]:
    """J against D on log axes, with the line of the estimates and its spread."""
    with plotting.style():
        figure = plotting.new_figure(plotting.COLUMN, 2.8)
        axes = figure.subplots()
        ends = np.array([min(r["D"][0] for r in rows) / 1.5, max(r["D"][0] for r in rows) * 1.5])
        lost = np.geomspace(*ends)
        found = [missing_of(Lost(one), COLUMNS, MOST_ROWS) for one in lost]
        middle = np.array([one.kappa for one in found]) * lost
        doubt = np.array([one.doubt for one in found])
        axes.fill_between(lost, middle - doubt, middle + doubt, color=plotting.GREY, alpha=0.2, linewidth=0)
        axes.plot(lost, middle, color=plotting.GREY, label=f"J of the estimates, {COLUMNS} columns")
        for n, colour in zip(sorted({row["n"] for row in rows}), plotting.PALETTE, strict=False):
            chosen = [row for row in rows if row["n"] == n]
            (d, j), (ed, ej) = (np.array([[row[k][i] for row in chosen] for k in ("D", "J")]) for i in (0, 1))
            label = f"n = {n:,}".replace(",", " ")
            axes.errorbar(d, j, ej, ed, fmt="o", markersize=3, color=colour, label=label)
        axes.set(
            xscale="log",
            yscale="log",
            xlabel="lost by half the effort, D (nats)",
            ylabel="still missing, J (nats)",
        )
        axes.legend()
        return plotting.save_figure(figure, out / "learning_effort")


EXPERIMENT = Experiment(
    "information.learning_effort", PRESETS, CELL_KEYS, runs.family_cells, one_by_one(measure), table, draw
)
main = EXPERIMENT.main

if __name__ == "__main__":
    raise SystemExit(main())
