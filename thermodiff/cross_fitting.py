"""Every row evaluated by networks that never saw it, trained with all effort and with half of it.

The rows are cut into K folds. Network k is trained on all but fold k, stopped by a part of fold k + 1, and evaluated on
fold k. What it has not learned it adds to the entropy: h = S + J. A second network, of half the rows in half the steps,
gives h' = S + J'. If few rows and few steps cost a power of their number, J ~ effort^-beta, then with D = h' - h
    J = kappa D,   kappa = 1/(2^beta - 1),
between D (beta = 1, parameters that are fitted) and 3 D (beta = 0.415; edges and corners). The estimate is h - 2 D, and
[h - 3 D, h - D] brackets it. ``experiments.learning_effort`` measures how often that is so. For the Gaussian part
the bias is known exactly and is taken out (``fold_training``). Source: this project.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Callable
from typing import NamedTuple

import jax
import numpy as np

from thermodiff.fold_training import Trained, corrections, gaussian_fold, train
from thermodiff.gaussian_correction import Correction
from thermodiff.training_problem import TrainingConfig
from thermodiff.types import Key
from thermodiff.validation import check_count, complain

DEFAULT_TRAINING = TrainingConfig(
    steps=2000,
    batch_size=512,
    learning_rate=2e-3,
    width=128,
    depth=4,
    chunk=200,
    patience=4,
)
"""One setting for every data set: nothing is tuned to the data but the length of the training."""
KAPPA = 2.0
"""What is missing in all, in units of what half the effort loses: the middle of what is possible, KAPPA -+ 1."""


@dataclasses.dataclass(frozen=True)
class CrossFitting:
    """K ``folds``, the ``training`` of each network, and the fraction of the next fold that stops it."""

    folds: int = 3
    training: TrainingConfig = DEFAULT_TRAINING
    validation: float = 0.3

    def __post_init__(self) -> None:
        check_count("folds", self.folds)
        if self.folds < 2:
            raise complain("folds", f"{self.folds}", "at least 2: to hold out, and to train on")
        if not 0 < self.validation < 1:
            raise complain("validation", f"{self.validation}", "a fraction of a fold, in (0, 1)")
        if self.training.patience is None:
            raise complain(
                "training", "no patience", "a TrainingConfig with patience=..., to stop before it overfits"
            )

    @property
    def half(self) -> TrainingConfig:
        """The training in half the steps, recorded and stopped at half the intervals."""
        t = self.training
        return dataclasses.replace(t, steps=max(1, t.steps // 2), chunk=max(1, t.chunk // 2))


class Part(NamedTuple):
    """Columns of a table, and columns that are given: S(columns | given)."""

    columns: tuple[int, ...]
    given: tuple[int, ...] = ()

    @property
    def dim(self) -> int:
        """How many columns have an entropy."""
        return len(self.columns)

    def of(self, z: np.ndarray) -> np.ndarray:
        """Those columns of z (n, D) and then the given ones, in single precision."""
        return np.ascontiguousarray(z[:, [*self.columns, *self.given]], dtype=np.float32)


class Fold(NamedTuple):
    """Row numbers: held out, for stopping, trained on, and the half of these that half the effort is trained on."""

    held_out: np.ndarray
    validation: np.ndarray
    training: np.ndarray
    half: np.ndarray


def split_folds(seed: int, n: int, settings: CrossFitting) -> list[Fold]:
    """The folds of n rows; every row is in one ``held_out``.

    All folds train and stop on as many rows, so that they compile once: where K does not divide n, a row is left out.
    """
    rng = np.random.default_rng(seed)
    stopping = max(2, round(settings.validation * (n // settings.folds)))
    most = n - -(-n // settings.folds) - stopping
    parts = np.array_split(rng.permutation(n), settings.folds)
    folds = []
    for k in range(settings.folds):
        held_out, following = parts[k], parts[(k + 1) % settings.folds]
        validation = following[:stopping]
        training = rng.permutation(np.setdiff1d(np.arange(n), np.concatenate([held_out, validation])))[:most]
        folds.append(Fold(held_out, validation, training, training[: most // 2]))
    return folds


# --- all folds ------------------------------------------------------------------------------------


class FoldRows(NamedTuple):
    """One fold's answer for one part: what all effort and half of it make of the rows held out."""

    fold: Fold
    trained: Trained
    whole: Correction
    less: Trained
    half: Correction

    def values(self, reading: str) -> np.ndarray:
        """-ln G - int K of the held-out rows by the whole effort, less the Gaussian's known bias, nats."""
        return self.whole.entropy(reading, self.trained.scale) - self.trained.bias

    def half_values(self) -> np.ndarray:
        """The same by half the effort, denoising reading."""
        return self.half.entropy("denoising", self.less.scale) - self.less.bias


class Rows(NamedTuple):
    """Of every row (n,), in the order of the table: held out, by half the effort, and in other readings."""

    held_out: np.ndarray
    half: np.ndarray
    quadratic: np.ndarray
    divergence: np.ndarray

    @property
    def best(self) -> np.ndarray:
        """h - kappa (h' - h) of every row."""
        return self.held_out - KAPPA * (self.half - self.held_out)

    @property
    def bracket(self) -> tuple[float, float]:
        """h - (kappa -+ 1)(h' - h) in the mean, the smaller first."""
        loss = abs(float(np.mean(self.half - self.held_out)))
        middle = float(self.best.mean())
        return middle - loss, middle + loss


def in_order(answers: list[FoldRows], n: int) -> Rows:
    """The values of all folds put back where their rows were."""
    rows = Rows(*(np.full(n, np.nan) for _ in Rows._fields))
    for answer in answers:
        held_out = answer.fold.held_out
        rows.half[held_out] = answer.half_values()
        rows.held_out[held_out] = answer.values("denoising")
        rows.quadratic[held_out] = answer.values("quadratic")
        rows.divergence[held_out] = answer.values("divergence")
    return rows


def truncation(answers: list[FoldRows]) -> float:
    """What the entropy still falls by below sigma_low, by the power law of its rate above it (nats).

    dS/d ell = E|n_th|^2 grows as sigma^gamma: gamma = 2 where the density is smooth, 1 at edges; gamma is taken from
    the first unit of ell, between 1 and 2, and the integral from sigma = 0 is the rate at sigma_low over gamma.
    """
    step = answers[0].whole.step
    rate = np.mean([answer.whole.total for answer in answers], axis=0)
    apart = max(1, round(1 / step))
    gamma = np.clip(np.log(rate[apart] / rate[0]) / (apart * step), 1.0, 2.0)
    return float(rate[0] * np.exp(-0.5 * gamma * step) / gamma)


def cross_fit(
    key: Key,
    z: np.ndarray,
    part: Part,
    folds: list[Fold],
    settings: CrossFitting,
    normal: bool,
    tell: Callable[[float], None],
) -> list[FoldRows]:
    """Trains two networks a fold on ``part`` of z (n, D), with all effort and with half, and evaluates both.

    ``normal`` says that these columns are normal as they are, so that no network is needed. Rows get the same noise
    whatever the part, because it is drawn from ``key`` and the fold alone.
    """
    rows, dim = part.of(z), part.dim
    answers = []
    for k, fold in enumerate(folds):
        train_key, less_key, noise = jax.random.split(jax.random.fold_in(key, k), 3)
        if normal:
            trained, less = (gaussian_fold(rows, dim, numbers) for numbers in (fold.training, fold.half))
        else:
            trained = train(train_key, rows, dim, fold.training, fold.validation, settings.training)
            less = train(less_key, rows, dim, fold.half, fold.validation, settings.half)
        whole, half = (
            corrections(noise, t, rows[fold.held_out], part.columns, z.shape[1]) for t in (trained, less)
        )
        answers.append(FoldRows(fold, trained, whole, less, half))
        tell(trained.loss)
    return answers


def train_folds(
    key: Key, z: np.ndarray, folds: list[Fold], config: TrainingConfig, tell: Callable[[float], None]
) -> list[Trained]:
    """One network a fold on rows z (n, d), which together have seen nearly all of them; tells each one's loss."""
    rows = z.astype(np.float32)
    answers = []
    for k, fold in enumerate(folds):
        everything = np.setdiff1d(np.arange(len(z)), fold.validation)
        trained = train(jax.random.fold_in(key, k), rows, z.shape[1], everything, fold.validation, config)
        answers.append(trained)
        tell(trained.loss)
    return answers
