"""The table and the figure of the demon's ledger, from records alone."""

from __future__ import annotations

from itertools import product
from pathlib import Path

import numpy as np
from matplotlib.axes import Axes
from matplotlib.lines import Line2D

from experiments.harness.types import Row
from thermodiff.plotting import BLACK, GREY, PALETTE, new_figure, save_figure, style

MARKERS = ("o", "s", "^", "D", "v")
WIDTH = 0.16
"""Of 1/zeta over which the worlds of one zeta are spread."""


def _measured(rows: list[Row]) -> list[Row]:
    return [row for row in rows if "cycle" in row]


def deviation(row: Row) -> float:
    """Measured less theorem, in standard errors of both."""
    return (row["cycle"] - row["theorem"]) / np.hypot(row["cycle_stderr"], row["theorem_stderr"])


def table(rows: list[Row]) -> str:
    """Every cell: heat of the cycle, extrapolated, beside (1 + 1/zeta) Sig, and the largest deviation."""
    head = f"{'data':<11}{'process':<9}{'zeta':>5}{'Sig':>10}{'cycle heat':>22}"
    out = [head + f"{'(1 + 1/zeta) Sig':>18}{'s.e. off':>10}"]
    for row in _measured(rows):
        heat = f"{row['cycle']:.4f} ± {row['cycle_stderr']:.4f}"
        cell = f"{row['data']:<11}{row['process']:<9}{row['zeta']:>5g}{row['Sig']:>10.5f}{heat:>22}"
        out.append(cell + f"{row['theorem']:>18.5f}{deviation(row):>+10.1f}")
    off = np.array([abs(deviation(row)) for row in _measured(rows)])
    if off.size:
        spread = np.sqrt(np.mean(off**2))
        out.append(
            f"largest deviation {off.max():.1f} s.e. in {off.size} cells, root mean square {spread:.2f}"
        )
    return "\n".join(out)


def draw(rows: list[Row], out: Path) -> tuple[Path, Path]:
    """``demon_ledger``.png and .pdf: (a) heat over Sig against 1/zeta, on the line 1 + 1/zeta; (b) deviations."""
    rows = _measured(rows)
    with style():
        figure = new_figure(7.0, 2.8)
        left, right = figure.subplots(1, 2)
        _draw_cycles(left, rows)
        _draw_deviations(right, rows)
        for letter, axes in zip("ab", (left, right), strict=True):
            axes.set_title(f"({letter})", loc="left")
        return save_figure(figure, out / "demon_ledger")


def _draw_cycles(axes: Axes, rows: list[Row]) -> None:
    """A colour a process, a marker a density; those of one zeta stand beside each other."""
    worlds = [list(dict.fromkeys(row[key] for row in rows)) for key in ("process", "data")]
    x = np.linspace(0, 1.12 * max(1 / row["zeta"] for row in rows), 50)
    axes.plot(x, 1 + x, color=BLACK, linewidth=0.8)
    groups = list(product(*worlds))
    for place, (name, which) in enumerate(groups):
        mine = [row for row in rows if (row["process"], row["data"]) == (name, which)]
        shift = WIDTH * ((place + 0.5) / len(groups) - 0.5)
        axes.errorbar(
            [1 / row["zeta"] + shift for row in mine],
            [row["cycle"] / row["Sig"] for row in mine],
            yerr=[row["cycle_stderr"] / row["Sig"] for row in mine],
            color=PALETTE[worlds[0].index(name)],
            marker=MARKERS[worlds[1].index(which)],
            markersize=2.5,
            linewidth=0.7,
            linestyle="none",
        )
    handles = [Line2D([], [], color=BLACK, linewidth=0.8, label=r"$1 + 1/\zeta$")]
    handles += [Line2D([], [], color=c, label=n) for c, n in zip(PALETTE, worlds[0], strict=False)]
    look = {"color": GREY, "linestyle": "none", "markersize": 3}
    handles += [
        Line2D([], [], marker=m, label=n.replace("_", " "), **look)
        for m, n in zip(MARKERS, worlds[1], strict=False)
    ]
    axes.legend(handles=handles, loc="upper left", ncols=2, columnspacing=1.0)
    axes.set(xlabel=r"$1/\zeta$", ylabel="heat of a cycle over Sig")


def _draw_deviations(axes: Axes, rows: list[Row]) -> None:
    edges = np.arange(-4.25, 4.5, 0.5)
    axes.hist([deviation(row) for row in rows], bins=list(edges), color=PALETTE[0], alpha=0.6)
    z = np.linspace(-4, 4, 100)
    axes.plot(z, 0.5 * len(rows) * np.exp(-0.5 * z**2) / np.sqrt(2 * np.pi), color=BLACK, linewidth=0.8)
    axes.set(xlabel="measured less theorem, standard errors", ylabel="cells")
    axes.yaxis.get_major_locator().set_params(integer=True)
