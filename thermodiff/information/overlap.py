"""Whether q has rows where p has: what no row of q is near, no sample of q tells a density of."""

from __future__ import annotations

import numpy as np
from scipy.spatial import cKDTree

MOST_ROWS = 5000
SHARE = 0.01
"""Of rows of the same law about one in all lies so far out; a share above this is another law."""


def apart_share(p: np.ndarray, q: np.ndarray) -> float:
    """The share of rows of p (n, d) farther from all rows of q (m, d) than any row of q is from its nearest other."""
    p, q = p[:MOST_ROWS], q[:MOST_ROWS]
    tree = cKDTree(q)
    farthest = tree.query(q, k=2)[0][:, 1].max()
    return float(np.mean(tree.query(p)[0] > farthest))


def overlap_warnings(p: np.ndarray, q: np.ndarray) -> list[str]:
    """That the divergence of p from q is extrapolated, where ``apart_share`` of white rows says so."""
    share = apart_share(p, q)
    if share < SHARE:
        return []
    return [
        f"{share:.0%} of the rows of p lie where q has none: there q is extrapolated from its other rows, and the "
        "divergence cannot be told from infinite"
    ]
