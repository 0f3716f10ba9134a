"""Integrals of a Gaussian over an interval or a half line, and their logarithmic derivatives, in any precision.

Lengths are in units of the noise. Outside the interval every quantity is a moment of positive weights
e^(-v z - z^2/2) on Gauss-Legendre nodes z, so nothing cancels, however narrow the interval or far the tail.
"""

from __future__ import annotations

from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
from jax.scipy.special import erfc
from jaxtyping import Array, Float

LOG_ROOT_2PI = 0.5 * float(np.log(2 * np.pi))
_ROOTS, _ROOT_WEIGHTS = np.polynomial.legendre.leggauss(32)
NODES, WEIGHTS = 0.5 * (1 + _ROOTS), 0.5 * _ROOT_WEIGHTS  # on [0, 1]

# The integrand is left out where it is below e^-40 of its start: 32 nodes then reach rounding in float64.
NEGLIGIBLE = 40.0

# Inside by more than this many sigma the interval holds most of the Gaussian and erfc does not cancel.
INSIDE = -1.0

# Below this sigma, as a fraction of the data's own width, a density is taken as that sharp: scores stay finite.
SHARPEST = 1e-6

Values = Float[Array, "..."]


def upper_tail(v: Values) -> Values:
    """P(eps > v) for a standard normal eps."""
    return 0.5 * erfc(v * np.sqrt(0.5))


def normal(v: Values) -> Values:
    """The standard normal density at v."""
    return jnp.exp(-0.5 * v**2 - LOG_ROOT_2PI)


def reach(v: Values) -> Values:
    """The z at which v z + z^2/2 = 40, for v >= -1; a truncation, so constant to derivatives."""
    v = jax.lax.stop_gradient(v)
    return 2 * NEGLIGIBLE / (v + jnp.sqrt(v**2 + 2 * NEGLIGIBLE))


def weighted_nodes(v: Values, length: Values) -> tuple[Values, Values]:
    """Nodes z on [0, length] and weights e^(-v z - z^2/2), on a new last axis; the weights average over z."""
    z = length[..., None] * NODES.astype(v.dtype)
    return z, jnp.exp(-v[..., None] * z - 0.5 * z**2) * WEIGHTS.astype(v.dtype)


def log_mills(v: Values) -> Values:
    """ln M(v), M(v) = P(eps > v)/phi(v) = int_0^inf e^(-v z - z^2/2) dz, for v >= -1."""
    length = reach(v)
    _, w = weighted_nodes(v, length)
    return jnp.log(length * jnp.sum(w, axis=-1))


def _from_centre(x: Values, low: Values, high: Values, sigma: Values) -> tuple[Values, ...]:
    """Side of the centre that x is on, signed distances beyond the near and the far edge, in sigmas."""
    above_low, above_high = (x - low) / sigma, (x - high) / sigma
    right = above_low + above_high >= 0
    return (
        jnp.where(right, 1.0, -1.0),
        jnp.where(right, above_high, -above_low),
        jnp.where(right, above_low, -above_high),
    )


def _outside(near: Values, width: Values) -> tuple[Values, Values, Values]:
    """Length, ln of the mean of e^(-v z - z^2/2) over it, and E[z] under that weight; v = near >= -1."""
    length = jnp.minimum(width, reach(near))
    z, w = weighted_nodes(near, length)
    total = jnp.sum(w, axis=-1)
    return length, jnp.log(total), jnp.sum(w * z, axis=-1) / total


def log_box(x: Values, low: Values, high: Values, sigma: Values) -> Values:
    """ln of [Phi((x - low)/sigma) - Phi((x - high)/sigma)] / (high - low), elementwise, sigma > 0.

    The uniform density on [low, high] blurred by sigma, in nats, x, low, high and sigma in one unit.
    """
    _, near, far = _from_centre(x, low, high, sigma)
    inside = near < INSIDE
    v = jnp.where(inside, 0.0, near)
    length, log_mean, _ = _outside(v, (high - low) / sigma)
    outer = -0.5 * v**2 - LOG_ROOT_2PI + jnp.log(length / (high - low)) + log_mean
    missing = upper_tail(-jnp.where(inside, near, INSIDE)) + upper_tail(jnp.where(inside, far, -INSIDE))
    return jnp.where(inside, jnp.log1p(-missing) - jnp.log(high - low), outer)


def box_score(x: Values, low: Values, high: Values, sigma: Values) -> Values:
    """d/dx of ``log_box``, elementwise: -E[eps | x]/sigma with eps a normal truncated to the interval."""
    side, near, far = _from_centre(x, low, high, sigma)
    inside = near < INSIDE
    _, _, beyond = _outside(jnp.where(inside, 0.0, near), (high - low) / sigma)
    v, u = jnp.where(inside, near, INSIDE), jnp.where(inside, far, -INSIDE)
    # phi(v) - phi(u) with u^2 - v^2 = (u - v)(u + v): exact where the two nearly agree, at the centre.
    difference = -normal(v) * jnp.expm1(-0.5 * (u - v) * (u + v))
    inner = difference / (1 - upper_tail(-v) - upper_tail(u))
    return -side * jnp.where(inside, inner, near + beyond) / sigma


def sharpened(sigma: Any, width: Values) -> Values:
    """sigma, but not below 1e-6 of ``width``."""
    return jnp.maximum(sigma, SHARPEST * width)
