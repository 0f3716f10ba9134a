"""Figure and table of the scaling experiment, from records alone."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from matplotlib.axes import Axes
from matplotlib.ticker import NullFormatter

from experiments.summaries import power_law
from thermodiff.plotting import BLUE, GREEN, PURPLE, VERMILION, new_figure, save_figure, style

Row = dict[str, Any]

LABELS = {"n": "points n", "dim": "dimension d", "width": "width", "nodes": "times"}
LOOKS = {
    "audit": ("audit, from disk", VERMILION, "o"),
    "rates": ("entropy rates", BLUE, "s"),
    "exact": ("flow, exact divergence", GREEN, "^"),
    "hutchinson": ("flow, 8 probes", PURPLE, "D"),
}
QUANTITIES = {"elapsed": ("seconds", 1.0), "peak_bytes": ("peak memory, GiB", 2.0**-30)}
LARGEST = 3
"""Exponents are fitted to so many largest values of an axis: at small ones the fixed costs rule."""


def curve(rows: list[Row], axis: str, task: str, quantity: str) -> tuple[list[float], list[float]]:
    """Values of the axis and of the quantity there, increasing."""
    scale = QUANTITIES[quantity][1]
    found = sorted(
        (row[axis], row[quantity] * scale)
        for row in rows
        if (row["axis"], row["task"]) == (axis, task) and row[quantity] > 0
    )
    return [x for x, _ in found], [y for _, y in found]


def curves(rows: list[Row]) -> list[tuple[str, str]]:
    """The axes and tasks there are, in the order of the looks."""
    there = {(row["axis"], row["task"]) for row in rows}
    return [(axis, task) for axis in LABELS for task in LOOKS if (axis, task) in there]


def table(rows: list[Row]) -> str:
    """For each axis and task the largest value, time and memory there, and the exponents of both."""
    lines = [
        f"{'axis':<13}{'task':<24}{'largest':>9}{'seconds':>10}{'exponent':>18}{'GiB':>9}{'exponent':>18}"
    ]
    for axis, task in curves(rows):
        line = f"{LABELS[axis]:<13}{LOOKS[task][0]:<24}"
        for i, quantity in enumerate(QUANTITIES):
            x, y = curve(rows, axis, task, quantity)
            if i == 0:
                line += f"{x[-1]:>9}"
            line += f"{y[-1]:>{10 if i == 0 else 9}.3g}{_exponent(x, y):>18}" if y else ""
        lines.append(line)
    return "\n".join(lines)


def _exponent(x: list[float], y: list[float]) -> str:
    if len(x) < LARGEST:
        return "-"
    slope, stderr = power_law(x[-LARGEST:], y[-LARGEST:])
    return f"{slope:.2f} ± {stderr:.2f}"


def draw(rows: list[Row], path: Path) -> tuple[Path, Path]:
    """Time above, memory below, one column an axis; the exponents are in the legends."""
    axes_there = [axis for axis in LABELS if any(row["axis"] == axis for row in rows)]
    with style():
        figure = new_figure(3.0 * len(axes_there), 5.2)
        grid = figure.subplots(2, len(axes_there), sharex="col", squeeze=False)
        for column, axis in enumerate(axes_there):
            for line, quantity in enumerate(QUANTITIES):
                _panel(grid[line][column], rows, axis, quantity)
                if column == 0:
                    grid[line][column].set_ylabel(QUANTITIES[quantity][0])
            grid[1][column].set_xlabel(LABELS[axis])
        return save_figure(figure, path)


def _panel(ax: Axes, rows: list[Row], axis: str, quantity: str) -> None:
    for there, task in curves(rows):
        x, y = curve(rows, axis, task, quantity)
        if there == axis and y:
            name, colour, marker = LOOKS[task]
            ax.plot(x, y, marker=marker, color=colour, label=f"{name}: {_exponent(x, y)}")
    ax.set_xscale("log")
    ax.set_yscale("log")
    ax.xaxis.set_minor_formatter(NullFormatter())
    ax.yaxis.set_minor_formatter(NullFormatter())
    if ax.lines:
        ax.legend(fontsize=6)
    else:
        ax.text(0.5, 0.5, "peak of the imports not exceeded", transform=ax.transAxes, ha="center", fontsize=7)
