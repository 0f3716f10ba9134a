"""The table of ``capability_boundary``, and the claims that it is held to, from its records alone."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

from experiments.exploration.arms.measured import BOUNDARY, KS
from experiments.exploration.paired_effects import paired
from experiments.harness.summaries import grouped, mean_over_seeds
from experiments.harness.types import Row

COLUMNS: dict[str, Callable[[Row], float]] = {
    **{f"pass@{k}": (lambda row, k=k: row["pass_at_k"][KS.index(k)]) for k in (1, 16, 64, 256)},  # type: ignore[misc]
    "U_256": lambda row: row["unsolvable"][2] / row["problems"],
    "S_c": lambda row: row["answer_entropy"],
    "coverage": lambda row: row["coverage"],
    "branching": lambda row: row["branching"],
    "KL": lambda row: row["divergence"],
    "kl": lambda row: row["paid"],
}


def with_error(values: list[float], digits: int = 3) -> str:
    """Mean ± standard error over seeds."""
    mean, stderr = mean_over_seeds(values)
    return f"{mean:.{digits}f}" if np.isnan(stderr) else f"{mean:.{digits}f} ± {stderr:.{digits}f}"


def table(rows: list[Row]) -> str:
    """An arm a line, mean ± standard error over seeds; then problems that changed hands, and the claims."""
    seeds, problems = len({row["seed"] for row in rows}), rows[0]["problems"]
    lines = [
        f"{problems} problems, {seeds} seeds; mean ± standard error over seeds; KL and kl from the base, nats"
    ]
    lines += [f"{'arm':<19}" + "".join(f"{name:>16}" for name in COLUMNS)]
    for (arm,), group in grouped(rows, "arm"):
        numbers = (with_error([of(row) for row in group]) for of in COLUMNS.values())
        lines.append(f"{arm:<19}" + "".join(f"{number:>16}" for number in numbers))
    return "\n".join([*lines, "", *_changed_hands(rows), "", *claims(rows)])


def _changed_hands(rows: list[Row]) -> list[str]:
    at = BOUNDARY.index(256)
    lines = ["Problems out of reach of 256 rollouts: entered, left, by seed"]
    for (arm,), group in grouped(rows, "arm"):
        pairs = "   ".join(f"{row['lost'][at]:>3} {row['gained'][at]:>3}" for row in group)
        lines.append(f"  {arm:<19}{pairs}")
    return lines


def claims(rows: list[Row]) -> list[str]:
    """Each claim with its mark and what was measured."""

    def at(k: int) -> Callable[[Row], float]:
        return lambda row: row["pass_at_k"][KS.index(k)]

    wanted = (
        ("SFT pass@64 >= base + 0.02", "SFT", "base", at(64), 0.02),
        ("  as many prompts, no better texts: pass@64", "more of the same", "base", at(64), None),
        ("GRPO pass@1 >= base + 0.05", "GRPO", "base", at(1), 0.05),
        ("GRPO pass@256 <= base - 0.10", "base", "GRPO", at(256), 0.10),
        ("pass@4 training pass@256 >= GRPO + 0.02", "pass@4", "GRPO", at(256), 0.02),
        ("pass@4, then GRPO: pass@1 above GRPO's", "pass@4, then GRPO", "GRPO", at(1), 0.0),
    )
    lines = ["Claims: mean difference ± standard error over seeds; seeds in which it holds"]
    for text, arm, other, of, mark in wanted:
        differences = paired(rows, arm, other, of)
        if differences:
            held = (
                "" if mark is None else f"   in {sum(d >= mark for d in differences)} of {len(differences)}"
            )
            lines.append(f"  {text:<46}{with_error(differences, 4):>20}{held}")
    return lines
