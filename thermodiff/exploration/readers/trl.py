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
    for row in rows:
        score = field(row, correct) if correct else field(row, only_reward(row))
        if score is None or (isinstance(score, float) and math.isnan(score)):
            continue
        prompt = text_of(field(row, "prompt"))
        key = hash(prompt)
        if key not in problems:
            problems[key] = problem_of(prompt)
        yield Response(problems[key], score, step=row.get("step"), text=text_of(row.get("completion")))


def only_reward(row: Mapping[str, Any]) -> str:
    """The one column that can be a reward."""
    rewards = [name for name in row if name not in OTHERS and isinstance(row[name], int | float)]
    if not rewards:
        raise RowError(f"no reward among the fields {names(row)}", "correct=... to say which counts")
    if len(rewards) > 1:
        raise RowError(f"several rewards: {', '.join(rewards)}", "correct=... to say which of them counts")
    return rewards[0]


def text_of(messages: Any) -> str:
    """Text, or a conversation as text."""
    return messages if isinstance(messages, str) else json.dumps(messages, sort_keys=True, default=str)
