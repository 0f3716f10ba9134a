"""A network's correction of its Gaussian, rescaled at each noise level on held-out rows; and the mean of several.

Source: this project.
"""

from __future__ import annotations

from typing import Any

import jax.numpy as jnp
import numpy as np

from thermodiff.array_types import Scalar, pytree_dataclass
from thermodiff.information.cross_fitting.conditional import ConditionalScore, Row
from thermodiff.information.cross_fitting.negentropy import LEVELS, SIGMA_HIGH, SIGMA_LOW, Correction

SMOOTHING = 5
"""Neighbouring noise levels that share one rescaling of the network's correction."""
LARGEST_SCALE = 1.2


@pytree_dataclass
class RescaledScore:
    """n = n_G + c(ell) (n_th - n_G): the network's correction of its Gaussian times c (L,), one for each interval."""

    score: ConditionalScore
    scale: Any

    def noise(self, row: Row, t: Scalar) -> Row:
        """The noise prediction, shape (d + c,)."""
        inside, g = self.score, self.score.reference
        alpha, sigma = inside.process.alpha(t), inside.process.sigma(t)
        level = (jnp.log(sigma / alpha) - jnp.log(SIGMA_LOW)) / jnp.log(SIGMA_HIGH / SIGMA_LOW) * LEVELS
        factor = self.scale[jnp.clip(level.astype(int), 0, LEVELS - 1)]
        gaussian = g.noise(row, alpha, sigma)
        noise = inside.noise(row, t)
        return noise.at[: g.dim].set(gaussian + factor * (noise[: g.dim] - gaussian))

    def __call__(self, row: Row, t: Scalar) -> Row:
        """The score, shape (d + c,)."""
        return -self.noise(row, t) / self.score.process.sigma(t)


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

    It minimises E|r - c F|^2, so that all three readings agree on average and the loss cannot rise.
    """
    window = np.ones(SMOOTHING)
    overlap = np.convolve(correction.overlap.mean(axis=0), window, mode="same")
    square = np.convolve(correction.square.mean(axis=0), window, mode="same")
    return np.clip(overlap / np.maximum(square, 1e-30), 0.0, LARGEST_SCALE)
