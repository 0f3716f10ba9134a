"""Every row evaluated by networks that never saw it, trained with all effort and with half of it.

The rows are cut into K folds. Network k is trained on all but fold k, stopped by a part of fold k + 1, and evaluated on
fold k. A second network, of half the rows in half the steps, tells what is still to be learned (``half_effort``). For
the Gaussian part the bias is known exactly and is taken out (``information.gaussian_bias``). All networks are
independent, so that they can be trained at once (``training.jobs``). Source: this project.
"""

from __future__ import annotations

from functools import partial

import jax
import numpy as np

from thermodiff.array_types import Key
from thermodiff.information.cross_fitting.folds import CrossFitting, Fold
from thermodiff.information.cross_fitting.half_effort import FoldRows, Part
from thermodiff.information.cross_fitting.negentropy import Correction, passes
from thermodiff.information.cross_fitting.one_fold import (
    Trained,
    corrections,
    gaussian_fold,
    learning_passes,
    train,
)
from thermodiff.information.cross_fitting.white_rows import white_rows
from thermodiff.runtime.progress import stage
from thermodiff.runtime.shares import portion
from thermodiff.training.config import TrainingConfig
from thermodiff.training.jobs import Job, Plan


def cross_fit(
    key: Key, z: np.ndarray, part: Part, folds: list[Fold], settings: CrossFitting, normal: bool
) -> Plan:
    """The trainings of two networks a fold on ``part`` of z (n, D), which make a list of ``FoldRows``, one a fold.

    One has all effort and one half of it; a job trains and evaluates one of them. Networks see ``white_rows``, and the
    entropy of the part is that of these plus the map's log Jacobian. ``normal`` says that these columns are normal as
    they are, so that no network is needed. Rows get the same noise whatever the part, because it is drawn from ``key``
    and the fold alone.
    """
    columns, dim = part.of(z), part.dim
    white = white_rows(columns, dim)
    rows = white.forward(columns)

    def judged(trained: Trained, noise: Key, fold: Fold) -> Correction:
        found = corrections(noise, trained, rows[fold.held_out], part.columns, z.shape[1])
        return found.plus(white.log_jacobian)

    def gaussian(noise: Key, fold: Fold, numbers: np.ndarray) -> tuple[Trained, Correction]:
        trained = gaussian_fold(rows, dim, numbers)
        return trained, judged(trained, noise, fold)

    def network(
        train_key: Key, noise: Key, fold: Fold, numbers: np.ndarray, config: TrainingConfig, learning: float
    ) -> tuple[Trained, Correction]:
        with portion(learning):
            trained = train(train_key, rows, dim, numbers, fold.validation, config)
        stage(f"validation loss {trained.loss:.4g}")
        with portion(1 - learning):
            return trained, judged(trained, noise, fold)

    jobs = []
    for k, fold in enumerate(folds):
        train_key, less_key, noise = jax.random.split(jax.random.fold_in(key, k), 3)
        efforts = ((train_key, fold.training, settings.training), (less_key, fold.half, settings.half))
        for its_key, numbers, config in efforts:
            if normal:
                jobs.append(Job(partial(gaussian, noise, fold, numbers), 0.0))
                continue
            learning, judging = training_cost(config, fold), passes(len(fold.held_out))
            fraction = learning / (learning + judging)
            work = partial(network, its_key, noise, fold, numbers, config, fraction)
            jobs.append(Job(work, learning + judging))

    def made(results: list[tuple[Trained, Correction]]) -> list[FoldRows]:
        pairs = zip(folds, results[::2], results[1::2], strict=True)
        return [FoldRows(fold, *whole, *half) for fold, whole, half in pairs]

    return Plan(jobs, made)


def training_cost(config: TrainingConfig, fold: Fold) -> float:
    """Passes of a network that a training and its rescaling take at most."""
    return learning_passes(config) + passes(len(fold.validation))


def train_folds(key: Key, z: np.ndarray, folds: list[Fold], config: TrainingConfig) -> list[Job]:
    """One network a fold on white rows z (n, d), together they see nearly all: jobs of a ``Trained`` each."""

    def one(k: int, fold: Fold) -> Trained:
        everything = np.setdiff1d(np.arange(len(z)), fold.validation)
        return train(jax.random.fold_in(key, k), z, z.shape[1], everything, fold.validation, config)

    return [Job(partial(one, k, fold), training_cost(config, fold)) for k, fold in enumerate(folds)]
