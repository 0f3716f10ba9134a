"""One response of a policy as readers hand it on, and what readers share: its problem, its reward, its complaint."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple

REWARDS = ("correct", "is_correct", "passed", "score", "reward", "acc", "accuracy")
"""Names of columns that say whether a response is correct; a file that has two of them must be told which."""
PROBLEMS = ("problem_id", "problem", "question_id", "task_id", "prompt_id", "custom_id", "doc_id")
"""Names of columns that say which problem a response answers."""
PROMPTS = ("prompt", "question", "input", "messages")
"""Columns of prompts: rows of one prompt are one problem where nothing else names it."""

CUT_OFF = "length"
"""The finish reason of a response that was cut off, whatever its source calls it."""


class RowError(ValueError):
    """What is wrong in one row: that which is being read, or the one of that number."""

    def __init__(self, got: str, need: str, row: int | None = None):
        super().__init__(got, need)
        self.got, self.need, self.row = got, need, row


class Response(NamedTuple):
    """One response as it was read; None is what the source does not tell. Units are those of ``Rollouts``."""

    problem: Any
    score: Any
    sample: Any = None
    """Which of the responses to its problem this is: no two may be the same."""
    step: Any = None
    length: int | None = None
    finish_reason: str | None = None
    answer: Any = None
    text: Any = None
    """Text or anything hashable: equal where responses are identical."""
    tokens: Sequence[Any] | None = None
    log_probs: Sequence[float] | None = None
    entropies: Sequence[float] | None = None
    reference_log_probs: Sequence[float] | None = None
    nucleus_sizes: Sequence[int] | None = None
    top_log_probs: Sequence[Sequence[float]] | None = None
    vocabulary: int | None = None
    row: int | None = None
    """Where the response stands, if not in the row that is being read."""


def field(row: Mapping[str, Any], name: str) -> Any:
    """The value of a field that must be there."""
    try:
        return row[name]
    except KeyError:
        raise RowError(f"no field {name!r} among {names(row)}", f"{name!r}") from None


def names(row: Mapping[str, Any]) -> str:
    """The fields of a row, for messages."""
    shown = ", ".join(repr(name) for name in list(row)[:12])
    return shown + (", ..." if len(row) > 12 else "")


def first_of(row: Mapping[str, Any], candidates: Sequence[str]) -> str | None:
    """The first of the candidates that a row has."""
    return next((name for name in candidates if name in row), None)


def reward_column(row: Mapping[str, Any], correct: str | None, candidates: Sequence[str] = REWARDS) -> str:
    """The column that says what is correct: the one that was asked for, or the only one there is."""
    if correct is not None:
        if correct not in row:
            raise RowError(f"no field {correct!r} among {names(row)}", "the field that correct names")
        return correct
    present = [name for name in candidates if name in row]
    if not present and (half := first_of(row, ("c", "n"))):
        raise RowError(
            f"{half!r} alone among the fields {names(row)}", "c and n: correct ones, and all of them"
        )
    if not present:
        need = f"one of {', '.join(candidates)}, or the name of another: correct=... (--correct)"
        raise RowError(f"no reward among the fields {names(row)}", need)
    if len(present) > 1:
        raise RowError(
            f"several rewards: {', '.join(present)}", "correct=... (--correct) to say which of them counts"
        )
    return present[0]


def problem_of(prompt: Any) -> str:
    """A name for the problem that a prompt poses: how it begins, and a hash of all of it."""
    text = shown = prompt if isinstance(prompt, str) else json.dumps(prompt, sort_keys=True, default=str)
    if isinstance(prompt, list) and prompt and isinstance(prompt[-1], dict):
        shown = str(prompt[-1].get("content", text))
    digest = hashlib.blake2b(text.encode("utf-8", "surrogatepass"), digest_size=6).hexdigest()
    return f"{' '.join(shown[:80].split())[:40]} #{digest}"


def whole(name: str, value: Any) -> int:
    """A value that must be a whole number, also where a csv file or a data frame wrote it as 3.0."""
    try:
        number = float(value)
        if number == int(number):
            return int(number)
    except (TypeError, ValueError, OverflowError):
        pass
    raise RowError(f"{name} {value!r}", "a whole number")
