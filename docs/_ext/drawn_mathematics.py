"""Formulas drawn as SVG when the site is built: pages need no script, no font and no network to show them.

A formula that cannot be read, or a command that is not known, is a warning of the build, which `make docs` makes an
error. The TeX source stays in the page as the picture's label, for those who hear it and those who search.
"""

from __future__ import annotations

import functools
import html
import re
from typing import NamedTuple

import ziamath
from docutils import nodes
from latex2mathml.converter import convert
from sphinx.application import Sphinx
from sphinx.util import logging
from sphinx.writers.html5 import HTML5Translator

SIZE = 17.0
"""Height of a letter's box in CSS pixels, which fits the theme's 16 pixel text."""
UNKNOWN = re.compile(r"<m[ion][^>]*>(\\[A-Za-z]+)<")
SPACING = [
    (re.compile(r"\\[lr]Vert\b"), r"{\\|}"),  # norms: bars of the height of a letter, close to it
    (re.compile(r"\\Vert\b"), r"\\,\\|\\,"),  # what stands between two densities
    (re.compile(r"(^|[=(,\[{&]|\\ge|\\le|\\;|\\q?quad)(\s*)-"), r"\1\2{-}"),  # a sign, not a difference
    (re.compile(r"(\\operatorname\{\w+\}) (?=[\\a-zA-Z])"), r"\1\\,"),
    (re.compile(r"\\det (?=[\\a-zA-Z])"), r"\\det\\,"),
    (re.compile(r"\\sim\b"), r"\\;\\sim\\;"),
]
"""What TeX would space otherwise than the drawing library does."""
MATRIX = re.compile(r"\\begin\{(aligned|align\*?|gather\*?|split|cases|[pbv]?matrix)\}")
log = logging.getLogger(__name__)


class Drawing(NamedTuple):
    """An SVG element, and how far below the baseline of the text its lower edge lies, in pixels."""

    svg: str
    depth: float


@functools.cache
def drawing(tex: str, inline: bool) -> Drawing:
    """The picture of one formula; raises ValueError with the reason where it cannot be drawn."""
    spaced = functools.reduce(lambda text, rule: rule[0].sub(rule[1], text), SPACING, tex)
    if inline:  # of the height of its line
        spaced = re.sub(r"\\int\b", r"{\\smallint}", spaced)
    try:
        formula = ziamath.Latex(spaced, size=SIZE, inline=inline, color="currentColor")
    except Exception as problem:  # the drawing library has no base class for what it raises
        raise ValueError(f"{type(problem).__name__}: {problem}") from problem
    if unknown := UNKNOWN.search(convert(spaced)):
        raise ValueError(f"unknown command {unknown[1]}")
    label = html.escape(" ".join(tex.split()), quote=True)
    svg = re.sub(r"(\d+\.\d\d)\d+", r"\1", formula.svg())
    return Drawing(svg.replace("<svg ", f'<svg role="img" aria-label="{label}" ', 1), -formula.getyofst())


def _drawn(node: nodes.Element, inline: bool) -> Drawing | None:
    tex = node.astext().strip()
    if not inline and r"\\" in tex and not MATRIX.search(tex):
        tex = rf"\begin{{aligned}}{tex}\end{{aligned}}"
    try:
        return drawing(tex, inline)
    except ValueError as problem:
        log.warning("formula %r: %s", tex, problem, location=node)
        return None


def visit_inline(translator: HTML5Translator, node: nodes.Element) -> None:
    """``$...$`` on the baseline of its line."""
    drawn = _drawn(node, inline=True)
    if drawn:
        translator.body.append(
            f'<span class="formula" style="vertical-align: {-drawn.depth:.2f}px">{drawn.svg}</span>'
        )
    raise nodes.SkipNode


def visit_display(translator: HTML5Translator, node: nodes.Element) -> None:
    """``$$...$$`` in a line of its own, which scrolls where it is wider than the page."""
    drawn = _drawn(node, inline=False)
    if drawn:
        translator.body.append(f'<div class="display-formula">{drawn.svg}</div>\n')
    raise nodes.SkipNode


def setup(app: Sphinx) -> dict[str, bool]:
    """Called by Sphinx."""
    ziamath.config.svg2 = False
    app.add_html_math_renderer("drawn", (visit_inline, None), (visit_display, None))
    return {"parallel_read_safe": True, "parallel_write_safe": True}
