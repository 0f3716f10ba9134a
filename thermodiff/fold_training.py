"""One score of some columns given others: trained, stopped and rescaled on held-out rows; and the mean of several.

The Gaussian it starts from is that of its training rows, whose bias on other rows is known exactly for Gaussian data.
Source: this project.
"""

from __future__ import annotations

import dataclasses
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
import numpy as np

from thermodiff.conditional import ConditionalGaussian, ConditionalRows, ConditionalScore, Row, regression
from thermodiff.gaussian_correction import (
    LEVELS,
    SIGMA_HIGH,
    SIGMA_LOW,
    Correction,
    canonical,
    evaluate,
    gaussian_only,
)
from thermodiff.numerics import wishart_log_det_bias
from thermodiff.training import fit
from thermodiff.training_problem import FEW_ROWS_PER_DIM, TrainingConfig, shrunk
from thermodiff.types import Key, Scalar, pytree_dataclass

SMOOTHING = 5
"""Neighbouring noise levels that share one rescaling of the network's correction."""
LARGEST_SCALE = 1.2


class Trained(NamedTuple):
    """A score, the Gaussian it starts from, the rescaling of its correction, and how its training ended."""

    score: Any
    reference: ConditionalGaussian
    scale: np.ndarray
    bias: float
    best_step: int
    loss: float


def gaussian_of(rows: np.ndarray, dim: int) -> ConditionalGaussian:
    """The Gaussian of the first ``dim`` columns of rows (n, d + c) given the others, by their moments.

    Correlations are shrunk as in ``training_problem.reference_gaussian`` where rows are few.
    """
    x = np.asarray(rows, dtype=np.float64)
    n, width = x.shape
    cov = np.cov(x, rowvar=False).reshape(width, width)
    if n < FEW_ROWS_PER_DIM * width:
        cov = shrunk(cov, n)
    return regression(x.mean(axis=0), cov, dim, n)


def train(
    key: Key, rows: np.ndarray, dim: int, training: np.ndarray, stopping: np.ndarray, config: TrainingConfig
) -> Trained:
    """A network on the numbers ``training`` of rows (n, d + c), stopped by and rescaled on the numbers ``stopping``."""
    fit_key, scale_key = jax.random.split(key)
    m, width = len(training), rows.shape[1]
    reference = gaussian_of(rows[training], dim)
    data = ConditionalRows(rows[training], reference, width - dim)
    start = float(canonical().time_of_log_snr(-2 * jnp.log(SIGMA_LOW)))
    config = dataclasses.replace(config, t_min=start, parameterisation=ConditionalScore)
    trained = fit(fit_key, data, canonical(), config=config, validation=rows[stopping])
    scale = best_scale(evaluate(scale_key, trained.score, reference, rows[stopping], tuple(range(dim)), dim))
    losses = trained.history.validation
    best = int(np.nanargmin(losses))
    bias = gaussian_bias(m, dim, width - dim)
    return Trained(
        trained.score, reference, scale, bias, int(trained.history.step[best]), float(losses[best])
    )


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


def mean_score(trained: list[Trained]) -> MeanScore:
    """The rescaled scores of several trainings, averaged."""
    return MeanScore(tuple(RescaledScore(t.score, jnp.asarray(t.scale, dtype=float)) for t in trained))


def gaussian_fold(rows: np.ndarray, dim: int, training: np.ndarray) -> Trained:
    """No network: the Gaussian of the training rows, for coordinates that are known to be normal."""
    bias = gaussian_bias(len(training), dim, rows.shape[1] - dim)
    return Trained(None, gaussian_of(rows[training], dim), np.zeros(LEVELS), bias, 0, np.nan)


def best_scale(correction: Correction) -> np.ndarray:
    """c (L,) = E[r . F]/E|F|^2 in each interval of ell, over ``SMOOTHING`` neighbours, between 0 and 1.2.

    It minimises E|r - c F|^2, so that all three readings agree on average and the loss cannot rise.
    """
    window = np.ones(SMOOTHING)
    overlap = np.convolve(correction.overlap.mean(axis=0), window, mode="same")
    square = np.convolve(correction.square.mean(axis=0), window, mode="same")
    return np.clip(overlap / np.maximum(square, 1e-30), 0.0, LARGEST_SCALE)


def gaussian_bias(m: int, d: int, given: int = 0) -> float:
    """By how much -ln of the Gaussian y | w fitted to m rows exceeds the entropy on other rows, nats.

    For Gaussian data of d columns and c given ones, exactly. With nu = m - 1 - c degrees of freedom E ln det of the
    residuals' covariance is a sum of digammas, E of its inverse nu/(nu - d - 1) times the inverse, and the fitted
    centre adds (1 + 1/m)(m - 2)/(m - c - 2) - 1 of the variance. About d(d + 3 + 2c)/4m. Not known, and taken for
    zero, for nu <= d + 1.
    """
    nu = m - 1 - given
    if nu <= d + 1:
        return 0.0
    inflation = nu / (nu - d - 1) * (1 + 1 / m) * (m - 2) / (m - given - 2)
    return 0.5 * wishart_log_det_bias(nu + 1, d) + 0.5 * d * (inflation - 1)


def corrections(
    key: Key, trained: Trained, rows: np.ndarray, columns: tuple[int, ...], noise_dim: int
) -> Correction:
    """``evaluate`` of a trained fold on rows (n, d + c)."""
    if trained.score is None:
        return gaussian_only(trained.reference, rows)
    return evaluate(key, trained.score, trained.reference, rows, columns, noise_dim)
