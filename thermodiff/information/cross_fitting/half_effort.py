"""Columns of a table with an entropy, and what all effort and half of it make of them in one fold.

Source: this project.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from thermodiff.information.cross_fitting.folds import Fold
from thermodiff.information.cross_fitting.negentropy import Correction
from thermodiff.information.cross_fitting.one_fold import Trained


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
