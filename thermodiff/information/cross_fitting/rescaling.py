"""A network's correction of its Gaussian, rescaled at each noise level on held-out rows; and the mean of several.

Source: this project.
"""

from __future__ import annotations

from typing import Any

import jax.numpy as jnp
import numpy as np

from thermodiff.array_types import Process, Scalar, pytree_dataclass
from thermodiff.information.cross_fitting.conditional import ConditionalScore, Row
from thermodiff.information.cross_fitting.negentropy import LEVELS, SIGMA_HIGH, SIGMA_LOW, Correction
from thermodiff.scores.base import NoiseScore

SMOOTHING = 5
"""Neighbouring noise levels that share one rescaling of the network's correction."""
LARGEST_SCALE = 1.2


@pytree_dataclass
class RescaledScore(NoiseScore):
    """n = n_G + c(ell) (n_th - n_G): the network's correction of its Gaussian times c (L,), one for each interval."""

    score: ConditionalScore
    scale: Any

    @property
    def process(self) -> Process:  # type: ignore[override]  # that of the score inside
        """The process of the score inside."""
        return self.score.process

    def noise(self, x: Row, t: Scalar) -> Row:
        """The noise prediction, shape (d + c,)."""
        inside, g = self.score, self.score.reference
        alpha, sigma = inside.process.alpha(t), inside.process.sigma(t)
        level = (jnp.log(sigma / alpha) - jnp.log(SIGMA_LOW)) / jnp.log(SIGMA_HIGH / SIGMA_LOW) * LEVELS
        factor = self.scale[jnp.clip(level.astype(int), 0, LEVELS - 1)]
        gaussian = g.noise(x, alpha, sigma)
        noise = inside.noise(x, t)
        return noise.at[: g.dim].set(gaussian + factor * (noise[: g.dim] - gaussian))


@pytree_dataclass
class MeanScore:
    """The mean of several scores: its error is at most the mean of theirs, as the loss is convex."""

    scores: tuple[Any, ...]

    def noise(self, row: Row, t: Scalar) -> Row:
        """(1/K) sum_k n_k(row, t)."""
        return sum(score.noise(row, t) for score in self.scores) / len(self.scores)

    def __call__(self, row: Row, t: Scalar) -> Row:
        """The score, shape (d + c,)."""
        return sum(score(row, t) for score in self.scores) / len(self.scores)


def best_scale(correction: Correction) -> np.ndarray:
    """c (L,) = E[r . F]/E|F|^2 in each interval of ell, over ``SMOOTHING`` neighbours, between 0 and 1.2.

    It minimises E|r - c F|^2 over the neighbours together; where no neighbour shared it and nothing were clipped the
    three readings would agree and the loss could not rise.
    """
    window = np.ones(SMOOTHING)
    overlap = np.convolve(correction.overlap.mean(axis=0), window, mode="same")
    square = np.convolve(correction.square.mean(axis=0), window, mode="same")
    return np.clip(overlap / np.maximum(square, 1e-30), 0.0, LARGEST_SCALE)
