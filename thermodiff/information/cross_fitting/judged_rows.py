"""What every row contributes to a sum of entropies: held out, by half the effort, and less what is missing.

Source: this project.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import NamedTuple

import numpy as np

from thermodiff.information.cross_fitting.half_effort import FoldRows
from thermodiff.information.cross_fitting.missing import NOTHING, Missing, missing_of, missing_of_maps


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
    return corrected(held_out, half, quadratic, divergence, _missing(answers, half - held_out, columns))


def _missing(answers: list[FoldRows], lost: np.ndarray, columns: int) -> Missing:
    """What is missing where half the effort loses ``lost`` (n,) of every row."""
    if not any(answer.trained.learned for answer in answers):
        # A Gaussian's bias is known and is out already: what half of its rows lose more than that is chance.
        return NOTHING
    if all(answer.trained.score is None for answer in answers):
        return missing_of_maps(np.array([lost[answer.fold.held_out].mean() for answer in answers]))
    return missing_of(float(lost.mean()), columns, len(lost))
