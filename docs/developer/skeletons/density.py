"""A density to copy: independent logistic coordinates. Goes to thermodiff/distributions/NAME.py.

A family states what mathematics lets it know, and nothing else: what it leaves out raises NotKnownError, and whoever
asks goes on without. Here log density, entropy, moments and the map from the uniform cube are in closed form; the
noised marginal is not, so there is no exact score: ``td.fit`` learns one, and an audit says that S(p_1) is a bound.
Where the noised marginal is known too, write ``noised_log_prob`` and ``noised_entropy`` (``distributions.laplace``)
and leave ``_log_prob`` and ``entropy`` to the base class.
"""

from __future__ import annotations

from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Float

from thermodiff.array_types import Scalar, Vector, pytree_dataclass
from thermodiff.distributions.base import Family
from thermodiff.validation import check_finite, check_positive, complain


@pytree_dataclass
class Logistic(Family):
    """d independent coordinates:  ln p(x) = sum_i [-z_i - 2 ln(1 + e^-z_i) - ln scale_i],  z = (x - loc)/scale.

    ``loc`` and ``scale`` (d,), in units of x. Raises ValueError unless scale > 0, both finite and of one shape (d,).
    """

    loc: Any
    scale: Any

    def __post_init__(self) -> None:
        check_finite("loc", self.loc)
        check_positive("scale", self.scale)
        loc = jnp.atleast_1d(jnp.asarray(self.loc, dtype=float))
        scale = jnp.atleast_1d(jnp.asarray(self.scale, dtype=float))
        if scale.shape != loc.shape or loc.ndim != 1:
            raise complain("scale", f"shape {scale.shape}", f"the shape (d,) of loc, {loc.shape}")
        object.__setattr__(self, "loc", loc)
        object.__setattr__(self, "scale", scale)

    @property
    def dim(self) -> int:
        """Number of coordinates d."""
        return self.loc.shape[-1]

    def moments(self) -> tuple[Vector, Float[Array, "d d"]]:
        """(loc, diag(pi^2 scale^2/3))."""
        return self.loc, jnp.diag(jnp.pi**2 * self.scale**2 / 3)

    @property
    def transport_dim(self) -> int:
        """d uniforms make one sample."""
        return self.dim

    def transport(self, u: Float[Array, " k"]) -> Vector:
        """Loc + scale ln(u/(1 - u)): ``sample`` and quasi-random points come from it."""
        return self.loc + self.scale * (jnp.log(u) - jnp.log1p(-u))

    def _log_prob(self, x: Vector) -> Scalar:
        z = (x - self.loc) / self.scale
        return jnp.sum(-z - 2 * jax.nn.softplus(-z) - jnp.log(self.scale))

    def entropy(self) -> float:
        """sum_i ln scale_i + 2 d, nats."""
        scale = np.asarray(self.scale, dtype=np.float64)
        return float(np.sum(np.log(scale)) + 2 * self.dim)
