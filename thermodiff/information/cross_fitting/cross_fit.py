"""Every row evaluated by networks that never saw it, trained with all effort and with half of it.

The rows are cut into K folds. Network k is trained on all but fold k, stopped by a part of fold k + 1, and evaluated on
fold k. A second network, of half the rows in half the steps, tells what is still to be learned (``half_effort``). For
the Gaussian part the bias is known exactly and is taken out (``information.gaussian_bias``). All networks are
independent, so that they can be trained at once (``training.jobs``). Source: this project.
"""

from __future__ import annotations

from functools import partial
from typing import NamedTuple

import jax
import numpy as np

from thermodiff.array_types import Key
from thermodiff.information.cross_fitting.approaches import approach_of
from thermodiff.information.cross_fitting.folds import CrossFitting, Fold
from thermodiff.information.cross_fitting.half_effort import FoldRows, Part
from thermodiff.information.cross_fitting.negentropy import Correction, passes
from thermodiff.information.cross_fitting.one_fold import (
    Approach,
    Trained,
    corrections,
    gaussian_fold,
    train,
    training_cost,
)
from thermodiff.information.cross_fitting.white_rows import white_rows
from thermodiff.runtime.progress import stage
from thermodiff.runtime.shares import portion
from thermodiff.training.config import TrainingConfig
from thermodiff.training.jobs import Job, Plan, joined


def cross_fit(
    key: Key,
    z: np.ndarray,
    part: Part,
    folds: list[Fold],
    settings: CrossFitting,
    normal: bool,
    map_columns: bool,
) -> Plan:
    """The trainings of two networks a fold on ``part`` of z (n, D), which make a list of ``FoldRows``, one a fold.

    How they learn is tried first (``approaches``), with columns mapped one by one only if ``map_columns``. One network
    of each fold has all effort and one half of it; a job trains and evaluates one of them. Networks see ``white_rows``,
    and the entropy of the part is that of these plus the map's log Jacobian. ``normal`` says that these columns are
    normal as they are, so that no network is needed. Rows get the same noise whatever the part, because it is drawn
    from ``key`` and the fold alone.
    """
    columns = part.of(z)
    white = white_rows(columns, part.dim)
    table = _Table(white.forward(columns), part.dim, part.columns, z.shape[1], white.log_jacobian)
    if normal:
        return table.gaussians(Approach(), folds)
    trials = approach_of(
        jax.random.fold_in(key, len(folds)), table.rows, part.dim, folds[0], settings, map_columns
    )

    alone = map_columns and table.rows.shape[1] == 1

    def learned(found: list[Approach]) -> Plan:
        (approach,) = found
        return table.gaussians(approach, folds) if alone else table.networks(key, approach, folds, settings)

    expected = [] if alone else table.networks(key, Approach(), folds, settings).jobs
    return joined([trials], learned, [job.length for job in expected])


class _Table(NamedTuple):
    """Rows (n, d + c) that networks see, ``dim`` = d modelled, which are ``columns`` of the ``noise_dim`` of z."""

    rows: np.ndarray
    dim: int
    columns: tuple[int, ...]
    noise_dim: int
    log_jacobian: float

    def gaussians(self, approach: Approach, folds: list[Fold]) -> Plan:
        """Without networks."""
        nothing = jax.random.key(0)

        def one(fold: Fold, numbers: np.ndarray) -> _Judged:
            return self._judged(gaussian_fold(self.rows, self.dim, numbers, approach), nothing, fold)

        jobs = [Job(partial(one, f, numbers), 0.0) for f in folds for numbers in (f.training, f.half)]
        return Plan(jobs, partial(_in_pairs, folds))

    def networks(self, key: Key, approach: Approach, folds: list[Fold], settings: CrossFitting) -> Plan:
        """One with all effort and one with half of it for each fold."""
        effort, jobs = settings.for_rows(len(self.rows)), []
        for k, fold in enumerate(folds):
            train_key, less_key, noise = jax.random.split(jax.random.fold_in(key, k), 3)
            jobs.append(self._network(train_key, noise, fold, effort.training, approach, len(fold.training)))
            jobs.append(self._network(less_key, noise, fold, effort.part(2), approach, len(fold.half)))
        return Plan(jobs, partial(_in_pairs, folds))

    def _network(
        self, key: Key, noise: Key, fold: Fold, config: TrainingConfig, approach: Approach, count: int
    ) -> Job:
        learning, judging = training_cost(config, fold), passes(len(fold.held_out))
        fraction = learning / (learning + judging)

        def work() -> _Judged:
            with portion(fraction):
                shared = self.rows, self.dim, fold.training, fold.validation
                trained = train(key, *shared, config, approach, count)
            stage(f"validation loss {trained.loss:.4g}")
            with portion(1 - fraction):
                return self._judged(trained, noise, fold)

        return Job(work, learning + judging)

    def _judged(self, trained: Trained, noise: Key, fold: Fold) -> _Judged:
        found = corrections(noise, trained, self.rows[fold.held_out], self.columns, self.noise_dim)
        return trained, found.plus(self.log_jacobian)


_Judged = tuple[Trained, Correction]
"""A network and what it makes of the rows held out."""


def _in_pairs(folds: list[Fold], found: list[_Judged]) -> list[FoldRows]:
    pairs = zip(folds, found[::2], found[1::2], strict=True)
    return [FoldRows(fold, *whole, *half) for fold, whole, half in pairs]


def train_folds(key: Key, z: np.ndarray, folds: list[Fold], settings: CrossFitting) -> Plan:
    """One network a fold on white rows z (n, d), which together see nearly all; they make a list of ``Trained``.

    At a learning rate that is tried first; their rows stay as they are, so that the scores have a mean.
    """
    config, dim = settings.for_rows(len(z)).training, z.shape[1]

    def one(approach: Approach, k: int, fold: Fold) -> Trained:
        everything = np.setdiff1d(np.arange(len(z)), fold.validation)
        return train(jax.random.fold_in(key, k), z, dim, everything, fold.validation, config, approach)

    def learned(found: list[Approach]) -> Plan:
        lengths = [training_cost(config, fold) for fold in folds]
        works = [partial(one, found[0], k, fold) for k, fold in enumerate(folds)]
        return Plan([Job(work, length) for work, length in zip(works, lengths, strict=True)], list)

    trials = approach_of(jax.random.fold_in(key, len(folds)), z, dim, folds[0], settings, map_columns=False)
    return joined([trials], learned, [training_cost(config, fold) for fold in folds])
