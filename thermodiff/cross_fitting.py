"""Every row evaluated by networks that never saw it, and as many rows by networks that did.

The rows are cut into K folds. Network k is trained on all but fold k, stopped by a part of fold k + 2, and evaluated on
fold k (held out, h) and on fold k + 1 (trained on, t). A trained network is too good on rows it has seen by about as
much as it is too bad on others: for the denoising loss, a mean of squares, E[h] - S0 = S0 - E[t] to first order, mode
by mode, when each mode is shrunk to its best amount, as held-out stopping and rescaling strive for. With b the square
of a mode, v the variance of its estimate and a the fraction of it that is kept,
    E[h] - S0 = (1 - a)^2 b + a^2 v,   E[t] - S0 = (1 - a)^2 b - (2a - a^2) v,
whose mean vanishes at the best a = b/(b + v). So (h + t)/2 estimates the entropy, and [t, h] brackets it. For the
Gaussian part both biases are known exactly and are taken out (``gaussian_biases``). Source: this project.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Callable
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
import numpy as np

from thermodiff.distributions.gaussian import Gaussian
from thermodiff.distributions.samples import Samples
from thermodiff.gaussian_correction import LEVELS, SIGMA_LOW, Correction, canonical, evaluate, gaussian_only
from thermodiff.numerics import wishart_log_det_bias
from thermodiff.scores import reference_of
from thermodiff.training import fit
from thermodiff.training_problem import TrainingConfig, reference_gaussian
from thermodiff.types import Key, Scalar, Vector, pytree_dataclass
from thermodiff.validation import check_count, complain

DEFAULT_TRAINING = TrainingConfig(
    steps=2000, batch_size=512, learning_rate=2e-3, width=128, depth=4, chunk=200, patience=4
)
"""One setting for every data set: nothing is tuned to the data but the length of the training."""
SMOOTHING = 5
"""Neighbouring noise levels that share one rescaling of the network's correction."""
LARGEST_SCALE = 1.2


@dataclasses.dataclass(frozen=True)
class CrossFitting:
    """K ``folds`` (at least 3), the ``training`` of each network, and the fraction of a fold that stops it."""

    folds: int = 3
    training: TrainingConfig = DEFAULT_TRAINING
    validation: float = 0.3

    def __post_init__(self) -> None:
        check_count("folds", self.folds)
        if self.folds < 3:
            raise complain("folds", f"{self.folds}", "at least 3: to hold out, to stop by, and to train on")
        if not 0 < self.validation < 1:
            raise complain("validation", f"{self.validation}", "a fraction of a fold, in (0, 1)")
        if self.training.patience is None:
            raise complain(
                "training", "no patience", "a TrainingConfig with patience=..., to stop before it overfits"
            )


class Fold(NamedTuple):
    """Row numbers: held out, trained on and evaluated, for stopping, all that are trained on."""

    held_out: np.ndarray
    seen: np.ndarray
    validation: np.ndarray
    training: np.ndarray


def split_folds(seed: int, n: int, settings: CrossFitting) -> list[Fold]:
    """The folds of n rows; every row is in one ``held_out`` and one ``seen``.

    All folds train and stop on as many rows, so that they compile once: where K does not divide n, a row is left out.
    """
    rng = np.random.default_rng(seed)
    stopping = max(2, round(settings.validation * (n // settings.folds)))
    most = n - -(-n // settings.folds) - stopping
    parts = np.array_split(rng.permutation(n), settings.folds)
    folds = []
    for k in range(settings.folds):
        held_out, seen, third = (parts[(k + i) % settings.folds] for i in range(3))
        validation = third[:stopping]
        training = np.setdiff1d(np.arange(n), np.concatenate([held_out, validation]))[:most]
        folds.append(Fold(held_out, seen, validation, training))
    return folds


class Trained(NamedTuple):
    """The score of one fold and set of columns, the Gaussian it starts from, and the rescaling of its correction."""

    score: Any
    reference: Gaussian
    scale: np.ndarray
    best_step: int
    loss: float


def train(key: Key, z: np.ndarray, fold: Fold, settings: CrossFitting) -> Trained:
    """A network on the training rows of ``z`` (n, d), stopped by and rescaled on the validation rows."""
    fit_key, scale_key = jax.random.split(key)
    data = Samples(z[fold.training])
    start = float(canonical().time_of_log_snr(-2 * jnp.log(SIGMA_LOW)))
    config = dataclasses.replace(settings.training, t_min=start)
    trained = fit(fit_key, data, canonical(), config=config, validation=z[fold.validation])
    score, reference = trained.score, reference_of(trained.score)
    assert reference is not None
    d = z.shape[1]
    scale = best_scale(evaluate(scale_key, score, reference, z[fold.validation], tuple(range(d)), d))
    losses = trained.history.validation
    best = int(np.nanargmin(losses))
    return Trained(score, reference, scale, int(trained.history.step[best]), float(losses[best]))


def train_folds(
    key: Key, z: np.ndarray, folds: list[Fold], settings: CrossFitting, tell: Callable[[float], None]
) -> list[Trained]:
    """One network a fold on rows z (n, d), which together have seen nearly all of them; tells each one's loss."""
    answers = []
    for k, fold in enumerate(folds):
        everything = np.setdiff1d(np.arange(len(z)), fold.validation)
        answers.append(train(jax.random.fold_in(key, k), z, fold._replace(training=everything), settings))
        tell(answers[-1].loss)
    return answers


@pytree_dataclass
class MeanScore:
    """The mean of several scores: its error is at most the mean of theirs, as the loss is convex."""

    scores: tuple[Any, ...]

    def __call__(self, x: Vector, t: Scalar) -> Vector:
        """(1/K) sum_k s_k(x, t)."""
        return sum(score(x, t) for score in self.scores) / len(self.scores)


def gaussian_fold(z: np.ndarray, fold: Fold) -> Trained:
    """No network: the Gaussian of the training rows, for coordinates that are known to be normal."""
    reference = reference_gaussian(jax.random.key(0), Samples(z[fold.training]))
    return Trained(None, reference, np.zeros(LEVELS), 0, np.nan)


def best_scale(correction: Correction) -> np.ndarray:
    """c (L,) = E[r . F]/E|F|^2 in each interval of ell, over ``SMOOTHING`` neighbours, between 0 and 1.2.

    It minimises E|r - c F|^2, so that all three readings agree on average and the loss cannot rise.
    """
    window = np.ones(SMOOTHING)
    overlap = np.convolve(correction.overlap.mean(axis=0), window, mode="same")
    square = np.convolve(correction.square.mean(axis=0), window, mode="same")
    return np.clip(overlap / np.maximum(square, 1e-30), 0.0, LARGEST_SCALE)


def corrections(
    key: Key, trained: Trained, rows: np.ndarray, columns: tuple[int, ...], noise_dim: int
) -> Correction:
    """``evaluate`` of a trained fold on rows (n, d)."""
    if trained.score is None:
        return gaussian_only(trained.reference, rows)
    return evaluate(key, trained.score, trained.reference, rows, columns, noise_dim)


# --- the Gaussian part ----------------------------------------------------------------------------


def gaussian_biases(m: int, d: int) -> tuple[float, float]:
    """(h, t): by how much -ln of the Gaussian fitted to m rows exceeds the entropy, on other rows and on those.

    For Gaussian data, exactly: E ln det of a Wishart matrix is a sum of digammas, E of its inverse a multiple of the
    inverse. About +-d(d + 3)/4m. Not known, and taken for zero, for m <= d + 2.
    """
    nu = m - 1
    if nu <= d + 1:
        return 0.0, 0.0
    log_det = wishart_log_det_bias(m, d)
    seen = 0.5 * log_det + 0.5 * d * (nu / m - 1)
    held_out = 0.5 * log_det + 0.5 * d * (nu / (nu - d - 1) * (1 + 1 / m) - 1)
    return held_out, seen


# --- all folds ------------------------------------------------------------------------------------


class FoldRows(NamedTuple):
    """One fold's answer for one set of columns: corrections on its two kinds of rows."""

    fold: Fold
    trained: Trained
    held_out: Correction
    seen: Correction

    def values(self, reading: str) -> tuple[np.ndarray, np.ndarray]:
        """-ln G - int K of the held-out and the seen rows, less the Gaussian's known biases, nats."""
        biases = gaussian_biases(len(self.fold.training), self.trained.reference.dim)
        pairs = zip((self.held_out, self.seen), biases, strict=True)
        held_out, seen = (c.entropy(reading, self.trained.scale) - bias for c, bias in pairs)
        return held_out, seen


class Rows(NamedTuple):
    """Of every row (n,), in the order of the table: its value held out and seen, denoising, and in other readings."""

    held_out: np.ndarray
    seen: np.ndarray
    quadratic: np.ndarray
    divergence: np.ndarray

    @property
    def middle(self) -> np.ndarray:
        """(h + t)/2 of every row."""
        return 0.5 * (self.held_out + self.seen)


def in_order(answers: list[FoldRows], n: int) -> Rows:
    """The values of all folds put back where their rows were."""
    rows = Rows(*(np.full(n, np.nan) for _ in Rows._fields))
    for answer in answers:
        fold = answer.fold
        rows.held_out[fold.held_out], rows.seen[fold.seen] = answer.values("denoising")
        for name in ("quadratic", "divergence"):
            getattr(rows, name)[fold.held_out] = answer.values(name)[0]
    return rows


def truncation(answers: list[FoldRows]) -> float:
    """What the entropy still falls by below sigma_low, by the power law of its rate above it (nats).

    dS/d ell = E|n_th|^2 grows as sigma^gamma: gamma = 2 where the density is smooth, 1 at edges; gamma is taken from
    the first unit of ell, between 1 and 2, and the integral from sigma = 0 is the rate at sigma_low over gamma.
    """
    step = answers[0].held_out.step
    rate = np.mean([answer.held_out.total for answer in answers], axis=0)
    apart = max(1, round(1 / step))
    gamma = np.clip(np.log(rate[apart] / rate[0]) / (apart * step), 1.0, 2.0)
    return float(rate[0] * np.exp(-0.5 * gamma * step) / gamma)


def cross_fit(
    key: Key,
    z: np.ndarray,
    columns: tuple[int, ...],
    folds: list[Fold],
    settings: CrossFitting,
    normal: bool,
    tell: Callable[[float], None],
) -> list[FoldRows]:
    """Trains and evaluates one network a fold on ``columns`` of z (n, D).

    ``normal`` says that these columns are normal as they are, so that no network is needed. Rows get the same noise
    whatever the columns, because it is drawn from ``key`` and the fold alone.
    """
    part = np.ascontiguousarray(z[:, list(columns)], dtype=np.float32)
    answers = []
    for k, fold in enumerate(folds):
        train_key, held_key, seen_key = jax.random.split(jax.random.fold_in(key, k), 3)
        trained = gaussian_fold(part, fold) if normal else train(train_key, part, fold, settings)
        measured = [
            corrections(noise, trained, part[rows], columns, z.shape[1])
            for noise, rows in ((held_key, fold.held_out), (seen_key, fold.seen))
        ]
        answers.append(FoldRows(fold, trained, *measured))
        tell(trained.loss)
    return answers
