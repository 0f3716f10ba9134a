"""Docstrings as the site shows them: plain prose (``prose.py``), short signatures, no fields that say nothing."""

from __future__ import annotations

import functools
import re
from typing import Any

from prose import laid_out
from sphinx.application import Sphinx

LONG = [
    (re.compile(r"TypeAliasForwardRef\('(\w+)'\)"), r"\1"),
    (re.compile(r"jaxlib\._jax\.Array"), "Array"),
    (re.compile(r"~(?:\w+\.)+"), ""),
    (re.compile(r"<(?:class|function) '?(?:\w+\.)*(\w+)'?>"), r"\1"),
]
"""What signatures say of types, and what the house calls them."""


def process(app: Sphinx, what: str, name: str, obj: Any, options: Any, lines: list[str]) -> None:
    """What autodoc calls for each docstring, before it is read."""
    lines[:] = laid_out(lines)


def short(app: Sphinx, what: str, name: str, obj: Any, options: Any, signature: str, returns: str) -> tuple:
    """Signature and what is returned, with names of types as the house calls them."""

    def rewritten(text: str) -> str:
        return functools.reduce(lambda text, rule: rule[0].sub(rule[1], text), LONG, text)

    return tuple(text and rewritten(text) for text in (signature, returns))


def skipped(app: Sphinx, what: str, name: str, obj: Any, skip: bool, options: Any) -> bool | None:
    """A field of a NamedTuple is in its signature and in the class's prose; of itself it has nothing to say."""
    return True if (getattr(obj, "__doc__", "") or "").startswith("Alias for field number") else None


def setup(app: Sphinx) -> dict[str, bool]:
    """Called by Sphinx."""
    app.connect("autodoc-process-docstring", process, priority=100)
    app.connect("autodoc-process-signature", short)
    app.connect("autodoc-skip-member", skipped)
    return {"parallel_read_safe": True, "parallel_write_safe": True}
