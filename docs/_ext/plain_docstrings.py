"""The package's docstrings are plain prose: only ``code`` in double backticks, and indented blocks, are markup.

So that E|s|^2, x_, a * b and log_prob(x)* are what they look like, everything else that reStructuredText would read
as markup is escaped, and an indented block keeps its lines. Sections "Args:", "Returns:", "Raises:" stay what they
are for the extension that lays them out.
"""

from __future__ import annotations

import re
from typing import Any

from sphinx.application import Sphinx

CODE = re.compile(r"(``.+?``)")
SIGN = re.compile(r"([\\*`|]|_(?=\W|$))")
SECTION = re.compile(r"(Args|Attributes|Returns|Yields|Raises|Example|Examples|Note):\s*$")
ITEM = re.compile(r"\s*([-*] |\d+[.)] )")


def plain(text: str) -> str:
    """``text`` with every sign of markup outside ``code`` escaped."""
    parts = CODE.split(text)
    prose = [SIGN.sub(r"\\\1", part) for part in parts[::2]]
    glued = [
        re.sub(r"^(?=\w)", r"\\ ", part) for part in prose[1:]
    ]  # ``step``s: the code ends before the letter
    return prose[0] + "".join(code + after for code, after in zip(parts[1::2], glued, strict=True))


def indent(line: str) -> int:
    """Spaces before the first letter."""
    return len(line) - len(line.lstrip())


def laid_out(lines: list[str]) -> list[str]:
    """The docstring's lines as reStructuredText."""
    done: list[str] = []
    in_section = in_block = False
    for line in lines:
        if not line.strip():
            done.append("")
            continue
        if indent(line) == 0:
            if in_block:
                done.append("")
            in_section, in_block = bool(SECTION.match(line)), False
            done.append(line if in_section else plain(line))
        elif in_section:
            done.append(" " * indent(line) + plain(line.lstrip()))
        elif in_block:
            done.append(line)
        elif done and ITEM.match(_last(done)) and indent(line) <= 3:
            done.append(" " * indent(line) + plain(line.lstrip()))  # goes on with an item of a list
        else:
            in_block = True
            done += ["", "::", "", line]
    return [*done, ""]


def _last(lines: list[str]) -> str:
    return next((line for line in reversed(lines) if line.strip()), "")


def process(app: Sphinx, what: str, name: str, obj: Any, options: Any, lines: list[str]) -> None:
    """What autodoc calls for each docstring, before it is read."""
    lines[:] = laid_out(lines)


def setup(app: Sphinx) -> dict[str, bool]:
    """Called by Sphinx."""
    app.connect("autodoc-process-docstring", process, priority=100)
    return {"parallel_read_safe": True, "parallel_write_safe": True}
