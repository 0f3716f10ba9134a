"""JSON that is one large value, read piece by piece: the items of an array, or of the array under one key."""

from __future__ import annotations

import io
import json
from collections.abc import Iterator
from typing import Any

CHUNK = 1 << 20
"""Characters that are read at once."""
SPACE = " \t\n\r"


class JsonStream:
    """A text file of JSON, of which only the value at hand is in memory."""

    def __init__(self, handle: io.TextIOBase):
        self._handle = handle
        self._decode = json.JSONDecoder().raw_decode
        self._buffer, self._at = "", 0

    def items(self, key: str | None = None) -> Iterator[Any]:
        """The items of the array that the file is, or, in an object, of the array under ``key``."""
        opening = self._next()
        if opening == "{":
            self._find(key)
            opening = self._next()
        if opening != "[":
            raise json.JSONDecodeError("no array", self._buffer, max(self._at - 1, 0))
        if self._peek() == "]":
            return
        while True:
            yield self._value()
            if (after := self._next()) != ",":
                break
        if after != "]":
            raise json.JSONDecodeError("an array that does not end", self._buffer, max(self._at - 1, 0))

    def _find(self, key: str | None) -> None:
        while True:
            found = self._value()
            self._next()
            if found == key:
                return
            self._value()
            if self._next() != ",":
                raise json.JSONDecodeError(f"no {key!r}", self._buffer, max(self._at - 1, 0))

    def _more(self) -> bool:
        # Read as much again as there is, so that a long value is not begun anew for every chunk.
        fresh = self._handle.read(max(CHUNK, len(self._buffer) - self._at))
        self._buffer, self._at = self._buffer[self._at :] + fresh, 0
        return bool(fresh)

    def _peek(self) -> str:
        while True:
            while self._at < len(self._buffer) and self._buffer[self._at] in SPACE:
                self._at += 1
            if self._at < len(self._buffer):
                return self._buffer[self._at]
            if not self._more():
                return ""

    def _next(self) -> str:
        character = self._peek()
        self._at += 1
        return character

    def _value(self) -> Any:
        self._peek()
        while True:
            try:
                value, end = self._decode(self._buffer, self._at)
            except json.JSONDecodeError:
                if not self._more():
                    raise
                continue
            # A number at the very end of what was read may go on in the next chunk.
            if end < len(self._buffer) or not self._more():
                self._at = end
                return value
