"""Which problems are for what, and the texts that a base is trained on, by seed."""

from __future__ import annotations

import dataclasses
import functools
from typing import NamedTuple

import numpy as np

from thermodiff.exploration.learning.imitation import Texts
from thermodiff.exploration.tasks.countdown import Countdown
from thermodiff.exploration.tasks.task import Forms

TASK = Countdown(largest_number=15, largest_target=99)
"""6793 problems: a step sees one in a hundred, so that what is learned is not the problems."""


@dataclasses.dataclass(frozen=True)
class Sizes:
    """Problems for each purpose, none of them in two; by default all."""

    base: int = 1500
    sft: int = 1000
    rl: int = 3793
    test: int = 500


class Split(NamedTuple):
    """Prompts (problems, 4) for the base, for fine-tuning on solutions, for rewards, and for measuring."""

    base: np.ndarray
    sft: np.ndarray
    rl: np.ndarray
    test: np.ndarray


@functools.cache
def split(seed: int, sizes: Sizes) -> Split:
    """All problems shuffled and cut."""
    shuffled = TASK.prompts[np.random.default_rng(seed).permutation(len(TASK.prompts))]
    ends = np.cumsum(dataclasses.astuple(sizes))
    return Split(*np.split(shuffled[: ends[-1]], ends[:-1]))


def mixture(prompts: np.ndarray, solved: float, *, narrow: bool = False) -> Texts:
    """For each problem a share ``solved`` of correct responses, the rest wrong ones of valid arithmetic.

    Of each kind all are equally frequent. ``narrow`` knows one order of writing alone: the numbers as they stand, and
    the result of the first equation first in the second. A problem without a text of one kind has the other's alone.
    """
    forms = TASK.forms(prompts)
    written = forms.real & _as_they_stand(prompts, forms) if narrow else forms.real
    right, wrong = written & forms.correct, written & ~forms.correct
    weights = _share(right, solved) + _share(wrong, 1 - solved)
    problem, form = np.nonzero(weights)
    return Texts(prompts[problem], forms.responses[problem, form], weights[problem, form])


def solutions(prompts: np.ndarray) -> Texts:
    """All correct responses to each problem, equally frequent within it."""
    return mixture(prompts, 1.0)


def _share(chosen: np.ndarray, share: float) -> np.ndarray:
    return share * chosen / np.maximum(chosen.sum(axis=1, keepdims=True), 1)


def _as_they_stand(prompts: np.ndarray, forms: Forms) -> np.ndarray:
    a, b, c, e, f = (forms.responses[..., place] for place in (0, 2, 4, 6, 8))
    first, second, third = (prompts[:, i, None] for i in range(3))
    return (a == first) & (b == second) & (e == c) & (f == third)
