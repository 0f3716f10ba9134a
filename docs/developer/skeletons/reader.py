"""A reader of rollouts to copy: a row a question, with its attempts. Goes to thermodiff/exploration/readers/NAME.py.

``read`` turns rows of a file (jsonl, json, csv or parquet, read elsewhere) into responses, one after another. What is
wrong with a row is a RowError (got, need): the caller adds file and row. The format's line goes into
``readers/formats.py``; a small file of it into tests/exploration/data/, with where it is from.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from typing import Any

from thermodiff.exploration.readers.formats import Format, has
from thermodiff.exploration.readers.response import Response, RowError, field


def read(rows: Iterable[Mapping[str, Any]], correct: str | None) -> Iterator[Response]:
    """Every attempt of each row; ``correct`` is the field of the verdict, where it is not called "verdict"."""
    for row in rows:
        problem, attempts = field(row, "question_key"), field(row, "attempts")
        if not isinstance(attempts, list):
            raise RowError(f"attempts {attempts!r}", "a list of them")
        for number, attempt in enumerate(attempts):
            verdict = field(attempt, correct or "verdict")
            yield Response(problem, verdict, sample=number, text=attempt.get("text"))


FORMAT = Format("arena", has("question_key", "attempts"), read)
"""Its line in the table; the first format that fits the first row of a file is taken."""
