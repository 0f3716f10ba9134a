"""Which rows train, stop and judge which network, and how much effort each network is given."""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping
from typing import Any, NamedTuple

import numpy as np

from thermodiff.training.config import TrainingConfig
from thermodiff.validation import check_count, complain

DEFAULT_TRAINING = TrainingConfig(
    steps=1600,
    batch_size=512,
    learning_rate=4e-3,
    width=128,
    depth=4,
    chunk=160,
    patience=4,
)
"""One setting for every data set of 10^4 rows: what is tuned to the data, the stopping rows tune (``approaches``)."""
STANDARD_ROWS, STEPS_GROW = 10_000, 0.3
"""Steps of n rows are those of ``DEFAULT_TRAINING`` times (n/10^4)^0.3: few are learned by heart, many carry more."""
LEAST_TRIAL = 400
"""Steps of a trial, or all where there are fewer: in 250 a rate that will learn few rows by heart still looks best."""

FEWEST_A_FOLD = 10
"""Rows of a fold: to stop by a part of them, and to judge by all."""


@dataclasses.dataclass(frozen=True)
class CrossFitting:
    """K ``folds``, the ``training`` of each network, and the fraction of the next fold that stops it.

    Without a ``training`` it is ``DEFAULT_TRAINING``, its steps grown with the number of rows, or ``least`` where that
    has more steps; one that is given is taken as it is.

    ``rates`` are the multiples of the training's learning rate of which the stopping rows choose one (``approaches``),
    the last of them for rows as they are and for mapped ones.
    """

    folds: int = 3
    training: TrainingConfig | None = None
    validation: float = 0.3
    rates: tuple[float, ...] = (0.25, 1.0)
    least: TrainingConfig | None = None

    def __post_init__(self) -> None:
        check_count("folds", self.folds)
        if self.folds < 2:
            raise complain("folds", f"{self.folds}", "at least 2: to hold out, and to train on")
        if not 0 < self.validation < 1:
            raise complain("validation", f"{self.validation}", "a fraction of a fold, in (0, 1)")
        if not self.rates or min(self.rates) <= 0:
            raise complain("rates", f"{self.rates}", "multiples of the learning rate, above 0, one at least")
        if self.training is not None and self.training.patience is None:
            raise complain(
                "training", "no patience", "a TrainingConfig with patience=..., to stop before it overfits"
            )

    @classmethod
    def of(cls, effort: str, efforts: Mapping[str, CrossFitting] | None = None) -> CrossFitting:
        """The setting by the name of an effort: "quick", "standard" or "thorough"; raises ValueError for another."""
        efforts = EFFORTS if efforts is None else efforts
        if effort not in efforts:
            raise complain("effort", repr(effort), f"one of {', '.join(efforts)}")
        return efforts[effort]

    def described(self, n: int) -> dict[str, Any]:
        """Plain values of what n rows are given, for a record."""
        training = dataclasses.asdict(self.for_rows(n).training)
        return {"folds": self.folds, "validation": self.validation, "rates": self.rates, "training": training}

    def for_rows(self, n: int) -> Effort:
        """The trainings of all effort and of parts of it, for n rows."""
        if self.training is not None:
            return Effort(self.training, self.training.steps // 4)
        steps = round(DEFAULT_TRAINING.steps * (n / STANDARD_ROWS) ** STEPS_GROW)
        if self.least is not None and self.least.steps >= steps:
            return Effort(self.least, self.least.steps // 4)
        training = dataclasses.replace(DEFAULT_TRAINING, steps=steps, chunk=max(1, steps // 10))
        return Effort(training, min(steps, max(steps // 4, LEAST_TRIAL)))


class Effort(NamedTuple):
    """The training that a network gets, and the steps of a trial of how to learn."""

    training: TrainingConfig
    trial_steps: int

    def part(self, parts: int) -> TrainingConfig:
        """The training in a ``parts``-th of the steps, recorded and stopped at as much shorter intervals."""
        return self._of(self.training.steps // parts)

    @property
    def trial(self) -> TrainingConfig:
        """The training of a trial."""
        return self._of(self.trial_steps)

    def _of(self, steps: int) -> TrainingConfig:
        t, steps = self.training, max(1, steps)
        return dataclasses.replace(t, steps=steps, chunk=max(1, t.chunk * steps // t.steps))


EFFORTS: dict[str, CrossFitting] = {
    "quick": CrossFitting(
        training=TrainingConfig(
            steps=300, batch_size=256, learning_rate=3e-3, width=64, depth=2, chunk=50, patience=4
        ),
        rates=(1.0,),
    ),
    "standard": CrossFitting(),
    "thorough": CrossFitting(
        folds=5,
        rates=(0.25, 0.5, 1.0),
        least=dataclasses.replace(DEFAULT_TRAINING, steps=2 * DEFAULT_TRAINING.steps, chunk=200),
    ),
}
"""A first look, what is used unless another is asked for, and what to compare it with where much depends on it."""


class Fold(NamedTuple):
    """Row numbers: held out, for stopping, trained on, and the half of these that half the effort is trained on."""

    held_out: np.ndarray
    validation: np.ndarray
    training: np.ndarray
    half: np.ndarray


def split_folds(seed: int, n: int, settings: CrossFitting) -> list[Fold]:
    """The folds of n rows; every row is in one ``held_out``.

    All folds train and stop on as many rows, so that they compile once: where K does not divide n, a row is left out.
    Raises ValueError for more folds than a tenth of the rows.
    """
    if n < FEWEST_A_FOLD * settings.folds:
        raise complain(
            "folds",
            f"{settings.folds} of {n} rows",
            f"{n // FEWEST_A_FOLD} at most: {FEWEST_A_FOLD} rows a fold",
        )
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
