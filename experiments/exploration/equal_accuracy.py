"""Trainings compared where they are equally accurate, between the policies that were kept on the way."""

from __future__ import annotations

from collections.abc import Callable
from typing import NamedTuple

import numpy as np

from experiments.exploration.arms.measured import KS
from experiments.harness.types import Row

MORE = 0.05
"""pass@1 above the base's at which trainings are compared; and the most that both reach."""


class Compared(NamedTuple):
    """One seed's difference of an arm to another at one accuracy."""

    accuracy: float
    difference: float


def path(row: Row, of: Callable[[Row], float]) -> np.ndarray:
    """A number along the training of a row, from the base on."""
    return np.array([of(policy) for policy in row["policies"]], dtype=float)


def pass_at(k: int) -> Callable[[Row], float]:
    """pass@k of a policy's row."""
    return lambda policy: policy["pass_at_k"][KS.index(k)]


def at_accuracy(accuracy: np.ndarray, values: np.ndarray, target: float) -> float | None:
    """``values`` where the path first has this accuracy, linear between kept policies; None where it never has."""
    for i in range(len(accuracy) - 1):
        start, stop = accuracy[i], accuracy[i + 1]
        if min(start, stop) <= target <= max(start, stop) and start != stop:
            share = (target - start) / (stop - start)
            return float(values[i] + share * (values[i + 1] - values[i]))
    return None


def compared(
    rows: list[Row], arm: str, other: str, of: Callable[[Row], float], more: float | None
) -> tuple[list[Compared], int]:
    """Differences of the seeds that have both arms, and how many seeds are out of range.

    At ``more`` above the base's pass@1, or (None) at the highest that both trainings reach.
    """
    by_name = {(row["arm"], row["seed"]): row for row in rows}
    found, missed = [], 0
    for (name, seed), row in by_name.items():
        if name != arm or (other, seed) not in by_name:
            continue
        pair = (row, by_name[other, seed])
        accuracies = [path(one, pass_at(1)) for one in pair]
        target = accuracies[0][0] + more if more is not None else min(a.max() for a in accuracies)
        values = [at_accuracy(a, path(one, of), target) for a, one in zip(accuracies, pair, strict=True)]
        if values[0] is None or values[1] is None:
            missed += 1
        else:
            found.append(Compared(float(target), values[0] - values[1]))
    return found, missed


def interpolation_error(row: Row, of: Callable[[Row], float]) -> float:
    """The most by which a kept policy differs from the line between its neighbours: NaN where none is between."""
    accuracy, values = path(row, pass_at(1)), path(row, of)
    off = [
        abs(line - values[i])
        for i in range(1, len(values) - 1)
        if (line := at_accuracy(accuracy[[i - 1, i + 1]], values[[i - 1, i + 1]], accuracy[i])) is not None
    ]
    return max(off, default=float("nan"))
