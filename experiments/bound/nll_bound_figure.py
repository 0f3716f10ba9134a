"""Figure 1 and its headline table, from records alone."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path
from typing import Any

import numpy as np
from matplotlib import colormaps
from matplotlib.axes import Axes
from matplotlib.lines import Line2D

from experiments.harness.types import Row
from thermodiff.plotting import GREEN, RATE_LOOKS, new_figure, plot_rates, save_figure, style

MARKERS = {("gaussian", "VE"): "o", ("gaussian", "VP"): "s", ("uniform", "VE"): "^", ("uniform", "VP"): "D"}
SHOWN_FROM = 0.02
"""The time from which the scales of the right-hand panels are chosen."""
LABELS_AT = 0.62
NAMES = {"gaussian": "Gaussian", "uniform": "uniform"}
FONT = {
    "font.size": 9.0,
    "axes.labelsize": 9.0,
    "legend.fontsize": 7.5,
    "xtick.labelsize": 8.0,
    "ytick.labelsize": 8.0,
}


def best_uniform_ve(rows: Iterable[Row]) -> Row | None:
    """The uniform, variance-exploding network with the lowest NLL."""
    candidates = [row for row in rows if row["data"] == "uniform" and row["process"] == "VE"]
    return min(candidates, key=lambda row: row["nll"], default=None)


# --- table --------------------------------------------------------------------------------------


def table(rows: list[Row]) -> str:
    """One line a data and process: medians over cells, the worst standard error, and how often the bound holds."""
    lines = [
        "NLL against the bound (nats per sample; medians over the cells, s.e. the largest of them; a bound missed by no"
        " more than its error counts as held)",
        f"{'':<14}{'cells':>5} {'NLL':>9} {'bound L_1':>10} {'slack':>9} {'s.e.':>8} {'smallest':>9} {'NLL >= L_1':>12}"
        f" {'-ELBO >= L_1':>13} {'certified':>10}",
    ]
    for data, process in MARKERS:
        group = [row for row in rows if row["data"] == data and row["process"] == process]
        if group:
            lines.append(_table_line(f"{NAMES[data]} {process}", group))
    best = best_uniform_ve(rows)
    if best is not None:
        ratio, error = integrated_ratio(best)
        lines += [
            f"best uniform VE network: sigma = {best['noise']:g}, seed {best['seed']}, "
            f"NLL = {best['nll']:.4f} ± {best['nll_stderr']:.1g}",
            f"  exchange/intrinsic = {ratio:.4f} ± {error:.1g}, of the integrals, system rate read by divergence",
        ]
    return "\n".join(lines)


def _table_line(name: str, group: list[Row]) -> str:
    median = lambda key: float(np.median([row[key] for row in group]))  # noqa: E731
    return (
        f"{name:<14}{len(group):>5} {median('nll'):>9.4f} {median('bound_quadratic'):>10.4f} {median('slack'):>+9.4f} "
        f"{max(row['slack_stderr'] for row in group):>8.1e} {min(row['slack'] for row in group):>+9.4f} "
        f"{_held(group, 'NLL_ode >= L_1'):>12} {_held(group, '-ELBO >= L_1'):>13} {median('certified'):>10.4f}"
    )


def _held(group: list[Row], name: str) -> str:
    """ "14/15": in how many cells an inequality holds, ties within error counted."""
    verdicts = [i["verdict"] for row in group for i in row["inequalities"] if i["name"] == name]
    return f"{sum(v != 'violated' for v in verdicts)}/{len(verdicts)}"


def integrated_ratio(row: Row) -> tuple[float, float]:
    """Total exchange over total intrinsic entropy of generation, and its standard error."""
    return row["exchange_ratio"], row["exchange_ratio_stderr"]


# --- figure -------------------------------------------------------------------------------------


def draw(rows: list[Row], out: Path) -> tuple[Path, Path]:
    """``figure1``.png and .pdf: left NLL against bound and the slack by itself, right the rates and their ratio."""
    import matplotlib

    with style(), matplotlib.rc_context(FONT):
        figure = new_figure(5.6, 4.9)
        axes = figure.subplot_mosaic([["bound", "rates"], ["slack", "ratio"]], height_ratios=[1.35, 1.0])
        _draw_bound(axes["bound"], rows)
        _draw_slack(axes["slack"], rows)
        best = best_uniform_ve(rows)
        if best is not None:
            _draw_rates(axes["rates"], best)
            _draw_ratio(axes["ratio"], best)
        for letter, name in zip("abcd", ("bound", "slack", "rates", "ratio"), strict=True):
            axes[name].set_title(f"({letter})", loc="left", fontsize=9.0)
        return save_figure(figure, out / "figure1")


def _colour(sigma: float, sigmas: list[float]) -> Any:
    place = sigmas.index(sigma) / max(1, len(sigmas) - 1)
    return colormaps["viridis"](0.92 * place)


def _draw_bound(axes: Axes, rows: list[Row]) -> None:
    sigmas = sorted({row["noise"] for row in rows})
    for row in rows:
        axes.errorbar(
            row["bound_quadratic"],
            row["nll"],
            xerr=row["bound_quadratic_stderr"],
            yerr=row["nll_stderr"],
            marker=MARKERS[row["data"], row["process"]],
            markersize=4.5,
            color=_colour(row["noise"], sigmas),
            markeredgecolor="black",
            markeredgewidth=0.4,
            elinewidth=0.8,
            linestyle="none",
        )
    values = [row[key] for row in rows for key in ("bound_quadratic", "nll")]
    margin = 0.06 * (max(values) - min(values)) + 0.01
    ends = (min(values) - margin, max(values) + margin)
    axes.plot(ends, ends, color="black", linestyle="--", linewidth=0.8, zorder=0)
    axes.set(xlim=ends, ylim=ends, xlabel="lower bound $L_1$ (nats)", ylabel="NLL (nats)")
    _bound_legends(axes, rows, sigmas)


def _bound_legends(axes: Axes, rows: list[Row], sigmas: list[float]) -> None:
    kinds = [
        Line2D(
            [],
            [],
            marker=marker,
            color="0.5",
            markeredgecolor="black",
            markeredgewidth=0.4,
            linestyle="none",
            label=f"{NAMES[data]}, {process}",
        )
        for (data, process), marker in MARKERS.items()
        if any((row["data"], row["process"]) == (data, process) for row in rows)
    ]
    axes.add_artist(axes.legend(handles=kinds, loc="upper left", handletextpad=0.2, borderaxespad=0.1))
    colours = [
        Line2D([], [], marker="o", linestyle="none", color=_colour(s, sigmas), label=f"{s:g}") for s in sigmas
    ]
    axes.legend(
        handles=colours,
        title=r"noise parameter $\sigma$",
        title_fontsize=7.5,
        ncols=3,
        loc="lower right",
        handletextpad=0.0,
        columnspacing=0.8,
        borderaxespad=0.1,
    )


def _draw_slack(axes: Axes, rows: list[Row]) -> None:
    sigmas = sorted({row["noise"] for row in rows})
    kinds = [kind for kind in MARKERS if any((row["data"], row["process"]) == kind for row in rows)]
    for row in rows:
        place = kinds.index((row["data"], row["process"]))
        seeds = sorted({r["seed"] for r in rows})
        offset = (sigmas.index(row["noise"]) - (len(sigmas) - 1) / 2) * 0.15 + 0.035 * (
            seeds.index(row["seed"]) - (len(seeds) - 1) / 2
        )
        axes.errorbar(
            place + offset,
            row["slack"],
            yerr=row["slack_stderr"],
            marker=MARKERS[row["data"], row["process"]],
            markersize=3.5,
            color=_colour(row["noise"], sigmas),
            markeredgecolor="black",
            markeredgewidth=0.3,
            elinewidth=0.8,
            linestyle="none",
        )
    axes.axhline(0.0, color="black", linestyle="--", linewidth=0.8, zorder=0)
    axes.set_xticks(range(len(kinds)), [f"{NAMES[data]}\n{process}" for data, process in kinds])
    axes.tick_params(axis="x", length=0, labelsize=7.5)
    axes.set_ylabel("slack, NLL $-$ $L_1$ (nats)")


def _draw_rates(axes: Axes, row: Row) -> None:
    plot_rates(axes, row["rates"])
    # The rates of a density with edges grow like t^(-1/2) towards the data; the scale is that of the rest.
    time = np.asarray(row["rates"]["time"])
    shown = [np.asarray(row["rates"][name])[time > SHOWN_FROM] for name in ("intrinsic", "exchange")]
    span = max(values.max() for values in shown) - min(values.min() for values in shown)
    bottom, top = min(v.min() for v in shown) - 0.25 * span, max(v.max() for v in shown) + 0.12 * span
    axes.set(xlim=(0, 1), ylim=(bottom, top), xlabel="time $t$ (data at 0, noise at 1)")
    if (legend := axes.get_legend()) is not None:
        legend.remove()
    for name, look in RATE_LOOKS.items():
        height = float(np.interp(LABELS_AT, time, np.asarray(row["rates"][name])))
        axes.text(LABELS_AT, height + 0.05 * span, name, color=look["color"], fontsize=7.5)
    setting = rf"generation, uniform VE, $\sigma$ = {row['noise']:g}"
    axes.text(0.97, 0.04, setting, transform=axes.transAxes, ha="right", fontsize=7.5)


def _draw_ratio(axes: Axes, row: Row) -> None:
    rates = row["rates"]
    time, ratio = np.asarray(rates["time"]), np.asarray(rates["exchange_ratio"])
    error = np.asarray(rates["exchange_ratio_stderr"])
    axes.plot(time, ratio, color=GREEN, label="system rate read by divergence")
    axes.fill_between(time, ratio - error, ratio + error, color=GREEN, alpha=0.3, linewidth=0)
    axes.axhline(-2.0, color="black", linestyle="--", linewidth=0.8, label="$-2$")
    far = max(0.02, 1.3 * float(np.max((np.abs(ratio + 2) + error)[time > SHOWN_FROM])))
    axes.set(xlabel="time $t$ (data at 0, noise at 1)", ylabel="exchange / intrinsic rate")
    axes.set(xlim=(0, 1), ylim=(-2 - far, -2 + far))
    axes.legend(loc="upper right")
