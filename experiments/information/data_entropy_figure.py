"""Table and figure of ``data_entropy``, from its records alone."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np

from experiments.harness.summaries import grouped, mean_over_seeds
from experiments.harness.types import Row
from thermodiff import plotting
from thermodiff.types import aligned, to_error

METHODS = {"score": "score networks", "neighbours": "nearest neighbours"}
LOOKS: dict[str, dict[str, Any]] = {
    "score": {"color": plotting.BLUE, "marker": "o"},
    "neighbours": {"color": plotting.VERMILION, "marker": "^", "markerfacecolor": "white"},
}


def errors(rows: list[Row], method: str) -> np.ndarray:
    """Estimate less truth of each row, nats."""
    return np.array([row[f"{method}_error"] for row in rows])


def table(rows: list[Row]) -> str:
    """Errors by family, dimension and n; then wins and coverage."""
    lines = [
        "Error of the entropy, nats (mean over seeds ± s.e. of that mean; one seed: the estimate's own s.e.)",
        f"{'':34}{'score networks':>18}{'bracket':>23}{'neighbours':>12}{'Gaussian':>10}   90 % holds",
    ]
    for (family, dim, n), group in grouped(rows, "family", "columns", "n"):
        mean, scatter = mean_over_seeds(list(errors(group, "score")))
        stderr = scatter if len(group) > 1 else group[0]["score_stderr"]
        ends = np.mean([np.array(r["bracket"]) - r["truth"] for r in group], axis=0)
        bracket = f"[{', '.join(to_error(end, stderr, '+') for end in ends)}]"
        of_neighbours = np.mean([r["neighbours_stderr"] for r in group])
        neighbours = to_error(errors(group, "neighbours").mean(), of_neighbours, "+")
        gaussian = np.mean([r["gaussian"] - r["truth"] for r in group])
        held = f"{sum(r['covered'] for r in group)}/{len(group)}"
        lines.append(
            f"  {family:<16}d = {dim:<4}n = {n:<7}{aligned(mean, stderr, '+'):<22}{bracket:>19}"
            f"{neighbours:>12}{gaussian:>+10.3f}   {held}"
        )
    return "\n".join([*lines, "", *summary(rows)])


def summary(rows: list[Row]) -> list[str]:
    """Mean absolute error, wins and coverage by number of rows."""
    lines = [
        "By number of rows: mean absolute error, cells nearer the truth than neighbours, coverage of 90 %"
    ]
    for (n,), group in grouped(rows, "n"):
        score, others = np.abs(errors(group, "score")), np.abs(errors(group, "neighbours"))
        covered = np.mean([r["covered"] for r in group])
        spread = np.sqrt(covered * (1 - covered) / len(group))
        lines.append(
            f"  n = {n:<8} score {score.mean():.3f}   neighbours {others.mean():.3f}   "
            f"nearer {np.sum(score < others)}/{len(group)}   coverage {covered:.2f} ± {spread:.2f}"
        )
    return lines


def draw(rows: list[Row], out: Path) -> tuple[Path, Path]:
    """|error| of both methods, a panel for each number of rows, families from easy to hard for neighbours."""
    sizes = sorted({row["n"] for row in rows})
    names = [key for key, group in sorted(
        grouped(rows, "family", "columns"), key=lambda item: float(np.abs(errors(item[1], "neighbours")).max())
    )]  # fmt: skip
    with plotting.style():
        figure = plotting.new_figure(2 * plotting.COLUMN + 0.2, max(2.0, 0.8 + 0.18 * len(names)))
        panels = figure.subplots(1, len(sizes), sharey=True, sharex=True, squeeze=False)[0]
        for axes, n in zip(panels, sizes, strict=True):
            _panel(axes, [row for row in rows if row["n"] == n], names)
            axes.set_title(f"n = {n:,}".replace(",", " "))
            axes.set_xlabel("|error of the entropy| (nats)")
        panels[0].set_yticks(range(len(names)), [f"{family}, d = {dim}" for family, dim in names])
        handles, labels = panels[0].get_legend_handles_labels()
        figure.legend(handles, labels, loc="outside upper right", ncols=len(labels))
        return plotting.save_figure(figure, out / "data_entropy")


def _panel(axes: Any, rows: list[Row], names: list[tuple]) -> None:
    for method, look in LOOKS.items():
        points = [
            (
                abs(row[f"{method}_error"]),
                names.index((row["family"], row["columns"])),
                row[f"{method}_stderr"],
            )
            for row in rows
        ]
        x, y, _ = np.array(points).T
        axes.plot(x, y, linestyle="", label=METHODS[method], alpha=0.8, **look)
    stderr = {(row["family"], row["columns"]): row["score_stderr"] for row in rows}
    for name, value in stderr.items():
        height = names.index(name)
        axes.plot([value, value], [height - 0.3, height + 0.3], color=plotting.GREY, linewidth=0.8)
    axes.plot([], [], color=plotting.GREY, linewidth=0.8, label="reported s.e.")
    axes.set_xscale("log")
    axes.set_ylim(-0.6, len(names) - 0.4)
    axes.grid(axis="y", color=plotting.GREY, alpha=0.2, linewidth=0.5)
