"""Scores made from a network: the network is the noise prediction, or its departure from a Gaussian."""

from __future__ import annotations

from typing import Any

import jax.numpy as jnp

from thermodiff.array_types import Process, Scalar, Vector, pytree_dataclass
from thermodiff.distributions.gaussian import Gaussian
from thermodiff.scores.base import NoiseScore, has_closed_divergence


@pytree_dataclass
class PlainScore(NoiseScore):
    """The network is the noise prediction: s(x, t) = -F(x_in, ln(sigma/alpha)) / sigma.

    x_in = (x - alpha m)/sqrt(alpha^2 v + sigma^2) with m the data's mean and v its mean variance; nothing of
    the data's shape is built in, so even a Gaussian has to be learned.
    """

    network: Any
    process: Process
    reference: Gaussian
    t_min: Any

    def noise(self, x: Vector, t: Scalar) -> Vector:
        """n(x, t), shape (d,)."""
        alpha, sigma = self.process.alpha(t), self.process.sigma(t)
        scale = jnp.sqrt(alpha**2 * jnp.mean(self.reference.variances) + sigma**2)
        return self.network((x - alpha * self.reference.mean) / scale, jnp.log(sigma / alpha))


@pytree_dataclass
class PreconditionedScore(NoiseScore):
    """The network learns the departure from the Gaussian of the data's moments; exact for Gaussian data at F = 0.

    In the eigenbasis e_i, c_i of the data's covariance, with v_i = alpha^2 c_i + sigma^2 and z_i = e_i.(x
    - alpha m)/sqrt(v_i),
        n = -sigma s = sum_i e_i (sigma z_i + alpha sqrt(c_i) F_i(z, ln(sigma/alpha))) / sqrt(v_i),
    the four scalars of Karras et al. (2022) taken per principal axis.
    """

    network: Any
    process: Process
    reference: Gaussian
    t_min: Any

    def noise(self, x: Vector, t: Scalar) -> Vector:
        """n(x, t), shape (d,)."""
        alpha, sigma = self.process.alpha(t), self.process.sigma(t)
        g = self.reference
        root = jnp.sqrt(alpha**2 * g.variances + sigma**2)
        z = (g.axes.T @ (x - alpha * g.mean)) / root
        departure = self.network(z, jnp.log(sigma / alpha))
        return g.axes @ ((sigma * z + alpha * jnp.sqrt(g.variances) * departure) / root)

    @property
    def has_closed_divergence(self) -> bool:
        """Whether the network has its divergence in closed form."""
        return has_closed_divergence(self.network)

    def relative_velocity(self, z: Vector, t: Scalar) -> tuple[Vector, Scalar]:
        """w_i = alpha sigma sqrt(c_i)/v_i F_i(z) of ``scores.diffusion``, shape (d,), and div_z w."""
        alpha, sigma = self.process.alpha(t), self.process.sigma(t)
        c = self.reference.variances
        weights = alpha * sigma * jnp.sqrt(c) / (alpha**2 * c + sigma**2)
        F, divergence = self.network.with_divergence(z, jnp.log(sigma / alpha), weights)
        return weights * F, divergence
