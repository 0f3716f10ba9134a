"""``<samples>_results.jsonl`` of human-eval: task_id, completion, result, passed."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from typing import Any

from thermodiff.exploration.readers.response import Response, field


def read(rows: Iterable[Mapping[str, Any]], correct: str | None) -> Iterator[Response]:
    """One response a row."""
    for row in rows:
        yield Response(field(row, "task_id"), field(row, correct or "passed"), text=row.get("completion"))
