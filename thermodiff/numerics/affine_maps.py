"""Invertible linear maps of the columns of a table, with what they add to an entropy: standardising and whitening.

    z = M (x - m)/s,     S(x) = S(z) + log_jacobian,     log_jacobian = sum_j ln s_j - ln|det M|   (nats)

exactly, whatever the rows. In double precision; means and scales are those of the rows, over n.
"""

from __future__ import annotations

import dataclasses
from typing import Any

import numpy as np

FEW_ROWS_PER_DIM = 10
"""Below so many rows a dimension a covariance is not believed where it is merely narrow."""
NARROW = 0.01
"""Variance, in units of a standardised column, below which a direction is called narrow: 0.99 of two columns."""
BY_CHANCE = 0.01
"""Of few rows only what is narrower than this fraction of what they can look like by chance counts as narrow."""


@dataclasses.dataclass(frozen=True)
class AffineMap:
    """z = M (x - m)/s with ``mean`` m (d,), ``std`` s (d,) and ``mix`` M (d, d), or None for no mixing of columns."""

    mean: np.ndarray
    std: np.ndarray
    mix: np.ndarray | None = None

    @property
    def matrix(self) -> np.ndarray:
        """M (d, d)."""
        return np.eye(len(self.mean)) if self.mix is None else self.mix

    @property
    def log_jacobian(self) -> float:
        """sum_j ln s_j - ln|det M| in nats: entropies and NLLs of x are those of z plus this."""
        mixed = 0.0 if self.mix is None else np.linalg.slogdet(self.mix)[1]
        return float(np.log(self.std).sum() - mixed)

    def forward(self, x: Any) -> np.ndarray:
        """z (n, d) of rows x (n, d)."""
        z = (np.asarray(x, dtype=np.float64) - self.mean) / self.std
        return z if self.mix is None else z @ self.mix.T

    def back(self, z: Any) -> np.ndarray:
        """x (n, d) of rows z (n, d)."""
        z = np.asarray(z, dtype=np.float64)
        if self.mix is not None:
            z = np.linalg.solve(self.mix, z.T).T
        return z * self.std + self.mean


def standardising(x: Any) -> AffineMap:
    """Every column of rows x (n, d) to mean 0 and variance 1."""
    x = np.asarray(x, dtype=np.float64)
    return AffineMap(x.mean(axis=0), x.std(axis=0))


def whitening(x: Any, below: float = np.inf) -> AffineMap:
    """Rows x (n, d) to mean 0 and covariance 1, by the symmetric root of the correlations: z_j stays near x_j.

    Only directions of a variance ``below`` this are widened, in units of a standardised column; all by default, and of
    fewer than ten rows a dimension those too narrow for chance (``narrower_than_chance``).
    """
    scale = standardising(x)
    rows = scale.forward(x)
    n, d = rows.shape
    below = min(below, narrower_than_chance(n, d))
    if np.all(np.linalg.eigvalsh(rows.T @ rows / n) >= below):
        return scale
    mix = np.eye(d)
    # The second pass sees what rounding left of the first in a direction 1e-5 wide.
    for _ in range(2):
        z = rows @ mix.T
        mix = inverse_root(z.T @ z / n, below) @ mix
    return dataclasses.replace(scale, mix=mix)


def inverse_root(cov: np.ndarray, below: float = np.inf) -> np.ndarray:
    """The symmetric W (d, d) with W cov W = 1 in the directions of cov (d, d) of a variance ``below`` this."""
    values, axes = np.linalg.eigh(cov)
    narrow = values < below
    return (axes / np.sqrt(np.where(narrow, np.maximum(values, 1e-15), 1.0))) @ axes.T


def narrower_than_chance(n: int, width: int) -> float:
    """Variance, in units of a standardised column, below which n rows of ``width`` columns call a direction narrow.

    Wider ones, widened by all rows, would tell those that are trained on of those that are held out.
    Infinite for ten rows a column and more; else ``BY_CHANCE`` of (1 - sqrt(width/n))^2, the smallest that
    uncorrelated columns show (Marchenko and Pastur 1967), and 0 where n <= width.
    """
    if n >= FEW_ROWS_PER_DIM * width:
        return np.inf
    return BY_CHANCE * max(0.0, 1 - np.sqrt(width / n)) ** 2
