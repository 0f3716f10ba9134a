"""Functions of NumPy arrays that programs of JAX's call back: all digits of their numbers, their errors as they are.

XLA ends a program whose callback raised with an error that has the whole stack as its text, and JAX writes another to
its log; ``own_errors`` raises what the function raised. A callback may run in a thread in which JAX is not in double
precision, whatever it is in the program's own, and would lose half of each such number on both ways; doubles travel as
two words.
"""

from __future__ import annotations

import contextlib
import logging
from collections.abc import Callable, Iterator
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np

_raised: list[BaseException] = []
"""The last one."""
_log = logging.getLogger("jax._src.callback")


def called_back(function: Callable[..., Any], shapes: Any, *arguments: Any) -> Any:
    """``function`` of NumPy arrays when the program runs, its results in the shapes and types that ``shapes`` say."""
    double = [_is_double(argument) for argument in arguments]

    def back(*given: Any) -> Any:
        arrays = [_numbers(both, np.asarray(words)) for both, words in zip(double, given, strict=True)]
        try:
            results = function(*arrays)
        except Exception as error:
            _raised[:] = [error]
            raise
        return jax.tree.map(lambda like, array: _words(np.asarray(array, like.dtype)), shapes, results)

    words = jax.pure_callback(back, jax.tree.map(_like_words, shapes), *map(_in_words, arguments))
    return jax.tree.map(_from_words, shapes, words)


def _is_double(array: Any) -> bool:
    return array.dtype == np.float64


def _in_words(array: Any) -> Any:
    """Doubles (...) as words (..., 2) in a program, all else as it is."""
    return jax.lax.bitcast_convert_type(array, jnp.uint32) if _is_double(array) else array


def _from_words(like: Any, array: Any) -> Any:
    return jax.lax.bitcast_convert_type(array, like.dtype) if _is_double(like) else array


def _like_words(like: Any) -> Any:
    return jax.ShapeDtypeStruct((*like.shape, 2), np.uint32) if _is_double(like) else like


def _words(array: np.ndarray) -> np.ndarray:
    """The same of NumPy's arrays."""
    return np.ascontiguousarray(array)[..., None].view(np.uint32) if _is_double(array) else array


def _numbers(double: bool, array: np.ndarray) -> np.ndarray:
    return np.ascontiguousarray(array).view(np.float64)[..., 0] if double else array


def _not_of_a_callback(record: logging.LogRecord) -> bool:
    return "callback failed" not in record.getMessage()


@contextlib.contextmanager
def own_errors() -> Iterator[None]:
    """In here an error of a function called back is raised as the function raised it."""
    _raised.clear()
    _log.addFilter(_not_of_a_callback)
    try:
        yield
    except jax.errors.JaxRuntimeError as error:
        if not _raised or str(_raised[0]) not in str(error):
            raise
        own = _raised.pop()
        raise own from own.__cause__
    finally:
        _log.removeFilter(_not_of_a_callback)
