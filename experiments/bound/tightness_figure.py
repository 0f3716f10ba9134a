"""The figure of the tightness experiment, from records alone."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
from matplotlib.axes import Axes
from matplotlib.lines import Line2D

from experiments.bound.tightness_table import along, datasets, with_halves
from experiments.harness.summaries import rank_correlation, spread
from experiments.harness.types import Row
from thermodiff.plotting import BLACK, BLUE, GREEN, ORANGE, VERMILION, new_figure, save_figure, style

LABELS = {
    "steps": "training steps",
    "width": "width",
    "rows": "training rows $n$",
    "dim": "dimension $d$",
    "noise": r"noise parameter $\sigma$",
}
LIKELIHOODS = {
    "slack_quadratic": (BLUE, "o", r"NLL$_\mathrm{ode}-L_1$"),
    "elbo_slack_quadratic": (VERMILION, "s", r"$-$ELBO$\,-L_1$"),
}
TERMS = {
    "nll_minus_S0": (BLUE, "o", r"NLL$_\mathrm{ode}-S_0$"),
    "J": (VERMILION, "s", r"$J$"),
    "half_B_minus_A": (GREEN, "^", r"$|B-A|/2$ (open: $B<A$)"),
}
DATA_LINES = {"gaussian": ("-", "Gaussian"), "uniform": ((0, (4, 1.5)), "uniform")}
UNLIMITED = 10.0
"""Fresh data at every step are drawn at this many times the largest finite n."""
DODGE, DODGE_SIGMA = 1.07, 0.5
"""Between two curves along an axis, as a factor and in units of sigma."""
FLOOR = 1e-6
"""Nats below which a term is not drawn."""


def draw(rows: list[Row], out: Path) -> tuple[Path, Path]:
    """``tightness``.png and .pdf: slacks and terms along each axis, then what the readings predict."""
    rows = with_halves(rows)
    shown = [axis for axis in LABELS if any(len(along(rows, axis, data)) > 1 for data in datasets(rows))]
    with style():
        figure = new_figure(7.0, 6.4)
        upper, lower = figure.subfigures(2, 1, height_ratios=[1.45, 1.0])
        grid = upper.subplots(2, len(shown), sharex="col", sharey="row", squeeze=False)
        for column, axis in enumerate(shown):
            _draw_slacks(grid[0, column], rows, axis)
            _draw_terms(grid[1, column], rows, axis)
            grid[1, column].set_xlabel(LABELS[axis])
        grid[0, 0].set_ylabel("slack (nats)")
        grid[1, 0].set_ylabel("terms (nats)")
        upper.legend(handles=_handles(rows), loc="outside upper center", ncols=5, columnspacing=1.2)
        left, right = lower.subplots(1, 2)
        _draw_prediction(left, rows)
        _draw_size(right, rows)
        for letter, axes in zip("abcd", (grid[0, 0], grid[1, 0], left, right), strict=True):
            axes.set_title(f"({letter})", loc="left")
        return save_figure(figure, out / "tightness")


def _handles(rows: list[Row]) -> list[Line2D]:
    looks = [*LIKELIHOODS.values(), *list(TERMS.values())[2:]]
    looks = [(BLUE, "o", r"NLL$_\mathrm{ode}$: (a) $-L_1$, (b) $-S_0$"), (VERMILION, "s",
             r"$-$ELBO: (a) $-L_1$; (b) $J$"), *looks[2:]]  # fmt: skip
    marks = [
        Line2D([], [], color=colour, marker=marker, markersize=3, linestyle="none", label=label)
        for colour, marker, label in looks
    ]
    lines = [
        Line2D([], [], color=BLACK, linestyle=line, label=label)
        for data, (line, label) in DATA_LINES.items()
        if data in datasets(rows)
    ]
    return marks + lines


def _places(values: list[Any]) -> list[float]:
    """Where values are drawn: fresh data beyond the largest n."""
    finite = [float(value) for value in values if value is not None]
    return finite + [UNLIMITED * max(finite)] * (len(values) - len(finite))


def _draw_slacks(axes: Axes, rows: list[Row], axis: str) -> None:
    curves = [(data, key) for data in datasets(rows) for key in LIKELIHOODS]
    for i, (data, key) in enumerate(curves):
        groups = along(rows, axis, data)
        side = i - (len(curves) - 1) / 2
        x = np.array(_places(list(groups)))
        # Side by side, so that ranges do not cover each other.
        x = x + DODGE_SIGMA * side if axis == "noise" else x * DODGE**side
        colour, marker, _ = LIKELIHOODS[key]
        values = [spread(group, key) for group in groups.values()]
        y = np.array([v.median for v in values])
        error = [y - [v.low for v in values], [v.high for v in values] - y]
        axes.errorbar(x, y, yerr=error, color=colour, marker=marker, markersize=2.3, linewidth=0.7,
                      linestyle=DATA_LINES[data][0], elinewidth=0.6)  # fmt: skip
    axes.axhline(0.0, color=BLACK, linewidth=0.6, zorder=0)
    axes.set_yscale("symlog", linthresh=0.01, linscale=0.7)
    _scale_x(axes, rows, axis)


def _draw_terms(axes: Axes, rows: list[Row], axis: str) -> None:
    for data in datasets(rows):
        groups = along(rows, axis, data)
        x = _places(list(groups))
        for key, (colour, marker, _) in TERMS.items():
            y = np.array([spread(group, key).median for group in groups.values()])
            size = np.where(np.abs(y) > FLOOR, np.abs(y), np.nan)
            axes.plot(x, size, color=colour, linestyle=DATA_LINES[data][0], linewidth=0.8)
            for place, value, sign in zip(x, size, y, strict=True):
                axes.plot(place, value, color=colour, marker=marker, markersize=2.8, markeredgewidth=0.7,
                          markerfacecolor=colour if sign > 0 else "white")  # fmt: skip
    axes.set_yscale("log")
    _scale_x(axes, rows, axis)


def _scale_x(axes: Axes, rows: list[Row], axis: str) -> None:
    values = sorted({row[axis] for row in rows if row[axis] is not None})
    if axis == "noise":
        return
    axes.set_xscale("log")
    shown = values if axis in ("dim", "width") else values[::2]
    labels = [f"$10^{np.log10(v):.0f}$" if v >= 100 and np.log10(v) % 1 == 0 else f"{v}" for v in shown]
    fresh = axis == "rows"
    places = [*shown, *([UNLIMITED * max(values)] if fresh else [])]
    axes.set_xticks(places, [*labels, *([r"$\infty$"] if fresh else [])])
    axes.minorticks_off()


def _draw_prediction(axes: Axes, rows: list[Row]) -> None:
    for key, (colour, marker, label) in LIKELIHOODS.items():
        rho, error = rank_correlation([row["half_spread"] for row in rows], [row[key] for row in rows])
        name = rf"{label}: $\rho={rho:.2f}\pm{error:.2f}$"
        _scatter(axes, rows, "half_spread", key, colour, marker, name)
    low = min(row["half_spread"] for row in rows)
    high = max(row["half_spread"] for row in rows)
    line = np.concatenate(
        [-np.geomspace(max(-low, 1e-3), 1e-4, 100), np.geomspace(1e-4, max(high, 1e-3), 100)]
    )
    axes.plot(line, line, color=BLACK, linestyle="--", linewidth=0.8, label=r"floor of $-$ELBO$\,-L_1$")
    for scale in (axes.set_xscale, axes.set_yscale):
        scale("symlog", linthresh=0.01, linscale=0.7)
    axes.set_xlabel(r"readings' disagreement $\frac{1}{2}(\int\!R_1-\int\!R_3)$ (nats)")
    axes.set_ylabel("slack (nats)")
    axes.legend(loc="lower right", handletextpad=0.4, borderaxespad=0.1)


def _draw_size(axes: Axes, rows: list[Row]) -> None:
    rows = [{**row, "size": abs(row["readings_spread"]), "size_stderr": row["readings_spread_stderr"]}
            for row in rows]  # fmt: skip
    for data, colour, marker in zip(datasets(rows), (ORANGE, GREEN), "oD", strict=False):
        group = [row for row in rows if row["data"] == data]
        rho, error = rank_correlation([row["size"] for row in group], [row["J"] for row in group])
        name = rf"{DATA_LINES[data][1]}: $\rho={rho:.2f}\pm{error:.2f}$"
        _scatter(axes, group, "size", "J", colour, marker, name)
    axes.set(xscale="log", yscale="log", ylabel="score error $J$ (nats)")
    axes.set_xlabel(r"$|\int\!R_1-\int\!R_3|$ (nats)")
    axes.legend(loc="upper left", handletextpad=0.4, borderaxespad=0.1)


def _scatter(axes: Axes, rows: list[Row], x: str, y: str, colour: str, marker: str, label: str) -> None:
    axes.errorbar(
        [row[x] for row in rows], [row[y] for row in rows],
        xerr=[row[f"{x}_stderr"] for row in rows], yerr=[row[f"{y}_stderr"] for row in rows],
        color=colour, marker=marker, markersize=2.5, linestyle="none", elinewidth=0.5, alpha=0.75, label=label,
    )  # fmt: skip
