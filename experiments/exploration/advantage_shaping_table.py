"""The table of ``advantage_shaping``, from its records alone: effects, verdicts, and the seeds that would do."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

from experiments.exploration.arms.measured import KS
from experiments.exploration.paired_effects import effect, needed, paired, verdicts
from experiments.harness.summaries import grouped, mean_over_seeds
from experiments.harness.types import Row

AGAINST = "GRPO"
NUMBERS: dict[str, Callable[[Row], float]] = {
    **{f"pass@{k}": (lambda row, k=k: row["pass_at_k"][KS.index(k)]) for k in (1, 64, 256)},  # type: ignore[misc]
    "entropy": lambda row: row["entropy"],
}
RESOLVED = ("pass@1", "pass@256")
"""Of which one point is to be told."""


def arms_of(rows: list[Row]) -> list[str]:
    """Those that are compared, in their order."""
    return [arm for (arm,), _ in grouped(rows, "arm") if arm != AGAINST]


def table(rows: list[Row]) -> str:
    """Effects of each arm with their verdicts, then the number of seeds that one point would take."""
    return "\n".join([*_levels(rows), "", *_effects(rows), "", *_seeds(rows)])


def _levels(rows: list[Row]) -> list[str]:
    group = [row for row in rows if row["arm"] == AGAINST]
    if not group:
        return [f"No row of {AGAINST} yet: nothing to compare with"]
    parts = []
    for name, of in NUMBERS.items():
        mean, stderr = mean_over_seeds([of(row) for row in group])
        parts.append(f"{name} {mean:.4f} ± {stderr:.4f}")
    return [
        f"{AGAINST}, {len(group)} seeds, {group[0]['problems']} problems: {', '.join(parts)} nats a response"
    ]


def _effects(rows: list[Row]) -> list[str]:
    arms = arms_of(rows)
    lines = [
        f"Differences to {AGAINST} of the same seed: mean ± standard error over seeds, and what can be told of each "
        f"at 95 % by itself; * also for all {len(arms)} arms at once",
        f"  {'arm':<16}" + "".join(f"{name:>37}" for name in NUMBERS),
    ]
    columns = []
    for name, of in NUMBERS.items():
        effects = [effect(paired(rows, arm, AGAINST, of)) for arm in arms]
        told = verdicts(effects, None if name == "entropy" else 0.01)
        columns.append(
            [
                f"{one.mean:+.4f} ± {one.stderr:.4f} {said:>15}"
                for one, said in zip(effects, told, strict=True)
            ]
        )
    lines += [
        f"  {arm:<16}" + "".join(f"{column[i]:>37}" for column in columns) for i, arm in enumerate(arms)
    ]
    return [
        *lines,
        f"  of {len(arms)} arms without any effect {0.05 * len(arms):.1f} a column would be told apart",
    ]


def _seeds(rows: list[Row]) -> list[str]:
    lines = [
        "Seeds at which 0.01 would be two standard errors, (2 sd/0.01)^2, and its 95 % interval",
        f"  {'arm':<16}" + "".join(f"{name:>26}" for name in RESOLVED),
    ]
    for arm in arms_of(rows):
        differences = (paired(rows, arm, AGAINST, NUMBERS[name]) for name in RESOLVED)
        lines.append(f"  {arm:<16}" + "".join(f"{_shown(each):>26}" for each in differences))
    for name in RESOLVED:
        lines.append(f"  {name}: {_together(rows, name)}")
    return lines


def _together(rows: list[Row], name: str) -> str:
    differences = [paired(rows, arm, AGAINST, NUMBERS[name]) for arm in arms_of(rows)]
    if len(differences) and all(map(_none, differences)):
        return (
            f"nothing differs from {AGAINST} in any arm and seed, so that these do not tell how many it takes"
        )
    all_seeds = [needed(each).seeds for each in differences if not _none(each)]
    known = [seeds for seeds in all_seeds if np.isfinite(seeds)]
    if not known:
        return "two seeds or more are needed to say"
    over = "arms" if len(known) == len(all_seeds) == len(differences) else "arms that differ"
    return f"median over {over} {np.median(known):.0f} seeds, from {min(known):.0f} to {max(known):.0f}"


def _none(differences: list[float]) -> bool:
    """Whether two seeds or more are compared and none differs."""
    return len(differences) > 1 and not np.any(differences)


def _shown(differences: list[float]) -> str:
    if _none(differences):
        return "nothing differs"
    number = needed(differences)
    if not np.isfinite(number.seeds):
        return "?"
    return f"{np.ceil(number.seeds):.0f} ({np.ceil(number.low):.0f} to {np.ceil(number.high):.0f})"
