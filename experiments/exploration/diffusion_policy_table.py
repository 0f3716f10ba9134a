"""Table of ``diffusion_policy``, from its records alone."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from experiments.harness.summaries import grouped, mean_over_seeds
from experiments.harness.types import Row
from thermodiff.types import with_error

TRIES = 16
"""k of the share of modes that k samples find."""
TERMS = {
    "base_accuracy": "p",
    "accuracy": "p'",
    "path_divergence": "KL paths",
    "sample_divergence": "KL samples",
    "paid": "kl(p'||p)",
    "waste_right": "waste right",
    "waste_wrong": "waste wrong",
    "hidden": "hidden",
}


def of(row: Row, name: str) -> float:
    """A term of a row: exact where it is on the line, else the mean of its estimate."""
    return float(row[name]) if name in row else float(row["drawn"][name][0])


def found(modes: Sequence[float], rewarded: Sequence[bool]) -> float:
    """The share of the rewarded modes that ``TRIES`` samples find, 1 - (1 - m)^k in the mean over modes."""
    mass = np.asarray(modes)[np.asarray(rewarded)]
    return float(np.mean(1 - (1 - mass) ** TRIES))


def rewarded(row: Row) -> np.ndarray:
    """Every second mode, the first among them."""
    return np.arange(len(row["modes"])) % 2 == 0


def over_seeds(rows: list[Row], name: str) -> str:
    """Mean and standard error over seeds."""
    return with_error(*mean_over_seeds([of(row, name) for row in rows]), most=4)


def table(rows: list[Row]) -> str:
    """The parts one after the other."""
    parts = {part: [row for row in rows if row["part"] == part] for part in ("steps", "line", "plane")}
    blocks = [*_steps(parts["steps"])]
    for part, about in (
        ("line", "six modes on the line, exact"),
        ("plane", "eight modes in the plane, drawn"),
    ):
        if parts[part]:
            blocks += [f"\nFine-tuned, {about}: nats, mean ± standard error over seeds", *_tuned(parts[part])]
    counted = [row for row in parts["line"] if "ran_away" not in row]
    if counted:
        blocks += ["", *_agreement(counted)]
    return "\n".join(blocks)


def _steps(rows: list[Row]) -> list[str]:
    lines = []
    for (process,), group in grouped(rows, "process"):
        first = group[0]
        lines += [
            f"A process that {process} its start, beta = {first['beta']}; p = {first['closed_base']:.4f}, "
            f"tilt {first['closed_tilt']:.4f} in closed form",
            f"  {'steps':>6}{'p':>9}{'control':>9}{'best':>9}{'any shape':>11}{'tilt':>9}   objectives in this order",
        ]
        for row in group:
            names = ("base", "control", "gaussian", "any_shape", "tilt")
            shown = [f"{row[name]:.4f}" for name in names]
            objectives = "  ".join(f"{row[f'{name}_objective']:.4f}" for name in names[1:])
            widths = (9, 9, 9, 11, 9)
            line = "".join(f"{text:>{width}}" for text, width in zip(shown, widths, strict=True))
            lines.append(f"  {row['steps']:>6}{line}   {objectives}")
    return lines


def _tuned(rows: list[Row]) -> list[str]:
    lines = []
    for (steps, beta), every in grouped(rows, "steps", "beta"):
        group = [row for row in every if "ran_away" not in row]
        lines.append(f"  {steps} steps, beta = {beta}, {len(every)} seed(s)")
        if len(group) < len(every):
            lines.append(
                f"    {len(every) - len(group)} left their data for ever larger |x| and are not counted"
            )
        if not group:
            continue
        lines += [f"    {label:<15}{over_seeds(group, name)}" for name, label in TERMS.items()]
        if "best_objective" in group[0]:
            short = [row["best_objective"] - row["accuracy"] + beta * row["path_divergence"] for row in group]
            lines.append(f"    {'below the best':<15}{with_error(*mean_over_seeds(short), most=4)}")
        for name, label in (("modes_before", "before"), ("modes", "after")):
            shares = [found(row[name], rewarded(row)) for row in group]
            all_modes = [found(row[name], np.ones(len(row[name]), bool)) for row in group]
            lines.append(
                f"    modes found by {TRIES} samples {label}: rewarded {with_error(*mean_over_seeds(shares), most=4)}, "
                f"all {with_error(*mean_over_seeds(all_modes), most=4)}"
            )
        kept = [
            found(
                np.array(row["modes_before"]) * of(row, "accuracy") / of(row, "base_accuracy"), rewarded(row)
            )
            for row in group
        ]
        lines.append(
            f"      had each rewarded mode kept its share: {with_error(*mean_over_seeds(kept), most=4)}"
        )
        lines += _entropies(group)
    return lines


def _entropies(rows: list[Row]) -> list[str]:
    if "before_sample_entropy" not in rows[0]:
        return []
    change = [row["sample_entropy"] - row["before_sample_entropy"] for row in rows]
    return [
        f"    H(paths) {rows[0]['path_entropy']:.4f} before and after; "
        f"H(x_0) moved by {with_error(*mean_over_seeds(change), '+', most=4)}, H(path|x_0) by as much the other way"
    ]


def _agreement(rows: list[Row]) -> list[str]:
    """Estimates from paths against exact numbers, in standard errors."""
    names = [*TERMS, "sample_entropy"]
    z = {
        name: [(row["drawn"][name][0] - row[name]) / row["drawn"][name][1] for row in rows if not row["drawn_remarks"]]
        for name in names
    }  # fmt: skip
    ratio = [
        (row["drawn"]["path_log_ratio"][0] - row["path_divergence"]) / row["drawn"]["path_log_ratio"][1]
        for row in rows
    ]
    used = len(z["accuracy"])
    every = np.array([value for values in z.values() for value in values] + ratio)
    every = every[np.isfinite(every)]
    return [
        f"Estimates from paths against exact ones, {used} of {len(rows)} cells without a remark: root mean square "
        f"{np.sqrt(np.mean(every**2)):.2f} standard errors over {len(every)} numbers, largest {np.abs(every).max():.1f}"
    ]
