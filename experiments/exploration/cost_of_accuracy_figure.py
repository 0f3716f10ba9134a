"""The figure of ``cost_of_accuracy_tabular``, from its records alone."""

from __future__ import annotations

from collections.abc import Callable
from operator import itemgetter
from pathlib import Path
from typing import Any

import numpy as np
from matplotlib.lines import Line2D
from matplotlib.ticker import NullFormatter

from experiments.exploration.cost_of_accuracy_table import arms_of, share_wasted, waste
from experiments.harness.summaries import grouped, mean_over_seeds
from experiments.harness.types import Row
from thermodiff import plotting

LOOKS: dict[str, dict[str, Any]] = {
    "REINFORCE": {"color": plotting.BLUE, "marker": "o"},
    "GRPO": {"color": plotting.VERMILION, "marker": "s"},
    "pass@4 training": {"color": plotting.GREEN, "marker": "^"},
    "pass@4 gradient": {"color": plotting.ORANGE, "marker": "D"},
}
PANELS = {
    "clocks": "a logit for every response",
    "prefix": "for every next token, natural",
    "sampled": "groups of rollouts, natural",
    "shared": "six shared features, natural",
}


def draw(rows: list[Row], out: Path) -> tuple[Path, ...]:
    """Waste and pass@64 of each objective, and how the waste falls with the size of a step."""
    drawers = {"clocks": _clocks, "prefix": _prefix, "sampled": _sampled, "shared": _shared}
    parts = [part for part in drawers if arms_of(rows, part)]
    with plotting.style():
        figure = plotting.new_figure(2 * plotting.COLUMN + 0.2, 2.4 * (1 + (len(parts) > 2)))
        places = figure.subplots(1 + (len(parts) > 2), min(len(parts), 2), squeeze=False).ravel()
        for part, axes in zip(parts, places, strict=False):
            drawers[part](axes, arms_of(rows, part))
            axes.set_title(PANELS[part])
        for axes in places[len(parts) :]:
            axes.set_axis_off()
        handles = [Line2D([], [], label=name, linestyle="", **look) for name, look in LOOKS.items()]
        figure.legend(handles=handles, loc="outside upper center", ncols=4, handletextpad=0.2)
        return plotting.save_figure(figure, out / "cost_of_accuracy_tabular")


def _clocks(axes: Any, arms: list[Row]) -> None:
    chosen = [arm for arm in arms if arm["data"] == arms[0]["data"]]
    _waste_and_reach(
        axes,
        chosen,
        [arm["geometry"] == "natural" for arm in chosen],
        ("natural", "Euclidean"),
        "upper right",
    )


def _shared(axes: Any, arms: list[Row]) -> None:
    filled = [arm["with_reward"] for arm in arms]
    _waste_and_reach(axes, arms, filled, ("correctness a feature", "no feature"), "lower left")


def _waste_and_reach(
    axes: Any, arms: list[Row], filled: list[bool], names: tuple[str, str], place: str
) -> None:
    """Share wasted against pass@64, a point a seed."""
    for arm, full in zip(arms, filled, strict=True):
        look = LOOKS[arm["objective"]]
        fill = look["color"] if full else "white"
        axes.plot(share_wasted(arm), arm["pass_at_k"], markersize=3, markerfacecolor=fill, **look)
    before = np.mean([arm["start"]["pass_at_k"] for arm in arms])
    axes.axhline(before, color=plotting.GREY, linewidth=0.8, linestyle="--")
    axes.annotate(
        "before", (0.05, before), (0, 2), textcoords="offset points", color=plotting.GREY, fontsize=7
    )
    axes.set(xlabel="waste / KL", ylabel="pass@64 at mean accuracy 0.6")
    black = {"color": plotting.BLACK, "marker": "o", "markersize": 3, "linestyle": ""}
    axes.legend(
        handles=[
            Line2D([], [], label=name, markerfacecolor=fill, **black)
            for name, fill in zip(names, (plotting.BLACK, "white"), strict=True)
        ],
        loc=place,
        handletextpad=0.2,
    )


def _prefix(axes: Any, arms: list[Row]) -> None:
    for (objective,), of_objective in grouped(arms, "objective"):
        sizes, means, errors = _by_size(of_objective, "eta")
        axes.errorbar(sizes, means, errors, markersize=3, linewidth=0.8, **LOOKS[objective])
    _guide(axes, sizes, means[0] / sizes[0] ** 2 * 0.3, 2, r"$\eta^2$")
    axes.set(xscale="log", yscale="log", xlabel=r"$\eta$", ylabel="waste (nats)")
    axes.set_xticks(sizes, [f"{size:g}" for size in sizes])
    axes.xaxis.set_minor_formatter(NullFormatter())


def _sampled(axes: Any, arms: list[Row]) -> None:
    for (factor, group), chosen in grouped(arms, "factor", "group"):
        sizes, means, errors = _by_size([{**arm, "size": arm["eta"] / group} for arm in chosen], "size")
        colour = plotting.BLUE if factor == min(arm["factor"] for arm in arms) else plotting.SKY
        axes.errorbar(
            sizes, means, errors, color=colour, marker="o" if group == arms[0]["group"] else "x", markersize=3,
            linewidth=0.8, label=f"G = {group}, responses × {factor}",
        )  # fmt: skip
        shape = _by_size(
            [{**arm, "size": arm["eta"] / group} for arm in chosen], "size", itemgetter("predicted")
        )[1]
        axes.plot(sizes, shape, color=plotting.GREY, linewidth=0.8, linestyle="--", zorder=0)
    axes.set(xscale="log", yscale="log", xlabel=r"$\eta/G$", ylabel="waste (nats)")
    axes.legend(loc="upper left", fontsize=6)


def _by_size(
    arms: list[Row], size: str, value: Callable[[Row], float] = waste
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Sizes, and the mean with its standard error over seeds, of the waste or another number."""
    groups = sorted(((one, group) for (one,), group in grouped(arms, size)), key=itemgetter(0))
    found = [mean_over_seeds([value(arm) for arm in group]) for _, group in groups]
    return np.array([one for one, _ in groups]), *np.array(found).T


def _guide(axes: Any, sizes: np.ndarray, constant: float, power: int, label: str) -> None:
    line = constant * sizes**power
    axes.plot(sizes, line, color=plotting.GREY, linewidth=0.8, linestyle="--")
    axes.annotate(
        label, (sizes[-1], line[-1]), (3, -3), textcoords="offset points", color=plotting.GREY, fontsize=7
    )
