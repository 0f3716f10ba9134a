"""The figure of ``capability_boundary``, from its records alone."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
from matplotlib.lines import Line2D
from matplotlib.ticker import LogLocator, NullFormatter

from experiments.exploration.arms.measured import BOUNDARY
from experiments.harness.summaries import grouped, mean_over_seeds
from experiments.harness.types import Row
from thermodiff import plotting

BROAD: dict[str, dict[str, Any]] = {
    "base": {"color": plotting.BLACK, "marker": "o"},
    "more of the same": {"color": plotting.GREY, "marker": "v"},
    "SFT": {"color": plotting.BLUE, "marker": "s"},
    "GRPO": {"color": plotting.VERMILION, "marker": "^"},
    "SFT, GRPO": {"color": plotting.SKY, "marker": "D"},
    "pass@4": {"color": plotting.GREEN, "marker": "P"},
    "pass@4, then GRPO": {"color": plotting.ORANGE, "marker": "X"},
}
NARROW: dict[str, dict[str, Any]] = {
    "narrow": {"color": plotting.BLACK, "marker": "o"},
    "narrow, SFT": {"color": plotting.BLUE, "marker": "s"},
    "narrow, GRPO": {"color": plotting.VERMILION, "marker": "^"},
    "narrow, pass@4": {"color": plotting.GREEN, "marker": "P"},
}
AT = 256
"""Rollouts that problems are in or out of reach of."""


def draw(rows: list[Row], out: Path) -> tuple[Path, ...]:
    """pass@k against k from broad and narrow bases; below, problems lost and gained, and accuracy against its cost."""
    with plotting.style():
        figure = plotting.new_figure(2 * plotting.COLUMN + 0.2, 5.0)
        (broad, narrow), (changed, cost) = figure.subplots(2, 2)
        _curves(broad, rows, BROAD)
        _curves(narrow, rows, NARROW)
        broad.set_title("from a broad base")
        narrow.set_title("from a narrow base")
        _changed_hands(changed, rows)
        _cost(cost, rows)
        return plotting.save_figure(figure, out / "capability_boundary")


def _of(rows: list[Row], looks: dict[str, dict[str, Any]]) -> list[tuple[str, list[Row]]]:
    return [(arm, group) for (arm,), group in grouped(rows, "arm") if arm in looks]


def _curves(axes: Any, rows: list[Row], looks: dict[str, dict[str, Any]]) -> None:
    """Mean over seeds and the band of all of them; logarithmic both ways."""
    for arm, group in _of(rows, looks):
        values = np.array([row["pass_at_k"] for row in group])
        look = looks[arm]
        axes.plot(group[0]["k"], values.mean(axis=0), markersize=3, linewidth=1.0, label=arm, **look)
        axes.fill_between(
            group[0]["k"],
            values.min(axis=0),
            values.max(axis=0),
            color=look["color"],
            alpha=0.15,
            linewidth=0,
        )
    axes.set_xscale("log", base=2)
    axes.set_xticks([1, 4, 16, 64, 256, 1024], ["1", "4", "16", "64", "256", "1024"])
    axes.set_yscale("log")
    ticks = [0.01, 0.02, 0.05, 0.1, 0.2, 0.5, 1.0]
    low = axes.get_ylim()[0]
    axes.set_yticks([tick for tick in ticks if tick >= low], [f"{tick:g}" for tick in ticks if tick >= low])
    axes.minorticks_off()
    axes.set(xlabel="k", ylabel="pass@k", ylim=(low, 1.05))
    if axes.get_legend_handles_labels()[0]:
        axes.legend(loc="lower right", handlelength=1.8)


def _changed_hands(axes: Any, rows: list[Row]) -> None:
    """Problems out of reach of 256 rollouts: gained to the right, lost to the left, with every seed."""
    looks, at = {**BROAD, **NARROW}, BOUNDARY.index(AT)
    arms = [(arm, group) for arm, group in _of(rows, looks) if arm not in ("base", "narrow")]
    for place, (_, group) in enumerate(arms):
        for side, name, colour in ((-1, "lost", plotting.VERMILION), (1, "gained", plotting.BLUE)):
            values = [100 * row[name][at] / row["problems"] for row in group]
            mean, stderr = mean_over_seeds(values)
            axes.barh(place, side * mean, color=colour, alpha=0.6, height=0.65, linewidth=0)
            if np.isfinite(stderr):
                axes.errorbar(side * mean, place, xerr=stderr, color=plotting.BLACK, linewidth=0.8)
            axes.plot(
                np.multiply(side, values), [place] * len(values), ".", color=plotting.BLACK, markersize=2
            )
    axes.axvline(0, color=plotting.BLACK, linewidth=0.6)
    axes.set_yticks(range(len(arms)), [arm for arm, _ in arms])
    axes.set_ylim(len(arms) - 0.4, -0.6)
    axes.xaxis.set_major_formatter(lambda x, _: f"{abs(x):g}")
    axes.set_xlabel(f"← lost     % of problems, k = {AT}     gained →")


def _cost(axes: Any, rows: list[Row]) -> None:
    """pass@1 against KL from the base; hollow, the least that this mean accuracy costs."""
    looks = {**BROAD, **NARROW}
    for arm, group in _of(rows, looks):
        if arm in ("base", "narrow"):
            continue
        accuracy = [row["pass_at_k"][0] for row in group]
        mean, spent, least = (float(np.mean(x)) for x in (accuracy, *_costs(group)))
        errors = {
            "yerr": np.nan_to_num(mean_over_seeds(accuracy)[1]),
            "xerr": np.nan_to_num(mean_over_seeds(_costs(group)[0])[1]),
        }
        look = {**looks[arm], "markersize": 4, "linewidth": 0.8}
        dotted = {"color": look["color"], "linestyle": ":" if arm in NARROW else "-", "linewidth": 0.6}
        axes.plot([least, spent], [mean, mean], zorder=0, **dotted)
        axes.errorbar(spent, mean, **errors, **look)
        axes.plot(
            least, mean, color=look["color"], marker=look["marker"], markersize=4, markerfacecolor="white"
        )
    axes.set(xscale="log", xlabel="KL from the base (nats)", ylabel="pass@1")
    low, high = axes.get_ylim()
    axes.set_ylim(low, high + 0.3 * (high - low))  # room for the legend
    axes.xaxis.set_major_locator(LogLocator(100.0))
    axes.xaxis.set_minor_locator(LogLocator(10.0))
    axes.xaxis.set_minor_formatter(NullFormatter())
    black = {"color": plotting.BLACK, "marker": "o", "markersize": 4, "linestyle": ""}
    axes.legend(
        handles=[
            Line2D([], [], label="spent", **black),
            Line2D([], [], label="least for this mean accuracy", markerfacecolor="white", **black),
            Line2D([], [], label="from a narrow base", color=plotting.BLACK, linestyle=":", linewidth=0.8),
        ],
        loc="upper center",
        handlelength=1.6,
    )


def _costs(group: list[Row]) -> tuple[list[float], list[float]]:
    return [row["divergence"] for row in group], [row["least"] for row in group]
