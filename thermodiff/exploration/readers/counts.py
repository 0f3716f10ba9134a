"""Counts of problems, as jsonl or csv: c of n responses were correct, one row a problem."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

import numpy as np

from thermodiff.exploration.readers.response import PROBLEMS, RowError, field, first_of, whole
from thermodiff.exploration.rollouts import Counts

CORRECT = ("c", "num_correct", "n_correct", "correct", "successes")
SAMPLES = ("n", "num_samples", "n_samples", "samples", "total", "attempts")
"""Names of the two columns."""
IDENTIFIERS = ("id", *PROBLEMS, "idx", "name", "question", "prompt")


def holds_counts(row: Mapping[str, Any]) -> bool:
    """Whether a row has the two columns; true and false are no counts."""
    correct = first_of(row, CORRECT)
    return correct is not None and not isinstance(row[correct], bool) and first_of(row, SAMPLES) is not None


def read_counts(rows: Iterable[Mapping[str, Any]], correct: str | None) -> Counts:
    """The counts of all rows; problems are named by what identifies them, or by nothing but their order."""
    counts: list[tuple[int, int]] = []
    problems: dict[str, None] = {}
    identifier = None
    for row in rows:
        name = correct or first_of(row, CORRECT) or CORRECT[0]
        total = first_of(row, SAMPLES) or SAMPLES[0]
        c, n = whole(name, field(row, name)), whole(total, field(row, total))
        if not 0 <= c <= n or n < 1:
            raise RowError(f"{c} correct of {n}", "0 <= c <= n and n >= 1")
        identifier = first_of(row, IDENTIFIERS) if not counts else identifier
        if identifier is not None:
            problem = str(field(row, identifier)).strip()
            if not problem:
                raise RowError(f"an empty {identifier}", "the name of a problem in every row")
            if problem in problems:
                raise RowError(f"problem {problem!r} a second time", "one row a problem")
            problems[problem] = None
        counts.append((c, n))
    table = np.array(counts, dtype=np.int64).reshape(-1, 2)
    names = None if identifier is None else np.array(list(problems), dtype=object)
    return Counts(table[:, 0], table[:, 1], names)
