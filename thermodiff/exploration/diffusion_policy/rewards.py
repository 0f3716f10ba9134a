"""Rewards of a sample: 1 in a half space or in one of some balls, else 0; or a quadratic form.

A reward is any function of x (d,) with a value (); these know their mean over a mixture of Gaussians.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Protocol, runtime_checkable

import jax
import jax.numpy as jnp
import numpy as np
from jax.scipy.special import ndtr
from jaxtyping import Array, Float

from thermodiff.array_types import ByIdentity, Scalar, Vector, as_pytree, pytree_dataclass, static
from thermodiff.numerics.estimates import as_float64
from thermodiff.types import NotKnownError, is_concrete
from thermodiff.validation import check_finite, check_positive, complain

Reward = Callable[[Vector], Any]
"""Any function of one sample, written with jax.numpy; it is never differentiated."""


@runtime_checkable
class Indicator(Protocol):
    """A reward that is 1 for correct samples and 0 for others, with its chance under a mixture of Gaussians."""

    def __call__(self, x: Vector) -> Scalar:
        """0 or 1 at x (d,)."""

    def probability(self, weights: Any, means: Any, covs: Any) -> Scalar:
        """P(correct) under sum_k w_k N(m_k, C_k): weights (K,), means (K, d), covs (K, d, d)."""


@pytree_dataclass
class HalfSpace:
    """r(x) = 1 where n . x > b: ``direction`` n (d,), not 0, and ``threshold`` b, in the units of n . x."""

    direction: Any
    threshold: Any

    def __post_init__(self) -> None:
        check_finite("direction", self.direction)
        check_finite("threshold", self.threshold)
        direction = jnp.atleast_1d(jnp.asarray(self.direction, dtype=float))
        if direction.ndim != 1 or (is_concrete(direction) and not np.any(as_float64(direction))):
            raise complain("direction", f"{self.direction}", "a vector (d,) that is not 0")
        object.__setattr__(self, "direction", direction)
        object.__setattr__(self, "threshold", jnp.asarray(self.threshold, dtype=float))

    def __call__(self, x: Vector) -> Scalar:
        """1 where n . x > b, else 0."""
        return jnp.where(self.direction @ x > self.threshold, 1.0, 0.0)

    def probability(self, weights: Any, means: Any, covs: Any) -> Scalar:
        """sum_k w_k Phi((n . m_k - b)/sqrt(n . C_k n))."""
        spread = jnp.sqrt(jnp.einsum("i,kij,j->k", self.direction, covs, self.direction))
        return jnp.sum(weights * ndtr((means @ self.direction - self.threshold) / spread))


@pytree_dataclass
class Balls:
    """r(x) = 1 within ``radius`` of one of the ``centres`` (K, d), which lie more than two radii apart; units of x."""

    centres: Any
    radius: Any

    def __post_init__(self) -> None:
        check_positive("radius", self.radius)
        check_finite("centres", self.centres)
        centres = jnp.asarray(self.centres, dtype=float)
        if centres.ndim != 2 or not centres.size:
            raise complain("centres", f"shape {centres.shape}", "shape (K, d), one row a ball")
        if is_concrete((centres, self.radius)) and len(centres) > 1:
            apart = np.linalg.norm(as_float64(centres)[:, None] - as_float64(centres), axis=-1)
            nearest = float(apart[~np.eye(len(centres), dtype=bool)].min())
            if nearest <= 2 * float(self.radius):
                raise complain("centres", f"two that are {nearest:g} apart", "balls that do not overlap")
        object.__setattr__(self, "centres", centres)
        object.__setattr__(self, "radius", jnp.asarray(self.radius, dtype=float))

    def __call__(self, x: Vector) -> Scalar:
        """1 inside a ball, else 0."""
        squares = jnp.sum((x - self.centres) ** 2, axis=-1)
        return jnp.where(jnp.any(squares < self.radius**2), 1.0, 0.0)

    def probability(self, weights: Any, means: Any, covs: Any) -> Scalar:
        """The sum over balls: Gaussian distribution functions on the line, non-central chi squared in isotropic space.

        Raises NotKnownError for covariances in two dimensions or more that are no multiple of the identity.
        """
        if means.shape[-1] > 1:
            return jnp.asarray(_isotropic(self, weights, means, covs))
        spread = jnp.sqrt(covs[:, 0])
        offsets = self.centres[:, 0] - means
        inside = ndtr((offsets + self.radius) / spread) - ndtr((offsets - self.radius) / spread)
        return jnp.sum(weights[:, None] * inside)


def _isotropic(balls: Balls, weights: Any, means: Any, covs: Any) -> float:
    from scipy.stats import ncx2

    if not is_concrete((weights, means, covs)):
        raise NotKnownError(
            "chance of a ball in two dimensions or more: not known inside a compiled function"
        )
    weights, means, covs = as_float64(weights), as_float64(means), as_float64(covs)
    variances = covs[:, 0, 0]
    if not np.allclose(covs, variances[:, None, None] * np.eye(covs.shape[-1]), rtol=1e-5):
        raise NotKnownError(
            "chance of a ball under Gaussians that are not isotropic: estimate it from samples"
        )
    squares = np.sum((means[:, None] - as_float64(balls.centres)) ** 2, axis=-1) / variances[:, None]
    inside = ncx2.cdf(float(balls.radius) ** 2 / variances[:, None], means.shape[1], squares)
    return float(np.sum(weights[:, None] * inside))


@pytree_dataclass
class Quadratic:
    """r(x) = -(c/2) |x - a|^2: ``centre`` a (d,), in units of x, ``curvature`` c > 0, in reward per unit of x^2."""

    centre: Any
    curvature: Any

    def __post_init__(self) -> None:
        check_positive("curvature", self.curvature)
        check_finite("centre", self.centre)
        object.__setattr__(self, "centre", jnp.atleast_1d(jnp.asarray(self.centre, dtype=float)))
        object.__setattr__(self, "curvature", jnp.asarray(self.curvature, dtype=float))

    def __call__(self, x: Vector) -> Scalar:
        """-(c/2) |x - a|^2."""
        return -0.5 * self.curvature * jnp.sum((x - self.centre) ** 2)

    def mean_over(self, weights: Any, means: Any, covs: Any) -> Float[Array, ""]:
        """-(c/2) sum_k w_k (tr C_k + |m_k - a|^2)."""
        squares = jnp.trace(covs, axis1=-2, axis2=-1) + jnp.sum((means - self.centre) ** 2, axis=-1)
        return -0.5 * self.curvature * jnp.sum(weights * squares)


@pytree_dataclass
class OwnReward:
    """A user's own function, compiled in as it is."""

    function: ByIdentity = static()

    def __call__(self, x: Vector) -> Any:
        """The user's function."""
        return self.function.inside(x)


def as_reward(reward: Reward, dim: int) -> Any:
    """A reward as a pytree that maps (``dim``,) to (). Raises ValueError for what does not."""
    if not callable(reward):
        raise complain("reward", type(reward).__name__, f"a function of x of shape ({dim},)")
    thing = as_pytree(reward)
    thing = OwnReward(thing) if isinstance(thing, ByIdentity) else thing
    shape = getattr(jax.eval_shape(thing, jax.ShapeDtypeStruct((dim,), jnp.float32)), "shape", None)
    if shape != ():
        raise complain("reward", f"a value of shape {shape} for x of shape ({dim},)", "one number, shape ()")
    return thing
