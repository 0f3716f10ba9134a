"""A policy with a free logit for every response to every problem: exact probabilities and exact steps.

ln pi(y | x) = z(x, y) - ln sum_y' exp z(x, y'). A step of learning is given by weights w(x, y) (``weights.py``): the
gradient of sum_xy w(x, y) ln pi(y | x) at w = pi A is that of the expected reward with advantages A, and at w made of
rollouts its estimate. In z it is w - pi sum_y w, the Euclidean step; under the Fisher metric it is w/pi, which is A
itself: dz = A. Then ln pi' = ln pi + A - ln Z, so that with A a function of the reward alone ratios among correct and
among wrong responses never move. Source: Amari (1998) for the natural gradient; this project for what it wastes.
"""

from __future__ import annotations

import dataclasses
import warnings
from typing import Any

import numpy as np

from thermodiff.exploration.exchange.response_tables import log_sum
from thermodiff.validation import complain

STEEP = 745.0
"""Nats: exp(-745) is 0 in double precision, so that what falls by more may never be drawn again."""


@dataclasses.dataclass(frozen=True, eq=False)
class TabularPolicy:
    """Free logits for every problem and response, in double precision.

    ``parameters``, shape (M, R): logits, any constant in a row, such as a table of ln pi; ``real`` (M, R) says which
    entries are responses where problems have different numbers (None: all). What stands elsewhere is never looked at.
    """

    parameters: np.ndarray
    real: np.ndarray

    def __init__(self, parameters: Any, real: Any | None = None) -> None:
        z = np.asarray(parameters, dtype=np.float64)
        object.__setattr__(self, "parameters", z)
        object.__setattr__(self, "real", check_real(z, real))

    def log_probs(self) -> np.ndarray:
        """ln pi(y | x), (M, R), nats; -inf where there is no response."""
        return normalised(self.parameters, self.real)

    def euclidean(self, weights: np.ndarray) -> np.ndarray:
        """The gradient of sum w ln pi in the logits: w - pi sum_y w. Raises ValueError for another shape."""
        check_table("weights", weights, self.parameters)
        pi = np.exp(self.log_probs())
        return np.where(self.real, weights - pi * weights.sum(-1, keepdims=True), 0.0)

    def natural(self, weights: np.ndarray) -> np.ndarray:
        """The same under the Fisher metric: w/pi, less a constant, so that its mean under pi is 0."""
        check_table("weights", weights, self.parameters)
        pi = np.exp(self.log_probs())
        there = weights != 0  # where pi is 0, no rollout can be and no weight is
        centred = weights.sum(-1, keepdims=True)
        return np.where(self.real, np.where(there, weights, 0.0) / np.where(there, pi, 1.0) - centred, 0.0)

    def moved(self, step: np.ndarray) -> TabularPolicy:
        """The policy whose parameters are those of this one plus ``step``.

        Warns of a step above ``STEEP``, such as a natural one by a clock that grows where p -> 1. Raises ValueError
        for a step of another shape or one that is not finite.
        """
        check_table("step", step, self.parameters)
        if (np.abs(np.where(self.real, step, 0.0)) > STEEP).any():
            got = f"a step of more than {STEEP:g} nats, which takes chances to 0 for good"
            warnings.warn(f"{got}: smaller ones are needed", stacklevel=2)
        return TabularPolicy(self.parameters + step, self.real)

    def change(self, step: np.ndarray) -> np.ndarray:
        """d ln pi(y | x) for a small ``step`` of the parameters, (M, R): what ``share_bought`` takes."""
        pi = np.exp(self.log_probs())
        return np.where(self.real, step - (pi * step).sum(-1, keepdims=True), 0.0)


def check_table(name: str, table: Any, parameters: np.ndarray) -> None:
    """Raise unless there is one number for each of the ``parameters``."""
    if np.shape(table) != parameters.shape:
        raise complain(name, f"shape {np.shape(table)}", f"that of the policy's table, {parameters.shape}")


def check_real(table: np.ndarray, real: Any | None) -> np.ndarray:
    """``real`` as bool, (M, R); raises ValueError unless each row has some and the table is finite there."""
    if table.ndim != 2 or 0 in table.shape:
        raise complain("parameters", f"shape {table.shape}", "(problems, responses)")
    there = np.ones(table.shape, dtype=bool) if real is None else np.asarray(real, dtype=bool)
    if there.shape != table.shape:
        raise complain("real", f"shape {there.shape}", f"that of the table, {table.shape}")
    empty = np.flatnonzero(~there.any(axis=1))
    if len(empty):
        raise complain("real", f"no response to problem {empty[0]}", "at least one a problem")
    bad = np.argwhere(there & ~np.isfinite(table))
    if len(bad):
        raise complain("parameters", f"{table[tuple(bad[0])]} at {tuple(bad[0].tolist())}", "finite logits")
    return there


def normalised(logits: np.ndarray, real: np.ndarray) -> np.ndarray:
    """ln softmax of each row over the entries that are there, -inf elsewhere."""
    z = np.where(real, logits, -np.inf)
    return z - log_sum(z, real)[:, None]
