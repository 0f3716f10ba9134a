"""The figure of ``extrapolation``, from its records alone."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from matplotlib.lines import Line2D
from matplotlib.patches import Patch

from experiments.exploration.extrapolation_table import coverage
from experiments.harness.types import Row
from thermodiff import plotting

TITLES = {
    "base": "DeepScaleR\nbase, 64 → 128",
    "RL": "DeepScaleR\nRL, 64 → 128",
    "chain of thought": "Game of 24\nchain of thought, 16 → 100",
    "input-output": "Game of 24\ninput-output, 16 → 100",
}
BOUNDS: dict[str, dict[str, Any]] = {
    "drawn": {"color": plotting.SKY, "linewidth": 1.0},
    "fixed": {"color": plotting.BLUE, "linewidth": 2.2},
}
NUMBERS: dict[str, dict[str, Any]] = {
    "nonparametric": {"color": plotting.BLACK, "marker": "o", "markersize": 2.2, "linestyle": ""},
    "beta_binomial": {"color": plotting.VERMILION, "marker": "^", "markersize": 2.6, "linestyle": ""},
}
SCENARIO_LOOKS = {
    "easy": (plotting.BLUE, "o"),
    "hard": (plotting.VERMILION, "s"),
    "bimodal": (plotting.GREEN, "^"),
    "rare hard": (plotting.ORANGE, "D"),
}

FLOOR = 0.8
"""Shares below are drawn here, with their number."""


def draw(rows: list[Row], out: Path) -> tuple[Path, ...]:
    """Above, each thinning's bounds and numbers against the truth; below, coverage and widths of simulated ones."""
    halves = {
        _real: [row for row in rows if row["part"] in ("halves", "game24", "limit")],
        _simulated: [row for row in rows if row["part"] == "simulated"],
    }
    halves = {half: chosen for half, chosen in halves.items() if chosen}
    if not halves:
        return ()
    with plotting.style():
        figure = plotting.new_figure(2 * plotting.COLUMN + 0.2, 2.4 * len(halves))
        places = figure.subfigures(len(halves), 1, squeeze=False)[:, 0]
        for place, (half, chosen) in zip(places, halves.items(), strict=True):
            half(place, chosen)
        return plotting.save_figure(figure, out / "extrapolation")


def _real(figure: Any, rows: list[Row]) -> None:
    names = [name for name in TITLES if any(row["data"] == name for row in rows)]
    panels = figure.subplots(1, len(names), squeeze=False)[0]
    for axes, name in zip(panels, names, strict=True):
        chosen = [row for row in rows if row["data"] == name]
        _thinnings(axes, [row for row in chosen if row["part"] != "limit"])
        for row in chosen:
            if row["part"] == "limit" and row["problems"] == "fixed":
                axes.axhspan(row["low"], row["high"], color=plotting.GREY, alpha=0.25, linewidth=0)
        axes.set_title(TITLES[name])
        axes.set_xlabel("seed of the thinning")
    panels[0].set_ylabel("pass@k at k = all rollouts")
    figure.legend(handles=_legend(), loc="outside upper center", ncols=7, columnspacing=1.0, handlelength=1.6)


def _thinnings(axes: Any, rows: list[Row]) -> None:
    for row in rows:
        axes.plot(
            [row["seed"]] * 2, [row["low"], row["high"]], solid_capstyle="butt", **BOUNDS[row["problems"]]
        )
    # The numbers do not depend on what is said of the problems.
    for row in (row for row in rows if row["problems"] == "fixed"):
        for number, look in NUMBERS.items():
            axes.plot(row["seed"], row[number], **look)
        axes.plot(row["seed"], 1 - row["unsolved"], marker="_", markersize=4, color=plotting.GREY)
    for truth in {row["truth"] for row in rows}:
        axes.axhline(truth, color=plotting.BLACK, linewidth=0.8, linestyle="--", zorder=0)


def _legend() -> list[Any]:
    return [
        Line2D([], [], label="truth", color=plotting.BLACK, linewidth=0.8, linestyle="--"),
        *(Line2D([], [], label=f"bounds, {name}", **look) for name, look in BOUNDS.items()),
        *(Line2D([], [], label=name.replace("_", "-"), **look) for name, look in NUMBERS.items()),
        Line2D([], [], label="pass@n", color=plotting.GREY, marker="_", markersize=4, linestyle=""),
        Patch(label="narrowest possible, fixed", color=plotting.GREY, alpha=0.25, linewidth=0),
    ]


def _simulated(figure: Any, rows: list[Row]) -> None:
    numbers = sorted({row["M"] for row in rows})
    held, width = figure.subplots(1, 2)
    held.axhline(0.95, color=plotting.GREY, linewidth=0.6)
    for row in rows:
        colour, marker = SCENARIO_LOOKS[row["data"]]
        place = numbers.index(row["M"]) + 0.2 * (list(SCENARIO_LOOKS).index(row["data"]) - 1.5)
        drawn = row["problems"] == "drawn"
        look = {"color": colour, "marker": marker, "markerfacecolor": colour if drawn else "white"}
        beside = place + (-0.05 if drawn else 0.05)
        _share(held, beside, *coverage(row), {**look, "markersize": 3.5})
        width.plot(beside, row["width"][-1], markersize=3.5, **look)
        if drawn:
            _share(held, place, *coverage(row, "sup_t_"), {"color": colour, "marker": "x", "markersize": 4})
    for axes in (held, width):
        axes.set_xticks(range(len(numbers)), [str(M) for M in numbers])
        axes.set_xlim(-0.5, len(numbers) - 0.5)
        axes.set_xlabel("problems, 16 rollouts of each")
    held.set(ylabel="truth inside at all k at once", ylim=(FLOOR - 0.01, 1.01))
    width.set(ylabel="mean width at k = 128", yscale="log")
    figure.legend(handles=_simulated_legend(), loc="outside upper center", ncols=7, columnspacing=1.2)


def _share(axes: Any, x: float, share: float, error: float, look: dict[str, Any]) -> None:
    axes.errorbar(x, max(share, FLOOR), error if share > FLOOR else None, linewidth=0.8, **look)
    if share < FLOOR:
        axes.annotate(
            f"{share:.2f} ↓", (x, FLOOR), (0, 4), textcoords="offset points", ha="center", fontsize=6
        )


def _simulated_legend() -> list[Line2D]:
    point = {"linestyle": "", "markersize": 3.5}
    scenarios = [
        Line2D([], [], label=name, color=colour, marker=marker, **point)
        for name, (colour, marker) in SCENARIO_LOOKS.items()
    ]
    black = {"color": plotting.BLACK, **point}
    return [
        *scenarios,
        Line2D([], [], label="drawn", marker="o", **black),
        Line2D([], [], label="fixed", marker="o", markerfacecolor="white", **black),
        Line2D([], [], label="sup-t, k ≤ 16", marker="x", **black),
    ]
