"""The coordinates in which columns are modelled: narrow directions first, single coordinates after.

A map of single coordinates bends a combination of columns that is narrow, and ranks drown it. Entropies know every
invertible linear map of the columns but for its determinant, and given columns any map at all, so where columns are
narrow together, whatever their tails (``numerics.robust_scatter``), they are mixed to round ones before each is
mapped by itself:
    S(x) = S(M x) - ln|det M|,      S(y | w) = S(M (y - B w) | w) - ln|det M|
Columns that are not narrow together are left exactly as they are. Source: this project.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from thermodiff.information.arguments import MakeMarginals
from thermodiff.information.coordinate_maps import Marginals
from thermodiff.information.cross_fitting.half_effort import Part
from thermodiff.numerics.affine_maps import AffineMap, narrower_than_chance
from thermodiff.numerics.robust_scatter import SINGULAR, correlation_of, robust_scaling

NARROW = 0.03
"""Smallest eigenvalue of the robust correlations below which columns are mixed: two columns correlated by 0.97."""
TAKES_PART = 0.1
"""A column belongs to a narrow direction of which it has this component at least."""


class Coordinates:
    """The map of columns x (n, d), of ``marginals`` after mixing; of the two methods of ``Marginals``."""

    def __init__(self, x: np.ndarray, marginals: MakeMarginals, pooled: Any = (), mix: bool = True) -> None:
        self.mixing = mixing(x) if mix else unmixed(x.shape[1])
        self.mixed = self.mixing.mix is not None
        # What is not mixed may share its map with other rows, whose narrow directions a shared map would bend.
        rows = self.mixing.forward(x) if self.mixed or not len(pooled) else np.concatenate([x, pooled])
        self.fitted: Marginals = marginals(rows)

    def forward(self, x: Any) -> np.ndarray:
        """z (n, d) of rows x (n, d)."""
        return self.fitted.forward(self.mixing.forward(x))

    def log_derivative(self, x: Any) -> np.ndarray:
        """ln|det dz/dx| of rows x (n, d), shape (n,), nats."""
        return self.fitted.log_derivative(self.mixing.forward(x)) - self.mixing.log_jacobian


def conditional_table(x: np.ndarray, part: Part, marginals: MakeMarginals) -> tuple[np.ndarray, np.ndarray]:
    """The table (n, D) with the part's columns in coordinates for S(columns | given), and their ln|det dz/dx| (n,).

    Where the columns are narrow only together with the given ones, they are first made less their regression on these.
    The other columns of the table are 0.
    """
    own, given = x[:, list(part.columns)], x[:, list(part.given)]
    z, shift = np.zeros_like(x), 0.0
    if part.given:
        known = Coordinates(given, marginals)
        z[:, list(part.given)] = known.forward(given)
        round_given = known.mixing.forward(given)
        if narrowest(np.hstack([mixing(own).forward(own), round_given]))[0] < NARROW:
            own, shift = _residual(own, round_given)
    mapped = Coordinates(own, marginals)
    z[:, list(part.columns)] = mapped.forward(own)
    return z, mapped.log_derivative(own) - shift


def narrowest(x: np.ndarray) -> tuple[float, np.ndarray]:
    """The smallest eigenvalue of the robust correlations of rows x (n, d), and the columns of the narrow directions.

    (1, none) where the rows are too few to tell.
    """
    n, d = x.shape
    limit = min(NARROW, narrower_than_chance(n, d))
    if d < 2 or n <= 2 * d:
        return 1.0, np.zeros(0, dtype=int)
    values, axes = np.linalg.eigh(correlation_of(robust_scaling(x)))
    narrow = (values > SINGULAR) & (values < limit)
    smallest = float(values[narrow].min()) if narrow.any() else 1.0
    return smallest, np.flatnonzero(np.any(np.abs(axes[:, narrow]) > TAKES_PART, axis=1))


def unmixed(d: int) -> AffineMap:
    """d columns as they are."""
    return AffineMap(np.zeros(d), np.ones(d))


def mixing(x: np.ndarray) -> AffineMap:
    """The map that makes narrow columns of rows x (n, d) round among themselves; the others it leaves alone."""
    d = x.shape[1]
    found = unmixed(d)
    columns = narrowest(x)[1]
    for chosen in (columns, np.arange(d)):
        if not len(columns):
            break
        found = _within(d, chosen, robust_scaling(x[:, chosen]))
        columns = narrowest(found.forward(x))[1]
    return found


def _within(d: int, columns: np.ndarray, inner: AffineMap) -> AffineMap:
    """A map of some columns as one of all d."""
    mean, std, mix = np.zeros(d), np.ones(d), np.eye(d)
    mean[columns], std[columns], mix[np.ix_(columns, columns)] = inner.mean, inner.std, inner.matrix
    return AffineMap(mean, std, mix)


def _residual(x: np.ndarray, given: np.ndarray) -> tuple[np.ndarray, float]:
    """W (x - B given) by the robust scatter of both, and -ln|det W|; by its inverse, large where both are narrow."""
    d = x.shape[1]
    scaling = robust_scaling(np.hstack([x, given]))
    rows = (np.hstack([x, given]) - scaling.mean) / scaling.std
    precision = scaling.matrix.T @ scaling.matrix
    values, axes = np.linalg.eigh(precision[:d, :d])
    root = (axes * np.sqrt(values)) @ axes.T
    apart = rows[:, :d] + rows[:, d:] @ np.linalg.solve(precision[:d, :d], precision[:d, d:]).T
    return apart @ root, float(np.log(scaling.std[:d]).sum() - 0.5 * np.log(values).sum())
