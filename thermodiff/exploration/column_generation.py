"""Linear programs over probability weights on thousands of cells, of which a handful carry any: solved a few at a time.

minimise cost @ w over w >= 0, sum w = 1, rows @ w <= right. The program is solved on a pool of columns; those which the
prices of its rows say would lower the value join the pool, until none would by more than ``SLACK``. What is returned is
the dual's value on *all* columns, cost falling short of the prices counted in, so that it never lies above the minimum.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

SLACK = 1e-5
STEPS, JOIN = 200, 12


class Solved(NamedTuple):
    """A value that is not above the minimum, by at most ``SLACK`` below it, and the pool of columns that it took."""

    value: float
    pool: np.ndarray
    """Indices of columns."""
    weights: np.ndarray
    """Of the columns in the pool."""


def least(cost: np.ndarray, rows: np.ndarray, right: np.ndarray, pool: np.ndarray) -> Solved:
    """Minimum over all columns, rows (R, G), begun on a ``pool`` of columns on which the program can be met."""
    return _generate(cost, rows, np.ones(len(cost)), right, pool)


def can_be_met(rows: np.ndarray, right: np.ndarray, pool: np.ndarray) -> np.ndarray | None:
    """A pool of columns on which rows @ w <= right can be met, None if it cannot on all of them."""
    cells = rows.shape[1]
    # One more column, outside the sum, loosens every row: what is the least of it?
    loosened = np.hstack([rows, -np.ones((len(rows), 1))])
    cost, total = np.append(np.zeros(cells), 1.0), np.append(np.ones(cells), 0.0)
    found = _generate(cost, loosened, total, right, np.append(pool, cells))
    loosening = found.weights[found.pool == cells][0]
    return None if loosening > SLACK else found.pool[found.pool < cells]


def _generate(
    cost: np.ndarray, rows: np.ndarray, total: np.ndarray, right: np.ndarray, pool: np.ndarray
) -> Solved:
    from scipy.optimize import linprog

    for _ in range(STEPS):
        found = linprog(
            cost[pool], A_ub=rows[:, pool], b_ub=right, A_eq=total[None, pool], b_eq=[1.0], method="highs"
        )
        if found.status != 0:
            raise RuntimeError(f"a linear program of {len(pool)} columns was not solved: {found.message}")
        reduced = cost - found.ineqlin.marginals @ rows - found.eqlin.marginals[0] * total
        shortfall = min(float(reduced.min()), 0.0)
        if shortfall > -SLACK:
            return Solved(found.fun + shortfall, pool, found.x)
        pool = np.union1d(pool, _cheapest(reduced))
    raise RuntimeError(f"a linear program still improved by {-shortfall:.1g} after {STEPS} steps")


def _cheapest(reduced: np.ndarray) -> np.ndarray:
    """The deepest valleys of the reduced cost below zero along the cells."""
    padded = np.pad(reduced, 1, constant_values=np.inf)
    valleys = np.flatnonzero((reduced < -SLACK / 2) & (reduced <= padded[:-2]) & (reduced <= padded[2:]))
    return valleys[np.argsort(reduced[valleys])[:JOIN]]
