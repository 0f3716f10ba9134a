"""The figure of ``entropy_exchange``, from its records alone."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
from matplotlib.lines import Line2D

from experiments.exploration.entropy_exchange_table import PARTS, total
from experiments.harness.summaries import grouped, mean_over_seeds
from experiments.harness.types import Row
from thermodiff import plotting

LOOKS = {
    "GRPO": (plotting.BLUE, "o"),
    "SFT, GRPO": (plotting.VERMILION, "s"),
    "pass@4": (plotting.GREEN, "^"),
    "positive only": (plotting.ORANGE, "D"),
    "negative only": (plotting.PURPLE, "v"),
    "free, GRPO": (plotting.BLACK, "P"),
}
OTHER = (plotting.SKY, "x")
"""Of an arm that is not among them."""
PART_COLOURS = dict(zip(PARTS, (plotting.GREEN, plotting.BLUE, plotting.GREY), strict=True))


def draw(rows: list[Row], out: Path) -> tuple[Path, ...]:
    """Above: curves, entropies of wrong against correct ones; below: the exchange, the law and the covariance."""
    with plotting.style():
        figure = plotting.new_figure(2 * plotting.COLUMN + 0.2, 4.9)
        (reward, entropy, sides), (exchange, law, covariance) = figure.subplots(2, 3)
        _curves(reward, entropy, rows)
        _sides(sides, rows)
        _law(law, rows)
        _exchange(exchange, rows)
        _covariance(covariance, rows)
        handles = [
            Line2D([], [], color=colour, marker=marker, markersize=3.5, label=arm)
            for (arm,), _ in grouped(rows, "arm")
            for colour, marker in [LOOKS.get(arm, OTHER)]
        ]
        figure.legend(handles=handles, loc="outside upper center", ncols=6, columnspacing=1.2)
        return plotting.save_figure(figure, out / "entropy_exchange")


def _averaged(group: list[Row], name: str) -> np.ndarray:
    """A curve's mean over seeds, where all have it."""
    return np.array([row["curves"][name] for row in group], dtype=float).mean(axis=0)


def _curves(reward: Any, entropy: Any, rows: list[Row]) -> None:
    for (arm,), group in grouped(rows, "arm"):
        colour, _ = LOOKS.get(arm, OTHER)
        step = group[0]["curves"]["step"]
        for axes, name in ((reward, "reward"), (entropy, "entropy")):
            axes.plot(step, _averaged(group, name), color=colour)
            for row in group:
                axes.plot(step, row["curves"][name], color=colour, linewidth=0.4, alpha=0.35)
    for axes, label in ((reward, "mean reward"), (entropy, "entropy (nats a token)")):
        axes.set(xlabel="step", ylabel=label)
        axes.set_ylim(bottom=0)


def _sides(axes: Any, rows: list[Row]) -> None:
    for (arm,), group in grouped(rows, "arm"):
        colour, marker = LOOKS.get(arm, OTHER)
        x, y = (_averaged(group, f"entropy_{side}") for side in ("correct", "wrong"))
        axes.plot(x, y, color=colour, marker=marker, markersize=2.2, linewidth=0.5)
    low, high = min(axes.get_xlim()[0], axes.get_ylim()[0]), max(axes.get_xlim()[1], axes.get_ylim()[1])
    axes.axline((0, 0), slope=1, color=plotting.GREY, linewidth=0.6, linestyle="--")
    axes.set(xlim=(low, high), ylim=(low, high))
    axes.set(xlabel="H, correct ones (nats a token)", ylabel="H, wrong ones")


def _law(axes: Any, rows: list[Row]) -> None:
    """Exact points of the kept policies: those of each seed joined, and their means."""
    for (arm,), group in grouped([row for row in rows if "exact_law" in row], "arm"):
        colour, marker = LOOKS.get(arm, OTHER)
        for row in group:
            axes.plot(row["entropy"], row["p"], color=colour, linewidth=0.4, alpha=0.35)
        entropy, p = (np.mean([row[name] for row in group], axis=0) for name in ("entropy", "p"))
        axes.plot(entropy, p, color=colour, marker=marker, markersize=3.5, linewidth=0.8)
    axes.set(xlabel="entropy, exact (nats a response)", ylabel="accuracy, exact")


def _exchange(axes: Any, rows: list[Row]) -> None:
    """The parts beside each other, with errors over seeds; the whole change as a line."""
    names = []
    for place, ((arm,), group) in enumerate(grouped(rows, "arm")):
        names.append(arm)
        whole, *parts = zip(*map(total, group), strict=True)
        for offset, (part, values) in zip((-0.25, 0, 0.25), zip(PARTS, parts, strict=True), strict=True):
            mean, stderr = mean_over_seeds(values)
            axes.bar(
                place + offset,
                mean,
                0.25,
                yerr=None if np.isnan(stderr) else stderr,
                color=PART_COLOURS[part],
                error_kw={"elinewidth": 0.7, "capsize": 1.5},
                label=part if place == 0 else None,
            )
        axes.hlines(
            mean_over_seeds(whole)[0], place - 0.42, place + 0.42, color=plotting.BLACK, linewidth=1.0
        )
    axes.axhline(0, color=plotting.BLACK, linewidth=0.5)
    axes.set_xticks(range(len(names)), names, fontsize=6, rotation=35, ha="right", rotation_mode="anchor")
    axes.set_ylabel("change of entropy (nats)")
    axes.plot([], [], color=plotting.BLACK, linewidth=1.0, label="whole change")
    axes.legend(fontsize=6, loc="lower center", bbox_to_anchor=(0.5, 1.0), ncols=2, columnspacing=0.8)


def _covariance(axes: Any, rows: list[Row]) -> None:
    for (arm,), group in grouped(rows, "arm"):
        colour, marker = LOOKS.get(arm, OTHER)
        for row in group:
            axes.plot(
                *row["covariance"]["points"],
                color=colour,
                marker=marker,
                linestyle="",
                markersize=2.2,
                markerfacecolor="none",
                markeredgewidth=0.5,
            )
    axes.axhline(0, color=plotting.GREY, linewidth=0.5)
    axes.axvline(0, color=plotting.GREY, linewidth=0.5)
    axes.set(xlabel="covariance, blocks (nats)", ylabel="Δ entropy a step (nats)")
