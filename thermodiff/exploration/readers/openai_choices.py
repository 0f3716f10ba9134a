"""Responses of OpenAI's interface, as vLLM serves it too: chat and completions, alone or as rows of a batch's output.

They say neither problem nor reward: a row has these beside ``choices`` (a reward for each choice, or one in each
choice), and the output of a batch has its ``custom_id`` as the problem.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from itertools import pairwise
from typing import Any

from thermodiff.exploration.readers.response import (
    PROBLEMS,
    PROMPTS,
    REWARDS,
    Response,
    RowError,
    field,
    first_of,
    names,
    problem_of,
    reward_column,
)


def read(rows: Iterable[Mapping[str, Any]], correct: str | None) -> Iterator[Response]:
    """One response a choice."""
    for row in rows:
        body = (row["response"] or {}).get("body", {}) if "response" in row else row
        choices = body.get("choices")
        if not choices:
            raise RowError(
                f"no choices ({row.get('error') or body.get('error')})", "a response that has some"
            )
        problem = problem_in(row)
        for choice, score in zip(choices, scores_of(row, choices, correct), strict=True):
            message = choice.get("message")
            log_probs = choice.get("logprobs")
            yield Response(
                problem,
                score,
                step=row.get("step"),
                length=(body.get("usage") or {}).get("completion_tokens") if len(choices) == 1 else None,
                finish_reason=choice.get("finish_reason"),
                text=choice.get("text") if message is None else message.get("content"),
                **(completion_tokens(log_probs) if message is None else chat_tokens(log_probs)),
            )


def problem_in(row: Mapping[str, Any]) -> Any:
    """What the row says its problem is; ``id`` is the response's."""
    if name := first_of(row, PROBLEMS):
        return row[name]
    if name := first_of(row, PROMPTS):
        return problem_of(row[name])
    raise RowError(
        f"no problem among the fields {names(row)}", f"one of {', '.join(PROBLEMS)} beside the choices"
    )


def scores_of(row: Mapping[str, Any], choices: Sequence[Mapping[str, Any]], correct: str | None) -> list[Any]:
    """A reward for each choice, from the choices themselves or from the row."""
    if (correct or first_of(choices[0], REWARDS)) in choices[0]:
        return [field(choice, reward_column(choice, correct)) for choice in choices]
    scores = row[reward_column(row, correct)]
    scores = scores if isinstance(scores, list) else [scores]
    if len(scores) != len(choices):
        raise RowError(f"{len(scores)} rewards for {len(choices)} choices", "a reward for each of them")
    return scores


def chat_tokens(log_probs: Mapping[str, Any] | None) -> dict[str, Any]:
    """Log-probabilities and lists of a chat's choice: ``content`` has one entry a token."""
    content = (log_probs or {}).get("content")
    if not content:
        return {}
    drawn = [entry["logprob"] for entry in content]
    tops = [[top["logprob"] for top in entry.get("top_logprobs") or ()] for entry in content]
    return {"log_probs": drawn, "top_log_probs": ordered(drawn, tops)}


def completion_tokens(log_probs: Mapping[str, Any] | None) -> dict[str, Any]:
    """The same of a completion's choice: lists run side by side, and null is what was not computed."""
    if not log_probs or not log_probs.get("token_logprobs"):
        return {}
    drawn = [-9999.0 if value is None else value for value in log_probs["token_logprobs"]]
    tops = [list((top or {}).values()) for top in log_probs.get("top_logprobs") or ()]
    return {"log_probs": drawn, "top_log_probs": ordered(drawn, tops)}


def ordered(drawn: Sequence[float], tops: list[list[float]]) -> list[list[float]] | None:
    """Lists of the most likely tokens, largest first.

    vLLM puts the drawn token first, wherever it ranks, and the most likely ones after it. A drawn token that is less
    likely than all of these is no part of the list: the others are the most likely ones, and it is one more known.
    """
    if not any(tops):
        return None
    if len(tops) != len(drawn):
        raise RowError(f"{len(tops)} lists for {len(drawn)} tokens", "a list for each of them")
    if all(len(top) == 1 and top[0] == value for value, top in zip(drawn, tops, strict=True)):
        return None  # vLLM asked for one: the drawn token alone, which says nothing of the others
    return [in_order(value, top) for value, top in zip(drawn, tops, strict=True)]


def in_order(value: float, top: list[float]) -> list[float]:
    """One list, if it is sorted or becomes so once the drawn token has its place; else as it is, to be refused."""
    rest = top[1:]
    if len(top) < 2 or top[0] >= top[1] or top[0] != value or any(a < b for a, b in pairwise(rest)):
        return top
    return rest if value < rest[-1] else sorted(top, reverse=True)
