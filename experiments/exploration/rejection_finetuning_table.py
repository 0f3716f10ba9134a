"""The table of ``rejection_finetuning``, from its records alone."""

from __future__ import annotations

from collections.abc import Callable
from itertools import combinations

from experiments.exploration.arms.measured import KS
from experiments.exploration.paired_effects import effect, needed, paired, verdicts
from experiments.harness.summaries import grouped, mean_over_seeds
from experiments.harness.types import Row

BASE = "base"
RULES = ("RFT, rule", "RFT, noise", "RFT, entropy", "RFT, branching")
NUMBERS: dict[str, Callable[[Row], float]] = {
    f"pass@{k}": (lambda row, k=k: row["pass_at_k"][KS.index(k)])  # type: ignore[misc]
    for k in (1, 16, 64, 256)
}
OTHERS: dict[str, Callable[[Row], float]] = {
    "entropy": lambda row: row["entropy"],
    "branching": lambda row: row["branching"],
    "coverage": lambda row: row["coverage"],
    "KL": lambda row: row["divergence"],
    "kl": lambda row: row["paid"],
}


def table(rows: list[Row]) -> str:
    """Levels of each arm; differences to the base, and of every two rules, with what can be told of them."""
    arms = [arm for (arm,), _ in grouped(rows, "arm")]
    rules = [arm for arm in arms if arm != BASE]
    to_base = [(arm, BASE) for arm in rules] if BASE in arms else []
    return "\n".join(
        [
            *_levels(rows),
            "",
            *_differences(rows, "Differences to the base", to_base),
            "",
            *_differences(rows, "Differences of two rules", [(b, a) for a, b in combinations(rules, 2)]),
        ]
    )


def _levels(rows: list[Row]) -> list[str]:
    columns = {**NUMBERS, **OTHERS}
    lines = [
        f"{rows[0]['problems']} problems, {len({row['seed'] for row in rows})} seeds; mean ± standard error over "
        f"seeds; entropy of a response, KL and kl from the base in nats",
        f"  {'arm':<16}" + "".join(f"{name:>18}" for name in columns),
    ]
    for (arm,), group in grouped(rows, "arm"):
        shown = (
            "{:.4f} ± {:.4f}".format(*mean_over_seeds([of(row) for row in group])) for of in columns.values()
        )
        lines.append(f"  {arm:<16}" + "".join(f"{number:>18}" for number in shown))
    return lines


def _differences(rows: list[Row], title: str, pairs: list[tuple[str, str]]) -> list[str]:
    lines = [
        f"{title}, of the same seed: mean ± standard error over seeds, what can be told at 95 % (* for all lines at "
        f"once), and seeds to tell 0.01",
        f"  {'':<32}" + "".join(f"{name:>43}" for name in NUMBERS),
    ]
    columns = []
    for of in NUMBERS.values():
        differences = [paired(rows, arm, other, of) for arm, other in pairs]
        effects = [effect(values) for values in differences]
        columns.append(
            [
                f"{one.mean:+.4f} ± {one.stderr:.4f} {said:>15} {needed(values).seeds:>5.0f}"
                for one, said, values in zip(effects, verdicts(effects), differences, strict=True)
            ]
        )
    for i, (arm, other) in enumerate(pairs):
        name = arm if other == BASE else f"{arm} less {other.removeprefix('RFT, ')}"
        lines.append(f"  {name:<32}" + "".join(f"{column[i]:>43}" for column in columns))
    return lines
