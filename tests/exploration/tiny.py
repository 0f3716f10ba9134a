"""A task small enough that every sequence of tokens there is can be listed, and the list."""

from itertools import product

import numpy as np

from thermodiff.exploration import task_of_texts

TASK = task_of_texts(
    [("p q", {"a": True, "b a": True, "b": False, "a b": False}), ("q p", {"b b": True, "a": False})]
)
"""Two problems; words a, b, p, q, pad, end; at most two words and the end."""


def every_response():
    """All sequences of tokens of the task's length: those that end, padded, and those that were cut off."""
    words = [token for token in range(len(TASK.vocabulary)) if token != TASK.end]
    length = TASK.response_length
    ended = [
        (*content, *[TASK.end] * (length - n)) for n in range(length) for content in product(words, repeat=n)
    ]
    return np.array([*ended, *product(words, repeat=length)], dtype=np.int32)
