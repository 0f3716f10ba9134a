"""The schedule of least waste among all of N steps, by dynamic programming on the curve E|x0 - D|^2.

The waste of an ancestral sampler is the divergence of noising paths from its own. Of it only a sum over steps depends
on the schedule: with m_k = E|x0 - D|^2 where step k starts and Dgamma_k = 1/s'^2 - 1/s^2,

    posterior variance   sum_k Dgamma_k m_k/2               analytic variance   (d/2) sum_k ln(1 + Dgamma_k m_k/d)
Source: this project; dynamic programming for schedules is Watson et al. (2021), analytic variances Bao et al. (2022).
"""

from __future__ import annotations

import itertools
from collections.abc import Callable

import numpy as np

from thermodiff.sampling.clocks import Clock, equal_length_ratios
from thermodiff.sampling.schedules import Schedule, schedule_of_ratios
from thermodiff.validation import check_count, complain

GRID = 400
"""Noise ratios, even in their logarithm, among which the best are chosen first, with those of equal steps in length."""
HALVINGS = 16
"""Then each may move to its neighbours on a grid halved so often: to 1e-6 of a cell."""

COSTS: dict[str, Callable[[np.ndarray, np.ndarray, int], np.ndarray]] = {
    "posterior": lambda dgamma, mmse, d: 0.5 * dgamma * mmse,
    "analytic": lambda dgamma, mmse, d: 0.5 * d * np.log1p(dgamma * mmse / d),
}
"""What a step costs, nats, by the kernel's variance."""
VARIANCES = {"posterior": 0.0, "analytic": 1.0}
"""Which of the two lengths of ``sampling.clocks`` is the kernel's."""


def least_waste_schedule(clock: Clock, steps: int, kernel: str = "analytic") -> Schedule:
    """The ``steps`` steps of least waste for ancestral sampling with the ``kernel`` "analytic" or "posterior".

    ``clock``, of any kind, brings E|x0 - D|^2; its noise is not smoothed but by the spline through it. Costs no score
    call. Raises ValueError for another kernel and fewer than one step. Source: ``sampling.least_waste``.
    """
    check_count("steps", steps)
    if kernel not in COSTS:
        raise complain("kernel", repr(kernel), f"one of {', '.join(COSTS)}")
    low, high = clock.ell[0], clock.ell[-1]

    def cost(start: np.ndarray, end: np.ndarray) -> np.ndarray:
        """Of steps from each ell ``start`` (m,) down to each ``end`` (k,), (m, k); infinite where that is not down."""
        dgamma = np.exp(-2 * end)[None, :] - np.exp(-2 * start)[:, None]
        mmse = clock.mmse_at(np.exp(start))[:, None]
        return np.where(dgamma > 0, COSTS[kernel](np.maximum(dgamma, 0), mmse, clock.dim), np.inf)

    cells = max(GRID, 4 * steps)
    # Many steps on few places would be worse than steps of equal length, best at large N: those are places too.
    equal = np.log(equal_length_ratios(clock, steps, VARIANCES[kernel])[1:-1])
    inside = np.sort(np.concatenate([np.linspace(high, low, cells + 1)[1:-1], equal]))[::-1]
    ell = _best([np.array([high]), *[inside] * (steps - 1), np.array([low])], cost)
    width = (high - low) / cells
    for _ in range(HALVINGS):
        around = [np.clip(at + width * np.linspace(-1, 1, 5), low, high) for at in ell[1:-1]]
        ell = _best([ell[:1], *around, ell[-1:]], cost)
        width /= 2
    return schedule_of_ratios(clock.process, np.exp(ell), clock.t_min, f"least waste, {kernel}")


def _best(places: list[np.ndarray], cost: Callable[[np.ndarray, np.ndarray], np.ndarray]) -> np.ndarray:
    """One of the ``places`` for each time, those of the least sum of costs, by Bellman's recursion from the first."""
    total, came_from = np.zeros(len(places[0])), []
    for before, here in itertools.pairwise(places):
        sums = total[:, None] + cost(before, here)
        came_from.append(sums.argmin(axis=0))
        total = sums.min(axis=0)
    at = [int(total.argmin())]
    for choices in reversed(came_from):
        at.append(int(choices[at[-1]]))
    return np.array([place[i] for place, i in zip(places, reversed(at), strict=True)])
