"""Numbers drawn from many records: medians over seeds, slopes of power laws, rank correlations with their errors."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from itertools import groupby
from typing import NamedTuple

import numpy as np
from scipy.stats import spearmanr

from experiments.harness.types import Row

BOOTSTRAPS = 400


class Spread(NamedTuple):
    """Median and range over seeds, and the largest standard error of a single measurement."""

    median: float
    low: float
    high: float
    stderr: float
    n: int


def spread(rows: Sequence[Row], name: str) -> Spread:
    """Of one number of the rows."""
    values = np.array([row[name] for row in rows], dtype=float)
    stderr = max(row[f"{name}_stderr"] for row in rows)
    return Spread(
        float(np.median(values)), float(values.min()), float(values.max()), float(stderr), len(values)
    )


def grouped(rows: Iterable[Row], *names: str) -> list[tuple[tuple, list[Row]]]:
    """Rows that agree in these entries, in order of first appearance."""
    rows = list(rows)
    order = {key: i for i, key in enumerate(dict.fromkeys(tuple(r[n] for n in names) for r in rows))}
    ranked = sorted(rows, key=lambda r: order[tuple(r[n] for n in names)])
    return [(key, list(group)) for key, group in groupby(ranked, key=lambda r: tuple(r[n] for n in names))]


def mean_over_seeds(values: Sequence[float]) -> tuple[float, float]:
    """Mean and its standard error from the scatter; NaN for the error of a single value, and for both of none."""
    array = np.asarray(values, dtype=float)
    if len(array) < 2:
        return float(array.sum()) if len(array) else float("nan"), float("nan")
    return float(array.mean()), float(array.std(ddof=1) / np.sqrt(len(array)))


def power_law(x: Sequence[float], y: Sequence[float]) -> tuple[float, float]:
    """Exponent of |y| ~ x^k by least squares of the logarithms, and its standard error."""
    a, b = np.log(np.asarray(x, dtype=float)), np.log(np.abs(np.asarray(y, dtype=float)))
    a, b = a - a.mean(), b - b.mean()
    slope = float(a @ b / (a @ a))
    return slope, float(np.sqrt(np.sum((b - slope * a) ** 2) / max(1, len(a) - 2) / (a @ a)))


def rank_correlation(x: Sequence[float], y: Sequence[float]) -> tuple[float, float]:
    """Spearman's rho and its standard error, by bootstrap over the pairs with a fixed seed."""
    a, b = np.asarray(x, dtype=float), np.asarray(y, dtype=float)
    rng = np.random.default_rng(0)
    draws = []
    for _ in range(BOOTSTRAPS):
        chosen = rng.integers(0, len(a), len(a))
        # A draw of one pair only, over and over, has no rank correlation.
        if np.ptp(a[chosen]) > 0 and np.ptp(b[chosen]) > 0:
            draws.append(spearmanr(a[chosen], b[chosen]).statistic)
    return float(spearmanr(a, b).statistic), float(np.std(draws))
