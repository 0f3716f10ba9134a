"""What the figures of ``thermodiff explore`` share: looks, bands, curves with errors, an axis of k."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np

from thermodiff import plotting

Axes = Any
"""Axes of matplotlib's, which only ``plotting`` imports."""
PAGE = 2 * plotting.COLUMN + 0.2
LOOKS: tuple[dict[str, Any], ...] = (
    {"color": plotting.BLUE, "linestyle": "-"},
    {"color": plotting.VERMILION, "linestyle": (0, (5, 1.5))},
)


def look(i: int) -> dict[str, Any]:
    """Colour and line of the first or second policy."""
    return LOOKS[i]


def array(values: Any) -> np.ndarray:
    """Numbers of a record, NaN where it has none."""
    return np.array(values, dtype=float)


def band(
    axes: Axes, x: np.ndarray, found: Mapping[str, Any], label: str | None, style: dict[str, Any]
) -> None:
    """A curve with the interval around it."""
    axes.plot(x, array(found["estimate"]["mean"]), label=label, **style)
    low, high = array(found["low"]), array(found["high"])
    axes.fill_between(x, low, high, color=style["color"], alpha=0.2, linewidth=0)


def curve(axes: Axes, x: np.ndarray, values: Mapping[str, Any], label: str, style: dict[str, Any]) -> None:
    """Means with bars of one standard error; what is not known is left out."""
    mean, error = array(values["mean"]), array(values["stderr"])
    known = np.isfinite(mean)
    error = np.where(np.isfinite(error), error, 0.0)
    axes.errorbar(x[known], mean[known], yerr=error[known], label=label, elinewidth=0.7, capsize=1.5, **style)


def k_axis(axes: Axes, top: Any) -> None:
    """k on a logarithmic axis, with ticks at powers of two."""
    axes.set_xscale("log", base=2)
    powers = [2**i for i in range(int(np.ceil(np.log2(max(top, 2)))) + 1)]
    step = int(np.ceil(len(powers) / 9))
    axes.set_xticks(powers[::step], [str(power) for power in powers[::step]])
    axes.minorticks_off()
    axes.set_xlim(0.87, 1.15 * max(top, 2))
    axes.set_xlabel("rollouts $k$")


def legend_above(axes: Axes, columns: int = 2, title: str | None = None) -> Axes:
    """A legend above the axes."""
    axes.legend(
        loc="lower left",
        bbox_to_anchor=(0.0, 1.0),
        ncols=columns,
        borderaxespad=0.2,
        title=title,
        title_fontsize=7,
        alignment="left",
        columnspacing=1.2,
    )
    return axes


def panel(axes: Axes, letter: str) -> None:
    """A letter at the upper left, outside."""
    axes.text(-0.16, 1.02, letter, transform=axes.transAxes, fontsize=9, fontweight="bold", va="bottom")
