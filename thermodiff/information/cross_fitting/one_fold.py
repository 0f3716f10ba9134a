"""One score of some columns given others: trained, stopped and rescaled on held-out rows.

The Gaussian it starts from is that of its training rows, whose bias on other rows is known for Gaussian data
(``few_rows.fitted_bias``). Source: this project.
"""

from __future__ import annotations

import dataclasses
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
import numpy as np

from thermodiff.array_types import Key
from thermodiff.information.cross_fitting.conditional import (
    ConditionalGaussian,
    ConditionalRows,
    ConditionalScore,
    regression,
)
from thermodiff.information.cross_fitting.few_rows import fitted_bias, moments_of
from thermodiff.information.cross_fitting.folds import Fold
from thermodiff.information.cross_fitting.margins import Margins, margins_of
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
from thermodiff.runtime.shares import portion
from thermodiff.training.config import TrainingConfig
from thermodiff.training.fit import fit


class Approach(NamedTuple):
    """How a network learns a part, beyond what the settings say of all parts.

    ``maps`` says that columns are made normal one by one (``margins``); ``rate`` multiplies the learning rate of the
    settings.
    """

    maps: bool = False
    rate: float = 1.0

    def margins(self, rows: np.ndarray) -> Margins:
        """The maps of the columns of rows (m, d + c), fitted to these."""
        return margins_of(rows) if self.maps else Margins()


class Trained(NamedTuple):
    """A score, the maps and the Gaussian it starts from, the rescaling of its correction, and how it was trained.

    ``stopping`` is the mean of -ln q over the rows that stopped it, nats, the smaller the better.
    """

    score: Any
    reference: ConditionalGaussian
    margins: Margins
    scale: np.ndarray
    bias: float
    best_step: int
    loss: float
    stopping: float
    approach: Approach

    @property
    def learned(self) -> bool:
        """Whether there is more to it than the Gaussian: a network, or maps of columns."""
        return self.score is not None or bool(self.margins.columns)


def gaussian_of(rows: np.ndarray, dim: int) -> tuple[ConditionalGaussian, float]:
    """The Gaussian of the first ``dim`` columns of rows (n, d + c) given the others, and its bias on other rows, nats.

    By their moments (``few_rows``).
    """
    moments = moments_of(rows)
    return regression(*moments, dim, len(rows)), fitted_bias(moments, dim, len(rows))


def train(
    key: Key,
    rows: np.ndarray,
    dim: int,
    training: np.ndarray,
    stopping: np.ndarray,
    config: TrainingConfig,
    approach: Approach = Approach(),  # noqa: B008  immutable
    count: int | None = None,
) -> Trained:
    """A network on the numbers ``training`` of rows (n, d + c), stopped by and rescaled on the numbers ``stopping``.

    Of ``training`` it learns from the first ``count``, all if None.
    """
    fit_key, scale_key = jax.random.split(key)
    m, width = len(training) if count is None else count, rows.shape[1]
    margins = approach.margins(rows[training[:m]])
    seen, judge = margins.forward(rows[training]), margins.forward(rows[stopping])
    reference, bias = gaussian_of(seen[:m], dim)
    data = ConditionalRows(seen, reference, width - dim, m)
    start = float(canonical().time_of_log_snr(-2 * jnp.log(SIGMA_LOW)))
    rate = approach.rate * config.learning_rate
    config = dataclasses.replace(config, t_min=start, parameterisation=ConditionalScore, learning_rate=rate)
    learning = learning_passes(config)
    with portion(learning / (learning + passes(len(stopping)))):
        trained = fit(fit_key, data, canonical(), config=config, validation=judge)
    correction = evaluate(scale_key, trained.score, reference, judge, tuple(range(dim)), dim)
    scale = best_scale(correction)
    losses = trained.history.validation
    best = int(np.nanargmin(losses))
    entropy = correction.entropy("denoising", scale) - margins.log_derivative(rows[stopping], dim)
    ended = (int(trained.history.step[best]), float(losses[best]), float(entropy.mean()))
    return Trained(trained.score, reference, margins, scale, bias, *ended, approach)


def training_cost(config: TrainingConfig, fold: Fold) -> float:
    """Passes of a network that a training and its rescaling take at most."""
    return learning_passes(config) + passes(len(fold.validation))


def learning_passes(config: TrainingConfig) -> float:
    """What a training costs at most, in passes of its network for one row: a gradient is worth two."""
    return 3.0 * config.steps * config.batch_size


def mean_score(trained: list[Trained]) -> MeanScore:
    """The rescaled scores of several trainings, averaged."""
    return MeanScore(tuple(RescaledScore(t.score, jnp.asarray(t.scale, dtype=float)) for t in trained))


def gaussian_fold(
    rows: np.ndarray,
    dim: int,
    training: np.ndarray,
    approach: Approach = Approach(),  # noqa: B008  immutable
) -> Trained:
    """No network: the Gaussian of the training rows, for coordinates that are normal, or are made so by margins."""
    margins = approach.margins(rows[training])
    reference, bias = gaussian_of(margins.forward(rows[training]), dim)
    return Trained(None, reference, margins, np.zeros(LEVELS), bias, 0, np.nan, np.nan, approach)


def corrections(
    key: Key, trained: Trained, rows: np.ndarray, columns: tuple[int, ...], noise_dim: int
) -> Correction:
    """``evaluate`` of a trained fold on rows (n, d + c)."""
    seen, dim = trained.margins.forward(rows), trained.reference.dim
    if trained.score is None:
        found = gaussian_only(trained.reference, seen)
    else:
        found = evaluate(key, trained.score, trained.reference, seen, columns, noise_dim)
    return found.plus(-trained.margins.log_derivative(rows, dim))
