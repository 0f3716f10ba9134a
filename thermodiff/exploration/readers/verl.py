"""Rollout and validation dumps of verl, ``<step>.jsonl``: input, output, gts, score, step, and rewards' extras.

The written ``uid`` of newer versions is drawn anew for every row of every batch, so problems of two steps, or of two
runs, are recognised by their prompt (and ground truth), as in dumps without it. Where a rollout has several outputs
(``uid`` is then ``{prompt}_{rollout}_{output}``), its last one is the one that was scored.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from typing import Any

from thermodiff.exploration.readers.response import Response, field, problem_of


def read(rows: Iterable[Mapping[str, Any]], correct: str | None) -> Iterator[Response]:
    """One response a rollout; rows of one rollout stand one after another, as verl sorts them."""
    problems: dict[int, str] = {}
    held: Response | None = None
    session = None
    for number, row in enumerate(rows, 1):
        prompt = (field(row, "input"), row.get("gts"))
        key = hash((prompt[0], str(prompt[1])))
        if key not in problems:
            problems[key] = problem_of(prompt[0] if prompt[1] is None else f"{prompt[0]}\n{prompt[1]}")
        response = Response(
            problems[key],
            field(row, correct or "score"),
            step=row.get("step"),
            text=row.get("output"),
            row=getattr(rows, "number", number),
        )
        current = rollout_of(row.get("uid"))
        if held is not None and (current is None or current != session):
            yield held
        held, session = response, current
    if held is not None:
        yield held


def rollout_of(uid: Any) -> str | None:
    """The rollout that a row belongs to, where rows say that."""
    parts = uid.rsplit("_", 2) if isinstance(uid, str) else []
    return f"{parts[0]}_{parts[1]}" if len(parts) == 3 and parts[1].isdigit() and parts[2].isdigit() else None
