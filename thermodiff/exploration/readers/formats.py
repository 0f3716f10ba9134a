"""The table of formats: by which fields each is recognised, and which file of this room reads it."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping
from typing import Any, NamedTuple

from thermodiff.exploration.readers import (
    counts,
    human_eval,
    inspect_logs,
    lm_eval,
    math_eval,
    openai_choices,
    own,
    tree_of_thought,
    trl,
    tunix,
    verl,
)
from thermodiff.exploration.readers.response import PROMPTS, Response, RowError, first_of, names
from thermodiff.validation import complain

Read = Callable[[Iterable[Mapping[str, Any]], str | None], Iterator[Response]]


class Format(NamedTuple):
    """What a source is called, how its rows are told from others, and how they are read (None: they are counts)."""

    name: str
    fits: Callable[[Mapping[str, Any]], bool]
    read: Read | None
    left_out: str = ""
    """Why there may be fewer responses than rows."""


def has(*fields: str) -> Callable[[Mapping[str, Any]], bool]:
    """Whether a row has all these fields."""
    return lambda row: all(name in row for name in fields)


FORMATS = (
    Format(
        "inspect",
        has("id", "epoch", "scores"),
        inspect_logs.read,
        "have no score, as after an error: left out",
    ),
    Format("lm-eval", has("doc_id", "resps"), lm_eval.read, "are of another filter: left out"),
    Format("openai", has("choices"), openai_choices.read),
    Format("openai", has("custom_id", "response"), openai_choices.read),
    Format("math-eval", has("idx", "code", "score"), math_eval.read),
    Format("tree-of-thought", has("idx", "ys", "infos"), tree_of_thought.read),
    Format("tree-of-thought", has("idx", "ys", "accs"), tree_of_thought.read),
    Format("human-eval", has("task_id", "completion", "passed"), human_eval.read),
    Format("verl", has("input", "output", "score"), verl.read, "are earlier outputs of a rollout: left out"),
    Format(
        "trl",
        has("step", "prompt", "completion", "advantage"),
        trl.read,
        "were not scored by this reward: left out",
    ),
    Format("tunix", has("conversation_text", "trajectory_reward"), tunix.read),
    Format("counts", counts.holds_counts, None),
    Format("thermodiff", lambda row: first_of(row, (*own.IDENTIFIERS, *PROMPTS)) is not None, own.read),
)
"""Every format that can be read; the first one that fits the first row is taken."""
NAMES = tuple(dict.fromkeys(entry.name for entry in FORMATS))


def named(name: str) -> Format:
    """The format of a name."""
    for entry in FORMATS:
        if entry.name == name:
            return entry
    raise complain("format", repr(name), f"auto or one of {', '.join(NAMES)}")


def recognise(row: Mapping[str, Any]) -> Format:
    """The format of a file, by the fields of its first row."""
    for entry in FORMATS:
        if entry.fits(row):
            return entry
    only = next(iter(row), "")
    if len(row) == 1 and (other := next((sign for sign in ";\t|" if sign in only), None)):
        raise RowError(f"one field, {only!r}, with {other!r} in it", "fields separated by commas")
    raise RowError(f"fields {names(row)}, which no format has", f"rows of one of {', '.join(NAMES)}")
