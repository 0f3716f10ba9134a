"""The figure of ``advantage_shaping``, from its records alone."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
from matplotlib.lines import Line2D

from experiments.exploration.advantage_shaping_table import AGAINST, NUMBERS, RESOLVED, arms_of
from experiments.exploration.paired_effects import POINT, effect, needed, paired
from experiments.harness.types import Row
from thermodiff import plotting

SEEDS_LOOKS = {
    "pass@1": {"color": plotting.BLUE, "marker": "o", "dy": -0.14},
    "pass@256": {"color": plotting.VERMILION, "marker": "s", "dy": 0.14},
}


def draw(rows: list[Row], out: Path) -> tuple[Path, ...]:
    """An arm a line: its effect on each number with the 95 % interval and every seed; and the seeds it would take."""
    arms = [arm for arm in arms_of(rows) if paired(rows, arm, AGAINST, NUMBERS["pass@1"])]
    if not arms:
        return ()
    with plotting.style():
        figure = plotting.new_figure(2 * plotting.COLUMN + 0.2, 0.9 + 0.19 * len(arms))
        panels = figure.subplots(1, len(NUMBERS) + 1, sharey=True)
        for axes, name in zip(panels, NUMBERS, strict=False):
            _effects(axes, rows, arms, name)
        _needed(panels[-1], rows, arms)
        panels[0].set_yticks(range(len(arms)), arms)
        for axes in panels[1:]:
            axes.tick_params(left=False)
        panels[0].set_ylim(len(arms) - 0.4, -0.6)
        figure.legend(
            handles=_legend(), loc="outside upper center", ncols=6, columnspacing=1.2, handlelength=1.4
        )
        return plotting.save_figure(figure, out / "advantage_shaping")


def _effects(axes: Any, rows: list[Row], arms: list[str], name: str) -> None:
    """Differences to GRPO. An effect that dwarfs all others is written at the edge instead of drawn."""
    differences = [paired(rows, arm, AGAINST, NUMBERS[name]) for arm in arms]
    reach = sorted(max(abs(value) for value in values) for values in differences)
    largest = 1.15 * (reach[-2] if len(reach) > 2 and reach[-1] > 3 * reach[-2] else reach[-1])
    axes.axvline(0, color=plotting.BLACK, linewidth=0.6)
    if name != "entropy":
        axes.axvspan(-POINT, POINT, color=plotting.GREY, alpha=0.2, linewidth=0)
        largest = max(largest, 1.5 * POINT)
    for place, values in enumerate(differences):
        one = effect(values)
        if abs(one.mean) > largest:
            _beyond(axes, place, one.mean, largest)
            continue
        below = [place + 0.27] * len(values)
        axes.plot(values, below, ".", color=plotting.SKY, markersize=3, markeredgewidth=0)
        half = one.half if np.isfinite(one.half) else None
        axes.errorbar(
            one.mean, place, xerr=half, color=plotting.BLUE, marker="o", markersize=3, linewidth=1.0
        )
    if largest > 0:
        axes.set_xlim(-largest, largest)
    axes.locator_params(axis="x", nbins=3)
    axes.set_xlabel(f"Δ {name}" + (" (nats)" if name == "entropy" else ""))


def _beyond(axes: Any, place: int, mean: float, largest: float) -> None:
    side = -1 if mean < 0 else 1
    text = f"← {mean:.2f}" if side < 0 else f"{mean:+.2f} →"
    axes.annotate(
        text, (side * largest, place), (-side * 2, 0), textcoords="offset points", va="center", fontsize=6.5,
        ha="left" if side < 0 else "right", color=plotting.BLUE,
    )  # fmt: skip


def _needed(axes: Any, rows: list[Row], arms: list[str]) -> None:
    """How many seeds would tell one point."""
    for name in RESOLVED:
        look = SEEDS_LOOKS[name]
        for place, arm in enumerate(arms):
            number = needed(paired(rows, arm, AGAINST, NUMBERS[name]))
            if not number.seeds > 0:
                continue
            error = [[number.seeds - number.low], [number.high - number.seeds]]
            axes.errorbar(
                number.seeds, place + look["dy"], xerr=error, color=look["color"], marker=look["marker"],
                markersize=3, linewidth=0.8,
            )  # fmt: skip
    seeds = len({row["seed"] for row in rows})
    axes.axvline(seeds, color=plotting.BLACK, linewidth=0.6, linestyle="--")
    axes.set(xscale="log", xlabel=f"seeds to tell {POINT:g}")


def _legend() -> list[Any]:
    return [
        Line2D([], [], label="mean, 95 %", color=plotting.BLUE, marker="o", markersize=3, linewidth=1.0),
        Line2D([], [], label="a seed", color=plotting.SKY, marker=".", markersize=4, linestyle=""),
        Line2D([], [], label="one point", color=plotting.GREY, alpha=0.3, linewidth=5),
        *(
            Line2D(
                [],
                [],
                label=f"seeds, {name}",
                color=look["color"],
                marker=look["marker"],
                markersize=3,
                linewidth=0.8,
            )
            for name, look in SEEDS_LOOKS.items()
        ),
        Line2D([], [], label="seeds here", color=plotting.BLACK, linestyle="--", linewidth=0.6),
    ]
