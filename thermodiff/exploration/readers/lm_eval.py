"""``samples_<task>_<date>.jsonl`` of lm-eval with --log_samples: one row for each document and filter."""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator, Mapping
from typing import Any

from thermodiff.exploration.readers.response import Response, RowError, field


def read(rows: Iterable[Mapping[str, Any]], correct: str | None) -> Iterator[Response]:
    """The scored responses of each document. ``correct`` names metric and filter as lm-eval does: metric,filter."""
    metric, _, wanted = (correct or "").partition(",")
    seen: dict[Any, Any] = {}
    for row in rows:
        document, kept = field(row, "doc_id"), row.get("filter")
        if wanted and kept != wanted:
            continue
        if seen.setdefault(document, kept) != kept:
            raise RowError(
                f"filters {seen[document]!r} and {kept!r}", "correct='metric,filter' to say which counts"
            )
        name = metric or only_metric(row)
        responses = scored(row)
        scores = field(row, name)
        scores = scores if isinstance(scores, list) else [scores]
        if len(scores) != len(responses):
            raise RowError(f"{len(scores)} {name} for {len(responses)} responses", "a score for each of them")
        for score, response in zip(scores, responses, strict=True):
            yield Response(document, score, text=json.dumps(response))


def only_metric(row: Mapping[str, Any]) -> str:
    """The one metric of a row."""
    metrics = field(row, "metrics")
    if len(metrics) != 1:
        raise RowError(
            f"metrics {', '.join(metrics) or 'of no name'}", "correct=... to say which of them counts"
        )
    return metrics[0]


def scored(row: Mapping[str, Any]) -> list[Any]:
    """The responses that the metric saw: those that the filter left, or one answer out of several requests."""
    left = row.get("filtered_resps") or []
    return left[0] if len(left) == 1 and isinstance(left[0], list) and is_texts(left[0]) else [left]


def is_texts(values: list[Any]) -> bool:
    """Whether values are responses; a pair (log-likelihood, greedy) is one number for a choice."""
    return bool(values) and all(isinstance(value, str) for value in values)
