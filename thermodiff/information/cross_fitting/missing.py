"""What networks have not learned, told by what half the effort loses.

What a network has not learned it adds to the entropy: h = S + J, J > 0. A second network, of half the rows in half the
steps, gives h' = S + J'. If few rows and few steps cost a power of their number, J ~ effort^-beta, then with D = h' - h
    J = kappa D,   kappa = 1/(2^beta - 1),
between D (beta = 1, parameters that are fitted) and 3 D (beta = 0.415; edges and corners). It is no exact power, and
kappa is that of families of known density, which were fitted to (``experiments.information.learning_law``):
    ln kappa = a + b ln(D/d),   J = kappa D (1 +- s),   s = s_4 (n/10^4)^e.
Source: this project.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np

LEVEL, SLOPE = 0.164, -0.110
"""a and b of the law: what half the effort loses much of is learned fast."""
SPREAD, ROWS_POWER = 0.237, -0.200
"""s_4 and e: from one family to the next, and from one training to the next where rows are few."""
LEAST_LOST, MOST_LOST = 7e-4, 0.13
"""D/d, nats a column, a little beyond those of the families (9e-4 to 0.11); further out kappa is that at the end."""
MOST_ROWS = 10_000
"""The most rows at which they were; s of more is no smaller."""


class Missing(NamedTuple):
    """kappa, and the standard deviation of J about kappa D, nats."""

    kappa: float
    doubt: float


NOTHING = Missing(0.0, 0.0)


class Lost(NamedTuple):
    """D, what half the effort loses more, nats, and its chance: the standard error of D by its scatter over folds."""

    mean: float
    chance: float = 0.0

    @classmethod
    def by_fold(cls, lost: Sequence[np.ndarray]) -> Lost:
        """Of rows of each fold, K arrays: the mean of all, and the scatter of the folds' means."""
        means = [float(rows.mean()) for rows in lost]
        return cls(float(np.concatenate(lost).mean()), float(np.std(means, ddof=1) / np.sqrt(len(means))))

    @property
    def seen(self) -> float:
        """D, or nothing where it is negative: what is missing is not."""
        return max(0.0, self.mean)

    @property
    def hidden(self) -> float:
        """What chance may have hidden of it: sqrt(chance^2 - D^2), nothing where D is larger."""
        return float(np.sqrt(max(0.0, self.chance**2 - self.seen**2)))


def missing_of(lost: Lost, columns: int, n: int) -> Missing:
    """What is missing of ``columns`` = d modelled columns of n rows.

    It cannot be negative: where half the effort does no worse nothing is taken off. But D that is less than its
    chance, or below zero, tells little of J, whose doubt then is kappa sqrt(chance^2 - D^2) besides; where D is larger
    the spread of the law has it in.
    """
    kappa = float(np.exp(LEVEL + SLOPE * np.log(np.clip(lost.seen / columns, LEAST_LOST, MOST_LOST))))
    spread = SPREAD * (min(n, MOST_ROWS) / 10_000) ** ROWS_POWER
    return _taken(kappa, lost, np.hypot(spread * lost.seen, lost.hidden))


def missing_of_maps(lost: Lost) -> Missing:
    """The same where maps of single columns are all that was learned.

    A map has intervals as the cube root of its rows and costs half a parameter a row, J ~ n^(-2/3), so that kappa =
    1/(2^(2/3) - 1) = 1.70. Smooth densities are learned faster, n^(-4/5), rough ones slower, n^(-1/2): the doubt is
    that of a uniform law between these, with the chance of D. The rows do not show that chance: all of a fold are
    judged by one map, and where the density is flat they do not scatter at all.
    """
    low, kappa, high = (1 / (2**power - 1) for power in (4 / 5, 2 / 3, 1 / 2))
    spread = (high - low) / np.sqrt(12) / kappa
    return _taken(kappa, lost, np.hypot(spread * lost.seen, lost.chance))


def missing_of_cross(lost: Lost, columns: int, n: int) -> Missing:
    """The same of a cross entropy E_p[-ln q]: kappa of the law, anything from nothing to twice that, of either sign.

    E_p ln(q/q') is first order in the error of q', where that of an entropy is second order, so that neither has it a
    sign nor does D tell its size: what is taken off where D > 0 may be of chance as well.
    """
    size = Lost(abs(lost.mean), lost.chance)
    kappa = missing_of(size, columns, n).kappa
    return Missing(
        kappa if lost.mean > 0 else 0.0, float(kappa * np.hypot(size.mean / np.sqrt(3), size.chance))
    )


def missing_of_cross_maps(lost: Lost) -> Missing:
    """Nothing where maps of single columns are all that was learned: D is chance then, and doubted."""
    return Missing(0.0, float(np.hypot(lost.mean, lost.chance)))


def _taken(kappa: float, lost: Lost, doubt_of_lost: float) -> Missing:
    return Missing(kappa if lost.seen > 0 else 0.0, float(kappa * doubt_of_lost))


def missing_of_classes(lost: Lost) -> Missing:
    """The same of the entropy of classes, by a classifier: anything from D to 3 D, and the chance of D."""
    return _taken(2.0, lost, np.hypot(lost.seen / np.sqrt(12), lost.hidden))
