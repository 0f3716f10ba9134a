"""Logs of Inspect, .eval or .json: one sample and epoch a row, with a score of each scorer."""

from __future__ import annotations

import math
from collections.abc import Iterable, Iterator, Mapping
from typing import Any

from thermodiff.exploration.readers.openai_choices import chat_tokens
from thermodiff.exploration.readers.response import CUT_OFF, Response, RowError, field

VALUES = {"C": 1.0, "I": 0.0, "P": 0.5, "N": 0.0}
"""Correct, incorrect, partial, no answer."""
TRUNCATED = ("max_tokens", "model_length")


def read(rows: Iterable[Mapping[str, Any]], correct: str | None) -> Iterator[Response]:
    """One response a row. A sample that ended in an error, or that its scorer gave up on, has no score: left out."""
    for row in rows:
        scores = row.get("scores")
        if not scores:
            continue
        score = scores[scorer_of(scores, correct)]
        value = score.get("value")
        if isinstance(value, float) and math.isnan(value):
            continue
        output = row.get("output") or {}
        choice = (output.get("choices") or [{}])[0]
        reason = choice.get("stop_reason")
        yield Response(
            field(row, "id"),
            VALUES.get(value, value) if isinstance(value, str) else value,
            sample=field(row, "epoch"),
            length=(output.get("usage") or {}).get("output_tokens"),
            finish_reason=CUT_OFF if reason in TRUNCATED else reason,
            answer=score.get("answer"),
            text=output.get("completion"),
            **chat_tokens(choice.get("logprobs")),
        )


def scorer_of(scores: Mapping[str, Any], correct: str | None) -> str:
    """The scorer that counts: the one that was asked for, or the only one there is."""
    if correct is not None and correct not in scores:
        raise RowError(f"scorers {', '.join(scores)}", f"{correct!r} among them, as correct says")
    if correct is None and len(scores) > 1:
        raise RowError(f"several scorers: {', '.join(scores)}", "correct=... to say which of them counts")
    return correct or next(iter(scores))
