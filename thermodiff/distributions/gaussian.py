"""The Gaussian, whose every noised marginal, score and entropy is in closed form."""

from __future__ import annotations

import dataclasses
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
from jax.scipy.special import ndtri
from jaxtyping import Array, Float

from thermodiff.array_types import Key, Samples2d, Scalar, Vector, pytree_dataclass
from thermodiff.distributions.base import Family, gaussian_entropy
from thermodiff.numerics.estimates import as_float64
from thermodiff.types import is_concrete
from thermodiff.validation import check_covariance, check_finite, complain


@pytree_dataclass
class Gaussian(Family):
    """N(mean, cov):  ln p(x) = -(1/2) (x - mean)^T cov^-1 (x - mean) - (1/2) ln det(2 pi cov).

    ``mean`` (d,) and ``cov`` (d, d), any symmetric positive definite matrix, in units of x and x^2. Its noised
    marginal is N(alpha mean, alpha^2 cov + sigma^2 I), computed in the eigenbasis of cov.
    """

    mean: Any
    cov: Any
    variances: Any = dataclasses.field(init=False, repr=False, default=None)
    axes: Any = dataclasses.field(init=False, repr=False, default=None)

    def __post_init__(self) -> None:
        check_finite("mean", self.mean)
        mean = jnp.atleast_1d(jnp.asarray(self.mean, dtype=float))
        if mean.ndim != 1:
            raise complain("mean", f"shape {mean.shape}", "shape (d,)")
        check_covariance("cov", self.cov, mean.shape[0])
        object.__setattr__(self, "mean", mean)
        if is_concrete(self.cov):
            variances, axes = np.linalg.eigh(as_float64(self.cov))
        else:
            variances, axes = jnp.linalg.eigh(self.cov)
        object.__setattr__(self, "cov", jnp.asarray(self.cov, dtype=float))
        object.__setattr__(self, "variances", jnp.asarray(variances, dtype=float))
        object.__setattr__(self, "axes", jnp.asarray(axes, dtype=float))

    @property
    def dim(self) -> int:
        """Number of coordinates d."""
        return self.mean.shape[-1]

    def moments(self) -> tuple[Vector, Float[Array, "d d"]]:
        """(mean, cov)."""
        return self.mean, self.cov

    @property
    def transport_dim(self) -> int:
        """d uniforms make one sample."""
        return self.dim

    def transport(self, u: Float[Array, " k"]) -> Vector:
        """mean + sum_i e_i sqrt(v_i) Phi^-1(u_i)."""
        return self.mean + self.axes @ (jnp.sqrt(self.variances) * ndtri(u))

    def sample(self, key: Key, n: int) -> Samples2d:
        """n independent samples, shape (n, d)."""
        z = jax.random.normal(key, (n, self.dim))
        return self.mean + (z * jnp.sqrt(self.variances)) @ self.axes.T

    def noised_log_prob(self, x: Vector, alpha: Any, sigma: Any) -> Scalar:
        """ln N(x; alpha mean, alpha^2 cov + sigma^2 I)."""
        v = alpha**2 * self.variances + sigma**2
        z = self.axes.T @ (x - alpha * self.mean)
        return -0.5 * jnp.sum(z**2 / v + jnp.log(2 * jnp.pi * v))

    def noised_score(self, x: Vector, alpha: Any, sigma: Any) -> Vector:
        """-(alpha^2 cov + sigma^2 I)^-1 (x - alpha mean)."""
        v = alpha**2 * self.variances + sigma**2
        return -self.axes @ ((self.axes.T @ (x - alpha * self.mean)) / v)

    def noised_entropy(self, alpha: float, sigma: float) -> float:
        """(1/2) ln det(2 pi e (alpha^2 cov + sigma^2 I))."""
        return gaussian_entropy(alpha**2 * as_float64(self.variances) + sigma**2)

    def noised(self, alpha: Any, sigma: Any) -> Gaussian:
        """The Gaussian law of alpha x_0 + sigma eps."""
        moments = alpha * self.mean, alpha**2 * self.cov + sigma**2 * jnp.eye(self.dim)
        if is_concrete(moments):
            return Gaussian(*moments)
        # Its axes are those of the data: a second decomposition has no derivative where variances are equal.
        law = object.__new__(Gaussian)
        variances = alpha**2 * self.variances + sigma**2
        for name, value in zip(
            ("mean", "cov", "variances", "axes"), (*moments, variances, self.axes), strict=True
        ):
            object.__setattr__(law, name, value)
        return law
