"""The figure of ``cost_of_accuracy_network``, from its records alone."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
from matplotlib.lines import Line2D
from matplotlib.patches import Patch

from experiments.exploration.cost_of_accuracy_network_table import AGAINST, IMITATED, WAYS, by_seed, kinds_of
from experiments.exploration.equal_accuracy import pass_at, path
from experiments.harness.summaries import grouped, mean_over_seeds
from experiments.harness.types import Row
from thermodiff import plotting

LOOKS: dict[str, dict[str, Any]] = {
    "GRPO": {"color": plotting.VERMILION, "marker": "^"},
    "pass@4": {"color": plotting.GREEN, "marker": "P"},
    "RLOO": {"color": plotting.BLUE, "marker": "o"},
    "free energy": {"color": plotting.ORANGE, "marker": "D"},
    "tilt": {"color": plotting.PURPLE, "marker": "v"},
    "Muon": {"color": plotting.SKY, "marker": "s"},
    "SFT": {"color": plotting.BLACK, "marker": "*"},
    "RFT, rule": {"color": plotting.GREY, "marker": "h"},
    "RFT, branching": {"color": plotting.BLACK, "marker": "h", "linestyle": "--"},
}
FARTHEST = 3.0
"""Times the next bar that the longest may be, before it is cut."""
PARTS = {
    "paid": ("paid", plotting.GREEN),
    "among_correct": ("waste among correct", plotting.ORANGE),
    "among_wrong": ("waste among wrong", plotting.GREY),
}
STARTS = {"base": plotting.BLACK, "GRPO": plotting.VERMILION}


def draw(rows: list[Row], out: Path) -> tuple[Path, ...]:
    """The ledger of every arm, pass@256 and waste along trainings, and the shares that small steps buy."""
    ledgers = [row for row in rows if row["part"] == "ledger"]
    small = [row for row in rows if row["part"] == "steps"]
    if not ledgers:
        return ()
    with plotting.style():
        number = len({row["arm"] for row in ledgers})
        figure = plotting.new_figure(2 * plotting.COLUMN + 0.2, max(4.8, 0.16 * number + 1.2))
        left, right = figure.subfigures(1, 2, width_ratios=(1, 1.15))
        _bars(left.subplots(), ledgers)
        paths, shares = right.subplots(2, 1)
        _paths(paths, ledgers)
        _shares(shares, small)
        return plotting.save_figure(figure, out / "cost_of_accuracy_network")


def _bars(axes: Any, rows: list[Row]) -> None:
    """KL of each arm's last policy by what it bought; a line at the least, and pass@256 beside it."""
    arms = grouped(rows, "arm")
    totals = [mean_over_seeds([row["policies"][-1]["divergence"] for row in group])[0] for _, group in arms]
    second, longest = sorted([0.0, *totals])[-2:]
    end = 1.2 * second if longest > FARTHEST * second > 0 else None
    for place, (_, group) in enumerate(arms):
        last, start = [row["policies"][-1] for row in group], 0.0
        for part, (_, colour) in PARTS.items():
            mean = mean_over_seeds([policy[part] for policy in last])[0]
            axes.barh(place, mean, left=start, color=colour, height=0.7, linewidth=0)
            start += mean
        total, stderr = mean_over_seeds([policy["divergence"] for policy in last])
        if end is not None and total > end:
            axes.annotate(
                f"→ {total:.1f}",
                (0.98, place),
                xycoords=("axes fraction", "data"),
                va="center",
                ha="right",
                fontsize=6.5,
            )
        else:
            axes.errorbar(total, place, xerr=np.nan_to_num(stderr), color=plotting.BLACK, linewidth=0.8)
        least = mean_over_seeds([policy["least"] for policy in last])[0]
        axes.plot([least, least], [place - 0.4, place + 0.4], color=plotting.BLACK, linewidth=1.2)
        reached = mean_over_seeds([pass_at(256)(policy) for policy in last])[0]
        axes.annotate(
            f"{reached:.2f}", (1.01, place), xycoords=("axes fraction", "data"), va="center", fontsize=6.5
        )
    axes.annotate("pass@256", (1.01, 1.0), xycoords="axes fraction", fontsize=6.5, ha="center")
    axes.set_yticks(range(len(arms)), [arm for (arm,), _ in arms])
    axes.tick_params(axis="y", left=False)
    axes.set_ylim(len(arms) - 0.4, -0.6)
    axes.set_xlim(0, end)
    axes.set_xlabel("KL from the base (nats)")
    handles = [Patch(label=name, color=colour) for name, colour in PARTS.values()]
    handles.append(Line2D([], [], label="least", color=plotting.BLACK, linewidth=1.2))
    axes.legend(handles=handles, loc="lower center", bbox_to_anchor=(0.4, 1.01), ncols=2, handlelength=1.2)


def _paths(axes: Any, rows: list[Row]) -> None:
    """pass@256 against pass@1 along each training: mean over seeds of the policies kept, with standard errors."""
    for (arm,), group in grouped(rows, "arm"):
        if arm not in (AGAINST, "SFT", *WAYS, *IMITATED):
            continue
        points = [np.array([path(row, pass_at(k)) for row in group]) for k in (1, 256)]
        mean = [values.mean(axis=0) for values in points]
        errors = [
            np.nan_to_num([mean_over_seeds(column.tolist())[1] for column in values.T]) for values in points
        ]
        axes.errorbar(
            *mean, yerr=errors[1], xerr=errors[0], markersize=3, linewidth=0.9, label=arm, **LOOKS[arm]
        )
    axes.set(xlabel="pass@1", ylabel="pass@256")
    low, high = axes.get_ylim()
    axes.set_ylim(low - 0.4 * (high - low), high)  # room for the legend
    axes.legend(ncols=3, handlelength=1.8, columnspacing=1.0, loc="lower left")


def _shares(axes: Any, rows: list[Row]) -> None:
    """The share that a small step buys: full on held-out problems, hollow on those that the step was made of."""
    if not rows:
        axes.set_axis_off()
        return
    kinds = [kind for kind, clock in kinds_of(rows) if clock == "GRPO"]
    starts = grouped(rows, "arm")
    for number, ((arm,), group) in enumerate(starts):
        for place, kind in enumerate(kinds):
            for where, fill in (("step", "white"), ("held out", STARTS[arm])):
                mean, stderr = mean_over_seeds(by_seed(group, kind, "GRPO", where, "share"))
                x = place + 0.24 * (number - (len(starts) - 1) / 2)
                axes.errorbar(
                    x, mean, np.nan_to_num(stderr), color=STARTS[arm], marker="o",
                    markersize=4, linewidth=0.8, markerfacecolor=fill,
                )  # fmt: skip
    axes.axhline(1, color=plotting.GREY, linewidth=0.8, linestyle="--")
    axes.annotate(
        "a table's natural step",
        (0, 1),
        (0, 2),
        textcoords="offset points",
        fontsize=6.5,
        color=plotting.GREY,
    )
    axes.set_xticks(range(len(kinds)), [kind.replace(", ", ",\n") for kind in kinds])
    axes.set(ylabel="share of KL that\nbuys accuracy", ylim=(0, 1.3))
    axes.set_yticks([0, 0.2, 0.4, 0.6, 0.8, 1.0])
    handles = [
        Line2D(
            [],
            [],
            label=f"from {arm}, other problems",
            color=STARTS[arm],
            marker="o",
            markersize=4,
            linestyle="",
        )
        for (arm,), _ in starts
    ]
    handles += [
        Line2D(
            [],
            [],
            label="on the step's own problems",
            color=plotting.BLACK,
            marker="o",
            markersize=4,
            linestyle="",
            markerfacecolor="white",
        )
    ]
    axes.legend(handles=handles, loc="upper right", handletextpad=0.2)
