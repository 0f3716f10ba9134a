"""Figure and table of the rescaling experiment, from records alone."""

from __future__ import annotations

from pathlib import Path

import numpy as np
from matplotlib.axes import Axes
from matplotlib.lines import Line2D
from matplotlib.ticker import NullFormatter

from experiments.harness.summaries import mean_over_seeds
from experiments.harness.types import Row
from thermodiff.plotting import BLACK, BLUE, GREEN, PURPLE, VERMILION, new_figure, save_figure, style

KINDS = ("well", "under", "over", "noisy", "short", "few", "narrow")
LABELS = {"under": "well × 0.9", "over": "well × 1.1", "noisy": "noisy"}
WORLDS = {
    ("mixture", "VE"): (BLUE, "o"),
    ("mixture", "VP"): (GREEN, "s"),
    ("uniform", "VE"): (VERMILION, "^"),
    ("uniform", "VP"): (PURPLE, "D"),
}
CHANGES = ("neg_elbo", "nll", "J", "slack_quadratic", "readings_spread")
CONDITION = "B >= A"
LINEAR = 0.01
"""Nats on either side of zero within which slacks are drawn on a linear scale."""


def worlds(rows: list[Row]) -> list[tuple[str, str]]:
    """Data and process of the rows, in the order of the looks."""
    return [world for world in WORLDS if any((row["data"], row["process"]) == world for row in rows)]


def kinds(rows: list[Row]) -> list[str]:
    """The kinds of network there are."""
    return [kind for kind in KINDS if any(row["kind"] == kind for row in rows)]


def pick(rows: list[Row], kind: str, world: tuple[str, str] | None = None) -> list[Row]:
    """The rows of one kind, of one world or of all."""
    return [r for r in rows if r["kind"] == kind and world in (None, (r["data"], r["process"]))]


def change(row: Row, name: str) -> float:
    """After less before."""
    return row["after"][name] - row["before"][name]


def holds(row: Row, when: str, inequality: str) -> bool:
    """Whether NLL_ode >= L_1 or B >= A holds, a miss within error counted as holding."""
    audit = row[when]
    if inequality == CONDITION:
        return audit["B_minus_A"] >= -3 * audit["B_minus_A_stderr"]
    return audit["verdicts"][inequality] != "violated"


# --- table --------------------------------------------------------------------------------------


def table(rows: list[Row]) -> str:
    """Changes in each world and kind, then how often bound and condition hold before and after."""
    return "\n".join([*_change_lines(rows), "", *_counts(rows)])


def _change_lines(rows: list[Row]) -> list[str]:
    lines = [
        "After less before (nats; mean over seeds of differences on the same points ± s.e.)",
        f"  {'':<24}{'J before':>10}"
        + "".join(f"{title:>20}" for title in ("-ELBO", "NLL_ode", "J", "NLL_ode - L_1", "int R1 - int R3")),
    ]
    for data, process in worlds(rows):
        for kind in kinds(rows):
            group = pick(rows, kind, (data, process))
            if group:
                before = np.mean([row["before"]["J"] for row in group])
                numbers = [mean_over_seeds([change(row, name) for row in group]) for name in CHANGES]
                entries = [f"{mean:+.4f} ± {error:.4f}" for mean, error in numbers]
                name = f"{data} {process} {LABELS.get(kind, kind)}"
                lines.append(f"  {name:<24}{before:>10.4f}" + "".join(f"{e:>20}" for e in entries))
    return lines


def _counts(rows: list[Row]) -> list[str]:
    names = ("NLL_ode >= L_1", "-ELBO >= L_1", CONDITION)
    lines = [
        "How many networks, before -> after (a miss within error counts as holding)",
        f"  {'':<12}"
        + "".join(f"{name:>18}" for name in names)
        + f"{'-ELBO lower':>14}{'NLL_ode lower':>15}{'J lower':>10}",
    ]
    for kind in (*kinds(rows), "all"):
        group = rows if kind == "all" else pick(rows, kind)
        entries = [
            f"{sum(holds(row, 'before', name) for row in group)} -> "
            f"{sum(holds(row, 'after', name) for row in group)}"
            for name in names
        ]
        lower = [sum(change(row, name) < 0 for row in group) for name in ("neg_elbo", "nll", "J")]
        lines.append(
            f"  {LABELS.get(kind, kind):<12}"
            + "".join(f"{entry:>18}" for entry in entries)
            + f"{lower[0]:>14}{lower[1]:>15}{lower[2]:>10}   of {len(group)}"
        )
    return lines


# --- figure -------------------------------------------------------------------------------------

PANELS = (
    ("elbo_minus_S0", r"$-$ELBO$\,-S_0$ (nats)", "log"),
    ("nll_minus_S0", r"NLL$_\mathrm{ode}-S_0$ (nats)", "log"),
    ("slack_quadratic", r"slack NLL$_\mathrm{ode}-L_1$ (nats)", "symlog"),
    ("B_minus_A", "$B-A$ (nats)", "symlog"),
)


def draw(rows: list[Row], out: Path) -> tuple[Path, Path]:
    """``rescaling``.png and .pdf: each network before (open) and after (filled)."""
    with style():
        figure = new_figure(7.0, 4.8)
        grid = figure.subplots(2, 2, sharex=True).flat
        for axes, letter, (name, label, scale) in zip(grid, "abcd", PANELS, strict=True):
            _draw_pairs(axes, rows, name)
            axes.set_ylabel(label)
            axes.set_title(f"({letter})", loc="left")
            _scale_y(axes, rows, name, scale)
        figure.legend(handles=_handles(rows), loc="outside upper center", ncols=6, columnspacing=1.5)
        return save_figure(figure, out / "rescaling")


def _scale_y(axes: Axes, rows: list[Row], name: str, scale: str) -> None:
    values = np.array([row[when][name] for row in rows for when in ("before", "after")])
    if scale == "log":
        axes.set(yscale="log", ylim=(0.6 * values[values > 0].min(), 1.6 * values.max()))
        axes.yaxis.set_minor_formatter(NullFormatter())
        return
    axes.set_yscale("symlog", linthresh=LINEAR, linscale=0.7)
    axes.set_ylim(2 * min(values.min(), -LINEAR), 2 * max(values.max(), LINEAR))
    axes.axhline(0.0, color=BLACK, linewidth=0.6, zorder=0)


def _place(row: Row, rows: list[Row]) -> float:
    seeds = sorted({r["seed"] for r in rows})
    world = worlds(rows).index((row["data"], row["process"])) - (len(worlds(rows)) - 1) / 2
    seed = seeds.index(row["seed"]) - (len(seeds) - 1) / 2
    return kinds(rows).index(row["kind"]) + 0.2 * world + 0.15 * seed / len(seeds)


def _draw_pairs(axes: Axes, rows: list[Row], name: str) -> None:
    for row in rows:
        colour, marker = WORLDS[row["data"], row["process"]]
        x = _place(row, rows)
        values = [row[when][name] for when in ("before", "after")]
        axes.plot([x, x], values, color=colour, linewidth=0.5, alpha=0.6, zorder=1)
        for when, value in zip(("before", "after"), values, strict=True):
            axes.errorbar(
                x, value, yerr=row[when][f"{name}_stderr"], marker=marker, markersize=2.6, color=colour,
                markerfacecolor="white" if when == "before" else colour, markeredgewidth=0.6, elinewidth=0.6,
            )  # fmt: skip
    present = kinds(rows)
    axes.set_xticks(range(len(present)), [LABELS.get(kind, kind) for kind in present], rotation=25)
    axes.tick_params(axis="x", length=0)
    for edge in range(1, len(present)):
        axes.axvline(edge - 0.5, color=BLACK, alpha=0.15, linewidth=0.5, zorder=0)


def _handles(rows: list[Row]) -> list[Line2D]:
    looks = {"linestyle": "none", "markersize": 3.5}
    marks = [
        Line2D([], [], color=WORLDS[world][0], marker=WORLDS[world][1], label=" ".join(world), **looks)
        for world in worlds(rows)
    ]
    before = Line2D([], [], color=BLACK, marker="o", markerfacecolor="white", label="before", **looks)
    after = Line2D([], [], color=BLACK, marker="o", label="after", **looks)
    return [*marks, before, after]
