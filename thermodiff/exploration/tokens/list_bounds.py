"""Least and greatest entropy of a distribution of which some atoms are known and the rest only by its mass.

Known weights a (J of them, and perhaps the drawn token's), not normalised, A = sum a, S = sum a ln a. The rest has
mass u in [u0, u1], in R tokens of at most c each. Where Z = A + u,
    low(u) = ln Z - (S + m c ln c + rho ln rho)/Z,   m = floor(u/c), rho = u - m c      whole atoms and one remainder
    up(u)  = ln Z - (S + u ln(u/R))/Z                                                  spread evenly
because entropy is concave: its least is at a corner of {0 <= x <= c, sum x = u}, its greatest at the centre.
Over u: up rises to u* = R exp(S/A) and falls beyond. Within one atom, low rises and then may fall, and at whole atoms
u = m c it rises with m (its slope has the sign of A + u + S - A ln c, and an atom below c takes at most c/e from that);
so the least is at u0, or at the first whole atom after it. No scan is needed (this project).
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np


class Known(NamedTuple):
    """What is known of T distributions, each field (T,): A, S, the cap c, and the number R of other tokens."""

    total: np.ndarray
    x_log_x: np.ndarray
    cap: np.ndarray
    others: np.ndarray | float


def x_log_x(x: np.ndarray) -> np.ndarray:
    """x ln x, 0 at 0."""
    return x * np.log(np.where(x > 0, x, 1))


def least_entropy(known: Known, u0: np.ndarray, u1: np.ndarray) -> np.ndarray:
    """Least entropy (T,) over all rests of mass between u0 and u1."""
    whole = known.cap * np.ceil(_atoms(u0, known.cap))
    return np.minimum(_low(known, u0), _low(known, np.clip(whole, u0, u1)))


def greatest_entropy(known: Known, u0: np.ndarray, u1: np.ndarray) -> np.ndarray:
    """Greatest entropy (T,) over all rests of mass between u0 and u1; inf where R is not known and a rest possible."""
    if np.isinf(known.others).any():
        return np.where(u1 > 0, np.inf, _low(known, np.zeros_like(u0)))
    with np.errstate(divide="ignore", invalid="ignore"):
        best = np.where(known.total > 0, known.others * np.exp(known.x_log_x / known.total), u1)
    u = np.clip(best, u0, u1)
    share = np.where(known.others > 0, u / np.maximum(known.others, 1), 1)
    mass = known.total + u
    return np.log(mass) - (known.x_log_x + u * np.log(np.where(share > 0, share, 1))) / mass


def _low(known: Known, u: np.ndarray) -> np.ndarray:
    atoms = np.floor(_atoms(u, known.cap))
    rest = np.maximum(u - atoms * known.cap, 0)
    mass = known.total + u
    return np.log(mass) - (known.x_log_x + atoms * x_log_x(known.cap) + x_log_x(rest)) / mass


def _atoms(u: np.ndarray, cap: np.ndarray) -> np.ndarray:
    """u/c, 0 where the cap is 0 (and so is the rest)."""
    return np.where(cap > 0, u / np.where(cap > 0, cap, 1), 0)
