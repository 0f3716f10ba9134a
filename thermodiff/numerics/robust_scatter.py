"""How columns scatter together, whatever their tails: no mean, no variance, no row that decides alone.

Tyler's scatter V of differences x_i - x_j of rows solves

    V = (d/n) sum_k u_k u_k^T/(u_k^T V^-1 u_k),      u the differences,

so that only directions count, in which a Cauchy column and a Gaussian one are alike, and one row far out is one
direction among n. Differences need no centre, which a skewed table has not in every direction. Source: Tyler (1987),
Ann. Statist. 15, 234; of differences Duembgen (1998), Ann. Inst. Statist. Math. 50, 471.
"""

from __future__ import annotations

import numpy as np

from thermodiff.numerics.affine_maps import AffineMap, inverse_root

ENOUGH_ROWS, ENOUGH_PER_DIM = 4000, 10
"""More rows than both are not looked at: V is then known to a few parts in a hundred in every direction."""
SHIFTS = 2
"""Differences of so many pairs of rows for each row."""
SWEEPS, SETTLED = 100, 1e-3
SINGULAR = 1e-13
"""An eigenvalue of V, as correlations, below this is no width: rows, or a share of them, lie in a plane."""
CORRELATED = 1e-12
"""Smallest eigenvalue of a correlation matrix that rounding in double precision cannot explain."""


def robust_scaling(x: np.ndarray) -> AffineMap:
    """The map of rows x (n, d) to scatter proportional to 1, n > d: whitening for columns without moments.

    Of unit median scale in every direction of a row, not of unit variance; the mean is the median of each column.
    """
    rng = np.random.default_rng(0)
    x = np.asarray(x, dtype=np.float64)
    rows = rng.permutation(x)[: max(ENOUGH_ROWS, ENOUGH_PER_DIM * x.shape[1])]
    u = np.concatenate([rows - np.roll(rows, k + 1, axis=0) for k in range(SHIFTS)])
    std = np.median(np.abs(u), axis=0)
    std = np.where(std > 0, std, np.maximum(rows.std(axis=0), 1e-300))
    u = u / std
    u = u[np.any(u != 0, axis=1)]
    mix = np.eye(x.shape[1])
    for _ in range(SWEEPS):
        z = u @ mix.T
        z = z / np.linalg.norm(z, axis=1, keepdims=True)
        scatter = z.T @ z * (z.shape[1] / len(z))
        # The rows as they are mapped so far: the next root is near 1, and keeps its digits in a narrow direction.
        mix = inverse_root(scatter) @ mix
        in_plane = np.linalg.eigvalsh(scatter)[0] < 0.1 * SINGULAR
        if in_plane or np.abs(scatter - np.eye(len(mix))).max() < SETTLED:
            break
    return AffineMap(np.median(x, axis=0), std, mix)


def correlation_of(scaling: AffineMap) -> np.ndarray:
    """The scatter that a ``robust_scaling`` makes round, as a correlation matrix (d, d)."""
    inverse = np.linalg.inv(scaling.matrix)
    scatter = inverse @ inverse.T
    std = np.sqrt(np.diag(scatter))
    return scatter / np.outer(std, std)


def in_a_plane(x: np.ndarray) -> bool:
    """Whether no rounding of rows x (n, d) explains how thin they are in some direction, whatever their tails.

    By their correlations, and, as these may see but one row far out, by ``robust_scaling`` if rows are enough.
    """
    n, d = x.shape
    smallest = np.linalg.eigvalsh(np.corrcoef(x, rowvar=False).reshape(d, d))[0]
    if smallest >= CORRELATED or n <= 2 * d:
        return bool(smallest < CORRELATED)
    return bool(np.linalg.eigvalsh(correlation_of(robust_scaling(x)))[0] < SINGULAR)
