"""Figure of ``side_by_side`` from its records alone."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np

from experiments.harness.types import Row
from experiments.information.side_by_side_table import names_in, size
from thermodiff import plotting

MARKERS = "o^sDvP*Xph<>"
LEAST = 1e-3
"""Nats: smaller errors are drawn here."""


def draw(rows: list[Row], out: Path) -> tuple[Path, Path]:
    """|error| of every estimator by data set, a panel for each number of rows."""
    names, sizes = names_in(rows), sorted({row["n"] for row in rows})
    data = list(dict.fromkeys((row["asked"], row["data"]) for row in rows))
    data.sort(key=lambda one: [row["asked"] for row in rows].index(one[0]))
    with plotting.style():
        figure = plotting.new_figure(2 * plotting.COLUMN + 0.2, max(2.2, 0.9 + 0.17 * len(data)))
        panels = figure.subplots(1, len(sizes), sharey=True, sharex=True, squeeze=False)[0]
        for axes, n in zip(panels, sizes, strict=True):
            _panel(axes, [row for row in rows if row["n"] == n], names, data)
            axes.set_title(f"n = {size(n)}")
            axes.set_xlabel("|error| (nats)")
        labels = [f"S: {name}" if asked == "entropy" else f"I: {name}" for asked, name in data]
        panels[0].set_yticks(range(len(data)), labels, fontsize=5.5)
        panels[0].invert_yaxis()
        handles, shown = panels[0].get_legend_handles_labels()
        figure.legend(handles, shown, loc="outside upper center", ncols=min(6, len(shown)), fontsize=6)
        return plotting.save_figure(figure, out / "side_by_side")


def _panel(axes: Any, rows: list[Row], names: list[str], data: list[tuple[str, str]]) -> None:
    for i, name in enumerate(names):
        own = [row for row in rows if row["estimator"] == name]
        axes.plot(
            [max(LEAST, abs(row["deviation"])) for row in own],
            [data.index((row["asked"], row["data"])) for row in own],
            linestyle="",
            marker=MARKERS[i % len(MARKERS)],
            color=plotting.PALETTE[i % len(plotting.PALETTE)],
            markerfacecolor=plotting.PALETTE[i % len(plotting.PALETTE)] if i == 0 else "white",
            label=name,
            alpha=0.85,
        )
    axes.set_xscale("log")
    axes.set_xlim(0.8 * LEAST, None)
    axes.set_ylim(-0.6, len(data) - 0.4)
    for height in np.arange(len(data)):
        axes.axhline(height, color=plotting.GREY, alpha=0.2, linewidth=0.5, zorder=0)
