"""What a network predicts, and the noise prediction n = -sigma s that follows.

With x = alpha x_0 + sigma eps, means over what x may have come from:

    noise      E[eps]                     n = F
    denoiser   D = E[x_0]                 n = (x - alpha D)/sigma
    v          E[alpha eps - sigma x_0]   n = (sigma x + alpha v)/(alpha^2 + sigma^2)
    velocity   u = E[dx/dt] = f - D s     n = sigma (u - a x)/D

(the last D the noise's strength, f = a x the drift; for alpha = 1 - t, sigma = t it is n = x + (1 - t) u). Sources: Ho
et al. (2020); Karras et al. (2022); Salimans & Ho (2022), appendix D; Lipman et al. (2023). That each holds for any
alpha and sigma is this project's.
"""

from __future__ import annotations

from typing import Any, NamedTuple

import jax
import jax.numpy as jnp

from thermodiff.array_types import Process, Scalar, Vector, pytree_dataclass


class Seen(NamedTuple):
    """The state that a model was asked about: x' = c x, alpha' = c alpha, sigma' = c sigma (``model_scalings``).

    ``direction`` is that of the model's clock.
    """

    x: Vector
    alpha: Scalar
    sigma: Scalar
    direction: Any
    process: Process
    scaling: Any
    t: Scalar

    @property
    def drift_rate(self) -> Any:
        """a' = d ln alpha'/dt."""
        p = self.process
        of_factor = jax.grad(lambda u: jnp.log(self.scaling.factor(p.alpha(u), p.sigma(u))))
        return p.drift_rate(self.t) + of_factor(jnp.asarray(self.t, dtype=float))

    @property
    def pace(self) -> Any:
        """d ln(sigma/alpha)/dt = D/sigma^2, the same for x and c x."""
        return self.process.diffusivity(self.t) / self.process.sigma(self.t) ** 2


@pytree_dataclass
class NoisePrediction:
    """F = E[eps | x]."""

    says = "noise prediction"

    def noise(self, answer: Vector, at: Seen) -> Vector:
        """F."""
        return answer


@pytree_dataclass
class Denoiser:
    """F = E[x_0 | x]."""

    says = "denoiser"

    def noise(self, answer: Vector, at: Seen) -> Vector:
        """(x - alpha F)/sigma."""
        return (at.x - at.alpha * answer) / at.sigma


@pytree_dataclass
class VPrediction:
    """F = E[alpha eps - sigma x_0 | x]."""

    says = "v prediction"

    def noise(self, answer: Vector, at: Seen) -> Vector:
        """(sigma x + alpha F)/(alpha^2 + sigma^2)."""
        return (at.sigma * at.x + at.alpha * answer) / (at.alpha**2 + at.sigma**2)


@pytree_dataclass
class Velocity:
    """F = E[dx/dt | x], in the direction of the model's clock."""

    says = "velocity"

    def noise(self, answer: Vector, at: Seen) -> Vector:
        """(F - a x)/(sigma d ell/dt)."""
        return (at.direction * answer - at.drift_rate * at.x) / (at.sigma * at.pace)


PREDICTIONS: tuple[Any, ...] = (NoisePrediction(), Denoiser(), VPrediction(), Velocity())
