"""The rows that networks are shown: columns given others, standardised, and as wide as these where they are narrow.

    y' = W (y - B (w - m_w)),  w' = V (w - m_w),     S(y | w) = S(y' | w') + log_jacobian

with B the regression on w, W the inverse root of what it leaves and V that of w, each in the directions narrower than
``NARROW`` and the identity in the others: an entropy given w knows of no invertible map of w and of no shift of y by a
function of w. Noise is added and single precision begins after the map, so neither drowns a combination of columns that
is narrow. The moments are those of all rows; a Gaussian that is fitted to some of them is the same in both coordinates,
and so are its biases. Wider directions are left as they are: made round, the noise of 53 columns of digits is learned
like what matters, and their held-out nats rise from 110.9 to 112.1. Source: this project.
"""

from __future__ import annotations

import dataclasses

import numpy as np

from thermodiff.numerics.affine_maps import NARROW, AffineMap, inverse_root, narrower_than_chance, whitening

PASSES = 3
"""What rounding leaves of a first pass, 1e-16 over the narrowest variance, the next ones take away."""


@dataclasses.dataclass(frozen=True)
class WhiteRows:
    """(y, w) to (A u - C v, v), u and v the ``own`` and the ``known`` columns, A (d, d) and C (d, c)."""

    own: AffineMap
    known: AffineMap
    mix: np.ndarray
    slope: np.ndarray

    @property
    def log_jacobian(self) -> float:
        """What the entropy of y given w exceeds that of y' given w' by, nats."""
        return self.own.log_jacobian - float(np.linalg.slogdet(self.mix)[1])

    def forward(self, rows: np.ndarray) -> np.ndarray:
        """(y', w') of rows (n, d + c), in single precision."""
        d = len(self.mix)
        u, v = self.own.forward(rows[:, :d]), self.known.forward(rows[:, d:])
        return np.hstack([u @ self.mix.T - v @ self.slope.T, v]).astype(np.float32)


def white_rows(rows: np.ndarray, dim: int) -> WhiteRows:
    """The map of rows (n, d + c), fitted to them; of few rows it widens only what is too narrow for chance."""
    n, width = rows.shape
    own, known = whitening(rows[:, :dim], NARROW), whitening(rows[:, dim:], NARROW)
    u, v = own.forward(rows[:, :dim]), known.forward(rows[:, dim:])
    mix, slope = np.eye(dim), np.zeros((dim, width - dim))
    if dim == width:
        return WhiteRows(own, known, mix, slope)
    below = min(NARROW, narrower_than_chance(n, width))
    known_cov = v.T @ v / n
    for _ in range(PASSES):
        y = u @ mix.T - v @ slope.T
        onto = np.linalg.lstsq(known_cov, v.T @ y / n, rcond=1e-12)[0].T
        residual = y - v @ onto.T
        cov = residual.T @ residual / n
        values, axes = np.linalg.eigh(cov)
        # The regression where what it leaves is narrow; elsewhere the fold's own Gaussian takes it from there.
        chosen = axes * (values < below) @ axes.T
        root = inverse_root(cov, below)
        mix, slope = root @ mix, root @ (slope + chosen @ onto)
    return WhiteRows(own, known, mix, slope)
