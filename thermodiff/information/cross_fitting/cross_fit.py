"""Every row evaluated by networks that never saw it, trained with all effort and with half of it.

The rows are cut into K folds. Network k is trained on all but fold k, stopped by a part of fold k + 1, and evaluated on
fold k. A second network, of half the rows in half the steps, tells what is still to be learned (``half_effort``). For
the Gaussian part the bias is known exactly and is taken out (``information.gaussian_bias``). Source: this project.
"""

from __future__ import annotations

from collections.abc import Callable

import jax
import numpy as np

from thermodiff.array_types import Key
from thermodiff.information.cross_fitting.approaches import approach_of
from thermodiff.information.cross_fitting.folds import CrossFitting, Fold
from thermodiff.information.cross_fitting.half_effort import FoldRows, Part
from thermodiff.information.cross_fitting.one_fold import (
    Approach,
    Trained,
    corrections,
    gaussian_fold,
    train,
)
from thermodiff.information.cross_fitting.white_rows import white_rows
from thermodiff.training.config import TrainingConfig


def cross_fit(
    key: Key,
    z: np.ndarray,
    part: Part,
    folds: list[Fold],
    settings: CrossFitting,
    normal: bool,
    tell: Callable[[float], None],
    map_columns: bool = False,
) -> list[FoldRows]:
    """Trains two networks a fold on ``part`` of z (n, D), with all effort and with half, and evaluates both.

    Networks see ``white_rows``, and the entropy of the part is that of these plus the map's log Jacobian. ``normal``
    says that these columns are normal as they are, so that no network is needed. Rows get the same noise whatever the
    part, because it is drawn from ``key`` and the fold alone.
    """
    columns, dim = part.of(z), part.dim
    white = white_rows(columns, dim)
    rows = white.forward(columns)
    answers = []
    approach, effort = Approach(), settings.for_rows(len(rows))
    if not normal:
        try_key = jax.random.fold_in(key, len(folds))
        approach = approach_of(
            try_key, rows, dim, folds[0], settings, map_columns, lambda fs: [f() for f in fs]
        )
        normal = rows.shape[1] == 1 and map_columns
    for k, fold in enumerate(folds):
        train_key, less_key, noise = jax.random.split(jax.random.fold_in(key, k), 3)
        if normal:
            trained, less = (gaussian_fold(rows, dim, rs, approach) for rs in (fold.training, fold.half))
        else:
            shared = rows, dim, fold.training, fold.validation
            trained = train(train_key, *shared, effort.training, approach)
            less = train(less_key, *shared, effort.part(2), approach, len(fold.half))
        whole, half = (
            corrections(noise, t, rows[fold.held_out], part.columns, z.shape[1]).plus(white.log_jacobian)
            for t in (trained, less)
        )
        answers.append(FoldRows(fold, trained, whole, less, half))
        if not normal:
            tell(trained.loss)
    return answers


def train_folds(
    key: Key, z: np.ndarray, folds: list[Fold], config: TrainingConfig, tell: Callable[[float], None]
) -> list[Trained]:
    """One network a fold on white rows z (n, d), which together have seen nearly all of them; tells each one's loss."""
    answers = []
    for k, fold in enumerate(folds):
        everything = np.setdiff1d(np.arange(len(z)), fold.validation)
        trained = train(jax.random.fold_in(key, k), z, z.shape[1], everything, fold.validation, config)
        answers.append(trained)
        tell(trained.loss)
    return answers
