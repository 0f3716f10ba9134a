"""Countdown with three numbers in its strict form: two equations that use every number once and end in the target.

    3 5 7 -> 26        3 x 7 = 21 ; 21 + 5 = 26

Twelve tokens, so that every response of valid arithmetic, right or wrong, can be listed: about fifty a problem.
"""

from __future__ import annotations

import dataclasses
import functools
from itertools import combinations_with_replacement, permutations, product
from typing import ClassVar

import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Bool, Int

from thermodiff.array_types import Scalar
from thermodiff.exploration.tasks.task import Forms, Prompt, Response, check_prompts, complain_of_others
from thermodiff.validation import check_count, complain

LARGEST = 99
"""Number tokens are 0 to this; equations with a result outside are not valid."""
PLUS, MINUS, TIMES, EQUALS, SEMICOLON, END = range(LARGEST + 1, LARGEST + 7)
VOCABULARY = (*(str(i) for i in range(LARGEST + 1)), "+", "-", "x", "=", ";", "end")
OPERATIONS = (PLUS, MINUS, TIMES)

Token = Int[Array, ""]


@dataclasses.dataclass(frozen=True)
class Countdown:
    """Three numbers from 1 to ``largest_number`` and a target up to ``largest_target``; those that can be solved.

    A response is ``a op b = c ; e op f = t end`` with a, b two of the numbers, e, f the result c and the third in
    either order, op one of +, -, x, all results from 0 to 99. It is correct where t is the target. Raises ValueError
    for numbers that are no tokens.
    """

    largest_number: int = 12
    largest_target: int = 60

    vocabulary: ClassVar[tuple[str, ...]] = VOCABULARY
    end: ClassVar[int] = END
    prompt_length: ClassVar[int] = 4
    response_length: ClassVar[int] = 12

    def __post_init__(self) -> None:
        for name in ("largest_number", "largest_target"):
            value = getattr(self, name)
            check_count(name, value)
            if value > LARGEST:
                raise complain(name, f"{value}", f"at most {LARGEST}: larger ones are no tokens")

    @functools.cached_property
    def prompts(self) -> np.ndarray:
        """The three numbers, rising, and the target: every problem with a correct response."""
        numbers = np.array(list(combinations_with_replacement(range(1, self.largest_number + 1), 3)))
        responses, valid = _candidates(numbers)
        found = {
            (*row, int(target))
            for row, results in zip(numbers.tolist(), np.where(valid, responses[..., 10], -1), strict=True)
            for target in np.unique(results)
            if 1 <= target <= self.largest_target
        }
        return np.array(sorted(found), dtype=np.int32)

    def reward(self, prompt: Prompt, response: Response) -> Scalar:
        """1 where both equations hold, use the three numbers once each and end in the target, else 0."""
        numbers, target = prompt[:3], prompt[3]
        a, first, b, equals_1, c, semicolon, e, second, f, equals_2, t, end = response
        signs = (equals_1 == EQUALS) & (semicolon == SEMICOLON) & (equals_2 == EQUALS) & (end == END)
        sums = _holds(a, first, b, c) & _holds(e, second, f, t) & (t == target)
        operands = jnp.any(
            jnp.stack(
                [
                    _either(a, b, numbers[i], numbers[j]) & _either(e, f, c, numbers[k])
                    for i, j, k in ((0, 1, 2), (0, 2, 1), (1, 2, 0))
                ]
            )
        )
        return (signs & sums & operands).astype(float)

    def forms(self, prompts: np.ndarray) -> Forms:
        """All responses of valid arithmetic, with what they come to written down truly; wrong ones miss the target.

        Raises ValueError for prompts that are none of the task's.
        """
        prompts = check_prompts(self, prompts)
        responses, valid = _candidates(prompts[:, :3])
        # The same text comes about in several ways where two numbers, or a result and a number, are equal.
        order = np.argsort(np.where(valid, _code(responses), np.iinfo(np.int64).max), axis=1, kind="stable")
        responses = np.take_along_axis(responses, order[..., None], axis=1)
        valid = np.take_along_axis(valid, order, axis=1)
        code = _code(responses)
        valid[:, 1:] &= code[:, 1:] != code[:, :-1]
        order = np.argsort(~valid, axis=1, kind="stable")[:, : valid.sum(axis=1).max()]
        responses = np.take_along_axis(responses, order[..., None], axis=1)
        real = np.take_along_axis(valid, order, axis=1)
        correct = real & (responses[..., 10] == prompts[:, 3, None])
        complain_of_others(self, prompts, self._rising_and_small(prompts) & correct.any(axis=1))
        return Forms(np.where(real[..., None], responses, END), correct, real)

    def _rising_and_small(self, prompts: np.ndarray) -> np.ndarray:
        """Which prompts could be problems, solved or not, (problems,) bool: all of them are many to make."""
        numbers, target = prompts[:, :3], prompts[:, 3]
        fits = (numbers >= 1) & (numbers <= self.largest_number)
        rising = (np.diff(numbers, axis=1) >= 0).all(axis=1)
        return fits.all(axis=1) & rising & (target >= 1) & (target <= self.largest_target)


def _holds(x: Token, operation: Token, y: Token, result: Token) -> Bool[Array, ""]:
    """Whether x op y = result, and the result is a number token."""
    value = jnp.select([operation == PLUS, operation == MINUS, operation == TIMES], [x + y, x - y, x * y], -1)
    return (value == result) & (result >= 0) & (result <= LARGEST)


def _either(x: Token, y: Token, u: Token, v: Token) -> Bool[Array, ""]:
    """Whether x, y are u, v in either order."""
    return ((x == u) & (y == v)) | ((x == v) & (y == u))


def _candidates(numbers: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """108 responses of each row of three numbers, (rows, 108, 12), repetitions included, and which are valid."""
    rows, valid = [], []
    for (i, j, k), first, second, swapped in product(
        permutations(range(3)), OPERATIONS, OPERATIONS, (False, True)
    ):
        a, b, third = numbers[:, i], numbers[:, j], numbers[:, k]
        c = _value(a, first, b)
        e, f = (third, c) if swapped else (c, third)
        t = _value(e, second, f)
        tokens = np.broadcast_arrays(a, first, b, EQUALS, c, SEMICOLON, e, second, f, EQUALS, t, END)
        rows.append(np.stack(tokens, axis=-1))
        valid.append((c >= 0) & (c <= LARGEST) & (t >= 0) & (t <= LARGEST))
    return np.stack(rows, axis=1).astype(np.int32), np.stack(valid, axis=1)


def _value(x: np.ndarray, operation: int, y: np.ndarray) -> np.ndarray:
    return {PLUS: x + y, MINUS: x - y, TIMES: x * y}[operation]


def _code(responses: np.ndarray) -> np.ndarray:
    """A number for what tells responses of one problem apart: operands and operations."""
    code = np.zeros(responses.shape[:-1], dtype=np.int64)
    for place in (0, 1, 2, 6, 7, 8):
        code = code * len(VOCABULARY) + responses[..., place]
    return code
