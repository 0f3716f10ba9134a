"""What a task is: problems as tokens, a verdict on a response, and, where there are few enough, all responses.

A response ends with the token ``end``; what follows it is ``end`` too, so that all have one length. One without
``end`` was cut off.
"""

from __future__ import annotations

from typing import Any, NamedTuple, Protocol, runtime_checkable

import numpy as np
from jaxtyping import Array, Int

from thermodiff.array_types import Scalar
from thermodiff.validation import complain

Prompt = Int[Array, " prompt"]
Response = Int[Array, " response"]


@runtime_checkable
class Task(Protocol):
    """Problems and their verifier."""

    @property
    def vocabulary(self) -> tuple[str, ...]:
        """Words; a token is an index into it."""
        ...

    @property
    def end(self) -> int:
        """The token that ends a response."""
        ...

    @property
    def prompt_length(self) -> int:
        """Tokens of every prompt."""
        ...

    @property
    def response_length(self) -> int:
        """Most tokens of a response, ``end`` included."""
        ...

    @property
    def prompts(self) -> np.ndarray:
        """All problems there are, (problems, prompt_length) whole numbers."""
        ...

    def reward(self, prompt: Prompt, response: Response) -> Scalar:
        """1 where the response solves the problem, else 0; of one sample, in JAX."""
        ...


class Forms(NamedTuple):
    """Responses of each problem, all that could be listed; rows of one problem are all different."""

    responses: np.ndarray
    """(problems, forms, response_length) tokens; in padding all ``end``, so that a policy can read it."""
    correct: np.ndarray
    """(problems, forms): whether the response solves the problem; false in padding."""
    real: np.ndarray
    """(problems, forms): false where a problem has fewer forms than the longest list, which is padding."""


@runtime_checkable
class EnumeratedTask(Task, Protocol):
    """A task of which every correct response can be listed, so that p = sum pi(y) over them is no estimate."""

    def forms(self, prompts: np.ndarray) -> Forms:
        """All correct responses to each prompt, and the wrong ones that are worth telling apart."""
        ...


def response_mask(responses: Any, end: int) -> Any:
    """Which tokens (..., response_length) belong to a response: those up to its first ``end``, that one included.

    An array of the library that the tokens come in, NumPy or JAX.
    """
    is_end = responses == end
    return (is_end.cumsum(axis=-1) - is_end) == 0


def words_of(task: Task, tokens: np.ndarray) -> str:
    """The tokens of one prompt or response as text, words apart by spaces, up to the first ``end``.

    Raises ValueError for numbers that are no tokens.
    """
    listed, most = np.asarray(tokens).tolist(), len(task.vocabulary) - 1
    unknown = [token for token in listed if not 0 <= token <= most]
    if unknown:
        raise complain("tokens", f"{unknown[0]}", f"tokens from 0 to {most}")
    if task.end in listed:
        listed = listed[: listed.index(task.end)]
    return " ".join(task.vocabulary[token] for token in listed)


def tokens_of(task: Task, text: str, length: int) -> np.ndarray:
    """The inverse: words apart by spaces as ``length`` tokens, ``end`` after the last.

    A response that fills ``length`` has no ``end``: it was cut off. Raises ValueError for words that the task does not
    have and for more of them than fit.
    """
    words = text.split()
    unknown = [word for word in words if word not in task.vocabulary]
    if unknown:
        raise complain("text", f"the word {unknown[0]!r}", f"words of {_some(task.vocabulary)}")
    if len(words) > length:
        raise complain("text", f"{len(words)} words", f"at most {length}")
    tokens = np.full(length, task.end, dtype=np.int32)
    tokens[: len(words)] = [task.vocabulary.index(word) for word in words]
    return tokens


def _some(words: tuple[str, ...]) -> str:
    shown = words if len(words) <= 8 else (*words[:3], "...", *words[-4:])
    return " ".join(shown)


def check_prompts(task: Task, prompts: np.ndarray) -> np.ndarray:
    """The prompts as whole numbers (problems, prompt_length). Raises ValueError for what are no prompts of its kind."""
    check_instance(task)
    prompts = np.asarray(prompts)
    need = f"whole numbers (problems, {task.prompt_length}) from 0 to {len(task.vocabulary) - 1}"
    if prompts.ndim != 2 or prompts.shape[1] != task.prompt_length or len(prompts) == 0:
        raise complain("prompts", f"shape {prompts.shape}", need)
    if prompts.dtype.kind not in "iu":
        raise complain("prompts", f"numbers of type {prompts.dtype}", need)
    if prompts.min() < 0 or prompts.max() >= len(task.vocabulary):
        raise complain("prompts", f"tokens from {prompts.min()} to {prompts.max()}", need)
    return prompts.astype(np.int32)


def check_problems(task: Task, prompts: np.ndarray) -> np.ndarray:
    """``check_prompts``, of which each row is one of the task's problems. Raises ValueError for others."""
    prompts = check_prompts(task, prompts)
    known = {row.tobytes() for row in np.asarray(task.prompts, dtype=np.int32)}
    complain_of_others(task, prompts, np.array([row.tobytes() in known for row in prompts]))
    return prompts


def complain_of_others(task: Task, prompts: np.ndarray, known: np.ndarray) -> None:
    """Raise ValueError, with the first, unless all prompts are ``known``, (problems,) bool."""
    if not known.all():
        row = int(np.argmin(known))
        words = " ".join(task.vocabulary[token] for token in prompts[row])
        raise complain("prompts", f"{words!r} (row {row})", "problems of this task")


def check_instance(task: Any) -> None:
    """Raise ValueError for a class in the place of a task."""
    if isinstance(task, type):
        raise complain("task", f"the class {task.__name__}", f"an object of it, {task.__name__}(...)")
