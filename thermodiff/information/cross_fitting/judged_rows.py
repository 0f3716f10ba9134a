"""What every row contributes to a sum of entropies: held out, by half the effort, and less what is missing.

Source: this project.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import NamedTuple

import numpy as np

from thermodiff.information.cross_fitting.half_effort import FoldRows
from thermodiff.information.cross_fitting.missing import (
    NOTHING,
    Lost,
    Missing,
    missing_of,
    missing_of_maps,
)
from thermodiff.information.cross_fitting.one_fold import Trained


class Rows(NamedTuple):
    """Of every row (n,), in the order of the table: held out, by half the effort, in other readings, and corrected.

    ``best`` is h - kappa (h' - h); ``doubt`` the standard deviation of what is missing about what it takes off, nats.
    """

    held_out: np.ndarray
    half: np.ndarray
    quadratic: np.ndarray
    divergence: np.ndarray
    best: np.ndarray
    doubt: float

    @property
    def missing(self) -> float:
        """What ``best`` takes off in the mean, nats."""
        return float(np.mean(self.held_out - self.best))

    @property
    def bracket(self) -> tuple[float, float]:
        """Two numbers about the mean of ``best``, the smaller first, a uniform law between which has the ``doubt``."""
        middle, width = float(self.best.mean()), float(np.sqrt(3) * self.doubt)
        return middle - width, middle + width

    def shifted(self, amount: np.ndarray | float) -> Rows:
        """Every value plus that row's ``amount`` (n,) or (), nats."""
        every = (self.held_out, self.half, self.quadratic, self.divergence, self.best)
        held_out, half, quadratic, divergence, best = (values + amount for values in every)
        return Rows(held_out, half, quadratic, divergence, best, self.doubt)


def corrected(
    held_out: np.ndarray, half: np.ndarray, quadratic: np.ndarray, divergence: np.ndarray, missing: Missing
) -> Rows:
    """Rows (n,) of one entropy, less what is missing of it."""
    best = held_out - missing.kappa * (half - held_out)
    return Rows(held_out, half, quadratic, divergence, best, missing.doubt)


def added(terms: Iterable[tuple[float, Rows]]) -> Rows:
    """sum_p k_p of the rows of entropies p, with coefficients k_p; their doubts are taken to be independent."""
    terms = list(terms)

    def total(values: Callable[[Rows], np.ndarray]) -> np.ndarray:
        return np.sum([k * values(rows) for k, rows in terms], axis=0)

    return Rows(
        total(lambda rows: rows.held_out),
        total(lambda rows: rows.half),
        total(lambda rows: rows.quadratic),
        total(lambda rows: rows.divergence),
        total(lambda rows: rows.best),
        float(np.sqrt(sum((k * rows.doubt) ** 2 for k, rows in terms))),
    )


def in_order(answers: list[FoldRows], n: int, columns: int) -> Rows:
    """The values of all folds of an entropy of so many ``columns``, put back where their rows were."""
    held_out, half, quadratic, divergence = (np.full(n, np.nan) for _ in range(4))
    for answer in answers:
        where = answer.fold.held_out
        half[where] = answer.half_values()
        held_out[where] = answer.values("denoising")
        quadratic[where] = answer.values("quadratic")
        divergence[where] = answer.values("divergence")
    trained = [answer.trained for answer in answers]
    lost = [(half - held_out)[answer.fold.held_out] for answer in answers]
    return corrected(held_out, half, quadratic, divergence, missing_of_folds(trained, lost, columns, n))


def missing_of_folds(trained: list[Trained], lost: list[np.ndarray], columns: int, n: int) -> Missing:
    """What is missing of an entropy of so many ``columns`` of n rows; half the effort loses ``lost``, by fold."""
    if not any(one.learned for one in trained):
        # A Gaussian's bias is known and is out already: what half of its rows lose more than that is chance.
        return NOTHING
    if all(one.score is None for one in trained):
        return missing_of_maps(Lost.by_fold(lost))
    return missing_of(Lost.by_fold(lost), columns, n)
