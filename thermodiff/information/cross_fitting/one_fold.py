"""One score of some columns given others: trained, stopped and rescaled on held-out rows.

The Gaussian it starts from is that of its training rows, whose bias on other rows is known exactly for Gaussian data
(``information.gaussian_bias``). Source: this project.
"""

from __future__ import annotations

import dataclasses
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
import numpy as np

from thermodiff.array_types import Key
from thermodiff.distributions.reference import believed_moments
from thermodiff.information.cross_fitting.conditional import (
    ConditionalGaussian,
    ConditionalRows,
    ConditionalScore,
    regression,
)
from thermodiff.information.cross_fitting.negentropy import (
    LEVELS,
    SIGMA_LOW,
    Correction,
    canonical,
    evaluate,
    gaussian_only,
    passes,
)
from thermodiff.information.cross_fitting.rescaling import MeanScore, RescaledScore, best_scale
from thermodiff.information.gaussian_bias import gaussian_bias
from thermodiff.runtime.shares import portion
from thermodiff.training.config import TrainingConfig
from thermodiff.training.fit import fit


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

    Those of ``distributions.reference.believed_moments``.
    """
    return regression(*believed_moments(rows), dim, len(rows))


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
    learning = learning_passes(config)
    with portion(learning / (learning + passes(len(stopping)))):
        trained = fit(fit_key, data, canonical(), config=config, validation=rows[stopping])
    scale = best_scale(evaluate(scale_key, trained.score, reference, rows[stopping], tuple(range(dim)), dim))
    losses = trained.history.validation
    best = int(np.nanargmin(losses))
    bias = gaussian_bias(m, dim, width - dim)
    return Trained(
        trained.score, reference, scale, bias, int(trained.history.step[best]), float(losses[best])
    )


def learning_passes(config: TrainingConfig) -> float:
    """What a training costs at most, in passes of its network for one row: a gradient is worth two."""
    return 3.0 * config.steps * config.batch_size


def mean_score(trained: list[Trained]) -> MeanScore:
    """The rescaled scores of several trainings, averaged."""
    return MeanScore(tuple(RescaledScore(t.score, jnp.asarray(t.scale, dtype=float)) for t in trained))


def gaussian_fold(rows: np.ndarray, dim: int, training: np.ndarray) -> Trained:
    """No network: the Gaussian of the training rows, for coordinates that are known to be normal."""
    bias = gaussian_bias(len(training), dim, rows.shape[1] - dim)
    return Trained(None, gaussian_of(rows[training], dim), np.zeros(LEVELS), bias, 0, np.nan)


def corrections(
    key: Key, trained: Trained, rows: np.ndarray, columns: tuple[int, ...], noise_dim: int
) -> Correction:
    """``evaluate`` of a trained fold on rows (n, d + c)."""
    if trained.score is None:
        return gaussian_only(trained.reference, rows)
    return evaluate(key, trained.score, trained.reference, rows, columns, noise_dim)
