"""Completions of TRL's GRPO trainer, ``completions_<step>.parquet``.

Columns: step, prompt, completion, one for each reward function, what these log besides, advantage.
"""

from __future__ import annotations

import json
import math
from collections.abc import Iterable, Iterator, Mapping
from typing import Any

from thermodiff.exploration.readers.response import Response, RowError, field, names, problem_of

OTHERS = ("step", "prompt", "completion", "advantage", "advantages", "images")


def read(rows: Iterable[Mapping[str, Any]], correct: str | None) -> Iterator[Response]:
    """One response a row. A completion that its reward function did not score is left out: it was not its task."""
    problems: dict[int, str] = {}
    reward = correct
    for row in rows:
        reward = reward if correct else only_reward(row, reward)
        score = None if reward is None else field(row, reward)
        if score is None or math.isnan(score):
            continue
        text = text_of(field(row, "prompt"))
        key = hash(text)
        if key not in problems:
            problems[key] = problem_of(row["prompt"])
        yield Response(problems[key], score, step=row.get("step"), text=text_of(row.get("completion")))


def only_reward(row: Mapping[str, Any], known: str | None) -> str | None:
    """The one column of rewards, by the numbers in this row and in those before it; null is not scored."""
    rewards = [name for name in row if name not in OTHERS and isinstance(row[name], int | float)]
    several = sorted({*rewards, *([known] if known else [])})
    if len(several) > 1:
        raise RowError(f"several rewards: {', '.join(several)}", "correct=... to say which of them counts")
    if not several and not any(row[name] is None for name in row if name not in OTHERS):
        raise RowError(f"no reward among the fields {names(row)}", "a column of numbers")
    return several[0] if several else None


def text_of(messages: Any) -> str:
    """Text, or a conversation as text."""
    return messages if isinstance(messages, str) else json.dumps(messages, sort_keys=True, default=str)
