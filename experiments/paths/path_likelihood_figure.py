"""Figure and table of the path likelihood experiment, from records alone."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
from matplotlib.axes import Axes
from matplotlib.lines import Line2D
from matplotlib.ticker import NullFormatter

from experiments.harness.summaries import grouped
from experiments.harness.types import Row
from thermodiff.plotting import BLACK, BLUE, GREY, VERMILION, new_figure, save_figure, style

COLOURS = {"posterior": VERMILION, "analytic": BLUE}


def runs(rows: list[Row], kernel: str) -> list[tuple[int, list[dict[str, Any]]]]:
    """Number of steps, and the runs of all rows with this kernel and it."""
    steps = sorted({run["steps"] for row in rows for run in row["runs"]})
    return [
        (n, [run for row in rows for run in row["runs"] if (run["kernel"], run["steps"]) == (kernel, n)])
        for n in steps
    ]


def over_rows(pairs: list[list[float]]) -> tuple[float, float]:
    """Mean of [value, error] over networks, and the error of that mean from their own."""
    values, errors = np.array(pairs).T
    return float(values.mean()), float(np.sqrt(np.sum(errors**2)) / len(values))


def measured_waste(row: Row, run: dict[str, Any]) -> tuple[float, float]:
    """-ELBO_N - (-ELBO) of one network, with the errors of both."""
    above, error = run["above_S0"]["1"]
    return above - (row["neg_elbo"] - row["S0"]), float(np.hypot(error, row["neg_elbo_stderr"]))


# --- table --------------------------------------------------------------------------------------


def table(rows: list[Row]) -> str:
    """For each world what paths and steps give above S0, and the waste by paths and by formula."""
    lines = ["Nats above S0 (mean over networks ± error of the rows); K paths; waste = -ELBO_N - (-ELBO)"]
    for (data, process), group in grouped(rows, "data", "process"):
        flow, elbo = (np.mean([row[name] - row["S0"] for row in group]) for name in ("nll", "neg_elbo"))
        most = max(group[0]["runs"][0]["above_S0"], key=int)
        lines += [
            "",
            f"{data} {process}, {len(group)} networks: NLL_ode {flow:.4f}, -ELBO {elbo:.4f}",
            f"  {'kernel':<11}{'N':>4}{'-ELBO_N':>20}{'NLL_' + most:>20}{'jackknife':>20}"
            f"{'waste, paths':>20}{'formula':>20}{'ESS':>7}",
        ]
        lines += [
            _line(group, kernel, n, found, most)
            for kernel in _kernels(group)
            for n, found in runs(group, kernel)
        ]
    return "\n".join(lines)


def _kernels(rows: list[Row]) -> list[str]:
    return list(dict.fromkeys(run["kernel"] for run in rows[0]["runs"]))


def _line(group: list[Row], kernel: str, n: int, found: list[dict[str, Any]], most: str) -> str:
    columns = [
        over_rows([run["above_S0"]["1"] for run in found]),
        over_rows([run["above_S0"][most] for run in found]),
        over_rows([run["jackknife"] for run in found]),
        over_rows([list(measured_waste(row, run)) for row, run in zip(group, found, strict=True)]),
        over_rows([run["waste"] for run in found]),
    ]
    entries = "".join(f"{f'{mean:.4f} ± {error:.4f}':>20}" for mean, error in columns)
    return f"  {kernel:<11}{n:>4}{entries}{np.mean([run['ess'] for run in found]):>7.1f}"


# --- figure -------------------------------------------------------------------------------------


def draw(rows: list[Row], out: Path) -> tuple[Path, Path]:
    """``path_likelihood``.png and .pdf: above S0 against steps, against paths, and the waste law."""
    with style():
        figure = new_figure(7.0, 2.7)
        by_steps, by_paths, law = figure.subplots(1, 3)
        (_, group), *_ = grouped(rows, "data", "process")
        _draw_steps(by_steps, group)
        _draw_paths(by_paths, group)
        _draw_law(law, rows)
        for axes, letter in zip((by_steps, by_paths, law), "abc", strict=True):
            axes.set_title(f"({letter})", loc="left")
        figure.legend(handles=_handles(), loc="outside upper center", ncols=5, columnspacing=1.5)
        return save_figure(figure, out / "path_likelihood")


def _draw_steps(axes: Axes, group: list[Row]) -> None:
    most = max(group[0]["runs"][0]["above_S0"], key=int)
    for kernel, colour in COLOURS.items():
        for K, line in (("1", "--"), (most, "-")):
            points = [
                (n, *over_rows([run["above_S0"][K] for run in found])) for n, found in runs(group, kernel)
            ]
            n, mean, error = np.array(points).T
            axes.errorbar(n, mean, yerr=error, color=colour, linestyle=line, marker="o", markersize=2.5)
    axes.axhline(np.mean([r["neg_elbo"] - r["S0"] for r in group]), color=GREY, linewidth=0.8, linestyle=":")
    axes.set(xscale="log", yscale="log", xlabel="steps $N$", ylabel="nats above $S_0$")
    steps = [n for n, _ in runs(group, "analytic")]
    axes.set_xticks(steps, [str(n) for n in steps])
    axes.minorticks_off()


def _draw_paths(axes: Axes, group: list[Row]) -> None:
    steps = [n for n, _ in runs(group, "analytic")]
    chosen = steps[len(steps) // 2]
    for kernel, colour in COLOURS.items():
        found = dict(runs(group, kernel))[chosen]
        K = sorted(found[0]["above_S0"], key=int)
        mean, error = np.array([over_rows([run["above_S0"][k] for run in found]) for k in K]).T
        axes.errorbar([int(k) for k in K], mean, yerr=error, color=colour, marker="o", markersize=2.5)
    axes.set(xscale="log", yscale="log", xlabel=f"paths $K$ ($N$ = {chosen})", ylabel="nats above $S_0$")
    axes.set_xticks([int(k) for k in K], K)
    axes.xaxis.set_minor_formatter(NullFormatter())


def _draw_law(axes: Axes, rows: list[Row]) -> None:
    low, high = np.inf, 0.0
    for kernel, colour in COLOURS.items():
        pairs = [
            (run["waste"][0], *measured_waste(row, run))
            for row in rows
            for run in row["runs"]
            if run["kernel"] == kernel
        ]
        formula, simulated, error = np.array(pairs).T
        axes.errorbar(
            formula, simulated, yerr=error, color=colour, linestyle="none", marker="o", markersize=2.5
        )
        low, high = min(low, formula.min()), max(high, formula.max())
    axes.plot([low, high], [low, high], color=BLACK, linewidth=0.6, zorder=0)
    axes.set(xscale="log", yscale="log", xlabel="waste by the formula (nats)", ylabel="waste of paths (nats)")
    axes.set_ylim(0.5 * low, 2 * high)


def _handles() -> list[Line2D]:
    kernels = [Line2D([], [], color=colour, label=f"{kernel} variance") for kernel, colour in COLOURS.items()]
    lines = [
        Line2D([], [], color=BLACK, linestyle="--", label=r"$-$ELBO$_N$"),
        Line2D([], [], color=BLACK, label="NLL, most paths"),
        Line2D([], [], color=GREY, linestyle=":", label=r"$-$ELBO, $N\to\infty$"),
    ]
    return [*kernels, *lines]
