"""Mixtures of Gaussians: noised marginals and scores in closed form, entropies by quadrature in the plane."""

from __future__ import annotations

import dataclasses
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
from jax.scipy.special import logsumexp, ndtri
from jaxtyping import Array, Float

from thermodiff.array_types import Scalar, Vector, pytree_dataclass
from thermodiff.distributions.base import Family
from thermodiff.distributions.quadrature import FARTHEST, Density, cover, in_float64, integrate, log_density
from thermodiff.numerics.estimates import as_float64
from thermodiff.types import is_concrete
from thermodiff.validation import check_covariance, check_finite, complain


@pytree_dataclass
class GaussianMixture(Family):
    """p(x) = sum_k w_k N(x; m_k, C_k).

    ``weights`` w (K,), positive with sum one (to 1e-4; then normalised), ``means`` m (K, d), ``covs`` C (K, d, d),
    symmetric and positive definite, in units of x and x^2. The noised marginal is
        p_t = sum_k w_k N(alpha m_k, alpha^2 C_k + sigma^2 I),
    computed in the eigenbasis of each C_k. Raises ValueError for weights, shapes or covariances that are none of this.
    """

    weights: Any
    means: Any
    covs: Any
    variances: Any = dataclasses.field(init=False, repr=False, default=None)
    axes: Any = dataclasses.field(init=False, repr=False, default=None)

    def __post_init__(self) -> None:
        _check_weights(self.weights)
        check_finite("means", self.means)
        k, shape = np.shape(self.weights)[0], np.shape(self.means)
        if len(shape) != 2 or shape[0] != k:
            raise complain("means", f"shape {shape}", f"shape ({k}, d), one mean per weight")
        if np.shape(self.covs) != (k, shape[1], shape[1]):
            raise complain("covs", f"shape {np.shape(self.covs)}", f"shape ({k}, {shape[1]}, {shape[1]})")
        for i, cov in enumerate(self.covs):
            check_covariance(f"covs[{i}]", cov, shape[1])
        eigh = np.linalg.eigh(as_float64(self.covs)) if is_concrete(self.covs) else jnp.linalg.eigh(self.covs)
        weights = as_float64(self.weights) if is_concrete(self.weights) else self.weights
        values = {"weights": weights / weights.sum(), "means": self.means, "covs": self.covs}
        for name, value in (values | {"variances": eigh[0], "axes": eigh[1]}).items():
            object.__setattr__(self, name, jnp.asarray(value, dtype=float))

    @property
    def dim(self) -> int:
        """Number of coordinates d."""
        return self.means.shape[-1]

    def moments(self) -> tuple[Vector, Float[Array, "d d"]]:
        """M = sum_k w_k m_k and sum_k w_k [C_k + (m_k - M)(m_k - M)^T]."""
        mean = jnp.sum(self.weights[:, None] * self.means, axis=0)
        apart = self.means - mean
        spread = self.covs + apart[:, :, None] * apart[:, None, :]
        return mean, jnp.sum(self.weights[:, None, None] * spread, axis=0)

    @property
    def transport_dim(self) -> int:
        """One uniform for the component and d for the place in it."""
        return self.dim + 1

    def transport(self, u: Float[Array, " k"]) -> Vector:
        """m_k + sum_i e_ki sqrt(v_ki) Phi^-1(u_(i+1)), k the component in whose share of (0, 1) u_0 lies."""
        k = jnp.sum(u[0] > jnp.cumsum(self.weights)[:-1])
        return self.means[k] + jnp.sum(self.axes[k] * jnp.sqrt(self.variances[k]) * ndtri(u[1:]), axis=-1)

    def noised_log_prob(self, x: Vector, alpha: Any, sigma: Any) -> Scalar:
        """ln sum_k w_k N(x; alpha m_k, alpha^2 C_k + sigma^2 I)."""
        return logsumexp(self._components(x, alpha, sigma)[0])

    def noised_score(self, x: Vector, alpha: Any, sigma: Any) -> Vector:
        """sum_k r_k(x) s_k(x), r_k the probability that x came from component k and s_k that component's score."""
        log_p, v, z = self._components(x, alpha, sigma)
        scores = -jnp.sum(self.axes * (z / v)[:, None, :], axis=-1)
        return jnp.sum(jax.nn.softmax(log_p)[:, None] * scores, axis=0)

    def noised_entropy(self, alpha: float, sigma: float) -> float:
        """-sum_k w_k E_k ln p in one and two dimensions, each E_k by quadrature in its own whitened coordinates."""
        if self.dim > 2:
            raise self._not_known("entropy")
        with jax.enable_x64(True):
            mixture = in_float64(self)
        log_p = log_density(self, alpha, sigma)
        weights, axes = as_float64(mixture.weights), as_float64(mixture.axes)
        means, widths = alpha * as_float64(mixture.means), alpha**2 * as_float64(mixture.variances) + sigma**2
        roots = axes * np.sqrt(widths)[:, None, :]
        terms = [w * _cross_entropy(log_p, k, means, roots) for k, w in enumerate(weights)]
        return float(sum(terms))

    def _components(self, x: Vector, alpha: Any, sigma: Any) -> tuple[Array, Array, Array]:
        """ln w_k N_k(x) (K,), the variances v (K, d), and x - alpha m_k along the axes (K, d)."""
        v = alpha**2 * self.variances + sigma**2
        # Sums rather than matrix products, which an accelerator may round to fewer digits.
        z = jnp.sum(self.axes * (x - alpha * self.means)[:, :, None], axis=1)
        return jnp.log(self.weights) - 0.5 * jnp.sum(z**2 / v + jnp.log(2 * jnp.pi * v), axis=-1), v, z


def _check_weights(weights: Any) -> None:
    """Raise unless ``weights`` (K,) are positive and add up to one."""
    check_finite("weights", weights)
    if len(np.shape(weights)) != 1 or np.shape(weights)[0] == 0:
        raise complain("weights", f"shape {np.shape(weights)}", "shape (K,), one weight per component")
    if not is_concrete(weights):
        return
    w = as_float64(weights)
    if w.min() <= 0:
        raise complain("weights", f"weights[{w.argmin()}] = {w.min():g}", "positive weights")
    if abs(w.sum() - 1) > 1e-4:
        raise complain("weights", f"a sum of {w.sum():g}", "weights that add up to 1")


def _cross_entropy(log_p: Density, k: int, means: np.ndarray, roots: np.ndarray) -> float:
    """-E ln p over component k, x = means[k] + roots[k] z with z standard normal."""
    dim = means.shape[1]
    own = np.linalg.inv(roots[k])
    centres = (means - means[k]) @ own.T
    inverse_roots = np.linalg.inv(own @ roots)
    domain = np.tile([-FARTHEST, FARTHEST], (1, dim, 1))

    def integrand(z: np.ndarray) -> np.ndarray:
        normal = np.exp(-0.5 * np.sum(z**2, axis=1)) / (2 * np.pi) ** (0.5 * dim)
        return -normal * log_p(means[k] + z @ roots[k].T)

    what = "entropy of GaussianMixture"
    return integrate(integrand, cover(domain, centres, inverse_roots, what, slice(k, k + 1)), what)


def eight_gaussians(radius: float = 4.0, width: float = 0.5) -> GaussianMixture:
    """Eight equal Gaussians of standard deviation ``width`` on a circle of ``radius``, the first on the x axis.

    At the defaults the entropy is 3.52473 nats. Raises ValueError unless both are positive.
    """
    for name, value in (("radius", radius), ("width", width)):
        if not value > 0:
            raise complain(name, f"{value}", "a positive number")
    angles = 2 * np.pi * np.arange(8) / 8
    means = radius * np.stack([np.cos(angles), np.sin(angles)], axis=1)
    return GaussianMixture(np.full(8, 1 / 8), means, np.tile(width**2 * np.eye(2), (8, 1, 1)))
