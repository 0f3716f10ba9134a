"""A learned diffusion: a score, its process, how its divergence is taken, and the Gaussian that it departs from.

Made once of a user's score and process, checked, and handed on as one pytree to whatever averages or moves with it.

In the principal axes e_i and variances c_i of the reference, with r = sigma/alpha, rho_i^2 = c_i + r^2 and z_i =
e_i . (x/alpha - m)/rho_i, the flow of that Gaussian stands still and the learned one moves by
    dz_i/d ell = w_i = (r/rho_i) (e_i . n - (r/rho_i) z_i),     so that     sigma div_x n = sum_i (r/rho_i)^2 + div_z w.
Source: this project.
"""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import jax.numpy as jnp
import numpy as np

from thermodiff.array_types import Key, Process, Scalar, Vector, pytree_dataclass
from thermodiff.distributions.gaussian import Gaussian
from thermodiff.numerics.divergence import Divergence
from thermodiff.scores.base import noise_prediction, reference_of, starting_time
from thermodiff.scores.callables import as_score
from thermodiff.scores.divergence import default_divergence, without_products
from thermodiff.scores.exact import check_process_of
from thermodiff.validation import check_process


@pytree_dataclass
class LearnedDiffusion:
    """s_th and its process.

    ``divergence`` says how div s_th is taken, None that it is not. ``reference`` is the Gaussian whose flow the learned
    one departs from: of the moments that the score knows, else N(0, I).
    """

    score: Any
    process: Process
    divergence: Divergence | None
    reference: Gaussian

    @property
    def dim(self) -> int:
        """Number of coordinates d."""
        return self.reference.dim

    def taking(self, divergence: Divergence | None) -> LearnedDiffusion:
        """The same with its divergence taken in another way, or not at all."""
        return replace(self, divergence=divergence)

    def starting_time(self, t_min: Any = None) -> Any:
        """``t_min``, else the score's own, else where noise is 1e-3 of the data (``scores.base.starting_time``)."""
        return starting_time(self.score, self.process, t_min)

    def noise(self, x: Vector, t: Scalar) -> Vector:
        """n_th(x, t) = -sigma s_th, shape (d,)."""
        return noise_prediction(self.score, self.process, x, t)

    @property
    def closed(self) -> bool:
        """Whether the divergence is a formula, and no Jacobian has to be kept for a point."""
        return without_products(self.score, self.divergence)

    def noise_with_divergence(
        self, x: Vector, t: Scalar, key: Key | None = None
    ) -> tuple[Vector, Scalar | None]:
        """n_th(x, t), shape (d,), and sigma div_x n_th, None where the divergence is not taken."""
        if self.divergence is None:
            return self.noise(x, t), None
        alpha, sigma = self.process.alpha(t), self.process.sigma(t)
        if not self.closed:
            noise, div = self.divergence(lambda y: self.noise(y, t), x, key)
            return noise, sigma * div
        g = self.reference
        root = jnp.sqrt(alpha**2 * g.variances + sigma**2)
        z, gain = (g.axes.T @ (x - alpha * g.mean)) / root, sigma / root
        w, div = self.score.relative_velocity(z, t)
        return g.axes @ (gain * z + w / gain), jnp.sum(gain**2) + div

    def relative_velocity(self, z: Vector, t: Scalar, key: Key | None = None) -> tuple[Vector, Scalar]:
        """w(z, t), shape (d,), and div_z w; without a divergence it cannot be called."""
        if self.closed:
            return self.score.relative_velocity(z, t)
        assert self.divergence is not None
        g, alpha, r = self.reference, self.process.alpha(t), self.process.sigma(t) / self.process.alpha(t)
        rho = jnp.sqrt(g.variances + r**2)
        gain = r / rho

        def velocity(y: Vector) -> Vector:
            position = alpha * (g.mean + g.axes @ (rho * y))
            return gain * (g.axes.T @ self.noise(position, t) - gain * y)

        return self.divergence(velocity, z, key)


def learned_diffusion(
    score: Any, process: Any, dim: int, divergence: Divergence | None = None
) -> LearnedDiffusion:
    """The learned diffusion of a user's score and process, ready for compiled functions.

    ``divergence`` is by default exact where the score has it in closed form and up to 16 dimensions, else Hutchinson's.
    Raises ValueError for what is no process, and for a score of another shape, that JAX cannot trace, or that is the
    exact one of another process.
    """
    check_process(process)
    check_process_of(score, process)
    score = as_score(score, dim)
    reference = reference_of(score) or Gaussian(np.zeros(dim), np.eye(dim))
    return LearnedDiffusion(score, process, divergence or default_divergence(score, dim), reference)
