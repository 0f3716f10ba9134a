"""Logs of "Tree of Thoughts", a list of problems: answers ys[n] and, in one layout, infos[n].r, in another, accs[n]."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from typing import Any

from thermodiff.exploration.readers.response import Response, RowError, field


def read(rows: Iterable[Mapping[str, Any]], correct: str | None) -> Iterator[Response]:
    """All responses of each problem."""
    for row in rows:
        texts = field(row, "ys")
        scores = (
            row["accs"] if "accs" in row else [field(info, correct or "r") for info in field(row, "infos")]
        )
        if len(scores) != len(texts):
            raise RowError(f"{len(scores)} scores for {len(texts)} answers", "as many of each")
        for text, score in zip(texts, scores, strict=True):
            yield Response(field(row, "idx"), score, text=text)
