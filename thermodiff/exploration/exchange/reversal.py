"""Responses read backwards, so that doing it twice gives the response again.

The prompt stays first: these take and give the response alone, as token ids, which are never tokenised anew. The end
token stays last, so that a response that ended is turned into one that ended, and one that was cut off into another
that was cut off. With the end token moved to the front, or the responses that were cut off left out, the reversal
would be no involution of all outcomes and E exp(-sigma) not 1. This project (theory, P11).
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

from thermodiff.validation import complain

Parse = Callable[[Sequence[int]], Sequence[Sequence[int]] | None]
"""Content to its blocks, which joined are the content again (separators are blocks too), or None: not parsable."""


def reverse_tokens(response: Any, end: int) -> np.ndarray:
    """The response (L,) with its tokens in reverse order, but an ``end`` token kept last.

    Raises ValueError for an end token anywhere else.
    """
    content, tail = _content(response, end)
    return np.concatenate([content[::-1], tail])


def reverse_blocks(response: Any, parse: Parse, end: int) -> np.ndarray:
    """The response (L,) with its blocks in reverse order, the tokens of each as they were.

    What ``parse`` cannot read stays as it is, and so does what it would read differently when reversed: both are
    their own reverse, sigma = 0. Raises ValueError where the blocks joined are not the content, or for an end token
    inside.
    """
    content, tail = _content(response, end)
    blocks = parse(content.tolist())
    if blocks is None:
        return np.concatenate([content, tail])
    joined = [token for block in blocks for token in block]
    if joined != content.tolist():
        raise complain("parse", f"blocks that joined are {joined}", f"the content again, {content.tolist()}")
    turned = [list(block) for block in reversed(blocks)]
    flat = [token for block in turned for token in block]
    again = parse(flat)
    if again is None or [list(block) for block in again] != turned:
        return np.concatenate([content, tail])
    return np.concatenate([np.array(flat, dtype=content.dtype), tail])


def blocks_between(separator: int) -> Parse:
    """A ``parse`` for blocks with one separating token between them: a s b s c becomes c s b s a."""

    def parse(content: Sequence[int]) -> list[list[int]]:
        blocks: list[list[int]] = [[]]
        for token in content:
            if token == separator:
                blocks += [[token], []]
            else:
                blocks[-1].append(token)
        return blocks

    return parse


def _content(response: Any, end: int) -> tuple[np.ndarray, np.ndarray]:
    tokens = np.asarray(response)
    if tokens.ndim != 1 or (tokens.size and tokens.dtype.kind not in "iu"):
        raise complain(
            "response", f"shape {tokens.shape}, type {tokens.dtype}", "token ids of one response, (L,)"
        )
    ends = np.flatnonzero(tokens == end)
    if len(ends) and ends[0] != len(tokens) - 1:
        raise complain(
            "response", f"the end token at place {ends[0]} of {len(tokens)}", "it last or not at all"
        )
    cut = len(tokens) - len(ends)
    return tokens[:cut], tokens[cut:]
