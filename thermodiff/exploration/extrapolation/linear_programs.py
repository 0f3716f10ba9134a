"""Linear programs over probability weights on thousands of cells, of which a handful carry any: solved a few at a time.

minimise cost @ w over w >= 0, total @ w = 1, rows @ w <= right. The program is solved on a pool of columns; those that
the prices of its rows say would lower the value join the pool, until none would by more than ``SLACK``. What is
returned is the dual's value on *all* columns, less what one of them still falls short of its price, so that it never
lies above the minimum, however exact the solver was.
"""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np

SLACK = 1e-5
STEPS, JOIN = 200, 12


class Solved(NamedTuple):
    """A value that is not above the minimum, and the pool of columns that it took."""

    value: float
    pool: np.ndarray
    """Indices of columns."""
    weights: np.ndarray
    """Of the columns in the pool."""


class Met(NamedTuple):
    """Columns on which rows @ w <= right can be met, ``right`` loosened by what the solver left open."""

    pool: np.ndarray
    right: np.ndarray


def least(cost: np.ndarray, rows: np.ndarray, met: Met) -> Solved:
    """Minimum over all columns, rows (R, G), sum w = 1, begun on a pool on which the program can be met."""
    return _generate(cost, rows, np.ones(len(cost)), met.right, met.pool)


def can_be_met(rows: np.ndarray, right: np.ndarray, pool: np.ndarray) -> Met | None:
    """Where rows @ w <= right can be met with sum w = 1, begun on a ``pool``; None if it is missed by ``SLACK``."""
    cells = rows.shape[1]
    # One more column, outside the sum, loosens every row: how little of it is enough?
    loosened = np.hstack([rows, -np.ones((len(rows), 1))])
    cost, total = np.append(np.zeros(cells), 1.0), np.append(np.ones(cells), 0.0)
    found = _generate(cost, loosened, total, right, np.append(pool, cells))
    loosening = found.weights[found.pool == cells][0]
    # The value is never above the least loosening: where it is positive, none is not enough.
    return None if found.value > SLACK else Met(found.pool[found.pool < cells], right + loosening)


def solve(cost: np.ndarray, rows: np.ndarray, right: np.ndarray, total: np.ndarray) -> Any:
    """scipy's answer on all columns by the first solver that gets there, or None."""
    from scipy.optimize import linprog

    for method, presolve in (("highs-ds", True), ("highs-ds", False), ("highs-ipm", True)):
        options = {"presolve": presolve}
        found = linprog(
            cost, A_ub=rows, b_ub=right, A_eq=total[None], b_eq=[1.0], method=method, options=options
        )
        if found.status == 0:
            return found
    return None


def _generate(
    cost: np.ndarray, rows: np.ndarray, total: np.ndarray, right: np.ndarray, pool: np.ndarray
) -> Solved:
    for _ in range(STEPS):
        found = solve(cost[pool], rows[:, pool], right, total[pool])
        if found is None:
            raise RuntimeError(
                f"a linear program of {rows.shape[0]} rows, {len(pool)} columns was not solved"
            )
        reduced = cost - found.ineqlin.marginals @ rows - found.eqlin.marginals[0] * total
        shortfall = min(float(reduced.min()), 0.0)
        joined = np.union1d(pool, _cheapest(reduced))
        if shortfall > -SLACK or len(joined) == len(pool):
            return Solved(found.fun + shortfall, pool, found.x)
        pool = joined
    raise RuntimeError(f"a linear program still improved by {-shortfall:.1g} after {STEPS} steps")


def _cheapest(reduced: np.ndarray) -> np.ndarray:
    """The deepest valleys of the reduced cost below zero along the cells."""
    padded = np.pad(reduced, 1, constant_values=np.inf)
    valleys = np.flatnonzero((reduced < -SLACK / 2) & (reduced <= padded[:-2]) & (reduced <= padded[2:]))
    return valleys[np.argsort(reduced[valleys])[:JOIN]]
