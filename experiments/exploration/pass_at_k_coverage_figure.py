"""Table and figure of ``pass_at_k_coverage``, from its records alone."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any, NamedTuple

from matplotlib.lines import Line2D

from experiments.harness.types import Row
from thermodiff import plotting

INTERVALS = {"a": "pass@k", "b - a": "difference"}
CORRIDOR = (0.92, 0.985)
MANY = 100
"""Problems from which on coverage should lie in the corridor."""
FLOOR = 90.0
"""Percent; what lies below is drawn here, with its number."""
LOOKS = dict(zip(("easy", "hard", "bimodal", "rare hard"), plotting.PALETTE, strict=False))


class Share(NamedTuple):
    """One number of a row: where it belongs, the share of repetitions inside, and of those with a remark."""

    row: Row
    interval: str
    k: str
    """Or "band"."""
    inside: float
    warned: float

    def __str__(self) -> str:
        names = (self.row[name] for name in ("problems", "rollouts", "scenario", "M"))
        where = "{}, n = {}, {}, M = {}".format(*names)
        at = self.k if self.k == "band" else f"k = {self.k}"
        return f"{INTERVALS[self.interval]} {where}, {at}: {self.inside:.1%}, remark in {self.warned:.1%}"


def shares(row: Row) -> Iterator[Share]:
    """All of a row's numbers."""
    for interval in INTERVALS:
        values = zip([*map(str, row["ks"]), "band"], *row[interval].values(), strict=True)
        yield from (Share(row, interval, *each) for each in values)


def misses(rows: list[Row]) -> list[Share]:
    """Outside the corridor by 100 problems or more."""
    low, high = CORRIDOR
    return [
        share for row in rows if row["M"] >= MANY for share in shares(row) if not low <= share.inside <= high
    ]


def table(rows: list[Row]) -> str:
    """One line a cell and interval; then what lies outside the corridor, and whether the answer says so."""
    rows = sorted(rows, key=lambda row: row["seed"])
    lines = [
        f"Coverage of 95 % intervals, % (answers with a remark on this k, %), {rows[0]['repetitions']} repetitions",
        f"  {'interval':<11}{'problems':<9}{'n':<6}{'scenario':<10}{'M':>5}"
        + "".join(f"{name:>13}" for name in ("k = 1", "4", "8", "16", "band")),
    ]
    for row in rows:
        for interval, name in INTERVALS.items():
            found = [share for share in shares(row) if share.interval == interval]
            values = [f"{100 * share.inside:.1f} ({100 * share.warned:.0f})" for share in found]
            values[-1:-1] = ["–"] * (5 - len(values))
            lines.append(
                f"  {name:<11}{row['problems']:<9}{row['rollouts']:<6}{row['scenario']:<10}{row['M']:>5}"
                + "".join(f"{value:>13}" for value in values)
            )
    return "\n".join([*lines, "", *summary(rows)])


def summary(rows: list[Row]) -> list[str]:
    """How many numbers lie outside the corridor from ``MANY`` problems on; too narrow ones in full."""
    low, high = CORRIDOR
    many = [share for row in rows if row["M"] >= MANY for share in shares(row)]
    outside = misses(rows)
    wide, narrow = ([s for s in outside if (s.inside > high) == above] for above in (True, False))
    lines = [f"From {MANY} problems on, {len(many) - len(outside)} of {len(many)} in {low:.1%} to {high:.1%}"]
    if wide:
        least = min(wide, key=lambda share: share.warned)
        lines.append(f"  {len(wide)} above; the one with fewest remarks: {least}")
    return lines + [f"  below: {share}" for share in narrow]


def draw(rows: list[Row], out: Path) -> tuple[Path, Path]:
    """Coverage against M, a panel for each kind of problems and rollouts; hollow where the answer has a remark."""
    columns, lines = (sorted({row[name] for row in rows}) for name in ("rollouts", "problems"))
    with plotting.style():
        figure = plotting.new_figure(2 * plotting.COLUMN + 0.2, 0.6 + 2.0 * len(lines))
        panels = figure.subplots(len(lines), len(columns), sharex=True, sharey=True, squeeze=False)
        for axes_of_line, problems in zip(panels, lines, strict=True):
            for axes, rollouts in zip(axes_of_line, columns, strict=True):
                chosen = [row for row in rows if (row["problems"], row["rollouts"]) == (problems, rollouts)]
                _panel(axes, chosen, sorted({row["M"] for row in rows}))
                axes.set_title(f"problems {problems}, {rollouts.replace('-', ' to ')} rollouts each")
            axes_of_line[0].set_ylabel("truth inside (%)")
        figure.supxlabel(
            "number of problems; left to right within a colour: k = 1, 4, 8, 16, and the band over k",
            fontsize=8,
        )
        figure.legend(handles=_legend(), loc="outside upper center", ncols=4)
        return plotting.save_figure(figure, out / "pass_at_k_coverage")


def _panel(axes: Any, rows: list[Row], numbers: list[int]) -> None:
    axes.axhspan(*(100 * end for end in CORRIDOR), color=plotting.GREY, alpha=0.2, linewidth=0)
    axes.axhline(95, color=plotting.GREY, linewidth=0.6)
    slots = ["1", "4", "8", "16", "band"]
    for row in rows:
        start = numbers.index(row["M"]) - 0.4 + 0.2 * list(LOOKS).index(row["scenario"])
        for share in shares(row):
            x = start + 0.2 * (slots.index(share.k) + 0.5) / len(slots)
            percent = 100 * share.inside
            look = _look(share.interval, LOOKS[row["scenario"]], share.warned)
            axes.plot(x, max(percent, FLOOR), **look)
            if percent < FLOOR:
                axes.annotate(
                    f"{percent:.1f} ↓",
                    (x, FLOOR),
                    (0, 4),
                    textcoords="offset points",
                    ha="center",
                    fontsize=6,
                )
    axes.set_ylim(FLOOR - 0.6, 100.6)
    axes.set_xticks(range(len(numbers)), [f"{M}" for M in numbers])
    axes.set_xlim(-0.5, len(numbers) - 0.5)
    for between in range(len(numbers) - 1):
        axes.axvline(between + 0.5, color=plotting.GREY, linewidth=0.4)


def _look(interval: str, colour: str, warned: float) -> dict[str, Any]:
    return {
        "marker": {"a": "o", "b - a": "D"}[interval],
        "markersize": {"a": 3.2, "b - a": 2.7}[interval],
        "linestyle": "",
        "color": colour,
        "markerfacecolor": "white" if warned > 0.5 else colour,
        "markeredgewidth": 0.7,
    }


def _legend() -> list[Line2D]:
    colours = [
        Line2D([], [], linestyle="", marker="s", markersize=4, color=c, label=name)
        for name, c in LOOKS.items()
    ]
    kinds = [
        Line2D([], [], label=label, **_look(interval, plotting.BLACK, warned))
        for label, interval, warned in (
            ("pass@k", "a", 0.0),
            ("difference", "b - a", 0.0),
            ("hollow: with a remark in most answers", "a", 1.0),
        )
    ]
    return [*colours, *kinds]
