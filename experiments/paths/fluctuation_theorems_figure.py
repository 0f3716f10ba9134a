"""Figure and table of the fluctuation theorems, from records alone."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path
from typing import Any

import numpy as np
from matplotlib.axes import Axes

from experiments.harness.summaries import grouped
from experiments.harness.types import Row
from thermodiff.plotting import (
    BLACK,
    BLUE,
    GREEN,
    GREY,
    ORANGE,
    PURPLE,
    SKY,
    VERMILION,
    new_figure,
    save_figure,
    style,
)

RATIOS = {
    "a": ("(a) noising, reversed", GREEN),
    "b": ("(b) generator, reversed", ORANGE),
    "c": ("(c) noising, generator", BLUE),
}
COLOURS = (BLACK, GREEN, ORANGE, VERMILION, PURPLE, SKY)
MARKERS = ("s", "o", "D", "^", "v", "<")
SHOWN = (("mixture", "VE10"), ("mixture", "VP20"))
"""The worlds of panels (a) and (d), the first that is there."""


def runs_of(rows: Iterable[Row], **wanted: Any) -> list[Row]:
    """The runs of all rows with these entries, each with its row's score, data and process."""
    every = [
        {**{key: row[key] for key in ("data", "process", "score")}, **run}
        for row in rows
        for run in row["runs"]
    ]
    return [run for run in every if all(run.get(key) == value for key, value in wanted.items())]


def sides(runs: Iterable[Row]) -> tuple[list[list[float]], list[list[float]]]:
    """[estimate, error] of every mean exponential of the runs: those that converged, and those that did not."""
    means = [(run["mean_exponential"], run["converged"]) for run in runs]
    means += [(run["backward"], run["backward_converged"]) for run in runs if "backward" in run]
    return [m for m, good in means if good], [m for m, good in means if not good]


def deviations(pairs: Iterable[list[float]], expected: float = 1.0) -> np.ndarray:
    """(estimate - expected)/error of each, those without left out."""
    told = np.array([p for p in pairs if None not in p and p[1] > 0], dtype=float).reshape(-1, 2)
    return (told[:, 0] - expected) / told[:, 1]


def score_name(score: str) -> str:
    """For people."""
    return {"exact": "exact", "scaled": "times 0.9"}.get(score, f"{score} training steps")


# --- table --------------------------------------------------------------------------------------


def table(rows: list[Row]) -> str:
    """How far the theorems are off in standard errors where they converge, and the scatter of the work."""
    lines = [
        "<e^-R> = 1 (both directions for (c)): deviations in s.e. where converged",
        f"{'ratio':<26}{'score':<22}{'converged':>12}{'rms':>7}{'largest':>9}",
    ]
    for ratio, (name, _) in RATIOS.items():
        for (score,), group in grouped(runs_of(rows, ratio=ratio), "score"):
            good, bad = sides(group)
            lines.append(f"{name:<26}{score_name(score):<22}{_told(good, len(good) + len(bad))}")
    for kernel in ("posterior", "analytic"):
        slopes = [run["slope"] for run in runs_of(rows, ratio="c", kernel=kernel)]
        both = [run["slope"] for run in runs_of(rows, ratio="c", kernel=kernel) if _both(run)]
        lines.append(f"{'Crooks slope 1, ' + kernel:<48}{_told(both, len(slopes))}")
    steps = max(run["steps"] for run in runs_of(rows))
    lines += ["", f"<R> and Var(W | x) of (c), nats, {steps} steps, analytic variances"]
    for (data, process), group in grouped(rows, "data", "process"):
        lines.append(f"  {data} {process}")
        for run in runs_of(group, ratio="c", kernel="analytic", steps=steps):
            (mean, error), (variance, its) = run["mean"], run["variance"]
            of = f"{f'{mean:.4f} ± {error:.4f}':>20}{f'{variance:.4f} ± {its:.4f}':>20}"
            lines.append(f"    {score_name(run['score']):<22}{of}")
    return "\n".join(lines)


def _both(run: Row) -> bool:
    return run["converged"] and run["backward_converged"]


def _told(pairs: list[list[float]], number: int, expected: float = 1.0) -> str:
    off = deviations(pairs, expected)
    share = f"{f'{len(pairs)} of {number}':>12}"
    if not off.size:
        return share
    return f"{share}{np.sqrt(np.mean(off**2)):>7.2f}{np.abs(off).max():>9.1f}"


# --- figure -------------------------------------------------------------------------------------


def draw(rows: list[Row], out: Path) -> tuple[Path, Path]:
    """``fluctuation_theorems``.png and .pdf: Crooks' line, <e^-R> against steps, its deviations, Var(W | x)."""
    worlds = dict(grouped(rows, "data", "process"))
    world = next((name for name in SHOWN if name in worlds), next(iter(worlds)))
    with style():
        figure = new_figure(7.0, 5.2)
        panels = figure.subplots(2, 2).ravel()
        _draw_crooks(panels[0], worlds[world])
        _draw_means(panels[1], rows)
        _draw_deviations(panels[2], rows)
        _draw_variance(panels[3], worlds[world])
        where = f"{world[0]} {world[1]}"
        titles = (f"Crooks, {where}", "integral theorems, all worlds", "where converged", where)
        for axes, letter, title in zip(panels, "abcd", titles, strict=True):
            axes.set_title(f"({letter}) {title}", loc="left")
        return save_figure(figure, out / "fluctuation_theorems")


def _draw_crooks(axes: Axes, rows: list[Row]) -> None:
    found = [run for run in runs_of(rows, ratio="c", kernel="posterior") if "histogram" in run]
    ends = []
    for run, colour, marker in zip(found, COLOURS, MARKERS, strict=False):
        h = {key: np.array(value, dtype=float) for key, value in run["histogram"].items()}
        f, b = h["forward"], h["backward"]
        seen = (f >= 10) & (b >= 10)
        centre = 0.5 * (h["edges"][1:] + h["edges"][:-1])[seen]
        ratio = np.log(f[seen] / b[seen]) - np.log(h["of"][0] / h["of"][1])
        look = {"color": colour, "marker": marker, "markersize": 3, "linestyle": "none", "linewidth": 0.8}
        error = np.sqrt(1 / f[seen] + 1 / b[seen])
        axes.errorbar(centre, ratio, yerr=error, label=score_name(run["score"]), **look)
        ends += [*centre]
    line = np.array([min(ends), max(ends)])
    axes.plot(line, line, color=GREY, linewidth=0.8, zorder=0)
    steps = found[0]["steps"]
    axes.set(xlabel=f"$R$, nats ({steps} steps)", ylabel=r"$\ln P_F(R)/P_\theta(R)$")
    axes.legend(loc="upper left")


def _draw_means(axes: Axes, rows: list[Row]) -> None:
    steps = sorted({run["steps"] for run in runs_of(rows)})
    for place, (ratio, (name, colour)) in enumerate(RATIOS.items()):
        runs = runs_of(rows, ratio=ratio)
        x = np.array([steps.index(run["steps"]) for run in runs]) + 0.27 * (place - 1)
        x = x + np.random.default_rng(0).uniform(-0.1, 0.1, len(x))
        for good, face in ((True, colour), (False, "none")):
            pick = [i for i, run in enumerate(runs) if run["converged"] is good]
            mean, error = np.array([runs[i]["mean_exponential"] for i in pick], dtype=float).reshape(-1, 2).T
            look = {"color": colour, "markerfacecolor": face, "markersize": 3, "linestyle": "none"}
            axes.errorbar(
                x[pick], mean, yerr=error, marker="o", linewidth=0.6, markeredgewidth=0.6, alpha=0.8, **look
            )
        axes.plot([], [], "o", color=colour, markersize=3, label=name)
    axes.plot([], [], "o", color=GREY, markerfacecolor="none", markersize=3, label="not converged")
    axes.axhline(1.0, color=BLACK, linewidth=0.6, zorder=0)
    axes.set_xticks(range(len(steps)), [str(n) for n in steps])
    axes.set(xlabel="steps $N$", ylabel=r"$\langle e^{-R}\rangle$", ylim=(0, 2.4))
    look = {"frameon": True, "facecolor": "white", "edgecolor": "none", "framealpha": 0.9}
    axes.legend(loc="upper left", ncols=2, columnspacing=1.0, handletextpad=0.2, **look)


def _draw_deviations(axes: Axes, rows: list[Row]) -> None:
    edges = np.arange(-4.5, 4.75, 0.5)
    parts = {name: deviations(sides(runs_of(rows, ratio=r))[0]) for r, (name, _) in RATIOS.items()}
    slopes = [run["slope"] for run in runs_of(rows, ratio="c") if _both(run)]
    off = [*parts.values(), deviations(slopes)]
    colours = [colour for _, colour in RATIOS.values()] + [SKY]
    clipped = [np.clip(z, edges[0], edges[-1]) for z in off]
    axes.hist(clipped, bins=list(edges), stacked=True, color=colours, label=[*parts, "Crooks' slope"])
    z, number = np.linspace(-4.5, 4.5, 200), sum(map(len, off))
    axes.plot(z, 0.5 * number * np.exp(-0.5 * z**2) / np.sqrt(2 * np.pi), color=BLACK, linewidth=0.8)
    axes.set(xlabel="estimate less 1, standard errors", ylabel="means and slopes")
    axes.set_ylim(0, 1.45 * axes.get_ylim()[1])
    axes.legend(loc="upper left", ncols=2, columnspacing=1.0, handlelength=1.0)


def _draw_variance(axes: Axes, rows: list[Row]) -> None:
    for (score,), runs in grouped(runs_of(rows, ratio="c", kernel="analytic"), "score"):
        i = [row["score"] for row in rows].index(score)
        n, mean, error = np.array([(run["steps"], *run["variance"]) for run in runs], dtype=float).T
        look = {"color": COLOURS[i % 6], "marker": MARKERS[i % 6], "markersize": 3, "linewidth": 0.9}
        axes.errorbar(n, mean, yerr=error, label=score_name(score), **look)
    steps = sorted({run["steps"] for run in runs_of(rows)})
    axes.set(xscale="log", yscale="log", xlabel="steps $N$", ylabel=r"Var($W\,|\,x$), nats$^2$")
    axes.set_xticks(steps, [str(n) for n in steps])
    axes.minorticks_off()
    axes.legend(loc="lower left")
