"""The checkerboard: squares of one colour, filled evenly, whose edges blur in closed form."""

from __future__ import annotations

from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
from jax.scipy.special import logsumexp
from jaxtyping import Array, Float

from thermodiff.array_types import Scalar, Vector, pytree_dataclass, static
from thermodiff.distributions.base import Family
from thermodiff.distributions.quadrature import FARTHEST, entropy_integral, panels
from thermodiff.distributions.truncated import box_score, log_box, sharpened
from thermodiff.validation import check_positive, complain


@pytree_dataclass
class Checkerboard(Family):
    """Uniform on the squares (i, j), i + j even, of a ``cells`` x ``cells`` board centred on the origin.

    The board is ``width`` across, in units of x, and a square h = width/cells: p = 1/(N h^2) on the N filled ones.
    With b_i the blurred uniform density of column (and row) i the noised marginal is
        p_t(x) = (1/N) sum_(i + j even) b_i(x_1) b_j(x_2).
    For its score sigma is taken as at least 1e-6 alpha h. Raises ValueError unless cells >= 2 is an integer and
    width is positive.
    """

    cells: Any = static(default=4)
    width: Any = 4.0

    def __post_init__(self) -> None:
        if not isinstance(self.cells, int | np.integer) or self.cells < 2:
            raise complain("cells", f"{self.cells}", "an integer of at least 2")
        check_positive("width", self.width)
        object.__setattr__(self, "cells", int(self.cells))
        object.__setattr__(self, "width", jnp.asarray(self.width, dtype=float))

    @property
    def dim(self) -> int:
        """The plane."""
        return 2

    def moments(self) -> tuple[Vector, Float[Array, "d d"]]:
        """Mean and covariance of the squares' centres, + h^2/12 I for the place in the square."""
        centres = (np.stack(self._filled(), axis=1) + 0.5) / self.cells - 0.5
        cov = np.cov(centres.T, bias=True) + np.eye(2) / (12 * self.cells**2)
        return self.width * jnp.asarray(centres.mean(axis=0), dtype=float), self.width**2 * jnp.asarray(
            cov, dtype=float
        )

    @property
    def transport_dim(self) -> int:
        """One uniform for the square and two for the place in it."""
        return 3

    def transport(self, u: Float[Array, " k"]) -> Vector:
        """The lower corner of square number floor(N u_0), plus h (u_1, u_2)."""
        corners = jnp.asarray(np.stack(self._filled(), axis=1))
        square = jnp.minimum((u[0] * len(corners)).astype(int), len(corners) - 1)
        return self.width * ((corners[square] + u[1:]) / self.cells - 0.5)

    def noised_log_prob(self, x: Vector, alpha: Any, sigma: Any) -> Scalar:
        """ln (1/N) sum over filled squares of b_i(x_1) b_j(x_2); at sigma = 0 -ln N h^2 inside them, -inf outside."""
        low, high, h = self._columns(alpha)
        i, j = self._filled()
        within = (x[:, None] >= low) & (x[:, None] < high)
        sharp = jnp.where(jnp.any(within[0, i] & within[1, j]), -2 * jnp.log(h), -jnp.inf)
        log_b = log_box(x[:, None], low, high, sharpened(sigma, h))
        blurred = logsumexp(log_b[0, i] + log_b[1, j])
        return jnp.where(jnp.asarray(sigma) == 0, sharp, blurred) - np.log(len(i))

    def noised_score(self, x: Vector, alpha: Any, sigma: Any) -> Vector:
        """The scores of the squares, weighted with the probability that x came from each."""
        low, high, h = self._columns(alpha)
        i, j = self._filled()
        s = sharpened(sigma, h)
        log_b, scores = log_box(x[:, None], low, high, s), box_score(x[:, None], low, high, s)
        posterior = jax.nn.softmax(log_b[0, i] + log_b[1, j])
        return jnp.stack([jnp.sum(posterior * scores[0, i]), jnp.sum(posterior * scores[1, j])])

    def noised_entropy(self, alpha: float, sigma: float) -> float:
        """ln N h^2 + 2 ln alpha at sigma = 0, quadrature in the plane otherwise."""
        width = alpha * float(self.width)
        h = width / self.cells
        if sigma == 0:
            return float(np.log(len(self._filled()[0]) * h**2))
        # Panels end where the blurred edges do; a wide blur is cut at the middle of the square.
        edges = width * (np.arange(self.cells + 1) / self.cells - 0.5)
        reach, outer = min(FARTHEST * sigma, 0.5 * h), FARTHEST * sigma + 0.5 * width
        marks = np.concatenate([[-outer], edges - reach, edges, edges + reach, [outer]])
        return entropy_integral(self, alpha, sigma, panels(marks, marks))

    def _filled(self) -> tuple[np.ndarray, np.ndarray]:
        """Column i and row j of the filled squares, (N,) each."""
        i, j = np.nonzero(np.indices((self.cells, self.cells)).sum(axis=0) % 2 == 0)
        return i, j

    def _columns(self, alpha: Any) -> tuple[Array, Array, Array]:
        """Lower and upper edges of the columns (cells,) and their width, scaled by alpha."""
        edges = (
            alpha * self.width * jnp.asarray(np.arange(self.cells + 1) / self.cells - 0.5, self.width.dtype)
        )
        return edges[:-1], edges[1:], alpha * self.width / self.cells
