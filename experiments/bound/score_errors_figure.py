"""Figures and table of the injected-error experiment, from records alone."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import numpy as np
from matplotlib.axes import Axes

from experiments.harness.types import Row
from thermodiff.plotting import BLACK, BLUE, GREEN, GREY, ORANGE, VERMILION, new_figure, save_figure, style

SIGMAS = 5.0
"""A violation is counted only beyond this many standard errors."""
BOUNDS = (("flow", "$L_0$"), ("quadratic", "$L_1$"), ("divergence", "$L_2$"), ("denoising", "$L_3$"))
CERTIFIED = (
    ("certified_elbo_slack", "-ELBO >= S0 + (VA - VB)^2 + KL"),
    ("certified_elbo_rate_slack", "-ELBO >= S0 + int (Va - Vb)^2 + KL"),
    ("certified_flow_slack", "NLL_ode >= S0 + KL(N(q1)||pi)"),
    ("elbo_slack_denoising", "-ELBO >= L_3"),
    ("cross_slack_quadratic", "N_th >= L_1"),
    ("floor_slack_flow", "NLL_ode >= L_0 - d(1 - ln 2)/4"),
)


def violated(row: Row, name: str) -> bool:
    """Whether a slack is negative beyond its standard error and what quadrature and single precision can do."""
    systematic = row["quadrature_error"] + 2e-5 * row["dim"]
    return row[name] < -SIGMAS * row[f"{name}_stderr"] - systematic


def fitted_slope(sizes: np.ndarray, values: np.ndarray) -> tuple[float, float]:
    """Slope of ln|values| against ln|sizes| by least squares, and its standard error."""
    x, y = np.log(np.abs(sizes)), np.log(np.abs(values))
    slope, intercept = np.polyfit(x, y, 1)
    residual = y - slope * x - intercept
    scatter = np.sqrt(np.sum(residual**2) / max(1, len(x) - 2) / np.sum((x - x.mean()) ** 2))
    return float(slope), float(scatter)


# --- table --------------------------------------------------------------------------------------


def table(rows: list[Row]) -> str:
    """Which bound each kind of error breaks and by how much at worst; the certified ones; the identities."""
    grid = [row for row in rows if row["kind"] != "random"]
    draws = [row for row in rows if row["kind"] == "random"]
    return "\n".join(
        [*_violations(grid), "", *_orders(grid), "", *_certified(draws or grid), "", *_identities(rows)]
    )


def _violations(grid: list[Row]) -> list[str]:
    lines = [
        f"Violations beyond {SIGMAS:g} s.e.: cells broken/all, and the worst (nats)",
        f"  {'error':<10}"
        + "".join(f"{f'NLL_ode < L_{k}':>19}" for k in range(4))
        + "".join(f"{f'-ELBO < L_{k}':>19}" for k in range(4)),
    ]
    for error in dict.fromkeys(row["kind"] for row in grid):
        group = [row for row in grid if row["kind"] == error]
        entries = []
        for prefix in ("slack_", "elbo_slack_"):
            for name, _ in BOUNDS:
                broken = [row[prefix + name] for row in group if violated(row, prefix + name)]
                worst = f"{min(broken):+.3f}" if broken else "-"
                entries.append(f"{f'{len(broken)}/{len(group)} {worst}':>19}")
        lines.append(f"  {error:<10}" + "".join(entries))
    return lines


def _orders(grid: list[Row]) -> list[str]:
    lines = ["Order in e of scaled scores (slope of the log-log fit, |e| <= 0.1)"]
    for name, pick in ORDERS.items():
        slope, error = _slope(grid, pick)
        lines.append(f"  {name:<16} {slope:.3f} ± {error:.3f}")
    return lines


def _certified(rows: list[Row]) -> list[str]:
    lines = [
        f"Certified bounds over {len(rows)} draws: broken beyond {SIGMAS:g} s.e., smallest slack in s.e."
    ]
    for name, label in CERTIFIED:
        have = [row for row in rows if row.get(name) is not None]
        broken = sum(violated(row, name) for row in have)
        z = min(row[name] / max(row[f"{name}_stderr"], 1e-6) for row in have)
        label = label.replace("VA", "√A").replace("VB", "√B").replace("Va", "√a").replace("Vb", "√b")
        lines.append(f"  {label:<38}{broken:>4} broken   smallest {z:+.1f} s.e.")
    return lines


def _identities(rows: list[Row]) -> list[str]:
    lines = [
        "Identities: residual = slack - its terms, mean over all rows ± s.e., root mean square of residual/s.e."
    ]
    for index, identity in enumerate(rows[0]["identities"]):
        residual = np.array([row["identities"][index]["residual"] for row in rows])
        error = np.maximum([row["identities"][index]["residual_stderr"] for row in rows], 1e-6)
        weight = error**-2 / np.sum(error**-2)
        z = residual / error
        mean, stderr = weight @ residual, np.sum(error**-2) ** -0.5
        rms = np.sqrt(np.mean(z**2))
        lines.append(f"  {identity['name']:<14} {mean:+.1e} ± {stderr:.1e}   rms z {rms:.2f}")
    return lines


# --- figures ------------------------------------------------------------------------------------

ORDERS: dict[str, Callable[[Row], float]] = {
    "L_1 - S0": lambda row: row["bound_quadratic"] - row["S0"],
    "NLL_ode - S0": lambda row: row["nll_minus_S0"],
    "-ELBO - S0": lambda row: row["elbo_minus_S0"],
}
_LOOKS = {"L_1 - S0": (BLUE, "s", "$L_1 - S_0$"), "NLL_ode - S0": (VERMILION, "o", r"NLL$_\mathrm{ode} - S_0$"),
          "-ELBO - S0": (GREEN, "^", r"$-$ELBO$\,-\,S_0$")}  # fmt: skip


def _slope(grid: list[Row], pick: Callable[[Row], float]) -> tuple[float, float]:
    """One slope for all worlds: each world's own intercept is taken out first."""
    x, y = [], []
    for rows in _worlds(grid).values():
        chosen = [row for row in rows if abs(row["size"]) <= 0.1 and pick(row) != 0]
        if len(chosen) > 1:
            logs = np.log(np.abs([pick(row) for row in chosen]))
            sizes = np.log(np.abs([row["size"] for row in chosen]))
            x.extend(sizes - sizes.mean())
            y.extend(logs - logs.mean())
    if not x:
        return float("nan"), float("nan")
    a, b = np.asarray(x), np.asarray(y)
    slope = float(a @ b / (a @ a))
    return slope, float(np.sqrt(np.sum((b - slope * a) ** 2) / max(1, len(a) - 1) / (a @ a)))


def _worlds(grid: list[Row]) -> dict[tuple, list[Row]]:
    """Scaled-score rows by data, dimension, process and sign of e."""
    worlds: dict[tuple, list[Row]] = {}
    for row in grid:
        if row["kind"] == "scaled":
            worlds.setdefault((row["data"], row["dim"], row["process"], row["size"] > 0), []).append(row)
    return worlds


def draw(rows: list[Row], out: Path) -> list[Path]:
    """``score_errors``.png and .pdf: orders, slacks by kind of error, certified bounds over random draws."""
    grid = [row for row in rows if row["kind"] != "random"]
    draws = [row for row in rows if row["kind"] == "random"]
    with style():
        figure = new_figure(7.0, 2.8)
        left, middle, right = figure.subplots(1, 3, width_ratios=[1.0, 1.25, 1.0])
        _draw_orders(left, grid)
        _draw_slacks(middle, grid)
        _draw_certified(right, draws or grid)
        for letter, axes in zip("abc", (left, middle, right), strict=True):
            axes.set_title(f"({letter})", loc="left")
        return list(save_figure(figure, out / "score_errors"))


def _draw_orders(axes: Axes, grid: list[Row]) -> None:
    for name, pick in ORDERS.items():
        colour, marker, label = _LOOKS[name]
        slope, _ = _slope(grid, pick)
        for i, rows in enumerate(_worlds(grid).values()):
            rows = sorted(rows, key=lambda row: abs(row["size"]))
            sizes, values = [abs(row["size"]) for row in rows], [abs(pick(row)) / row["dim"] for row in rows]
            axes.plot(sizes, values, marker=marker, markersize=2.5, linewidth=0.5, color=colour, alpha=0.6,
                      label=f"{label}: slope {slope:.2f}" if i == 0 else None)  # fmt: skip
    axes.set(xscale="log", yscale="log", xlabel="scale error $|e|$", ylabel="nats per dimension")
    axes.legend(loc="lower right", fontsize=6, handlelength=1.5)


_SLACKS = (
    ("slack_quadratic", r"NLL$_\mathrm{ode} - L_1$", BLUE, "s"),
    ("slack_flow", r"NLL$_\mathrm{ode} - L_0$", ORANGE, "D"),
    ("elbo_slack_quadratic", r"$-$ELBO$\,-\,L_1$", GREEN, "^"),
    ("elbo_slack_denoising", r"$-$ELBO$\,-\,L_3$", GREY, "o"),
)


def _draw_slacks(axes: Axes, grid: list[Row]) -> None:
    errors = list(dict.fromkeys(row["kind"] for row in grid))
    for j, (name, label, colour, marker) in enumerate(_SLACKS):
        x = [errors.index(row["kind"]) + 0.2 * (j - 1.5) for row in grid]
        y = [row[name] / row["dim"] for row in grid]
        axes.plot(x, y, linestyle="none", marker=marker, markersize=2.2, color=colour, alpha=0.7, label=label)
    axes.axhline(0.0, color=BLACK, linewidth=0.6)
    axes.set_yscale("symlog", linthresh=1e-3)
    axes.set_xticks(range(len(errors)), errors, rotation=30)
    axes.set_ylabel("slack (nats per dimension)")
    # Points fill the panel: the legend stands above it.
    axes.legend(loc="lower right", bbox_to_anchor=(1.03, 1.0), fontsize=5.5, ncols=2,
                handletextpad=0.1, columnspacing=0.5, borderaxespad=0.0)  # fmt: skip


def _draw_certified(axes: Axes, rows: list[Row]) -> None:
    gap = np.array([row["elbo_minus_S0"] for row in rows])
    bound = gap - np.array([row["certified_elbo_rate_slack"] for row in rows])
    constant = gap - np.array([row["certified_elbo_slack"] for row in rows])
    axes.plot(constant, gap, ".", markersize=1.5, color=ORANGE, label=r"$(\sqrt{A}-\sqrt{B})^2$")
    axes.plot(bound, gap, ".", markersize=1.5, color=BLUE, label=r"$\int(\sqrt{a}-\sqrt{b})^2$")
    ends = np.array([1e-6, 2 * gap.max()])
    axes.plot(ends, ends, color=BLACK, linestyle="--", linewidth=0.8)
    axes.set(xscale="log", yscale="log", xlim=ends, ylim=(gap.min() / 2, ends[1]))
    axes.set(xlabel="certified gap (nats)", ylabel=r"$-$ELBO$\,-\,S_0$ (nats)")
    axes.legend(loc="lower right", bbox_to_anchor=(1.03, 1.0), fontsize=6, ncols=2, markerscale=4,
                handletextpad=0.1, columnspacing=0.5, borderaxespad=0.0)  # fmt: skip
