"""What functions outside JAX raised while a program called them back, told in their own words and not in XLA's.

XLA ends such a program with an error that has the whole stack as its text, and JAX writes another to its log.
"""

from __future__ import annotations

import contextlib
import logging
from collections.abc import Iterator
from typing import TypeVar

import jax

_raised: list[BaseException] = []
"""The last one."""
_log = logging.getLogger("jax._src.callback")

E = TypeVar("E", bound=BaseException)


def remembered(error: E) -> E:
    """``error`` itself, which a function called back is about to raise."""
    _raised[:] = [error]
    return error


def _not_a_callback(record: logging.LogRecord) -> bool:
    return "callback failed" not in record.getMessage()


@contextlib.contextmanager
def own_errors() -> Iterator[None]:
    """In here the error of a function called back is raised as it was ``remembered``."""
    _log.addFilter(_not_a_callback)
    try:
        yield
    except jax.errors.JaxRuntimeError as error:
        if not _raised or str(_raised[0]) not in str(error):
            raise
        own = _raised.pop()
        raise own from own.__cause__
    finally:
        _log.removeFilter(_not_a_callback)
