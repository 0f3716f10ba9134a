"""The Laplace density, two exponentials back to back: a cusp and heavy tails, blurred in closed form."""

from __future__ import annotations

from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Bool, Float

from thermodiff.array_types import Scalar, Vector, pytree_dataclass
from thermodiff.distributions.base import Family
from thermodiff.distributions.quadrature import entropy_integral, panels
from thermodiff.distributions.truncated import (
    LOG_ROOT_2PI,
    Values,
    log_mills,
    reach,
    sharpened,
    upper_tail,
    weighted_nodes,
)
from thermodiff.numerics.estimates import as_float64
from thermodiff.validation import check_finite, check_positive, complain


@pytree_dataclass
class Laplace(Family):
    """d independent coordinates:  ln p(x) = -sum_i |x_i - loc_i|/scale_i + ln(2 scale_i).

    ``loc`` and ``scale`` (d,), in units of x. With b = alpha scale, r = sigma/b, y = |x - alpha loc|/sigma and the
    Mills ratio M(v) = P(eps > v)/phi(v), the noised marginal of a coordinate and its score are
        p = phi(y) [M(r - y) + M(r + y)] / (2 b),        s = -sign(x - alpha loc) tanh(Delta/2) / b,
    Delta = ln M(r - y) - ln M(r + y). Raises ValueError unless scale > 0, both finite and of one shape (d,).
    """

    loc: Any
    scale: Any

    def __post_init__(self) -> None:
        check_finite("loc", self.loc)
        check_positive("scale", self.scale)
        loc = jnp.atleast_1d(jnp.asarray(self.loc, dtype=float))
        scale = jnp.atleast_1d(jnp.asarray(self.scale, dtype=float))
        if loc.ndim != 1:
            raise complain("loc", f"shape {loc.shape}", "shape (d,)")
        if scale.shape != loc.shape:
            raise complain("scale", f"shape {scale.shape}", f"the shape of loc, {loc.shape}")
        object.__setattr__(self, "loc", loc)
        object.__setattr__(self, "scale", scale)

    @property
    def dim(self) -> int:
        """Number of coordinates d."""
        return self.loc.shape[-1]

    def moments(self) -> tuple[Vector, Float[Array, "d d"]]:
        """(loc, diag(2 scale^2))."""
        return self.loc, jnp.diag(2 * self.scale**2)

    @property
    def transport_dim(self) -> int:
        """d uniforms make one sample."""
        return self.dim

    def transport(self, u: Float[Array, " k"]) -> Vector:
        """loc - scale sign(u - 1/2) ln(1 - |2 u - 1|)."""
        return self.loc - self.scale * jnp.sign(u - 0.5) * jnp.log(2 * jnp.minimum(u, 1 - u))

    def noised_log_prob(self, x: Vector, alpha: Any, sigma: Any) -> Scalar:
        """sum_i ln phi(y) [M(r - y) + M(r + y)] / (2 alpha scale)."""
        b = alpha * self.scale
        _, y, r = self._reduced(x, alpha, sigma)
        blurred = _log_blurred(y, r)
        sharp = -jnp.abs(x - alpha * self.loc) / b
        return jnp.sum(jnp.where(jnp.asarray(sigma) == 0, sharp, blurred) - jnp.log(2 * b))

    def noised_score(self, x: Vector, alpha: Any, sigma: Any) -> Vector:
        """-sign(x - alpha loc) tanh(Delta/2) / (alpha scale) per coordinate; sigma at least 1e-6 alpha scale."""
        sign, y, r = self._reduced(x, alpha, sigma)
        return -sign * _mean_sign(y, r) / (alpha * self.scale)

    def noised_entropy(self, alpha: float, sigma: float) -> float:
        """sum_i ln(alpha scale) + H(sigma/(alpha scale)); H(0) = 1 + ln 2, else by quadrature at unit scale."""
        scales = alpha * as_float64(self.scale)
        blurs, counts = np.unique(sigma / scales, return_counts=True)
        return float(
            np.sum(np.log(scales)) + sum(n * _unit_entropy(r) for r, n in zip(blurs, counts, strict=True))
        )

    def _reduced(self, x: Vector, alpha: Any, sigma: Any) -> tuple[Values, Values, Values]:
        """Sign of x - alpha loc, y and r."""
        b = alpha * self.scale
        s = sharpened(sigma, b)
        x = x - alpha * self.loc
        sign = jnp.where(x >= 0, 1.0, -1.0)
        return sign, sign * x / s, s / b


def _log_mills_near(y: Values, r: Values) -> tuple[Bool[Array, "..."], Values, Values]:
    """Where x is in the exponential's own tail, r - y < -1, and ln M(r - y) there and elsewhere."""
    u = r - y
    tail = u < -1
    # M(u) = P(eps > u)/phi(u): the factor 1/phi(u) is left to the caller, who knows what it cancels.
    in_tail = jnp.log1p(-upper_tail(-jnp.where(tail, u, -1.0)))
    return tail, in_tail, log_mills(jnp.where(tail, 0.0, u))


def _log_blurred(y: Values, r: Values) -> Values:
    """ln phi(y) [M(r - y) + M(r + y)], y >= 0."""
    tail, in_tail, core = _log_mills_near(y, r)
    gaussian = -0.5 * y**2 - LOG_ROOT_2PI
    same = jnp.where(tail, -r * (y - 0.5 * r) + in_tail, gaussian + core)
    return jnp.logaddexp(same, gaussian + log_mills(r + y))


def _mean_sign(y: Values, r: Values) -> Values:
    """tanh(Delta/2), the mean of sign(x_0 - loc) given x, in (0, 1) for y > 0.

    Small values are int e^(-r z - z^2/2) sinh(y z) dz / int ... cosh(y z) dz, large ones 1 - 2 P(other side);
    both keep their relative accuracy, and so do their derivatives.
    """
    tail, in_tail, core = _log_mills_near(y, r)
    u = jnp.where(tail, -1.0, r - y)
    z, w = weighted_nodes(u, reach(u))
    back = 2 * jnp.where(tail, 0.0, y)[..., None] * z
    small = jnp.sum(w * -jnp.expm1(-back), axis=-1) / jnp.sum(w * (1 + jnp.exp(-back)), axis=-1)
    log_near = jnp.where(tail, in_tail + 0.5 * (r - y) ** 2 + LOG_ROOT_2PI, core)
    other_side = jax.nn.sigmoid(log_mills(r + y) - log_near)
    return jnp.where(tail | (small > 0.25), 1 - 2 * other_side, small)


def _unit_entropy(r: float) -> float:
    """Entropy in nats of a Laplace variable of scale 1 plus r eps."""
    if r == 0:
        return 1 + float(np.log(2))
    # Symmetric; the cusp is rounded over a few r, and the tail is e^-45 where it is cut.
    half = panels([0.0, 10 * r, 10 * r + 45])
    return 2 * entropy_integral(Laplace([0.0], [1.0]), 1.0, r, half)
