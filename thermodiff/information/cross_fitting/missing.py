"""What networks have not learned, told by what half the effort loses.

What a network has not learned it adds to the entropy: h = S + J, J > 0. A second network, of half the rows in half the
steps, gives h' = S + J'. If few rows and few steps cost a power of their number, J ~ effort^-beta, then with D = h' - h
    J = kappa D,   kappa = 1/(2^beta - 1),
between D (beta = 1, parameters that are fitted) and 3 D (beta = 0.415; edges and corners). Source: this project.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

KAPPA, SPREAD = 1.9, 0.21
"""J/D of families of known density, and how far it is from one to the next, as fractions of it: ``learning_law``."""


class Missing(NamedTuple):
    """kappa, and the standard deviation of J about kappa D, nats."""

    kappa: float
    doubt: float


NOTHING = Missing(0.0, 0.0)


def missing_of(lost: float, columns: int, n: int) -> Missing:
    """What is missing of ``columns`` modelled columns of n rows where half the effort loses ``lost`` = D nats.

    What is missing cannot be negative: where half the effort does no worse nothing is taken off.
    """
    if lost <= 0:
        return NOTHING
    return Missing(KAPPA, SPREAD * KAPPA * lost)


def missing_of_classes(lost: float) -> Missing:
    """The same of the entropy of classes, by classifiers: anything from D to 3 D."""
    return Missing(2.0, 2.0 * lost / np.sqrt(12)) if lost > 0 else NOTHING
