"""The table and the figure of the extraction experiment, from records alone."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
from matplotlib.axes import Axes
from matplotlib.lines import Line2D

from experiments.harness.summaries import grouped, mean_over_seeds
from experiments.harness.types import Row
from thermodiff.plotting import BLACK, GREY, PALETTE, new_figure, save_figure, style

SCORES = ("as_trained", "calibrated")


def lost(row: Row) -> tuple[float, float]:
    """Share of what the data hold that an engine built for the model loses, by NLL_K, with its error."""
    above, error = row["nll"]["above_S0"]
    held = row["as_trained"]["held"][0]
    return above / held, error / held


def off(row: Row, score: str) -> float:
    """S_NN less Sig - J in standard errors, the quadrature's among them."""
    above, error = row[score]["above"]
    return above / float(np.hypot(error, row[score]["quadrature_error"][0]))


def table(rows: list[Row]) -> str:
    """Efficiency of extraction by training, then S_NN beside Sig - J."""
    out = [
        "mean over seeds ± its scatter; efficiency of an engine built for the model, of KL(p_0||p_eq)",
        f"{'data':<12}{'process':<9}{'steps':>6}{'by -ELBO, at least':>22}{'by NLL_K':>22}{'J':>20}"
        f"{'S_NN - (Sig - J)':>22}{'calibrated':>22}",
    ]
    for (data, process, steps), group in grouped(rows, "data", "process", "training"):
        columns: list[tuple[list[float], int]] = [
            ([1 - row["as_trained"]["lost"][0] for row in group], 22),
            ([1 - lost(row)[0] for row in group], 22),
            ([row["as_trained"]["J"][0] for row in group], 20),
            ([row["as_trained"]["above"][0] for row in group], 22),
            ([row["calibrated"]["above"][0] for row in group if "calibrated" in row], 22),
        ]
        entries = "".join(f"{_spread(values):>{width}}" for values, width in columns)
        out.append(f"{data:<12}{process:<9}{steps:>6}{entries}")
    for score in SCORES:
        z = np.array([off(row, score) for row in rows if "calibrated" in row])
        if z.size:
            told = f"root mean square {np.sqrt(np.mean(z**2)):.2f}, largest {np.abs(z).max():.1f}"
            out.append(f"VE, {score.replace('_', ' ')}: S_NN off Sig - J by s.e.: {told}, {z.size} networks")
    return "\n".join(out)


def _spread(values: list[float]) -> str:
    mean, error = mean_over_seeds(values)
    if not values:
        return ""
    return f"{mean:.4f} ± {error:.4f}" if len(values) > 1 else f"{mean:.4f}"


def draw(rows: list[Row], out: Path) -> tuple[Path, Path]:
    """``extraction``.png and .pdf: (a) what is lost along trainings; (b) S_NN against Sig - J under VE."""
    with style():
        figure = new_figure(7.0, 2.8)
        left, right = figure.subplots(1, 2)
        _draw_lost(left, rows)
        _draw_stored(right, [row for row in rows if "calibrated" in row])
        for letter, axes in zip("ab", (left, right), strict=True):
            axes.set_title(f"({letter})", loc="left")
        return save_figure(figure, out / "extraction")


def _draw_lost(axes: Axes, rows: list[Row]) -> None:
    handles = []
    for colour, ((data, process), group) in zip(PALETTE, grouped(rows, "data", "process"), strict=False):
        by_steps = grouped(group, "training")
        steps = [n for (n,), _ in by_steps]
        for dash, marker, of in (
            ("-", "o", lambda row: lost(row)[0]),
            ("--", "s", lambda row: row["as_trained"]["lost"][0]),
        ):
            points = [mean_over_seeds([of(row) for row in mine]) for _, mine in by_steps]
            mean, error = np.array(points).T
            look: dict[str, Any] = {"color": colour, "linestyle": dash, "marker": marker, "markersize": 2.5}
            axes.errorbar(steps, mean, yerr=np.nan_to_num(error), linewidth=0.9, **look)
        handles.append(Line2D([], [], color=colour, label=f"{data}, {process}"))
    handles.append(Line2D([], [], color=GREY, marker="o", markersize=2.5, label=r"by NLL$_K$"))
    handles.append(
        Line2D([], [], color=GREY, linestyle="--", marker="s", markersize=2.5, label=r"by $-$ELBO, at most")
    )
    axes.set(xscale="log", yscale="log", xlabel="training steps", ylabel="share of the work that is lost")
    axes.legend(handles=handles, loc="lower left")


def _draw_stored(axes: Axes, rows: list[Row]) -> None:
    looks: tuple[dict[str, Any], ...] = (
        {"color": PALETTE[1], "marker": "o", "markerfacecolor": "none"},
        {"color": PALETTE[0], "marker": "o"},
    )
    for score, look in zip(SCORES, looks, strict=True):
        J = [row[score]["J"][0] for row in rows]
        above, error = np.array([row[score]["above"] for row in rows]).T
        name = score.replace("_", " ")
        axes.errorbar(J, above, yerr=error, linestyle="none", markersize=3, linewidth=0.8, label=name, **look)
    axes.axhline(0.0, color=BLACK, linewidth=0.6, zorder=0)
    axes.set(xscale="log", xlabel="$J$, nats", ylabel=r"$S_{NN} - (\Sigma - J)$, nats")
    axes.set_yscale("symlog", linthresh=1e-2)
    axes.legend(loc="best")
