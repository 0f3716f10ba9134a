"""What is still to be learned, told by half the effort: the rows of all folds, the estimate and its bracket.

What a network has not learned it adds to the entropy: h = S + J. A second network, of half the rows in half the steps,
gives h' = S + J'. If few rows and few steps cost a power of their number, J ~ effort^-beta, then with D = h' - h
    J = kappa D,   kappa = 1/(2^beta - 1),
between D (beta = 1, parameters that are fitted) and 3 D (beta = 0.415; edges and corners). The estimate is h - 2 D, and
[h - 3 D, h - D] brackets it. ``experiments.information.learning_effort`` measures how often. Source: this project.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from thermodiff.information.cross_fitting.folds import Fold
from thermodiff.information.cross_fitting.negentropy import Correction
from thermodiff.information.cross_fitting.one_fold import Trained

KAPPA = 2.0
"""What is missing in all, in units of what half the effort loses: the middle of what is possible, KAPPA -+ 1."""


class Part(NamedTuple):
    """Columns of a table, and columns that are given: S(columns | given)."""

    columns: tuple[int, ...]
    given: tuple[int, ...] = ()

    @property
    def dim(self) -> int:
        """How many columns have an entropy."""
        return len(self.columns)

    def of(self, z: np.ndarray) -> np.ndarray:
        """Those columns of z (n, D) and then the given ones."""
        return np.asarray(z, dtype=np.float64)[:, [*self.columns, *self.given]]


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
