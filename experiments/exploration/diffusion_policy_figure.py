"""Figure of ``diffusion_policy``, from its records alone."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import numpy as np
from matplotlib.axes import Axes

from experiments.exploration.diffusion_policy_table import of, rewarded
from experiments.harness.summaries import grouped, mean_over_seeds
from experiments.harness.types import Row
from thermodiff import plotting

OPTIMA = {
    "tilt": ("tilt", plotting.BLACK, ""),
    "any_shape": ("best, steps of any shape", plotting.GREEN, "^"),
    "gaussian": ("best, fixed variance", plotting.BLUE, "o"),
    "control": ("continuous-time control", plotting.VERMILION, "s"),
}
STYLES = {"forgets": "-", "remembers": (0, (4, 1.5))}
PARTS = {
    "paid": (r"$\mathrm{kl}(p'\|p)$, buys accuracy", plotting.BLUE),
    "waste_right": ("waste among correct", plotting.ORANGE),
    "waste_wrong": ("waste among wrong", plotting.VERMILION),
    "hidden": ("paths, given the sample", plotting.GREY),
}


def draw(rows: list[Row], out: Path) -> Sequence[Path]:
    """Accuracy against steps; the ledger, the split of the entropy and the modes against beta."""
    held = [row for row in rows if "ran_away" not in row]
    steps, line = ([row for row in held if row["part"] == part] for part in ("steps", "line"))
    if not steps or not line:
        return ()
    with plotting.style():
        figure = plotting.new_figure(2 * plotting.COLUMN + 0.2, 6.0)
        axes = figure.subplots(2, 2)
        _draw_steps(axes[0, 0], steps)
        _draw_ledger(axes[0, 1], line)
        few = [row for row in line if row["steps"] == min(row["steps"] for row in line)]
        _draw_entropies(axes[1, 0], few)
        _draw_modes(axes[1, 1], few)
        for letter, panel in zip("abcd", axes.flat, strict=True):
            panel.set_title(f"({letter})", loc="left", x=-0.17)
        return plotting.save_figure(figure, out / "diffusion_policy")


def _draw_steps(axes: Axes, rows: list[Row]) -> None:
    for (process,), group in grouped(rows, "process"):
        numbers = [row["steps"] for row in group]
        for name, (label, colour, marker) in OPTIMA.items():
            values = [row[name] for row in group]
            axes.plot(numbers, values, color=colour, marker=marker, markersize=3, linewidth=0.9,
                      linestyle=STYLES[process], label=label if process == "forgets" else None)  # fmt: skip
    axes.plot([], [], color=plotting.GREY, linestyle=STYLES["remembers"], label="start remembered")
    numbers = sorted({row["steps"] for row in rows})
    axes.set_xscale("log")
    axes.set_xticks(numbers, [f"{n}" for n in numbers])
    axes.minorticks_off()
    axes.set(xlabel="denoising steps", ylabel="accuracy $p'$")
    _legend(axes, 2)


def _legend(axes: Axes, columns: int) -> None:
    """Above the panel, where no curve is."""
    axes.legend(
        loc="lower center", bbox_to_anchor=(0.5, 1.0), ncols=columns, columnspacing=0.9, handlelength=1.4
    )


def _betas(rows: list[Row]) -> list[tuple[float, list[Row]]]:
    groups = sorted(grouped(rows, "beta"), key=lambda item: -item[0][0])
    return [(beta, group) for (beta,), group in groups]


def _name_betas(axes: Axes, betas: list[float]) -> None:
    axes.set_xticks(range(len(betas)), [f"{beta:g}" for beta in betas])
    axes.set_xlabel(r"weight $\beta$ of the divergence")
    axes.set_xlim(-0.6, len(betas) - 0.4)


def _draw_ledger(axes: Axes, rows: list[Row]) -> None:
    numbers = sorted({row["steps"] for row in rows})
    width = 0.8 / len(numbers)
    groups = _betas(rows)
    for i, (_, group) in enumerate(groups):
        for j, steps in enumerate(numbers):
            some = [row for row in group if row["steps"] == steps]
            x = i + (j - (len(numbers) - 1) / 2) * width
            if some:
                _bar(axes, x, 0.9 * width, some, named=i == j == 0)
    wholes = [
        mean_over_seeds([of(row, "path_divergence") for row in group])[0] for beta, group in groups if beta
    ]
    axes.set_ylim(
        0, 2.2 * max(wholes, default=1.0)
    )  # without a weight the divergence is as large as it likes
    _name_betas(axes, [beta for beta, _ in groups])
    axes.set_ylabel("divergence of paths (nats)")
    _legend(axes, 2)


def _bar(axes: Axes, x: float, width: float, rows: list[Row], named: bool) -> None:
    bottom = 0.0
    for name, (label, colour) in PARTS.items():
        height = float(np.mean([of(row, name) for row in rows]))
        axes.bar(x, height, width, bottom, color=colour, label=label if named else None)
        bottom += height
    whole, error = mean_over_seeds([of(row, "path_divergence") for row in rows])
    axes.errorbar(x, whole, yerr=error, color=plotting.BLACK, capsize=2, linewidth=0.8)
    said = f"{rows[0]['steps']} steps, $p'={np.mean([row['accuracy'] for row in rows]):.2f}$"
    if rows[0]["beta"] == 0:
        said += f", {whole:.0f} ± {error:.0f} nats"
    where = {"xy": (x, whole + np.nan_to_num(error)), "xytext": (0, 4), "va": "bottom"}
    if rows[0]["beta"] == 0:
        where = {"xy": (x, 0.98), "xycoords": ("data", "axes fraction"), "xytext": (0, 0), "va": "top"}
    axes.annotate(said, **where, textcoords="offset points", ha="center", rotation=90, fontsize=6)


def _draw_entropies(axes: Axes, rows: list[Row]) -> None:
    groups = _betas(rows)
    x = np.arange(len(groups))
    change = [
        mean_over_seeds([row["sample_entropy"] - row["before_sample_entropy"] for row in group])
        for _, group in groups
    ]
    mean, error = np.array(change).T
    for sign, label, colour in (
        (1, r"$H(x_0)$", plotting.BLUE),
        (-1, r"$H(\mathrm{path}|x_0)$", plotting.ORANGE),
    ):
        axes.bar(
            x,
            sign * mean,
            0.55,
            yerr=error,
            color=colour,
            label=label,
            error_kw={"linewidth": 0.8, "capsize": 2},
        )
    axes.plot(
        x, np.zeros(len(x)), color=plotting.BLACK, marker="D", markersize=3.5, label=r"$H(x_0,\ldots,x_T)$"
    )
    _name_betas(axes, [beta for beta, _ in groups])
    axes.set_ylabel("change by training (nats)")
    _legend(axes, 3)


def _draw_modes(axes: Axes, rows: list[Row]) -> None:
    groups = _betas(rows)
    marks = rewarded(rows[0])
    shown = [("before", [row["modes_before"] for row in rows], plotting.GREY)]
    colours = (plotting.SKY, plotting.BLUE, plotting.GREEN, plotting.VERMILION)
    shown += [
        (rf"$\beta={beta:g}$", [row["modes"] for row in group], colour)
        for (beta, group), colour in zip(groups, colours, strict=False)
    ]
    width = 0.8 / len(shown)
    for i, (label, masses, colour) in enumerate(shown):
        masses = np.maximum(np.array(masses), 1e-12)
        places = np.arange(len(marks)) - 0.4 + (i + 0.5) * width
        axes.bar(places, masses.mean(axis=0), width, color=colour, label=label)
        for seed in masses:
            axes.plot(places, seed, linestyle="", marker=".", markersize=1.8, color=plotting.BLACK)
    axes.set_yscale("log")
    axes.set_ylim(1e-4, 1.0)
    axes.set_xticks(np.arange(len(marks)), ["✓" if mark else "✗" for mark in marks])
    axes.set_xlabel("mode, rewarded ✓ or not ✗")
    axes.set_ylabel("mass")
    _legend(axes, 5)
