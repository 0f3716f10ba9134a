"""Table and figure of ``mutual_information``, from its records alone."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np

from experiments.harness.summaries import grouped
from experiments.harness.types import Row
from experiments.information.data_entropy_figure import LOOKS, METHODS, errors
from thermodiff import plotting
from thermodiff.types import aligned, to_error


def table(rows: list[Row]) -> str:
    """Estimates by task; then mean absolute errors, wins and coverage."""
    lines = [
        "Mutual information, nats (mean over seeds; ± the estimate's own standard error)",
        f"  {'task':<44}{'truth':>8}   {'score networks':<19}{'error':>9}{'bracket':>20}{'KSG':>9}{'Gaussian':>10}",
    ]
    for (task, truth), group in grouped(rows, "task", "truth"):
        score, stderr = (np.mean([r[k] for r in group]) for k in ("score", "score_stderr"))
        ends = np.mean([r["bracket"] for r in group], axis=0)
        bracket = f"[{', '.join(to_error(end, stderr) for end in ends)}]"
        names = ("neighbours", "neighbours_stderr", "gaussian")
        ksg, of_ksg, gaussian = (np.mean([r[k] for r in group]) for k in names)
        lines.append(
            f"  {task:<44}{to_error(truth, stderr):>8}{aligned(score, stderr):<22}"
            f"{to_error(score - truth, stderr, '+'):>9}{bracket:>20}{to_error(ksg, of_ksg):>9}{gaussian:>10.3f}"
        )
    return "\n".join([*lines, "", *summary(rows)])


def summary(rows: list[Row]) -> list[str]:
    """Mean absolute error of each method, wins and coverage."""
    score, ksg = np.abs(errors(rows, "score")), np.abs(errors(rows, "neighbours"))
    gaussian = np.abs([row["gaussian"] - row["truth"] for row in rows])
    covered = np.mean([row["covered"] for row in rows])
    spread = np.sqrt(covered * (1 - covered) / len(rows))
    nearest = np.argmin([score, ksg, gaussian], axis=0)
    wins = ", ".join(f"{name} {np.sum(nearest == i)}" for i, name in enumerate(("score", "KSG", "Gaussian")))
    return [
        f"Mean absolute error over {len(rows)} cells: score networks {score.mean():.3f}, KSG {ksg.mean():.3f}, "
        f"Gaussian {gaussian.mean():.3f}; median {np.median(score):.3f}, {np.median(ksg):.3f}, "
        f"{np.median(gaussian):.3f}",
        f"Nearest to the truth: {wins}; coverage of 90 % intervals {covered:.2f} ± {spread:.2f}",
    ]


def draw(rows: list[Row], out: Path) -> tuple[Path, Path]:
    """Left, estimates against the truth; right, the errors task by task."""
    named = grouped(rows, "task")
    with plotting.style():
        figure = plotting.new_figure(2 * plotting.COLUMN + 0.2, max(2.6, 0.8 + 0.14 * len(named)))
        left, right = figure.subplots(1, 2, width_ratios=[1, 1.1])
        _against_truth(left, rows)
        _by_task(right, named)
        handles, labels = left.get_legend_handles_labels()
        figure.legend(handles, labels, loc="outside upper center", ncols=len(labels))
        return plotting.save_figure(figure, out / "mutual_information")


def _against_truth(axes: Any, rows: list[Row]) -> None:
    truth = np.array([row["truth"] for row in rows])
    for method, look in LOOKS.items():
        value, error = (np.array([row[k] for row in rows]) for k in (method, f"{method}_stderr"))
        axes.errorbar(
            truth, value, error, linestyle="", elinewidth=0.7, alpha=0.8, label=METHODS[method], **look
        )
    top = 1.08 * truth.max()
    axes.plot([0, top], [0, top], color=plotting.BLACK, linewidth=0.8, linestyle="--", label="truth")
    axes.set_xlabel("true mutual information (nats)")
    axes.set_ylabel("estimate (nats)")


def _by_task(axes: Any, named: list[tuple[tuple, list[Row]]]) -> None:
    for method, look in LOOKS.items():
        points = [(error, i) for i, (_, group) in enumerate(named) for error in errors(group, method)]
        x, y = np.array(points).T
        axes.plot(x, y, linestyle="", alpha=0.8, **look)
    for i, (_, group) in enumerate(named):
        row = group[0]
        low, high = np.array(row["bracket"]) - row["truth"]
        axes.plot([low, high], [i, i], color=plotting.BLUE, linewidth=0.8, zorder=0)
    axes.axvline(0, color=plotting.BLACK, linewidth=0.6)
    axes.set_yticks(range(len(named)), [task for (task,), _ in named], fontsize=5.5)
    axes.invert_yaxis()
    axes.grid(axis="y", color=plotting.GREY, alpha=0.2, linewidth=0.5)
    axes.set_xscale("symlog", linthresh=0.05)
    axes.set_xticks([-1, -0.1, 0, 0.1, 1], ["−1", "−0.1", "0", "0.1", "1"])
    axes.set_xlabel("error (nats); bar: the bracket")
