"""Figure and table of the scaling experiment, from records alone."""

from __future__ import annotations

from pathlib import Path

from matplotlib.axes import Axes
from matplotlib.ticker import NullFormatter, ScalarFormatter

from experiments.harness.summaries import power_law
from experiments.harness.types import Row
from thermodiff.plotting import BLUE, GREEN, ORANGE, PURPLE, VERMILION, new_figure, save_figure, style

LABELS = {"n": "points n", "dim": "dimension d", "width": "width", "nodes": "times"}
LOOKS = {
    "audit": ("audit, from disk", VERMILION, "o"),
    "rates": ("entropy rates", BLUE, "s"),
    "closed": ("flow, closed form", GREEN, "^"),
    "products": ("flow, exact by products", ORANGE, "v"),
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


def draw(rows: list[Row], out: Path) -> tuple[Path, Path]:
    """A panel for each axis and quantity that has two values, time first; the exponents are in the legends."""
    panels = [(axis, quantity) for quantity in QUANTITIES for axis in LABELS if _drawn(rows, axis, quantity)]
    columns = min(3, len(panels))
    lines = -(-len(panels) // columns)
    with style():
        figure = new_figure(2.4 * columns, 2.2 * lines)
        grid = figure.subplots(lines, columns, squeeze=False).ravel()
        for ax, (axis, quantity) in zip(grid, panels, strict=False):
            _panel(ax, rows, axis, quantity)
            ax.set_xlabel(LABELS[axis])
            ax.set_ylabel(QUANTITIES[quantity][0])
        for ax in grid[len(panels) :]:
            ax.remove()
        return save_figure(figure, out / "scaling")


def _drawn(rows: list[Row], axis: str, quantity: str) -> list[tuple[str, list[float], list[float]]]:
    """The tasks of a panel with their curves; memory that never rose above that of the imports makes none."""
    found = [(task, *curve(rows, axis, task, quantity)) for there, task in curves(rows) if there == axis]
    return [(task, x, y) for task, x, y in found if len(x) > 1]


def _panel(ax: Axes, rows: list[Row], axis: str, quantity: str) -> None:
    drawn = _drawn(rows, axis, quantity)
    for task, x, y in drawn:
        name, colour, marker = LOOKS[task]
        ax.plot(x, y, marker=marker, markersize=3, color=colour, label=f"{name}: {_exponent(x, y)}")
    ax.set_xscale("log")
    ax.set_yscale("log")
    # Room above the curves for the legend.
    low, high = ax.get_ylim()
    ax.set_ylim(low, high * (high / low) ** (0.12 + 0.09 * len(drawn)))
    values = sorted({value for _, x, _ in drawn for value in x})
    # Few powers of ten: the values themselves are the ticks, and the marks between them have labels.
    if values[-1] < 100 * values[0]:
        ax.set_xticks(values, [str(value) for value in values])
    ax.xaxis.set_minor_formatter(NullFormatter())
    ax.yaxis.set_minor_formatter(NullFormatter() if high > 10 * low else ScalarFormatter())
    ax.legend(fontsize=6, loc="upper left")
