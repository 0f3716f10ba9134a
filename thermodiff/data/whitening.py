"""Rows made round in every direction, for scores that are trained in single precision and on noise of one width.

    z = M (x - m)/s,    Cov(z) = 1,    S(x) = S(z) + log_jacobian

so that entropies, likelihoods and bounds of x are those of z plus a constant, and rates, gaps and slacks the same.
"""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np

from thermodiff.distributions.sample_checks import check_samples
from thermodiff.numerics.affine_maps import AffineMap, whitening
from thermodiff.validation import check_points


class Whitened(NamedTuple):
    """Rows z (n, d) of covariance 1, single precision; their ``log_jacobian`` in nats; and the ``map`` to them."""

    rows: np.ndarray
    log_jacobian: float
    map: AffineMap

    def forward(self, x: Any) -> np.ndarray:
        """Other rows x (m, d) in the same coordinates, (m, d)."""
        check_points("x", x, len(self.map.mean))
        return self.map.forward(x).astype(np.float32)

    def back(self, z: Any) -> np.ndarray:
        """Rows z (m, d) in the units of the samples, (m, d), double precision."""
        check_points("z", z, len(self.map.mean))
        return self.map.back(z)


def whiten(samples: Any) -> Whitened:
    """Rows ``samples`` (n, d) to mean 0 and covariance 1, each new column near the old one, nats by a constant.

        white = td.whiten(samples)
        fit = td.fit(key, white.rows, process)      # entropies and NLLs of samples: those of white.rows + log_jacobian

    The map is M (x - m)/s with M the symmetric root of the inverse correlations, in double precision: columns that are
    narrow together, to correlations of 1 - 1e-9, are as wide as any afterwards. Of fewer than ten rows a column only
    directions too narrow for chance are widened. Fitted to all rows given; other rows go through ``forward``. Raises
    ValueError for rows that have no density. Source: whitening that keeps columns in place, "ZCA-cor" in
    Kessy, Lewin and Strimmer (2018), Am. Stat. 72, 309.
    """
    check_samples("samples", samples)
    found = whitening(samples)
    return Whitened(found.forward(samples).astype(np.float32), found.log_jacobian, found)
