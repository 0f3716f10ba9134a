"""``trajectory_log.csv`` of google-tunix: one trajectory a row, lists in it as Python or JSON text.

``old_logprobs`` has one entry a token of the conversation, 0 for those of the environment; ``conversation_masks``
says which the policy drew. ``policy_version`` is the step, and the prompt's tokens are the problem.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator, Mapping
from itertools import compress
from typing import Any

from thermodiff.exploration.readers.response import CUT_OFF, Response, RowError, field, problem_of

TRUNCATED = ("MAX_CONTEXT_LIMIT_REACHED", "MAX_STEPS_REACHED", "TIMEOUT")


def read(rows: Iterable[Mapping[str, Any]], correct: str | None) -> Iterator[Response]:
    """One response a row."""
    for row in rows:
        status = row.get("status")
        yield Response(
            problem_of(row.get("prompt_tokens") or field(row, "group_id")),
            field(row, correct or "trajectory_reward"),
            step=row.get("policy_version") or None,
            finish_reason=CUT_OFF if status in TRUNCATED else status or None,
            text=row.get("conversation_text"),
            **drawn_tokens(row),
        )


def drawn_tokens(row: Mapping[str, Any]) -> dict[str, Any]:
    """Tokens and log-probabilities of what the policy drew; none where they were not logged (all 0) or masked out."""
    tokens, mask = numbers(row, "conversation_tokens"), numbers(row, "conversation_masks")
    if tokens is None or mask is None or not any(mask):
        return {}
    log_probs = numbers(row, "old_logprobs")
    for values in (mask, log_probs):
        if values is not None and len(values) != len(tokens):
            raise RowError(
                f"{len(values)} masks or old_logprobs for {len(tokens)} tokens", "as many, one a token"
            )
    drawn = list(compress(log_probs, mask)) if log_probs is not None else []
    return {"tokens": list(compress(tokens, mask)), "log_probs": drawn if any(drawn) else None}


def numbers(row: Mapping[str, Any], name: str) -> list[Any] | None:
    """A list of numbers that stands in a field as text."""
    text = row.get(name)
    if not text:
        return None
    try:
        values = json.loads(text.replace("nan", "NaN").replace("inf", "Infinity"))
    except json.JSONDecodeError:
        values = None
    if not isinstance(values, list):
        raise RowError(f"{text[:40]!r} in {name}", "a list of numbers")
    return values
