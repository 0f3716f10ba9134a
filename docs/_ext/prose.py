"""The package's docstrings as reStructuredText: plain prose in, markup out. Needs no Sphinx.

Only ``code`` in double backticks, and indented blocks, are markup in them. So that E|s|^2, x_, a * b and log_prob(x)*
are what they look like, everything else that would be read as markup is escaped, and an indented block keeps its lines.
Sections "Args:", "Returns:", "Raises:" stay what they are for the extension that lays them out. A source that is named
by author and year, or by arXiv number, becomes a link to the bibliography.
"""

from __future__ import annotations

import re
from pathlib import Path

CODE = re.compile(r"(``.+?``)")
BIBLIOGRAPHY = (Path(__file__).resolve().parents[1] / "references.bib").read_text(encoding="utf-8")
KEYS = set(re.findall(r"@\w+\{([^,]+),", BIBLIOGRAPHY))
EPRINTS = {
    found[1]: re.findall(r"@\w+\{([^,]+),", BIBLIOGRAPHY[: found.start()])[-1]
    for found in re.finditer(r"eprint = \{([^}]+)\}", BIBLIOGRAPHY)
}
WORK = re.compile(
    r"([A-Z][a-z]+)((?:, [A-Z][a-z]+)* (?:&|and) [A-Z][a-z]+| et al\.)? \(((?:19|20)\d\d[a-z]?)\)"
)
ARXIV = re.compile(r"arXiv[ :](\d{4}\.\d{5})")
SIGN = re.compile(r"([\\*`|]|_(?=\W|$))")
SECTION = re.compile(r"(Args|Attributes|Returns|Yields|Raises|Example|Examples|Note):\s*$")
TERM = re.compile(r"(\S(?:.*?\S)?) {2,}(\S.*)$")
"""A line of a list of terms, ``mean, stderr   the estimate and its error``; what goes on is indented."""
ITEM = re.compile(r"\s*([-*] |\d+[.)] )")


def plain(text: str) -> str:
    """``text`` with every sign of markup outside ``code`` escaped."""
    parts = CODE.split(text)
    prose = [linked(SIGN.sub(r"\\\1", part)) for part in parts[::2]]
    glued = [
        re.sub(r"^(?=\w)", r"\\ ", part) for part in prose[1:]
    ]  # ``step``s: the code ends before the letter
    return prose[0] + "".join(code + after for code, after in zip(parts[1::2], glued, strict=True))


def linked(text: str) -> str:
    """``text`` with its sources as citations, where the bibliography has them."""

    def work(found: re.Match[str]) -> str:
        key = found[1].lower() + found[3]
        return f":cite:t:`{key}`" if key in KEYS else found[0]

    def eprint(found: re.Match[str]) -> str:
        key = EPRINTS.get(found[1])
        return f"{found[0]} :cite:p:`{key}`" if key else found[0]

    return ARXIV.sub(eprint, WORK.sub(work, text))


def indent(line: str) -> int:
    """Spaces before the first letter."""
    return len(line) - len(line.lstrip())


def laid_out(lines: list[str]) -> list[str]:
    """The docstring's lines as reStructuredText."""
    done: list[str] = []
    inside = "prose"  # or "section", "terms", "block": what an indented line goes on with
    for line in lines:
        if not line.strip():
            done.append("")
        elif indent(line) == 0 and (term := TERM.match(line)):
            done += [plain(term[1]), f"    {plain(term[2])}"]
            inside = "terms"
        elif indent(line) == 0:
            done += [""] * (inside in ("terms", "block"))
            inside = "section" if SECTION.match(line) else "prose"
            done.append(line if inside == "section" else plain(line))
        elif inside == "block":
            done.append(line)
        elif inside == "terms":
            done.append(f"    {plain(line.lstrip())}")
        elif inside == "section" or (ITEM.match(_last(done)) and indent(line) <= 3):
            done.append(" " * indent(line) + plain(line.lstrip()))
        else:
            done += ["", "::", "", line]
            inside = "block"
    return [*done, ""]


def _last(lines: list[str]) -> str:
    return next((line for line in reversed(lines) if line.strip()), "")
