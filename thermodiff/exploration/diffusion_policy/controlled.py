"""A score with a trainable correction, for base scores that have no network of their own."""

from __future__ import annotations

from typing import Any

import jax.numpy as jnp

from thermodiff.array_types import Key, Process, Scalar, Vector, pytree_dataclass
from thermodiff.scores.base import NoiseScore, noise_prediction, reference_of
from thermodiff.scores.networks import residual_mlp


@pytree_dataclass
class ControlledScore(NoiseScore):
    """n(x, t) = n_base(x, t) - F(z, ln(sigma/alpha)), z = (x - alpha m)/sqrt(alpha^2 v + sigma^2), F = 0 when new.

    m and v are the mean and mean variance of the data that the base knows of, else 0 and 1.
    """

    network: Any
    base: Any
    process: Process
    centre: Any
    variance: Any

    def noise(self, x: Vector, t: Scalar) -> Vector:
        """n(x, t), shape (d,)."""
        alpha, sigma = self.process.alpha(t), self.process.sigma(t)
        z = (x - alpha * self.centre) / jnp.sqrt(alpha**2 * self.variance + sigma**2)
        departure = self.network(z, jnp.log(sigma / alpha))
        return noise_prediction(self.base, self.process, x, t) - departure


def controlled_score(
    key: Key, base: Any, process: Process, dim: int, width: int = 32, depth: int = 2
) -> ControlledScore:
    """``base`` with a new residual network beside it, which changes nothing until it is trained."""
    reference = reference_of(base)
    centre = jnp.zeros(dim) if reference is None else reference.mean
    variance = jnp.ones(()) if reference is None else jnp.mean(reference.variances)
    return ControlledScore(residual_mlp(key, dim, width, depth), base, process, centre, variance)
