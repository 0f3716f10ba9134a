"""Two computations timed by turns in one process, and the ratio of their times.

On a machine that others use too, both of a pair meet the same neighbours: their ratio moves far less than either.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import Any, NamedTuple

import numpy as np


class Pairs(NamedTuple):
    """Seconds of ``ours`` and ``theirs``, (n,) each, in the order in which they were taken."""

    ours: tuple[float, ...]
    theirs: tuple[float, ...]

    def ratios(self, speedup: bool) -> np.ndarray:
        """theirs/ours of each pair if ``speedup``, else ours/theirs (n,)."""
        quotient = np.divide(self.theirs, self.ours)
        return quotient if speedup else 1 / quotient


def timed(action: Callable[[], Any], clock: Callable[[], float] = time.perf_counter) -> float:
    """Seconds that one call takes."""
    start = clock()
    action()
    return clock() - start


def by_turns(
    ours: Callable[[], Any],
    theirs: Callable[[], Any],
    pairs: int,
    *,
    warm: bool = True,
    clock: Callable[[], float] = time.perf_counter,
) -> Pairs:
    """``pairs`` pairs, who goes first changing from one to the next; ``warm`` calls both once before, untimed."""
    if pairs < 1:
        raise ValueError(f"pairs: got {pairs}, need at least 1")
    if warm:
        ours(), theirs()
    taken: dict[bool, list[float]] = {True: [], False: []}
    for i in range(pairs):
        for mine in (True, False) if i % 2 == 0 else (False, True):
            taken[mine].append(timed(ours if mine else theirs, clock))
    return Pairs(tuple(taken[True]), tuple(taken[False]))


def summary(ratios: Any) -> dict[str, float]:
    """Median and range of ratios (n,)."""
    ratios = np.asarray(ratios, dtype=float)
    return {"ratio": float(np.median(ratios)), "low": float(ratios.min()), "high": float(ratios.max())}
