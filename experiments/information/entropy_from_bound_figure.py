"""Figure and table of the entropy experiment, from records alone."""

from __future__ import annotations

from pathlib import Path

import numpy as np
from matplotlib.axes import Axes

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
from thermodiff.types import with_error

LOOKS: dict[str, tuple[str, str, str]] = {
    "quadratic": (r"$\hat S_0(1)$ quadratic", BLUE, "s"),
    "divergence": (r"$\hat S_0(2)$ divergence", SKY, "D"),
    "denoising": (r"$\hat S_0(3) = -$ELBO", GREEN, "^"),
    "flow": (r"$\hat S_0(0)$ flow", ORANGE, "v"),
    "bound": (r"bound: $2\,$NLL$_\mathrm{ode} - \hat S_0(1)$", VERMILION, "o"),
    "rescaled": (r"rescaled: $S_1 - C^2/B$", PURPLE, "P"),
    "neighbours": ("nearest neighbours", BLACK, "x"),
}
WORDS = {
    "quadratic": "S0_hat(1)",
    "divergence": "S0_hat(2)",
    "denoising": "-ELBO",
    "flow": "S0_hat(0)",
    "bound": "bound",
    "rescaled": "rescaled",
    "neighbours": "neighbours",
}
SIGMAS = 3.0
"""A ceiling is called broken only beyond this many standard errors."""


def combined(rows: list[Row], name: str) -> tuple[float, float]:
    """Mean error over seeds, and its standard error: the larger of what the rows state and what they scatter."""
    errors = np.array([row[f"{name}_error"] for row in rows])
    stated = np.sqrt(np.sum([row[f"{name}_stderr"] ** 2 for row in rows])) / len(rows)
    scatter = errors.std(ddof=1) / np.sqrt(len(rows)) if len(rows) > 1 else 0.0
    return float(errors.mean()), float(max(stated, scatter))


def _groups(rows: list[Row]) -> dict[tuple[str, int, int], list[Row]]:
    """Rows by data, dimension and number of samples: the seeds together."""
    groups: dict[tuple[str, int, int], list[Row]] = {}
    for row in sorted(rows, key=lambda r: (r["n"], r["dim"])):
        groups.setdefault((row["data"], row["dim"], row["n"]), []).append(row)
    return groups


# --- table --------------------------------------------------------------------------------------


def table(rows: list[Row]) -> str:
    """Errors of every estimator, then how often the ceilings and the bracket hold."""
    lines = ["Error of the estimate (nats), mean over seeds ± s.e.; truth at t_min, for neighbours at t = 0"]
    lines.append(f"  {'data':<11}{'d':>3}{'n':>8}" + "".join(f"{word:>18}" for word in WORDS.values()))
    for (data, dim, n), group in sorted(_groups(rows).items()):
        values = [combined(group, name) for name in WORDS]
        entries = "".join(f"{with_error(mean, error, '+'):>18}" for mean, error in values)
        lines.append(f"  {data:<11}{dim:>3}{n:>8}{entries}")
    return "\n".join([*lines, "", *_root_mean_squares(rows), "", *_ceilings(rows)])


def _root_mean_squares(rows: list[Row]) -> list[str]:
    lines = ["Root mean square error per dimension (nats)"]
    lines.append(f"  {'n':>8}" + "".join(f"{word:>12}" for word in WORDS.values()))
    for n in sorted({row["n"] for row in rows}):
        errors = {
            name: np.array([row[f"{name}_error"] / row["dim"] for row in rows if row["n"] == n])
            for name in WORDS
        }
        lines.append(f"  {n:>8}" + "".join(f"{np.sqrt(np.mean(e**2)):>12.4f}" for e in errors.values()))
    return lines


def ceiling_broken(row: Row, name: str) -> bool:
    """Whether what should lie above S0 lies below, beyond its standard error."""
    return row[f"{name}_error"] < -SIGMAS * row[f"{name}_stderr"]


def bracketed(row: Row, low: str) -> bool:
    """Whether S0 lies between this estimate and -ELBO, each taken at one standard error more."""
    return row[f"{low}_error"] <= row[f"{low}_stderr"] and row["denoising_error"] >= -row["denoising_stderr"]


def _ceilings(rows: list[Row]) -> list[str]:
    lines = [f"Ceilings on S0 broken beyond {SIGMAS:g} s.e., of {len(rows)} networks"]
    for name, standing in (
        ("denoising", "guaranteed"),
        ("rescaled", "guaranteed"),
        ("nll", "guaranteed"),
        ("bound", "no theorem unless B >= A"),
    ):
        word = WORDS.get(name, "NLL_ode")
        lines.append(f"  {word:<12}{sum(ceiling_broken(row, name) for row in rows):>4}   {standing}")
    lines.append("S0 within the bracket, to one s.e.; its mean width (nats)")
    for low in ("bound", "quadratic"):
        inside = sum(bracketed(row, low) for row in rows)
        width = np.mean([row["denoising"] - row[low] for row in rows])
        lines.append(f"  [{WORDS[low]}, -ELBO]{'':<{12 - len(WORDS[low])}}{inside:>4}   {width:+.3f}")
    return lines


# --- figure -------------------------------------------------------------------------------------


def draw(rows: list[Row], out: Path) -> list[Path]:
    """``entropy_from_bound``.png and .pdf: a column for each data, error against d above and against n below."""
    names = list(dict.fromkeys(row["data"] for row in rows))
    most = max(row["n"] for row in rows)
    middle = 4 if any(row["dim"] == 4 for row in rows) else max(row["dim"] for row in rows)
    with style():
        figure = new_figure(7.0, 4.2)
        axes = figure.subplots(2, len(names), sharey="row", squeeze=False)
        for column, name in enumerate(names):
            mine = [row for row in rows if row["data"] == name]
            _draw_errors(axes[0, column], [row for row in mine if row["n"] == most], "dim")
            _draw_errors(axes[1, column], [row for row in mine if row["dim"] == middle], "n")
            axes[0, column].set_title(name)
        axes[0, 0].set_ylabel(f"error (nats), n = {most:,}")
        axes[1, 0].set_ylabel(f"error (nats), d = {middle}")
        handles, labels = axes[0, 0].get_legend_handles_labels()
        figure.legend(handles, labels, loc="outside lower center", ncols=4, fontsize=6.5)
        return list(save_figure(figure, out / "entropy_from_bound"))


def _draw_errors(axes: Axes, rows: list[Row], against: str) -> None:
    groups = list(_groups(rows).values())
    positions = np.arange(len(groups))
    axes.axhline(0.0, color=GREY, linewidth=0.6)
    for j, (name, (label, colour, marker)) in enumerate(LOOKS.items()):
        values = np.array([combined(group, name) for group in groups])
        shift = 0.1 * (j - (len(LOOKS) - 1) / 2)
        axes.errorbar(positions + shift, values[:, 0], yerr=values[:, 1], color=colour, marker=marker,
                      markersize=2.6, linewidth=0.6, elinewidth=0.6, label=label)  # fmt: skip
    axes.set_yscale("symlog", linthresh=0.1)
    axes.set_xticks(positions, [_short(group[0][against]) for group in groups])
    axes.set_xlabel("dimension d" if against == "dim" else "samples n")


def _short(value: int) -> str:
    return f"$10^{{{round(np.log10(value))}}}$" if value >= 1000 else str(value)
