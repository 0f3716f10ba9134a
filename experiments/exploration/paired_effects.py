"""Arms compared seed by seed: the effect, whether it can be told from none, and how many seeds would tell one point."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import NamedTuple

import numpy as np
from scipy import stats

from experiments.harness.summaries import mean_over_seeds
from experiments.harness.types import Row

POINT = 0.01
"""What a comparison is asked to resolve: one point of pass@k."""
LEVEL = 0.05
"""Share of verdicts that would be wrong if there were no effects, arm by arm."""


class Effect(NamedTuple):
    """Mean of paired differences, its standard error, the half width of its 95 % interval, and the seeds."""

    mean: float
    stderr: float
    half: float
    p_value: float
    """Of no effect, by Student's t of the differences."""
    n: int


class Needed(NamedTuple):
    """Seeds at which one point would be two standard errors, and the 95 % interval of that number."""

    seeds: float
    low: float
    high: float


def paired(rows: list[Row], arm: str, other: str, of: Callable[[Row], float]) -> list[float]:
    """Differences of two arms, one a seed that has both."""
    values = {(row["arm"], row["seed"]): of(row) for row in rows}
    return [
        values[arm, seed] - values[other, seed]
        for (name, seed) in values
        if name == arm and (other, seed) in values
    ]


def effect(differences: Iterable[float]) -> Effect:
    """Of paired differences; all but the mean NaN for fewer than two, and no p-value where they do not scatter."""
    values = np.asarray(list(differences), dtype=float)
    mean, stderr = mean_over_seeds(values.tolist())
    if not stderr > 0:
        return Effect(mean, stderr, stderr, float("nan"), len(values))
    freedom = len(values) - 1
    half = float(stats.t.ppf(1 - LEVEL / 2, freedom)) * stderr
    return Effect(mean, stderr, half, float(2 * stats.t.sf(abs(mean) / stderr, freedom)), len(values))


def needed(differences: Iterable[float], point: float = POINT) -> Needed:
    """(2 sd/point)^2 with sd the scatter of paired differences, its interval by chi-square; NaN for fewer than two.

    The scatter of five seeds is known to a factor: the number of seeds from it to one of 0.36 to 8.3.
    """
    values = np.asarray(list(differences), dtype=float)
    freedom = len(values) - 1
    if freedom < 1:
        return Needed(float("nan"), float("nan"), float("nan"))
    seeds = float((2 * values.std(ddof=1) / point) ** 2)
    low, high = (seeds * freedom / float(stats.chi2.ppf(q, freedom)) for q in (1 - LEVEL / 2, LEVEL / 2))
    return Needed(seeds, low, high)


def verdicts(effects: list[Effect], point: float | None = POINT) -> list[str]:
    """ "higher" or "lower" where the 95 % interval leaves out 0, with * where that stands for all arms at once (Holm).

    "within a point" where the interval lies inside +- ``point`` (None: not asked), "identical" where no seed differs,
    else "not resolvable".
    """
    stands = _holm([one.p_value for one in effects])
    return [_verdict(one, sure, point) for one, sure in zip(effects, stands, strict=True)]


def _verdict(one: Effect, sure: bool, point: float | None) -> str:
    if one.p_value <= LEVEL:
        return ("higher" if one.mean > 0 else "lower") + ("*" if sure else "")
    if one.mean == one.stderr == 0:
        return "identical"
    inside = point is not None and abs(one.mean) + one.half < point
    return "within a point" if inside else "not resolvable"


def _holm(p_values: list[float]) -> list[bool]:
    """Which hypotheses fall at level 5 % for all of them together."""
    order = np.argsort(p_values, kind="stable")  # NaN last
    stands = [False] * len(p_values)
    for rank, i in enumerate(order):
        if not p_values[i] <= LEVEL / (len(p_values) - rank):
            break
        stands[i] = True
    return stands
