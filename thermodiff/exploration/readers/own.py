"""This project's jsonl, and any table whose columns go by plain names: one response a row.

Fields: a problem (``problem_id``, ...; without it, rows of one ``prompt`` are one problem), a reward (``correct``
and others), and whatever else there is of ``sample``, ``step``, ``response``, ``answer``, ``length``,
``finish_reason`` or ``finished``, ``tokens``, ``logprobs``, ``entropies``, ``ref_logprobs``, ``branching`` (tokens in
the nucleus of mass 0.95), ``top5_logprobs`` (or of another number), ``vocabulary``.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping
from typing import Any

from thermodiff.exploration.readers.response import (
    CUT_OFF,
    PROBLEMS,
    PROMPTS,
    Response,
    RowError,
    first_of,
    names,
    problem_of,
    reward_column,
)

IDENTIFIERS = (*PROBLEMS, "id", "idx", "uid")
NAMES = {
    "answer": ("answer", "pred", "extracted_answer"),
    "text": ("response", "completion", "output", "text", "generation"),
    "tokens": ("tokens", "token_ids"),
    "log_probs": ("logprobs", "log_probs"),
    "entropies": ("entropies",),
    "reference_log_probs": ("ref_logprobs", "ref_log_probs", "reference_log_probs", "reference_logprobs"),
    "nucleus_sizes": ("branching", "nucleus_sizes"),
    "finish_reason": ("finish_reason",),
    "sample": ("sample", "sample_id", "sample_index"),
    "step": ("step", "global_step"),
    "length": ("length", "response_length", "num_tokens"),
    "vocabulary": ("vocabulary", "vocab_size"),
}
"""What fields of a response may be called."""
TOP = re.compile(r"top_?\d*_log_?probs")


def read(rows: Iterable[Mapping[str, Any]], correct: str | None) -> Iterator[Response]:
    """One response a row. Rows may differ in their columns, but most do not: a plan is made for each kind of row."""
    plans: dict[tuple[str, ...], Plan] = {}
    width, plan, make = -1, None, Response._make
    for row in rows:
        if plan is None or len(row) != width:
            width, kind = len(row), tuple(row)
            plan = plans[kind] = plans.get(kind) or Plan(row, correct)
            columns, plain = plan.columns, plan.plain
        # A column that there is not is asked for as None, and gives None.
        response = make(map(row.get, columns))  # type: ignore[arg-type]
        yield response if plain else plan.mended(response, row)


class Plan:
    """Which column holds what: ``columns`` has the names in the order of the fields of a ``Response``."""

    def __init__(self, row: Mapping[str, Any], correct: str | None):
        reward = reward_column(row, correct)
        identifier = first_of(row, IDENTIFIERS)
        self.prompt = first_of(row, PROMPTS) if identifier is None else None
        if identifier is None and self.prompt is None:
            raise RowError(
                f"no problem among the fields {names(row)}", f"one of {', '.join(IDENTIFIERS)}, prompt"
            )
        left = {name: None for name in row if name not in (reward, identifier, self.prompt)}
        found = {what: first_of(left, known) for what, known in NAMES.items()}
        found["top_log_probs"] = next((name for name in left if TOP.fullmatch(name)), None)
        found |= {"problem": identifier or self.prompt, "score": reward}
        if isinstance(row.get(found["tokens"] or ""), int):
            found["length"], found["tokens"] = found["length"] or found["tokens"], None
        self.columns = tuple(found.get(name) for name in Response._fields)
        self.finished = "finished" in left and found["finish_reason"] is None
        self._problems: dict[int, str] = {}

    @property
    def plain(self) -> bool:
        """Whether all columns are taken as they are."""
        return self.prompt is None and not self.finished

    def mended(self, response: Response, row: Mapping[str, Any]) -> Response:
        """The response with a name for its prompt, and a finish reason from whether it is finished."""
        if self.prompt is not None:
            response = response._replace(problem=self._problem(response.problem))
        if self.finished:
            response = response._replace(finish_reason=finish(row.get("finished")))
        return response

    def _problem(self, prompt: Any) -> str | None:
        if prompt is None:
            return None
        key = hash(prompt if isinstance(prompt, str) else str(prompt))
        if key not in self._problems:
            self._problems[key] = problem_of(prompt)
        return self._problems[key]


def finish(finished: Any) -> str | None:
    """A finish reason from whether the response was finished."""
    return None if finished is None else "stop" if finished in (True, "True", "true", "1") else CUT_OFF
