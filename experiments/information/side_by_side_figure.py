"""Figure of ``side_by_side`` from its records alone."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np

from experiments.harness.types import Row
from experiments.information.estimators_side_by_side import ESTIMATORS
from experiments.information.side_by_side_data import DATA, ENTROPY
from experiments.information.side_by_side_table import names_in, size
from thermodiff import plotting

MARKERS = "o^sDvP*Xph<>"
LEAST = 1e-3
"""Nats: smaller errors are drawn here."""


def draw(rows: list[Row], out: Path) -> tuple[Path, Path]:
    """|error| of every estimator by data set, a panel for each number of rows."""
    names, sizes = names_in(rows), sorted({row["n"] for row in rows})
    data = [name for name in DATA if any(row["data"] == name for row in rows)]
    with plotting.style():
        figure = plotting.new_figure(2 * plotting.COLUMN + 0.2, max(2.2, 0.9 + 0.17 * len(data)))
        panels = figure.subplots(1, len(sizes), sharey=True, sharex=True, squeeze=False)[0]
        for axes, n in zip(panels, sizes, strict=True):
            _panel(axes, [row for row in rows if row["n"] == n], names, data)
            axes.set_title(f"n = {size(n)}")
            axes.set_xlabel("|error| (nats)")
        labels = [f"{'S' if DATA[name].asked == ENTROPY else 'I'}: {name}" for name in data]
        panels[0].set_yticks(range(len(data)), labels, fontsize=5.5)
        panels[0].invert_yaxis()
        handles, shown = panels[0].get_legend_handles_labels()
        figure.legend(handles, shown, loc="outside upper center", ncols=min(6, len(shown)), fontsize=6)
        return plotting.save_figure(figure, out / "side_by_side")


def _panel(axes: Any, rows: list[Row], names: list[str], data: list[str]) -> None:
    for name in names:
        own = [row for row in rows if row["estimator"] == name]
        x = [max(LEAST, abs(row["deviation"])) for row in own]
        y = [data.index(row["data"]) for row in own]
        axes.plot(x, y, linestyle="", label=name, alpha=0.85, **_look(name))
    axes.set_xscale("log")
    axes.set_xlim(0.8 * LEAST, None)
    axes.set_ylim(-0.6, len(data) - 0.4)
    for height in np.arange(len(data)):
        axes.axhline(height, color=plotting.GREY, alpha=0.2, linewidth=0.5, zorder=0)


def _look(name: str) -> dict[str, Any]:
    """The same whichever others there are; this package's own filled."""
    place = (["thermodiff", *ESTIMATORS].index(name) if name in ESTIMATORS else 0) % len(MARKERS)
    colour = plotting.PALETTE[place % len(plotting.PALETTE)]
    return {"marker": MARKERS[place], "color": colour, "markerfacecolor": "white" if place else colour}
