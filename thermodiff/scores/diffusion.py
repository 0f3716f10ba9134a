"""A learned diffusion: a score, its process, how its divergence is taken, and the Gaussian that it departs from.

Made once of a user's score and process, checked, and handed on as one pytree to whatever averages or moves with it.
"""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import jax.numpy as jnp

from thermodiff.array_types import Key, Process, Scalar, Score, Vector, pytree_dataclass
from thermodiff.distributions.gaussian import Gaussian
from thermodiff.numerics.divergence import Divergence
from thermodiff.scores import divergence as scores_divergence
from thermodiff.scores.base import noise_prediction, reference_of, starting_time
from thermodiff.scores.callables import traceable
from thermodiff.scores.divergence import default_divergence
from thermodiff.validation import check_process, check_score


@pytree_dataclass
class LearnedDiffusion:
    """s_th and its process.

    ``divergence`` says how div s_th is taken, None that it is not. ``reference`` is the Gaussian whose flow the learned
    one departs from: of the moments that the score knows, else N(0, I).
    """

    score: Score
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

    def noise_with_divergence(
        self, x: Vector, t: Scalar, key: Key | None = None
    ) -> tuple[Vector, Scalar | None]:
        """n_th(x, t), shape (d,), and sigma div_x n_th, None where the divergence is not taken."""
        if self.divergence is None:
            return self.noise(x, t), None
        return scores_divergence.noise_with_divergence(self.score, self.process, self.divergence, x, t, key)

    def relative_velocity(self, z: Vector, t: Scalar, key: Key | None = None) -> tuple[Vector, Scalar]:
        """w(z, t) of ``scores.divergence`` in the coordinates of ``reference``, shape (d,), and div_z w."""
        assert self.divergence is not None
        return scores_divergence.relative_velocity(
            self.score, self.process, self.divergence, self.reference, z, t, key
        )


def learned_diffusion(
    score: Any, process: Any, dim: int, divergence: Divergence | None = None
) -> LearnedDiffusion:
    """The learned diffusion of a user's score and process, ready for compiled functions.

    ``divergence`` is by default exact where the score has it in closed form and up to 16 dimensions, else Hutchinson's.
    Raises ValueError for what is no process, and for a score of another shape or that JAX cannot trace.
    """
    check_process(process)
    check_score(score, dim)
    reference = reference_of(score) or Gaussian(jnp.zeros(dim), jnp.eye(dim))
    return LearnedDiffusion(
        traceable(score), process, divergence or default_divergence(score, dim), reference
    )
