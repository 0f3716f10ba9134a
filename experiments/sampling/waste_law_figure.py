"""Figure and table of the waste law, from records alone."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
from matplotlib.axes import Axes
from matplotlib.lines import Line2D

from experiments.harness.summaries import grouped
from experiments.harness.types import Row
from thermodiff.plotting import (
    BLACK,
    BLUE,
    GREEN,
    GREY,
    ORANGE,
    PALETTE,
    PURPLE,
    SKY,
    VERMILION,
    new_figure,
    save_figure,
    style,
)

KERNELS = ("posterior", "analytic")
CLOCKS = {
    "log_snr": ("log-SNR", GREY, ":"),
    "edm": ("EDM", ORANGE, ":"),
    "cosine": ("cosine", GREEN, ":"),
    "conditional_entropy": ("entropic", PURPLE, "--"),
    "flow_curvature": ("flow curvature", SKY, "--"),
    "equal_length": (r"equal in $\ell$", BLUE, "-"),
    "best": ("best", VERMILION, "-"),
}
SHOWN = "hierarchy"
"""The data of panels (a) and (b), where they are there."""


def law(row: Row, kernel: str, steps: int) -> float:
    """ell^2/(4 N)."""
    return row["length"][kernel][0] ** 2 / (4 * steps)


def deviation(run: Row) -> float:
    """Simulated less formula, in standard errors of both with the quadrature's."""
    (formula, error), (found, its) = run["divergence"], run["simulated"]
    return (found - formula) / float(np.hypot(np.hypot(error, its), run["quadrature_error"]))


def saved(row: Row, run: Row) -> float:
    """Score calls of paths over those of the formula at equal error, for this one schedule."""
    paths = row["config"]["paths"] * run["steps"]
    return paths * run["simulated"][1] ** 2 / (row["evaluations"] * run["divergence"][1] ** 2)


# --- table --------------------------------------------------------------------------------------


def table(rows: list[Row]) -> str:
    """Lengths and wastes of every clock, mean over seeds, then formula against paths."""
    steps = sorted({run["steps"] for row in rows for run in row["runs"]})
    lines = ["waste of N steps, nats (mean over seeds ± error of the averages)"]
    for (data, score), group in grouped(rows, "data", "score"):
        for kernel in KERNELS:
            length, error = np.mean([row["length"][kernel] for row in group], axis=0)
            lines.append(f"{data}, {score} score, {kernel}: ell = {length:.4f} ± {error:.4f}")
            lines.append(f"  {'N':<22}" + "".join(f"{n:>18}" for n in steps))
            for clock in dict.fromkeys(run["clock"] for run in group[0]["runs"]):
                lines.append(f"  {clock:<22}" + "".join(_cell(group, kernel, clock, n) for n in steps))
            laws = (np.mean([law(row, kernel, n) for row in group]) for n in steps)
            lines.append(f"  {'ell^2/(4 N)':<22}" + "".join(f"{value:>18.4g}" for value in laws))
    every = [(row, run) for row in rows for run in row["runs"] if "simulated" in run]
    off = np.array([deviation(run) for _, run in every])
    lines.append(
        f"paths less formula: root mean square {np.sqrt(np.mean(off**2)):.2f} s.e., largest "
        f"{np.abs(off).max():.1f}, {len(off)} schedules"
    )
    for kernel in KERNELS:
        ratio = [saved(row, run) for row, run in every if run["kernel"] == kernel]
        low, middle, high = np.quantile(ratio, (0.1, 0.5, 0.9))
        lines.append(
            f"{kernel}: paths need {middle:.3g} times the score calls of the formula for the same error on one "
            f"schedule (10 to 90 %: {low:.3g} to {high:.3g})"
        )
    return "\n".join(lines)


def _cell(group: list[Row], kernel: str, clock: str, steps: int) -> str:
    wanted = {"kernel": kernel, "clock": clock, "steps": steps}
    mean, error = over_rows([run["waste"] for row in group for run in _runs(row, wanted)])
    return f"{f'{mean:.4g} ± {error:.1g}':>18}"


def over_rows(pairs: list[list[float]]) -> tuple[float, float]:
    """Mean of [value, error] over rows, and the error of that mean from their own."""
    values, errors = np.array(pairs).T
    return float(values.mean()), float(np.sqrt(np.sum(errors**2)) / len(values))


def _runs(row: Row, wanted: Row) -> list[Row]:
    return [run for run in row["runs"] if all(run[key] == value for key, value in wanted.items())]


# --- figure -------------------------------------------------------------------------------------


def draw(rows: list[Row], out: Path) -> tuple[Path, Path]:
    """``waste_law``.png and .pdf: waste against steps for both kernels, the law, formula against paths."""
    exact = [row for row in rows if row["score"] == "exact"] or rows
    shown = next((row for row in exact if row["data"] == SHOWN), exact[0])
    with style():
        figure = new_figure(7.0, 5.2)
        panels = figure.subplots(2, 2).ravel()
        for axes, kernel in zip(panels, KERNELS, strict=False):
            _draw_clocks(axes, shown, kernel)
        _draw_law(panels[2], rows)
        _draw_agreement(panels[3], rows)
        about = f"{shown['data']}, {shown['score']} score"
        titles = (
            f"{about}, posterior",
            f"{about}, analytic",
            "best steps",
            "all schedules that are simulated",
        )
        for axes, letter, title in zip(panels, "abcd", titles, strict=True):
            axes.set_title(f"({letter}) {title}", loc="left")
        handles = [Line2D([], [], color=c, linestyle=dash, label=name) for name, c, dash in CLOCKS.values()]
        handles.append(Line2D([], [], color=BLACK, linewidth=0.7, label=r"$\ell^2/4N$"))
        figure.legend(
            handles=handles, loc="outside upper center", ncols=8, columnspacing=1.2, handlelength=1.6
        )
        return save_figure(figure, out / "waste_law")


def _draw_clocks(axes: Axes, row: Row, kernel: str) -> None:
    steps = sorted({run["steps"] for run in row["runs"]})
    for clock, (_, colour, dash) in CLOCKS.items():
        runs = _runs(row, {"kernel": kernel, "clock": clock})
        if not runs:
            continue
        axes.plot([r["steps"] for r in runs], [r["waste"][0] for r in runs], color=colour, linestyle=dash)
        # What paths waste is <R>: that of the formula has J and KL(p_1 || pi) beside the steps'.
        seen = [r for r in runs if "simulated" in r]
        rest = [r["divergence"][0] - r["waste"][0] for r in seen]
        found = [r["simulated"][0] - more for r, more in zip(seen, rest, strict=True)]
        error = [r["simulated"][1] for r in seen]
        axes.errorbar(
            [r["steps"] for r in seen], found, error, fmt="o", color=colour, markersize=3, linewidth=0.8
        )
    axes.plot(steps, [law(row, kernel, n) for n in steps], color=BLACK, linewidth=0.7)
    axes.set(xscale="log", yscale="log", xlabel="steps $N$", ylabel="waste, nats")
    axes.set_xticks(steps, [str(n) for n in steps])
    axes.minorticks_off()


def _draw_law(axes: Axes, rows: list[Row]) -> None:
    steps = sorted({run["steps"] for row in rows for run in row["runs"]})
    names = list(dict.fromkeys(row["data"] for row in rows))
    for colour, name in zip(PALETTE, names, strict=False):
        for kernel, dash in zip(KERNELS, ("-", "--"), strict=True):
            exact = [row for row in rows if (row["data"], row["score"]) == (name, "exact")]
            ratio = [
                over_rows(
                    [
                        [part / law(row, kernel, n) for part in run["waste"]]
                        for row in exact
                        for run in _runs(row, {"kernel": kernel, "clock": "best", "steps": n})
                    ]
                )
                for n in steps
                if exact
            ]
            if ratio:
                mean, error = np.array(ratio).T
                look: dict[str, Any] = {"color": colour, "linestyle": dash, "marker": "o", "markersize": 2.5}
                label = name if kernel == KERNELS[0] else None
                axes.errorbar(steps, mean, yerr=error, label=label, linewidth=0.9, **look)
    axes.axhline(1.0, color=BLACK, linewidth=0.7, zorder=0)
    axes.plot([], [], color=GREY, linestyle="--", label="analytic")
    axes.set(xscale="log", xlabel="steps $N$", ylabel=r"waste over $\ell^2/4N$")
    axes.set_xticks(steps, [str(n) for n in steps])
    axes.minorticks_off()
    axes.legend(loc="best", ncols=2)


def _draw_agreement(axes: Axes, rows: list[Row]) -> None:
    ends = []
    for score, marker in (("exact", "o"), ("trained", "s")):
        for kernel, colour in zip(KERNELS, (VERMILION, BLUE), strict=True):
            pairs = [
                (run["divergence"][0], *run["simulated"])
                for row in rows
                for run in row["runs"]
                if "simulated" in run and (row["score"], run["kernel"]) == (score, kernel)
            ]
            if not pairs:
                continue
            formula, found, error = np.array(pairs).T
            look = {
                "color": colour,
                "marker": marker,
                "markersize": 2.5,
                "linestyle": "none",
                "linewidth": 0.8,
            }
            axes.errorbar(formula, found, yerr=error, label=f"{kernel}, {score}", **look)
            ends += [formula.min(), formula.max()]
    axes.plot([min(ends), max(ends)], [min(ends), max(ends)], color=BLACK, linewidth=0.7, zorder=0)
    axes.set(
        xscale="log", yscale="log", xlabel=r"$\langle R\rangle$ by formula, nats", ylabel="by paths, nats"
    )
    axes.legend(loc="upper left")
