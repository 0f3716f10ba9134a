"""Responses, one after another, into flat buffers: what a gigabyte of rollouts becomes while it is being read."""

from __future__ import annotations

from array import array
from collections.abc import Callable, Hashable, Iterable, Sequence
from functools import partial
from itertools import chain
from typing import Any

import numpy as np

from thermodiff.exploration.readers.containers import Rows
from thermodiff.exploration.readers.response import Response, RowError, whole

PER_TOKEN = ("log_probs", "entropies", "reference_log_probs", "nucleus_sizes")
TOKEN_FIELDS = ("tokens", *PER_TOKEN, "top_log_probs")
WHOLE = ("sample", "step", "length", "vocabulary")
TYPES = {"nucleus_sizes": "i"}
TRUTHS = {"true": 1.0, "false": 0.0, "yes": 1.0, "no": 0.0}
"""Words for correct and wrong; numbers may also stand as text, as in a csv file."""
RESPONSES_AT_ONCE = 256
TOKENS_AT_ONCE = 1 << 12
"""Responses wait until there are so many of them, or about so many tokens, and then go into the buffers together."""


class Words:
    """A column of values of which few are different: every value is kept once."""

    def __init__(self) -> None:
        self.codes = array("q")
        self._code: dict[Hashable, int] = {}

    def extend(self, values: Sequence[Hashable]) -> None:
        """More values."""
        code = self._code
        if values.count(values[0]) == len(values):
            self.codes.extend([code.setdefault(values[0], len(code))] * len(values))
            return
        self.codes.extend([code.setdefault(value, len(code)) for value in values])

    def known(self) -> bool:
        """Whether any value is not None."""
        return any(value is not None for value in self._code)

    def given(self) -> np.ndarray:
        """Where a value is not None, as a mask."""
        return np.frombuffer(self.codes, dtype=np.int64) != self._code.get(None, -1)

    def array(self) -> np.ndarray:
        """All values: whole numbers where all are, else text ("" for None)."""
        return self.distinct()[np.frombuffer(self.codes, dtype=np.int64)]

    def distinct(self) -> np.ndarray:
        """The values there are, in the order in which they first came."""
        values = list(self._code)
        if all(type(value) is int for value in values):
            return np.array(values, dtype=np.int64)
        return np.array(["" if value is None else str(value) for value in values], dtype=object)


class Collector:
    """All that has been read so far; ``take`` reads one file more, ``place`` tells where a response stood."""

    def __init__(self) -> None:
        self.problem, self.sample, self.step = Words(), Words(), Words()
        self.finish_reason, self.answer = Words(), Words()
        self.scores = array("d")
        self.texts, self.lengths, self.token_counts = array("q"), array("q"), array("q")
        self.tokens = {name: array(TYPES.get(name, "d")) for name in PER_TOKEN}
        self.top, self.widths = array("d"), array("i")
        self.present = dict.fromkeys((*TOKEN_FIELDS, "text", "length"), 0)
        self.vocabulary: int | None = None
        self.left_out: dict[str, int] = {}
        self._rows = array("q")
        self._files: list[tuple[int, str]] = []

    def __len__(self) -> int:
        return len(self.scores)

    def place(self, rollout: int) -> str:
        """File and row of a rollout, for a message."""
        file = next(name for start, name in reversed(self._files) if start <= rollout)
        return f"{file}, row {self._rows[rollout]}"

    def take(self, rows: Rows, responses: Iterable[Response], step: int | None) -> None:
        """All responses of a file, of this step where they do not say it themselves."""
        self._files.append((len(self), str(rows.path)))
        waiting: list[Response] = []
        places: list[int] = []
        most = 1
        for response in responses:
            waiting.append(response)
            places.append(response.row or rows.number)
            if len(places) >= most:
                self._add(waiting, places, step)
                tokens = 1 + sum(self.token_counts[-most:])
                most = min(RESPONSES_AT_ONCE, max(1, TOKENS_AT_ONCE * most // tokens))
                waiting, places = [], []
        if waiting:
            self._add(waiting, places, step)

    def _add(self, responses: list[Response], rows: list[int], step: int | None) -> None:
        columns: dict[str, Sequence[Any]]
        columns = dict(zip(Response._fields, zip(*responses, strict=True), strict=True))
        told = {name for name, values in columns.items() if values.count(None) < len(rows)}
        for name in told.intersection(WHOLE):
            columns[name] = each(columns[name], rows, partial(whole, name), {int, type(None)})
        if step is not None:
            columns["step"] = [step if value is None else value for value in columns["step"]]
        self.problem.extend(each(columns["problem"], rows, problem_name, {int, str}))
        self.sample.extend(columns["sample"])
        self.step.extend(columns["step"])
        for name in told.intersection(("finish_reason", "answer", "text")):
            columns[name] = each(columns[name], rows, str, {str, type(None)})
        self.finish_reason.extend(columns["finish_reason"])
        self.answer.extend(columns["answer"])
        self.texts.extend(map(hash, columns["text"]))
        self.present["text"] += len(rows) - columns["text"].count(None)
        self._add_tokens(columns, rows)
        self.vocabulary = self.vocabulary or columns["vocabulary"][0]
        self._rows.extend(rows)
        self.scores.extend(each(columns["score"], rows, score_of, {bool, int, float}))

    def _add_tokens(self, columns: dict[str, Any], rows: list[int]) -> None:
        counts: list[int | None] = [None] * len(rows)
        for name in TOKEN_FIELDS:
            column = columns[name]
            if column.count(None) == len(rows):
                continue
            for i, values in enumerate(column):
                if values is not None:
                    if not isinstance(values, list | tuple):
                        raise RowError(f"{values!r:.40} in {name}", "a list, one number a token", rows[i])
                    counts[i] = agreed(counts[i], len(values), name, rows[i])
                    self._extend(name, values, rows[i])
        self.token_counts.extend([count or 0 for count in counts])
        lengths = [
            count if told is None else told for told, count in zip(columns["length"], counts, strict=True)
        ]
        self.present["length"] += len(rows) - lengths.count(None)
        self.lengths.extend([-1 if length is None else length for length in lengths])

    def _extend(self, name: str, values: Sequence[Any], row: int) -> None:
        self.present[name] += 1
        try:
            if name == "top_log_probs":
                self.widths.extend(map(len, values))
                self.top.extend(chain.from_iterable(values))
            elif name != "tokens":
                self.tokens[name].extend(values)
        except (TypeError, OverflowError):
            raise RowError(f"something else than numbers in {name}", "numbers, one a token", row) from None


def each(
    values: Sequence[Any], rows: Sequence[int], convert: Callable[[Any], Any], plain: set[type]
) -> Sequence[Any]:
    """Values as they are where all are of plain types, else converted, with the row in what that complains about."""
    if set(map(type, values)) <= plain:
        return values
    converted = []
    for value, row in zip(values, rows, strict=True):
        try:
            converted.append(value if type(value) in plain else convert(value))
        except RowError as error:
            raise RowError(error.got, error.need, row) from None
    return converted


def agreed(count: int | None, found: int, name: str, row: int) -> int:
    """The number of tokens, if all that is known of them has as many entries."""
    if count is not None and found != count:
        raise RowError(
            f"{found} {name} for {count} tokens", "as many tokens, log-probabilities and so on", row
        )
    return found


def problem_name(value: Any) -> str:
    """What a problem is called."""
    if value is None:
        raise RowError("no problem that is answered", "its name or number")
    return str(value)


def score_of(value: Any) -> float:
    """A reward as a number; what is neither number nor truth is no reward."""
    text = str(value).strip().lower()
    if text in TRUTHS:
        return TRUTHS[text]
    try:
        return float(text)
    except ValueError:
        got = "nothing" if value is None or text == "" else repr(value)[:60]
        raise RowError(f"{got} as reward", "0 or 1, true or false, or a number and a threshold") from None
