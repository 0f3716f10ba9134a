"""Countdown in free form: any lines of work, an answer, any closing lines; the answer alone decides.

    3 5 7 -> 26        3 x 7 = 21 ; 21 + 5 = 26 ; answer ( 3 x 7 ) + 5 ; 26 - 5 = 21 ; end

Here a response can be malformed, wander, calculate wrongly and still be right, run out of room, and go on after the
answer with tokens that no longer matter, as a language model's can. Answers can be enumerated; work cannot, so that
p = P(correct) is no sum over a list: it is the share of correct rollouts, with standard error sqrt(p (1 - p)/n).

The verifier compares shifted copies of the response, without a loop over its tokens: that is cheap under ``jax.vmap``.
"""

from __future__ import annotations

import dataclasses
import functools
from itertools import permutations, product
from typing import Any, ClassVar, NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Bool, Int

from thermodiff.array_types import Scalar
from thermodiff.exploration.tasks.countdown import (
    EQUALS,
    LARGEST,
    MINUS,
    OPERATIONS,
    PLUS,
    SEMICOLON,
    TIMES,
    Countdown,
)
from thermodiff.exploration.tasks.task import Forms, Prompt, Response, check_prompts, response_mask
from thermodiff.validation import check_count, complain

OPEN, CLOSE, ANSWER, END = range(SEMICOLON + 1, SEMICOLON + 5)
VOCABULARY = (*Countdown.vocabulary[: SEMICOLON + 1], "(", ")", "answer", "end")

LINE = 6
"""Tokens of ``a op b = c ;``."""
ANSWER_LINE = 9
"""Tokens of ``answer ( a op b ) op c ;``."""
EXPRESSION = ANSWER_LINE - 2

DEFECTS = ("correct", "truncated", "malformed", "wrong operands", "false work", "wrong value")
"""What ``CountdownFree.defect`` counts: why a response fails, the first of these that holds."""
CORRECT, TRUNCATED, MALFORMED, WRONG_OPERANDS, FALSE_WORK, WRONG_VALUE = range(len(DEFECTS))


class Work(NamedTuple):
    """What the segments of a response are that are no answer, counted; segments end with ``;`` or ``end``."""

    lines: Int[Array, ""]
    """Those of the form a op b = c, true or false."""
    false: Int[Array, ""]
    """Lines whose arithmetic is false."""
    broken: Int[Array, ""]
    """Segments that are no line."""


@dataclasses.dataclass(frozen=True)
class CountdownFree:
    """The problems of ``Countdown``, with responses of any form up to ``response_length`` tokens.

    The answer is what follows the last ``answer``: ``( a op b ) op c`` or ``a op ( b op c )``, then ``;`` or ``end``.
    A response is correct where it has an ``end``, a, b, c are the three numbers in any order, and the expression is the
    target; what is written besides is not looked at. Results on the way may be negative or above 99 in an answer; in a
    line of work there is no token for them. Raises ValueError for numbers that are no tokens and where no answer fits.
    """

    largest_number: int = 12
    largest_target: int = 60
    response_length: int = 40

    vocabulary: ClassVar[tuple[str, ...]] = VOCABULARY
    end: ClassVar[int] = END
    prompt_length: ClassVar[int] = Countdown.prompt_length

    def __post_init__(self) -> None:
        Countdown(self.largest_number, self.largest_target)  # its messages are ours
        check_count("response_length", self.response_length)
        if self.response_length <= ANSWER_LINE:
            need = f"at least {ANSWER_LINE + 1}, an answer line and its end"
            raise complain("response_length", f"{self.response_length}", need)

    @functools.cached_property
    def prompts(self) -> np.ndarray:
        """The three numbers, rising, and the target: those of the strict form, and there are no others to solve."""
        return Countdown(self.largest_number, self.largest_target).prompts

    def reward(self, prompt: Prompt, response: Response) -> Scalar:
        """1 where the last answer is right and the response ends, else 0."""
        return (self.defect(prompt, response) == CORRECT).astype(float)

    def defect(self, prompt: Prompt, response: Response) -> Int[Array, ""]:
        """An index into ``DEFECTS``: why the response fails, the first reason that holds, or 0.

        Truncated: no ``end``. Malformed: no answer, or one of no known form. Wrong operands: not the three numbers once
        each. Else the value is wrong; false work where a line before the answer has false arithmetic.
        """
        at = _last_answer(response)
        operands, value, well_formed = _expression(_following(response, at))
        _, false, _ = _segments(response)
        reasons = (
            ~jnp.any(response == END),
            (at < 0) | ~well_formed,
            jnp.any(jnp.sort(operands) != jnp.sort(prompt[:3])),
            value == prompt[3],
            jnp.any(false & (jnp.arange(len(response)) < at)),
        )
        codes = (TRUNCATED, MALFORMED, WRONG_OPERANDS, CORRECT, FALSE_WORK)
        return jnp.select(list(reasons), list(codes), WRONG_VALUE)

    def answer(self, response: Response) -> Int[Array, " 8"]:
        """The last answer and ``;``, the tokens of ``answers`` after their first; all ``end`` where it is malformed."""
        at = _last_answer(response)
        tokens = _following(response, at)
        _, _, well_formed = _expression(tokens)
        return jnp.where((at >= 0) & well_formed, tokens.at[-1].set(SEMICOLON), END)

    def work(self, response: Response) -> Work:
        """Lines, false lines and broken segments of one response, before and after its answer."""
        return Work(*(kind.sum() for kind in _segments(response)))

    def answers(self, prompts: np.ndarray) -> Forms:
        """All well-formed answers with the right operands: ``answer ... ;``, (problems, at most 108, 9) tokens.

        They are the classes into which correct responses fall, not responses: work makes any number of texts of each.
        """
        prompts = check_prompts(self, prompts)
        lines, values = candidates(prompts[:, :3])
        code = np.zeros(lines.shape[:-1], dtype=np.int64)
        for place in range(1, ANSWER_LINE - 1):
            code = code * len(VOCABULARY) + lines[..., place]
        order = np.argsort(code, axis=1, kind="stable")
        code = np.take_along_axis(code, order, axis=1)
        new = np.concatenate([np.ones((len(code), 1), bool), code[:, 1:] != code[:, :-1]], axis=1)
        keep = np.argsort(~new, axis=1, kind="stable")[:, : new.sum(axis=1).max()]
        real, order = np.take_along_axis(new, keep, axis=1), np.take_along_axis(order, keep, axis=1)
        correct = np.take_along_axis(values, order, axis=1) == prompts[:, 3, None]
        lines = np.where(real[..., None], np.take_along_axis(lines, order[..., None], axis=1), END)
        return Forms(lines, real & correct, real)


def arithmetic(x: Any, operation: Any, y: Any, numpy: Any = np) -> Any:
    """x op y for operations given as tokens, in NumPy or jax.numpy; 0 where the token is none."""
    which = [operation == PLUS, operation == MINUS, operation == TIMES]
    return numpy.select(which, [x + y, x - y, x * y], 0)


def candidates(numbers: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """108 answer lines of each row of three numbers, (rows, 108, 9), repetitions included, and their values."""
    lines, values = [], []
    for (i, j, k), first, second, left in product(
        permutations(range(3)), OPERATIONS, OPERATIONS, (True, False)
    ):
        a, b, c = numbers[:, i], numbers[:, j], numbers[:, k]
        expression: tuple
        if left:
            expression = (OPEN, a, first, b, CLOSE, second, c)
            values.append(arithmetic(arithmetic(a, first, b), second, c))
        else:
            expression = (a, first, OPEN, b, second, c, CLOSE)
            values.append(arithmetic(a, first, arithmetic(b, second, c)))
        lines.append(np.stack(np.broadcast_arrays(ANSWER, *expression, SEMICOLON), axis=-1))
    return np.stack(lines, axis=1).astype(np.int32), np.stack(values, axis=1)


def _last_answer(response: Response) -> Int[Array, ""]:
    """Where the last ``answer`` before the end is, -1 where there is none."""
    found = response_mask(response, END) & (response == ANSWER)
    return jnp.max(jnp.where(found, jnp.arange(len(response)), -1))


def _following(response: Response, at: Int[Array, ""]) -> Int[Array, " 8"]:
    """The tokens after that place that an expression and what closes it would take."""
    room = jnp.concatenate([response, jnp.full(ANSWER_LINE, END, response.dtype)])
    return jax.lax.dynamic_slice(room, (at + 1,), (EXPRESSION + 1,))


def _expression(tokens: Int[Array, " 8"]) -> tuple[Int[Array, " 3"], Int[Array, ""], Bool[Array, ""]]:
    """Operands, value, and whether the tokens are a closed expression at all."""
    left, right = tokens[:EXPRESSION], tokens[:EXPRESSION][jnp.array([2, 0, 1, 3, 6, 4, 5])]
    closed = (tokens[-1] == SEMICOLON) | (tokens[-1] == END)
    is_left, is_right = left[0] == OPEN, right[0] == OPEN
    # Read in one order: "(", a number, its operation, a number, ")", an operation, a number.
    bracket, a, first, b, close, second, c = jnp.where(is_left, left, right)
    form = (bracket == OPEN) & (close == CLOSE) & (is_left | is_right) & closed
    numbers = _is_number(a) & _is_number(b) & _is_number(c)
    signs = _is_operation(first) & _is_operation(second)
    if_left = arithmetic(arithmetic(a, first, b, jnp), second, c, jnp)
    if_right = arithmetic(a, first, arithmetic(b, second, c, jnp), jnp)
    return jnp.stack([a, b, c]), jnp.where(is_left, if_left, if_right), form & numbers & signs


def _segments(response: Response) -> tuple[Array, Array, Array]:
    """At which places lines, false lines and broken segments begin, three masks over the response."""
    inside = response_mask(response, END) & (response != END)
    begins = inside & jnp.concatenate([jnp.array([True]), response[:-1] == SEMICOLON])
    room = jnp.concatenate([response, jnp.full(LINE, END, response.dtype)])
    a, operation, b, equals, c, close = (room[i : i + len(response)] for i in range(LINE))
    form = _is_number(a) & _is_operation(operation) & _is_number(b) & (equals == EQUALS) & _is_number(c)
    line = begins & form & ((close == SEMICOLON) | (close == END))
    false = line & (arithmetic(a, operation, b, jnp) != c)
    return line, false, begins & ~line & (response != ANSWER)


def _is_number(token: Array) -> Array:
    return (token >= 0) & (token <= LARGEST)


def _is_operation(token: Array) -> Array:
    return (token == PLUS) | (token == MINUS) | (token == TIMES)
