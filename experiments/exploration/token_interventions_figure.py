"""The figure of ``token_interventions``, from its records alone."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np

from experiments.exploration.token_interventions_table import FIFTHS, PLACES, TERCILES
from experiments.harness.summaries import grouped, mean_over_seeds
from experiments.harness.types import Row
from thermodiff import plotting

FREE = {"free": (plotting.GREY, "o", "base"), "free, GRPO": (plotting.BLUE, "s", "GRPO")}
STRICT = {
    "GRPO": (plotting.BLUE, "s"),
    "SFT": (plotting.GREEN, "D"),
    "SFT, GRPO": (plotting.VERMILION, "^"),
    "pass@4": (plotting.ORANGE, "v"),
}
OTHER = (plotting.SKY, "x")
"""Of an arm that is not among them."""
CHANGES = {"redrawn, goes on": "-", "redrawn, stays": "--"}


def draw(rows: list[Row], out: Path) -> tuple[Path, ...]:
    """Above the free form: entropy, replaced tokens, perplexity; below the strict: access, execution, divergence."""
    free, strict = ([row for row in rows if row["form"] == form] for form in ("free", "strict"))
    halves = [(half, chosen) for half, chosen in ((_free, free), (_strict, strict)) if chosen]
    with plotting.style():
        figure = plotting.new_figure(2 * plotting.COLUMN + 0.2, 2.4 * len(halves))
        places = figure.subfigures(len(halves), 1, squeeze=False)[:, 0]
        for place, (half, chosen) in zip(places, halves, strict=True):
            half(place, chosen)
        return plotting.save_figure(figure, out / "token_interventions")


def over_seeds(group: list[Row], of: Callable[[Row], Any]) -> tuple[np.ndarray, np.ndarray]:
    """Mean and its error of an array over the rows, entry by entry; NaN where a row has none."""
    values = np.array([of(row) for row in group], dtype=float)
    return tuple(np.array([mean_over_seeds(column[np.isfinite(column)]) for column in values.T]).T)  # type: ignore[return-value]


def _line(axes: Any, x: Any, group: list[Row], of: Callable[[Row], Any], **look: Any) -> None:
    mean, stderr = over_seeds(group, of)
    axes.errorbar(
        x, mean, np.nan_to_num(stderr), markersize=3, elinewidth=0.7, capsize=1.5, linewidth=0.9, **look
    )


def _free(figure: Any, rows: list[Row]) -> None:
    entropy, effect, sure = figure.subplots(1, 3)
    for (arm,), group in grouped(rows, "arm"):
        colour, marker, label = FREE[arm]
        bins = len(group[0]["position"]["entropy"][0])
        middle = (np.arange(bins) + 0.5) / bins
        look = {"color": colour, "marker": marker}
        _line(
            entropy,
            middle,
            group,
            lambda row: row["position"]["entropy"][0],
            label=f"{label}, entropy",
            **look,
        )
        if arm == "free, GRPO":
            moved = {**look, "linestyle": ":", "markerfacecolor": "white"}
            _line(
                entropy,
                middle,
                group,
                lambda row: row["position"]["divergence"][0],
                label="GRPO, KL from base",
                **moved,
            )
        for change, style in CHANGES.items():
            name = f"{label}, {change.partition(', ')[2].replace('stays', 'rest stays')}"
            dashed = {**look, "linestyle": style, "markerfacecolor": colour if style == "-" else "white"}
            _line(
                effect,
                range(len(FIFTHS)),
                group,
                lambda row, c=change: [x[0] for x in row["effect"][c]],
                label=name,
                **dashed,
            )
        for change, style in (("own, goes on", ":"), ("redrawn, goes on", "-")):
            dashed = {**look, "linestyle": style, "markerfacecolor": colour if style == "-" else "white"}
            name = f"{label}, {'own token' if style == ':' else 'redrawn'}"
            _line(
                sure,
                range(len(TERCILES)),
                group,
                lambda row, c=change: [x[0] for x in row["survives"][c]],
                label=name,
                **dashed,
            )
    entropy.set(xlabel="position in a response", ylabel="nats a token", ylim=(0, None))
    effect.axhline(0, color=plotting.GREY, linewidth=0.5)
    effect.set_xticks(range(len(FIFTHS)), ["1st", "2nd", "3rd", "4th", "last"])
    effect.set(xlabel="fifth with the replaced token", ylabel="change of accuracy")
    low, high = effect.get_ylim()
    effect.set_ylim(low - 0.3 * (high - low), high)  # room for the legend
    sure.set_xticks(range(len(TERCILES)), ["low", "middle", "high"])
    sure.set(xlabel="perplexity of the response, thirds", ylabel="correct ones still correct", ylim=(0, None))
    for axes in (entropy, effect, sure):
        axes.legend(fontsize=5.5)


def _strict(figure: Any, rows: list[Row]) -> None:
    access, owed, spent = figure.subplots(1, 3)
    depth, place = range(len(PLACES) + 1), range(1, len(PLACES) + 1)
    for i, ((arm,), group) in enumerate(grouped(rows, "arm")):
        colour, marker = STRICT.get(arm, OTHER)
        look = {"color": colour, "marker": marker, "label": arm}
        if i == 0:
            _line(
                access,
                depth,
                group,
                lambda row: row["access"][0],
                color=plotting.GREY,
                marker="o",
                label="base",
            )
        _line(access, depth, group, lambda row: row["access"][1], **look)
        _line(owed, depth, group, lambda row: row["by_access"], **look)
        dashed = {**look, "linestyle": "--", "markerfacecolor": "white", "label": None}
        _line(owed, depth, group, lambda row: row["by_execution"], **dashed)
        _line(spent, place, group, lambda row: row["divergence"], **look)
    access.set(ylabel="access: can still end well", ylim=(0, 1.03))
    owed.axhline(0, color=plotting.GREY, linewidth=0.5)
    owed.set(ylabel="Δp by access, execution (dashed)")
    spent.set(ylabel="KL from the base (nats)")
    for axes, ticks in ((access, depth), (owed, depth), (spent, place)):
        axes.set_xticks(ticks[1:] if len(ticks) > len(PLACES) else ticks, PLACES, fontsize=5.5)
        axes.set_xlabel("after this token" if axes is not spent else "token")
    access.legend(fontsize=6)
