"""Texts to train a weak base policy of the free Countdown on: some solve, most wander, some are not even well formed.

A policy that learns such a mixture is right seldom (its share of solutions is at most that of the texts, plus chance),
and of many attempts on one problem some are: pass@1 is low and pass@256 high, as for the base of a language model.
"""

from __future__ import annotations

import dataclasses
import math
from typing import NamedTuple

import numpy as np

from thermodiff.exploration.tasks.countdown import EQUALS, LARGEST, MINUS, OPERATIONS, SEMICOLON
from thermodiff.exploration.tasks.countdown_free import (
    ANSWER_LINE,
    END,
    LINE,
    OPEN,
    CountdownFree,
    arithmetic,
)
from thermodiff.exploration.tasks.task import check_prompts
from thermodiff.validation import check_count, check_generator, complain

KINDS = ("solved", "wandering", "foreign", "malformed", "endless")
"""What a text was made to be, as ``Attempts.kinds`` counts them."""
SOLVED, WANDERING, FOREIGN, MALFORMED, ENDLESS = range(len(KINDS))


class Attempts(NamedTuple):
    """Responses to prompts, one each, and of which kind each was made."""

    responses: np.ndarray
    """(n, response_length) tokens."""
    kinds: np.ndarray
    """(n,) indices into ``KINDS``."""


@dataclasses.dataclass(frozen=True)
class AttemptMixture:
    """Shares of the kinds of texts; what is left to 1 wanders: right operands, true work, any value.

    ``solved``      the answer is the target.
    ``foreign``     one operand of the answer is not the problem's.
    ``malformed``   a token of the answer line is left out, or is of the wrong kind.
    ``endless``     lines of work until there is no room.
    ``slips``       of texts with work, how many have one false result in it; where a wanderer's last line slips it
                    claims the target.
    ``most_lines``  work has 0 to so many lines, equally often: the last two lead to the answer, others to nothing.
    ``closing``     how many go on with a line after the answer.
    ``breadth``     an answer is drawn from the first so many of those that its kind allows, in the order of
                    ``CountdownFree.answers``: 108 are all (a broad base), 1 is a narrow one.
    Raises ValueError for shares that are none.
    """

    solved: float = 0.25
    foreign: float = 0.08
    malformed: float = 0.07
    endless: float = 0.05
    slips: float = 0.2
    most_lines: int = 3
    closing: float = 0.5
    breadth: int = 108

    def __post_init__(self) -> None:
        for name in ("solved", "foreign", "malformed", "endless", "slips", "closing"):
            value = getattr(self, name)
            if not 0 <= value <= 1:
                raise complain(name, f"{value}", "a share from 0 to 1")
        if self.wandering < 0:
            total = math.fsum((self.solved, self.foreign, self.malformed, self.endless))
            need = "at most 1 in all"
            raise complain("solved + foreign + malformed + endless", f"{total:g}", need)
        check_count("breadth", self.breadth)
        if not 0 <= self.most_lines <= 3:
            raise complain("most_lines", f"{self.most_lines}", "0, 1, 2 or 3")

    @property
    def wandering(self) -> float:
        """What the other kinds leave."""
        return round(1 - math.fsum((self.solved, self.foreign, self.malformed, self.endless)), 12)


def countdown_attempts(
    task: CountdownFree,
    prompts: np.ndarray,
    rng: np.random.Generator,
    mixture: AttemptMixture = AttemptMixture(),
) -> Attempts:
    """One response to each of the prompts (n, 4), drawn by ``rng``, in a few passes over arrays.

    Answers are those whose results on the way are tokens, so that their work can be written. Raises ValueError for
    prompts of another task, or that have no such answer.
    """
    check_generator("rng", rng)
    prompts = check_prompts(task, prompts)
    shares = (mixture.solved, mixture.wandering, mixture.foreign, mixture.malformed, mixture.endless)
    kinds = rng.choice(len(KINDS), size=len(prompts), p=shares)
    answer = _answers(task, prompts, kinds, mixture.breadth, rng)
    room = (task.response_length - 1 - ANSWER_LINE) // LINE
    lines = np.minimum(rng.integers(0, mixture.most_lines + 1, len(prompts)), room)
    work = np.stack([_stray_line(prompts, rng), *_steps(answer)], axis=1)
    work = _slip(work, lines, np.where(kinds == WANDERING, prompts[:, 3], -1), mixture.slips, rng)
    # One line is the first step, two are both steps, three begin with one that leads nowhere.
    shown = np.stack([lines > 2, lines > 0, lines > 1], axis=1)
    closed = (rng.random(len(prompts)) < mixture.closing) & (lines < room)
    answer = _malformed(_foreign(answer, kinds, task.largest_number, rng), kinds, rng)
    before = np.where(shown[..., None], work, -1).reshape(len(prompts), 3 * LINE)
    after = np.where(closed[:, None], _stray_line(prompts, rng), -1)
    responses = _together(np.concatenate([before, answer, after], axis=1), task.response_length)
    endless = kinds == ENDLESS
    responses[endless] = _endless(prompts[endless], task.response_length, rng)
    return Attempts(responses, kinds)


def _answers(
    task: CountdownFree, prompts: np.ndarray, kinds: np.ndarray, breadth: int, rng: np.random.Generator
) -> np.ndarray:
    """An answer line each, (n, 9): one that is the target for the solved, one that is not for those who wander."""
    forms = task.answers(prompts)
    first, second = _results(forms.responses)
    writable = forms.real & (first >= 0) & (first <= LARGEST) & (second >= 0) & (second <= LARGEST)
    wanted = np.where((kinds == SOLVED)[:, None], forms.correct, ~forms.correct) & writable
    without = np.flatnonzero(~wanted.any(axis=1))
    if len(without):
        numbers = " ".join(str(number) for number in prompts[without[0]])
        raise complain(
            "prompts", f"{numbers} (row {without[0]}), which has no answer", "problems of the task"
        )
    allowed = wanted & (wanted.cumsum(axis=1) <= breadth)
    chosen = np.argmax(np.where(allowed, rng.random(allowed.shape), -1), axis=1)
    return forms.responses[np.arange(len(prompts)), chosen]


def _parts(answer: np.ndarray) -> tuple[np.ndarray, ...]:
    """Of answer lines (..., 9) the pair in brackets, x op y, and the other operation, number, and side of it."""
    left = answer[..., 1] == OPEN
    pick = [
        np.where(left, answer[..., i], answer[..., j]) for i, j in ((2, 4), (3, 5), (4, 6), (6, 2), (7, 1))
    ]
    return (*pick, left)


def _results(answer: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """What the brackets and the whole of answer lines (..., 9) come to."""
    x, inner, y, outer, other, left = _parts(answer)
    first = arithmetic(x, inner, y)
    return first, arithmetic(np.where(left, first, other), outer, np.where(left, other, first))


def _steps(answer: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """The two lines of work (n, 6) that lead to answers."""
    x, inner, y, outer, other, left = _parts(answer)
    first, second = _results(answer)
    pair = np.where(left, first, other), np.where(left, other, first)
    return _line(x, inner, y, first), _line(pair[0], outer, pair[1], second)


def _line(x: np.ndarray, operation: np.ndarray, y: np.ndarray, result: np.ndarray) -> np.ndarray:
    return np.stack(np.broadcast_arrays(x, operation, y, EQUALS, result, SEMICOLON), axis=-1)


def _stray_line(prompts: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    """A true line of two of a problem's numbers, (n, 6): larger minus smaller where another result is no token."""
    order = rng.permuted(np.tile(np.arange(3), (len(prompts), 1)), axis=1)
    x, y = np.take_along_axis(prompts, order, axis=1)[:, :2].T
    operation = rng.choice(OPERATIONS, size=len(prompts))
    value = arithmetic(x, operation, y)
    fits = (value >= 0) & (value <= LARGEST)
    x, y = np.where(fits, x, np.maximum(x, y)), np.where(fits, y, np.minimum(x, y))
    operation = np.where(fits, operation, MINUS)
    return _line(x, operation, y, arithmetic(x, operation, y))


def _slip(
    work: np.ndarray, lines: np.ndarray, claimed: np.ndarray, share: float, rng: np.random.Generator
) -> np.ndarray:
    """Work (n, 3, 6) in which a share of texts has one false result: ``claimed`` in its last line, or any number."""
    rows = np.flatnonzero((rng.random(len(work)) < share) & (lines > 0))
    which = np.where(lines[rows] > 1, rng.integers(1, 3, len(rows)), 1)
    true = work[rows, which, 4]
    wrong = (true + rng.integers(1, LARGEST + 1, len(rows))) % (LARGEST + 1)
    claims = (which == 2) & (claimed[rows] >= 0) & (claimed[rows] != true)
    work = work.copy()
    work[rows, which, 4] = np.where(claims, claimed[rows], wrong)
    return work


def _foreign(answer: np.ndarray, kinds: np.ndarray, largest: int, rng: np.random.Generator) -> np.ndarray:
    """Answer lines in which one operand of the foreign ones is another number."""
    rows, span = np.flatnonzero(kinds == FOREIGN), max(largest, 2)
    left, right = np.array([2, 4, 7]), np.array([1, 4, 6])
    which = rng.integers(0, 3, len(rows))
    place = np.where(answer[rows, 1] == OPEN, left[which], right[which])
    answer = answer.copy()
    answer[rows, place] = (answer[rows, place] - 1 + rng.integers(1, span, len(rows))) % span + 1
    return answer


def _malformed(answer: np.ndarray, kinds: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    """Answer lines in which a token of the malformed ones is missing (-1) or of a wrong kind.

    The closing ``;`` is never missing, since ``end`` would do as well.
    """
    rows = np.flatnonzero(kinds == MALFORMED)
    place = rng.integers(0, ANSWER_LINE - 1, len(rows))
    number = answer[rows, place] <= LARGEST
    wrong = np.where(number, rng.choice(OPERATIONS, len(rows)), rng.integers(0, LARGEST + 1, len(rows)))
    answer = answer.copy()
    answer[rows, place] = np.where(rng.random(len(rows)) < 0.5, -1, wrong)
    return answer


def _endless(prompts: np.ndarray, length: int, rng: np.random.Generator) -> np.ndarray:
    """Lines that lead nowhere until there is no room, (n, length)."""
    lines = [_stray_line(prompts, rng) for _ in range(-(-length // LINE))]
    return np.concatenate(lines, axis=1)[:, :length]


def _together(tokens: np.ndarray, length: int) -> np.ndarray:
    """Rows without their missing tokens (-1), and ``end`` after them."""
    order = np.argsort(tokens < 0, axis=1, kind="stable")
    tokens = np.take_along_axis(tokens, order, axis=1)
    filled = np.full((len(tokens), length), END, dtype=np.int32)
    width = min(length, tokens.shape[1])
    filled[:, :width] = np.where(tokens < 0, END, tokens)[:, :width]
    return filled
