"""Table and figure of ``unseen``, from its records alone."""

from __future__ import annotations

from pathlib import Path

import numpy as np

from experiments.harness.summaries import grouped
from experiments.harness.types import Row
from thermodiff import plotting
from thermodiff.types import aligned, to_error


def table(rows: list[Row]) -> str:
    """One line a cell; then by number of rows, and over all cells, how often two standard errors reach the truth."""
    lines = [
        "Entropy, nats; s.e. is the estimate's own, sampling that of the mean of the exact ln p of the same rows",
        f"  {'family':<14}{'d':>3}{'n':>8}{'truth':>10}   {'estimate':<20}{'error':>9}{'error/s.e.':>12}"
        f"{'sampling':>11}{'seconds':>9}",
    ]
    for row in rows:
        error, stderr = row["score_error"], row["score_stderr"]
        off = "" if row["within"] else "   beyond 2"
        lines.append(
            f"  {row['family']:<14}{row['columns']:>3}{row['n']:>8}{to_error(row['truth'], stderr):>10}"
            f"{aligned(row['score'], stderr):<23}{to_error(error, stderr):>9}{error / stderr:>+12.1f}"
            f"{row['sampling']:>11.3f}{row['seconds']:>9.0f}{off}"
        )
    return "\n".join([*lines, "", *summary(rows)])


def summary(rows: list[Row]) -> list[str]:
    """A line for each number of rows, and the conclusion."""
    groups = [(f"n = {n}", group) for (n,), group in grouped(rows, "n")]
    return [_line(name, group) for name, group in [*groups, ("all", rows)]]


def _line(name: str, rows: list[Row]) -> str:
    share = np.mean([row["within"] for row in rows])
    error, stderr = (np.array([row[k] for row in rows]) for k in ("score_error", "score_stderr"))
    binomial = np.sqrt(share * (1 - share) / len(rows))
    return (
        f"  {name:<10} within two standard errors {share:.2f} ± {binomial:.2f} ({round(share * len(rows))} of "
        f"{len(rows)} cells); mean standard error {stderr.mean():.3f}; mean absolute error {np.abs(error).mean():.3f}"
    )


def draw(rows: list[Row], out: Path) -> tuple[Path, Path]:
    """Errors in units of the estimate's own standard error, a line for each family; two of them are the band."""
    names = [name for (name,), _ in grouped(rows, "family")]
    largest = max(abs(row["score_error"] / row["score_stderr"]) for row in rows)
    with plotting.style():
        figure = plotting.new_figure(plotting.COLUMN, max(1.8, 0.7 + 0.16 * len(names)))
        axes = figure.subplots()
        axes.axvspan(-2, 2, color=plotting.GREY, alpha=0.2, linewidth=0, label="two standard errors")
        axes.axvline(0, color=plotting.BLACK, linewidth=0.6)
        for ((n,), group), colour in zip(grouped(rows, "n"), plotting.PALETTE, strict=False):
            off = [row["score_error"] / row["score_stderr"] for row in group]
            height = [names.index(row["family"]) for row in group]
            label = f"n = {n:,}".replace(",", " ")
            axes.plot(off, height, linestyle="", marker="o", markersize=3, color=colour, label=label)
        axes.set_yticks(range(len(names)), names)
        axes.invert_yaxis()
        axes.set_xscale("symlog", linthresh=4)
        marks = (-30, -10, -4, -2, 0, 2, 4, 10, 30)
        axes.set_xticks(marks, [str(mark).replace("-", "−") for mark in marks])
        axes.set_xlim(-max(5, 1.2 * largest), max(5, 1.2 * largest))
        axes.grid(axis="y", color=plotting.GREY, alpha=0.2, linewidth=0.5)
        axes.set_xlabel("error/own standard error")
        figure.legend(loc="outside upper center", ncols=3)
        return plotting.save_figure(figure, out / "unseen")
