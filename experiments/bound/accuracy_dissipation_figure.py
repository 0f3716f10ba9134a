"""Figure and table of the experiment on accuracy and dissipation, from records alone."""

from __future__ import annotations

from itertools import groupby
from pathlib import Path

import numpy as np
from matplotlib import colormaps
from matplotlib.axes import Axes
from matplotlib.colors import LogNorm
from matplotlib.lines import Line2D
from scipy.stats import spearmanr

from experiments.harness.summaries import mean_over_seeds
from experiments.harness.types import Row
from thermodiff.plotting import BLACK, GREEN, GREY, VERMILION, new_figure, save_figure, style

NAMES = {"correlated": "Gaussian", "gaussian": "Gaussian", "mixture": "mixture", "uniform": "uniform"}
PANELS = (
    ("VE", "B", "$B-A$ = excess production (nats)"),
    ("VP", "B", "$B-A$ (nats)"),
    ("VP", "intrinsic_total", "excess production (nats)"),
)
START = 0.25
"""Of the checkpoints, the part that is not late."""
RESOLVED = 1e-4
"""Gaps below this many nats are not drawn."""
LINEAR = 0.1
"""Nats on either side of zero within which the scale of production is linear."""
TESTED = 1.2
"""The factor of over-scaled scores in the table, where it was measured; the largest otherwise."""


def exact_value(row: Row, name: str) -> float:
    """What the true score has for B or for the entropy production."""
    return row["A"] if name == "B" else row["S1"] - row["S0"]


def excess(row: Row, name: str) -> float:
    """B or the entropy production, less the true score's."""
    return row[name] - exact_value(row, name)


def worlds(rows: list[Row], process: str) -> list[str]:
    """The data measured with this process, in the order of the names."""
    return [d for d in NAMES if any(row["data"] == d and row["process"] == process for row in rows)]


def trainings(rows: list[Row], data: str, process: str) -> list[list[Row]]:
    """The checkpoints of each seed, in the order of steps."""
    chosen = [r for r in rows if (r["data"], r["process"], r["factor"]) == (data, process, 1.0)]
    chosen.sort(key=lambda row: (row["seed"], row["step"]))
    return [list(group) for _, group in groupby(chosen, key=lambda row: row["seed"])]


# --- table --------------------------------------------------------------------------------------


def table(rows: list[Row]) -> str:
    """The claim along trainings, the same for over-scaled scores, and the bounds."""
    return "\n".join([*_training_lines(rows), "", *_scaling_lines(rows), "", *_bound_lines(rows)])


def training_ranks(
    rows: list[Row], data: str, process: str, name: str, skipped: float = 0.0
) -> tuple[float, float]:
    """Spearman's correlation of NLL_ode with B or production along a training: mean over seeds and its error.

    The fraction ``skipped`` of the checkpoints is left out at the start.
    """
    ranks = []
    for run in trainings(rows, data, process):
        late = run[int(skipped * len(run)) :]
        ranks.append(float(spearmanr([r[name] for r in late], [r["nll"] for r in late]).statistic))
    return mean_over_seeds(ranks)


def _pm(value: tuple[float, float], digits: int = 3) -> str:
    return f"{value[0]:+.{digits}f} ± {value[1]:.{digits}f}"


def _training_lines(rows: list[Row]) -> list[str]:
    lines = [
        "Along trainings (means over seeds ± s.e.; the claim asks for rank correlations near -1; late: without the"
        " first quarter of the checkpoints)",
        f"  {'':<14}{'rank NLL, production':>22}{'same, late':>20}{'rank NLL, B':>20}{'production: first':>20}"
        f"{'last':>20}{'true':>8}{'NLL - S0, last':>20}{'-ELBO - S0, last':>20}",
    ]
    for process in ("VE", "VP"):
        for data in worlds(rows, process):
            runs = trainings(rows, data, process)
            first, last = [run[0] for run in runs], [run[-1] for run in runs]
            numbers = [
                _pm(training_ranks(rows, data, process, "intrinsic_total"), 2),
                _pm(training_ranks(rows, data, process, "intrinsic_total", START), 2),
                _pm(training_ranks(rows, data, process, "B"), 2),
                _pm(mean_over_seeds([row["intrinsic_total"] for row in first])),
                _pm(mean_over_seeds([row["intrinsic_total"] for row in last])),
            ]
            gaps = [_pm(mean_over_seeds([r[k] for r in last]), 4) for k in ("nll_minus_S0", "elbo_minus_S0")]
            true = np.mean([exact_value(row, "intrinsic_total") for row in last])
            lines.append(
                f"  {NAMES[data] + ' ' + process:<14}{numbers[0]:>22}"
                + "".join(f"{number:>20}" for number in numbers[1:])
                + f"{true:>8.3f}{gaps[0]:>20}{gaps[1]:>20}"
            )
    return lines


def changes(rows: list[Row], data: str, process: str, factor: float, name: str) -> list[float]:
    """What multiplying the last score by ``factor`` adds to a number, one entry a seed, on the same points."""
    result = []
    for run in trainings(rows, data, process):
        last = run[-1]
        result += [
            row[name] - last[name]
            for row in rows
            if (row["data"], row["process"], row["seed"], row["factor"])
            == (data, process, last["seed"], factor)
        ]
    return result


def _scaling_lines(rows: list[Row]) -> list[str]:
    factors = sorted({row["factor"] for row in rows if row["factor"] > 1})
    if not factors:
        return ["No over-scaled scores"]
    factor = TESTED if TESTED in factors else factors[-1]
    lines = [
        f"The last score times {factor:g}: change of each (mean over seeds ± s.e., same points)",
        f"  {'':<14}{'production':>20}{'NLL_ode':>20}{'-ELBO':>20}   claim",
    ]
    for process in ("VE", "VP"):
        for data in worlds(rows, process):
            production, nll, elbo = (
                mean_over_seeds(changes(rows, data, process, factor, name))
                for name in ("intrinsic_total", "nll", "neg_elbo")
            )
            fails = production[0] > 3 * production[1] and nll[0] > 3 * nll[1]
            verdict = "fails: more production, worse NLL" if fails else "not refuted"
            numbers = f"{_pm(production):>20}{_pm(nll, 4):>20}{_pm(elbo, 4):>20}"
            lines.append(f"  {NAMES[data] + ' ' + process:<14}{numbers}   {verdict}")
    return lines


def _bound_lines(rows: list[Row]) -> list[str]:
    lines = ["Bounds over all scores (broken: by more than 3 s.e. and rounding)"]
    for name in ("NLL_ode >= L_1", "-ELBO >= L_1", "-ELBO >= S0 + (√A - √B)^2 + KL"):
        broken = sum(row["verdicts"][name] == "violated" for row in rows)
        above = [row for row in rows if row["B_minus_A"] > 3 * row["B_minus_A_stderr"]]
        among = sum(row["verdicts"][name] == "violated" for row in above)
        lines.append(f"  {name:<34} broken in {broken} of {len(rows)}; where B > A: {among} of {len(above)}")
    return lines


# --- figure -------------------------------------------------------------------------------------


def draw(rows: list[Row], out: Path) -> tuple[Path, Path]:
    """``accuracy_dissipation``.png and .pdf: a row for each measure of production, a column for each data."""
    data = [d for d in NAMES if any(row["data"] == d for row in rows)]
    panels = [panel for panel in PANELS if worlds(rows, panel[0])]
    with style():
        figure = new_figure(7.0, 0.6 + 1.85 * len(panels))
        grid = figure.subplots(len(panels), len(data), squeeze=False, sharey="row")
        for i, (process, name, label) in enumerate(panels):
            for j, kind in enumerate(data):
                _draw_panel(grid[i, j], rows, kind, process, name)
                grid[i, j].set_xlabel(label)
            grid[i, 0].set_ylabel(f"{process}: above $S_0$ (nats)")
            grid[i, 0].set_ylim(*_heights(rows, process))
        for j, kind in enumerate(data):
            grid[0, j].set_title(NAMES[kind])
        figure.legend(handles=_handles(rows), loc="outside upper center", ncols=4, columnspacing=1.5)
        return save_figure(figure, out / "accuracy_dissipation")


def _heights(rows: list[Row], process: str) -> tuple[float, float]:
    """Limits of a row of panels; gaps lost in their errors lie below."""
    keys = ("nll_minus_S0", "elbo_minus_S0")
    gaps = [row[key] for row in rows for key in keys if row["process"] == process and row[key] > RESOLVED]
    return 0.5 * min(gaps), 3 * max(gaps)


def _steps(rows: list[Row]) -> LogNorm:
    return LogNorm(min(row["step"] for row in rows), max(row["step"] for row in rows))


def _draw_panel(axes: Axes, rows: list[Row], data: str, process: str, name: str) -> None:
    here = [row for row in rows if row["data"] == data and row["process"] == process]
    if not here:
        return
    for run in trainings(rows, data, process):
        x = [excess(row, name) for row in run]
        axes.plot(x, [row["nll_minus_S0"] for row in run], color=GREY, linewidth=0.6, zorder=1)
    norm = _steps(rows)
    for row in here:
        if row["factor"] == 1:
            colour, markers = colormaps["viridis"](0.9 * norm(row["step"])), ("o", "s")
        else:
            colour, markers = VERMILION, ("^", "^") if row["factor"] > 1 else ("v", "v")
        for key, marker in zip(("nll_minus_S0", "elbo_minus_S0"), markers, strict=True):
            axes.errorbar(excess(row, name), row[key], xerr=row[f"{name}_stderr"], yerr=row[f"{key}_stderr"],
                          color=colour, marker=marker, markersize=3, markeredgewidth=0.7, elinewidth=0.6,
                          markerfacecolor=colour if key == "nll_minus_S0" else "white", linestyle="none")  # fmt: skip
    _draw_curves(axes, here, name)


def _draw_curves(axes: Axes, rows: list[Row], name: str) -> None:
    exact = float(np.median([exact_value(row, name) for row in rows]))
    x = np.array([excess(row, name) for row in rows])
    ends = max(-exact, min(1.3 * x.min(), -LINEAR)), 1.3 * max(x.max(), LINEAR)
    below, above = -np.geomspace(-ends[0], 1e-3, 300), np.geomspace(1e-3, ends[1], 300)
    line = np.concatenate([below, above])
    certified = (np.sqrt(exact) - np.sqrt(np.maximum(exact + line, 0))) ** 2
    axes.plot(below, -below / 2, color=BLACK, linestyle="--", linewidth=0.9, zorder=0)
    axes.plot(below, -below, color=GREY, linestyle=":", linewidth=1.0, zorder=0)
    axes.plot(line, certified, color=GREEN, linewidth=1.0, zorder=0)
    axes.axvline(0.0, color=BLACK, linewidth=0.5, zorder=0)
    axes.set_xscale("symlog", linthresh=LINEAR, linscale=0.7)
    ticks = [tick for tick in (-10, -1, -0.1, 0, 0.1, 1, 10) if ends[0] <= tick <= ends[1]]
    axes.set_xticks(ticks, [f"${tick:g}$" for tick in ticks])
    axes.set(yscale="log", xlim=ends)


def _handles(rows: list[Row]) -> list[Line2D]:
    norm = _steps(rows)
    point = {"linestyle": "none", "markersize": 3.5}
    early, late = (colormaps["viridis"](0.9 * norm(edge)) for edge in (norm.vmin, norm.vmax))
    return [
        Line2D([], [], color=early, marker="o", label=f"NLL$_\\mathrm{{ode}}$, step {norm.vmin:g}", **point),
        Line2D([], [], color=late, marker="o", label=f"NLL$_\\mathrm{{ode}}$, step {norm.vmax:g}", **point),
        Line2D([], [], color=late, marker="s", markerfacecolor="white", label=r"$-$ELBO (open)", **point),
        Line2D([], [], color=VERMILION, marker="^", label="last score times $c>1$", **point),
        Line2D([], [], color=VERMILION, marker="v", label="last score times $c<1$", **point),
        Line2D([], [], color=BLACK, linestyle="--", label="$L_1$"),
        Line2D([], [], color=GREEN, label=r"certified for $-$ELBO"),
        Line2D([], [], color=GREY, linestyle=":", label=r"$-$ELBO if $C=B$"),
    ]
