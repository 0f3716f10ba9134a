"""Results of Qwen2.5-Math's evaluation, as limit-of-RLVR runs it: a row a problem, with code[n], pred[n], score[n]."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from itertools import repeat
from typing import Any

from thermodiff.exploration.readers.response import Response, RowError, field


def read(rows: Iterable[Mapping[str, Any]], correct: str | None) -> Iterator[Response]:
    """All responses of each row."""
    for row in rows:
        problem, texts, scores = field(row, "idx"), field(row, "code"), field(row, correct or "score")
        if len(scores) != len(texts):
            raise RowError(f"{len(scores)} scores for {len(texts)} responses", "as many of each")
        answers = row.get("pred") or repeat(None)
        reasons = row.get("finish_reason") or repeat(None)
        for text, score, answer, reason in zip(texts, scores, answers, reasons, strict=False):
            yield Response(problem, score, text=text, answer=answer, finish_reason=reason)
