"""The table and the figure of the hardware experiment, from records alone."""

from __future__ import annotations

from pathlib import Path

from matplotlib.axes import Axes
from matplotlib.lines import Line2D

from experiments.harness.types import Row
from thermodiff.plotting import BLACK, GREY, PALETTE, new_figure, save_figure, style

K_T = 300.0 * 1.380649e-23
STYLES = {"schedule": "-", "retimed": (0, (5, 1.5)), "bound_low": ":"}
LABELS = {"schedule": "its schedule", "retimed": "re-timed", "bound_low": "no path is below"}


def table(rows: list[Row]) -> str:
    """Every cell: production, action, length, overheads, and the cycle in joules and microseconds."""
    out = [
        f"{'data':<11}{'process':<9}{'Sig':>10}{'Lam':>10}{'L':>10}{'schedule x':>12}{'path x':>17}"
        f"{'cycle kT':>10}{'J':>11}{'us':>8}"
    ]
    for row in (row for row in rows if "own" in row):
        low, high = row["overhead_path"]
        out.append(
            f"{row['data']:<11}{row['process']:<9}{row['entropy_production']:>10.5f}{row['action']:>10.4f}"
            f"{row['path_length']:>10.5f}{row['overhead_schedule']:>12.4f}{f'{low:.4f} to {high:.4g}':>17}"
            f"{row['own']['energy'] / K_T:>10.4f}{row['own']['energy']:>11.3g}{1e6 * row['own']['duration']:>8.2f}"
        )
    return "\n".join(out)


def draw(rows: list[Row], out: Path) -> tuple[Path, Path]:
    """``hardware``.png and .pdf: the frontier of every density, a colour a process."""
    rows = [row for row in rows if "own" in row]
    data = list(dict.fromkeys(row["data"] for row in rows))
    processes = list(dict.fromkeys(row["process"] for row in rows))
    with style():
        figure = new_figure(7.0, 2.5 * -(-len(data) // 2) + 0.3)
        panels = figure.subplots(-(-len(data) // 2), 2, squeeze=False, sharex=True)
        for axes, name in zip(panels.ravel(), data, strict=False):
            _draw_frontier(axes, [row for row in rows if row["data"] == name], processes)
            axes.set_title(name.replace("_", " "), loc="left")
        for axes in panels.ravel()[len(data) :]:
            axes.set_visible(False)
        handles = [Line2D([], [], color=c, label=p) for c, p in zip(PALETTE, processes, strict=False)]
        handles += [Line2D([], [], color=BLACK, linestyle=STYLES[k], label=LABELS[k]) for k in STYLES]
        figure.legend(handles=handles, loc="outside upper center", ncols=len(handles))
        for axes in panels[-1]:
            axes.set_xlabel("duration of generation, s")
        for axes in panels[:, 0]:
            axes.set_ylabel("work of a cycle, J")
        return save_figure(figure, out / "hardware")


def _draw_frontier(axes: Axes, rows: list[Row], processes: list[str]) -> None:
    for row in rows:
        colour, frontier = PALETTE[processes.index(row["process"])], row["frontier"]
        for name, line in STYLES.items():
            axes.plot(frontier["duration"], frontier[name], color=colour, linestyle=line, linewidth=0.9)
        axes.plot(row["own"]["duration"], row["own"]["energy"], "o", color=colour, markersize=3.5)
    axes.axhline(K_T, color=GREY, linewidth=0.5)
    axes.annotate(
        "$k_B T$", (0.75, K_T), xycoords=("axes fraction", "data"), fontsize=6.5, va="top", ha="left"
    )
    axes.set_xscale("log")
    axes.set_yscale("log")
    axes.margins(x=0.0)
