"""The table and the figure of the speed-accuracy experiment, from records alone."""

from __future__ import annotations

from pathlib import Path

import numpy as np
from matplotlib.axes import Axes
from matplotlib.lines import Line2D

from experiments.harness.types import Row
from thermodiff.plotting import BLACK, PALETTE, new_figure, save_figure, style

MARKERS = ("o", "s", "^", "D")
ROTATION = "rotation"


def _lines(rows: list[Row]) -> list[Row]:
    return [row for row in rows if row["data"] != ROTATION and "response" in row]


def _rotations(rows: list[Row]) -> list[Row]:
    return sorted(
        (row for row in rows if row["data"] == ROTATION and "response" in row), key=lambda r: r["size"]
    )


def table(rows: list[Row]) -> str:
    """Every cell, and whether the order holds."""
    out = [f"{'data':<10}{'process':<12}{'shift or g':>10}{'eta':>13}{'c1':>13}{'c2':>13}   eta <= c1 <= c2"]
    for row in _lines(rows):
        holds = row["response"] <= row["error_speed"] * (1 + 1e-9) and row["error_speed"] <= row["cost"] * (
            1 + 1e-9
        )
        out.append(
            f"{row['data']:<10}{row['process']:<12}{row['size']:>10g}{row['response']:>13.6f}"
            f"{row['error_speed']:>13.6f}{row['cost']:>13.6f}   {'holds' if holds else 'BROKEN'}"
        )
    for row in _rotations(rows):
        out.append(
            f"{'rotation':<10}{row['process']:<12}{row['size']:>10g}{row['response']:>13.6f}{'':>13}{row['cost']:>13.6f}"
            f"   of it without rotation {row['marginal_cost']:.6f}"
        )
    return "\n".join(out)


def draw(rows: list[Row], out: Path) -> tuple[Path, Path]:
    """``speed_accuracy``.png and .pdf: the efficiency eta/c2 against the size of the error, and the rotations."""
    lines = _lines(rows)
    names = [list(dict.fromkeys(row[key] for row in lines)) for key in ("data", "process")]
    with style():
        figure = new_figure(7.0, 2.7)
        left, right = figure.subplots(1, 2)
        _draw_efficiency(left, lines, *names)
        _draw_rotations(right, _rotations(rows))
        for letter, axes in zip("ab", (left, right), strict=True):
            axes.set_title(f"({letter})", loc="left")
        return save_figure(figure, out / "speed_accuracy")


def _draw_efficiency(axes: Axes, rows: list[Row], data: list[str], processes: list[str]) -> None:
    for colour, name in zip(PALETTE, processes, strict=False):
        for marker, which in zip(MARKERS, data, strict=False):
            mine = sorted(
                (r for r in rows if r["process"] == name and r["data"] == which), key=lambda r: r["size"]
            )
            size = [r["size"] for r in mine]
            axes.plot(
                size, [r["response"] / r["cost"] for r in mine], color=colour, marker=marker, markersize=3
            )
            axes.plot(
                size, [r["error_speed"] / r["cost"] for r in mine], color=colour, linestyle=":", linewidth=0.8
            )
    axes.axhline(1.0, color=BLACK, linewidth=0.5)
    axes.set_xscale("log")
    axes.set_yscale("log")
    axes.set_ylim(top=8.0)
    axes.set_xlabel("shift of the start, standard deviations of $p_1$")
    axes.set_ylabel(r"$\eta/c_2$ (dotted $c_1/c_2$)")
    handles = [Line2D([], [], color=c, label=n) for c, n in zip(PALETTE, processes, strict=False)]
    handles += [
        Line2D([], [], color=BLACK, marker=m, linestyle="none", markersize=3, label=d)
        for m, d in zip(MARKERS, data, strict=False)
    ]
    axes.legend(handles=handles, ncols=3, loc="upper left")


def _draw_rotations(axes: Axes, rows: list[Row]) -> None:
    g = np.array([row["size"] for row in rows])
    for key, label, marker in (
        ("cost", r"cost $\int E|\nu|^2 dt$", "o"),
        ("marginal_cost", "of it without rotation", "s"),
        ("response", r"response $\eta$", "^"),
    ):
        colour = PALETTE[("cost", "marginal_cost", "response").index(key)]
        axes.plot(g, [row[key] for row in rows], color=colour, marker=marker, label=label)
    axes.set_yscale("log")
    axes.set_xlabel("rotation $g$")
    axes.set_ylabel("squared length per unit time")
    axes.legend()
