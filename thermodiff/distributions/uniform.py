"""The uniform density on a box, blurred in closed form."""

from __future__ import annotations

from typing import Any

import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Float

from thermodiff.array_types import Scalar, Vector, pytree_dataclass
from thermodiff.distributions.base import Family
from thermodiff.distributions.quadrature import entropy_integral, panels
from thermodiff.distributions.truncated import box_score, log_box, sharpened
from thermodiff.numerics.estimates import as_float64
from thermodiff.types import is_concrete
from thermodiff.validation import check_finite, complain

EDGE_ENTROPY = 0.9031972855686
"""-int Phi ln Phi over the line: what one edge blurred by sigma adds to the entropy, in units of sigma/width."""

EDGES_APART = 40.0
"""A box wider than this many sigmas has two edges that know nothing of each other (to e^-200)."""


@pytree_dataclass
class Uniform(Family):
    """Uniform on the box low_i < x_i < high_i:  ln p(x) = -sum_i ln(high_i - low_i) inside, -inf outside.

    ``low`` and ``high`` (d,), in units of x. The noised marginal is a product over coordinates of
    [Phi((x - alpha low)/sigma) - Phi((x - alpha high)/sigma)] / (alpha (high - low)). For its score sigma is
    taken as at least 1e-6 alpha (high - low), so that the score of the sharp box at sigma = 0 stays finite.
    Raises ValueError unless low < high, both finite and of one shape (d,).
    """

    low: Any
    high: Any

    def __post_init__(self) -> None:
        check_finite("low", self.low)
        check_finite("high", self.high)
        low = jnp.atleast_1d(jnp.asarray(self.low, dtype=float))
        high = jnp.atleast_1d(jnp.asarray(self.high, dtype=float))
        if low.ndim != 1:
            raise complain("low", f"shape {low.shape}", "shape (d,)")
        if high.shape != low.shape:
            raise complain("high", f"shape {high.shape}", f"the shape of low, {low.shape}")
        if is_concrete((low, high)) and not np.all(as_float64(low) < as_float64(high)):
            i = int(np.argmin(as_float64(low) < as_float64(high)))
            raise complain("high", f"{high[i]:g} where low is {low[i]:g} (coordinate {i})", "high above low")
        object.__setattr__(self, "low", low)
        object.__setattr__(self, "high", high)

    @property
    def dim(self) -> int:
        """Number of coordinates d."""
        return self.low.shape[-1]

    def moments(self) -> tuple[Vector, Float[Array, "d d"]]:
        """(low + high)/2 and diag((high - low)^2 / 12)."""
        return 0.5 * (self.low + self.high), jnp.diag((self.high - self.low) ** 2 / 12)

    @property
    def transport_dim(self) -> int:
        """d uniforms make one sample."""
        return self.dim

    def transport(self, u: Float[Array, " k"]) -> Vector:
        """low + (high - low) u."""
        return self.low + (self.high - self.low) * u

    def noised_log_prob(self, x: Vector, alpha: Any, sigma: Any) -> Scalar:
        """sum_i ln [Phi((x - alpha low)/sigma) - Phi((x - alpha high)/sigma)] / (alpha (high - low))."""
        low, high = alpha * self.low, alpha * self.high
        blurred = log_box(x, low, high, sharpened(sigma, high - low))
        sharp = jnp.where((x >= low) & (x <= high), -jnp.log(high - low), -jnp.inf)
        return jnp.sum(jnp.where(jnp.asarray(sigma) == 0, sharp, blurred))

    def noised_score(self, x: Vector, alpha: Any, sigma: Any) -> Vector:
        """-E[eps | x]/sigma per coordinate, eps a normal truncated to the box."""
        low, high = alpha * self.low, alpha * self.high
        return box_score(x, low, high, sharpened(sigma, high - low))

    def noised_entropy(self, alpha: float, sigma: float) -> float:
        """sum_i ln(alpha (high - low)) + H(sigma/(alpha (high - low))), H by quadrature on the unit interval."""
        widths = alpha * (as_float64(self.high) - as_float64(self.low))
        blurs, counts = np.unique(sigma / widths, return_counts=True)
        return float(
            np.sum(np.log(widths)) + sum(n * _unit_entropy(s) for s, n in zip(blurs, counts, strict=True))
        )


def _unit_entropy(sigma: float) -> float:
    """Entropy in nats of U(0, 1) + sigma eps; two separate edges below sigma = 1/40, quadrature above."""
    if sigma * EDGES_APART < 1:
        return 2 * EDGE_ENTROPY * sigma
    # Symmetric about 1/2, and e^-50 of its peak ten sigma outside.
    half = panels([-10 * sigma, 0.0, 0.5])
    return 2 * entropy_integral(Uniform([0.0], [1.0]), 1.0, sigma, half)
