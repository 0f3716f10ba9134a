"""Documents hang together without being built: every public name has its page, every relative link a file."""

import importlib.util
import re
import sys
from pathlib import Path

import pytest

import thermodiff as td

ROOT = Path(__file__).resolve().parents[2]
DOCS = ROOT / "docs"
PAGES = sorted(
    [
        *(path for path in DOCS.rglob("*.md") if "_build" not in path.parts),
        ROOT / "README.md",
        ROOT / "CONTRIBUTING.md",
        ROOT / "CHANGELOG.md",
        ROOT / "experiments" / "README.md",
    ]
)
README_LARGEST = 15_000
"""Bytes: the front page is read in five minutes, the rest is a page of the site."""
IN_PAGES = re.compile(r"```\{public-names\} (\S+)")
COMMAND = re.compile(r"python -m (experiments(?:\.\w+)+)")


def part_of_the_builder(name):
    """A file of ``docs/_ext`` that needs no Sphinx."""
    spec = importlib.util.spec_from_file_location(name, DOCS / "_ext" / f"{name}.py")
    module = importlib.util.module_from_spec(spec)
    sys.modules[name] = module
    spec.loader.exec_module(module)
    return module


def prose(path):
    """A page without its blocks of code, in which brackets are no links."""
    return re.sub(r"```.*?```", "", path.read_text(encoding="utf-8"), flags=re.DOTALL)


def relative(path):
    return str(path.relative_to(ROOT))


def given_out(room):
    """A room's public names, as the room itself says, without the rooms and files inside it."""
    folder = Path(room.__file__).parent
    return {
        name for name in room.__all__ if not ((folder / name).exists() or (folder / f"{name}.py").exists())
    }


def test_every_public_name_is_on_a_page():
    site = part_of_the_builder("names")
    shown = {
        (public.door, public.name)
        for page in (DOCS / "api").glob("*.md")
        for part in IN_PAGES.findall(page.read_text(encoding="utf-8"))
        for public in site.names_in(part)
    }
    top = given_out(td)
    assert len(top) > 70
    missing = {f"td.{name}" for name in top - {name for door, name in shown if door == "thermodiff"}}
    # What ``td.`` has is shown by that shorter name.
    for room in (td.exploration, td.distributions, td.jumps):
        missing |= {f"{room.__name__}.{name}" for name in given_out(room) - {name for _, name in shown}}
    assert not missing, "on no page: name its file with {public-names} in docs/api"


def test_a_room_with_public_names_is_looked_at():
    """A further room that gives out names of its own must be in the test above."""
    stubs = {str(path.parent.relative_to(ROOT)) for path in (ROOT / "thermodiff").rglob("__init__.pyi")}
    assert stubs == {"thermodiff", "thermodiff/distributions", "thermodiff/exploration", "thermodiff/jumps"}


@pytest.mark.parametrize("page", PAGES, ids=relative)
def test_relative_links_resolve(page):
    links = re.findall(r"\]\(([^)\s]+)\)", prose(page))
    inside = [link.split("#")[0] for link in links if not re.match(r"[a-z]+:", link)]
    missing = [link for link in inside if link and not (page.parent / link).exists()]
    assert not missing


def test_the_front_page_is_short():
    assert (ROOT / "README.md").stat().st_size <= README_LARGEST


@pytest.mark.parametrize("page", PAGES, ids=relative)
def test_commands_of_experiments_are_there(page):
    """A page that names ``python -m experiments...`` names a file that there is; NAME stands for the reader's own."""
    found = set(COMMAND.findall(page.read_text(encoding="utf-8")))
    missing = [name for name in found if not (ROOT / Path(*name.split(".")).with_suffix(".py")).exists()]
    assert not [name for name in missing if not name.endswith("NAME")]


@pytest.mark.parametrize("page", PAGES, ids=relative)
def test_tests_that_a_page_names_are_there(page):
    """``tests/room/test_file.py::test_name`` on a page is a function of that file."""
    for path, name in re.findall(r"(tests/[\w/]+\.py)::(\w+)", page.read_text(encoding="utf-8")):
        assert f"def {name}(" in (ROOT / path).read_text(encoding="utf-8"), f"{path}::{name}"


def test_every_figure_is_in_the_gallery():
    gallery = (DOCS / "gallery.md").read_text(encoding="utf-8")
    missing = [
        path.name for path in (DOCS / "figures").glob("*.png") if f"](figures/{path.name})" not in gallery
    ]
    assert not missing


@pytest.mark.parametrize(
    ("docstring", "shown"),
    [
        ("E|s|^2 and x_ of a * b", r"E\|s\|^2 and x\_ of a \* b"),
        ("``x_*`` stays, ``step``s too", r"``x_*`` stays, ``step``\ s too"),
        ("With\n    y = a x,\nthe end", "With\n\n::\n\n    y = a x,\n\nthe end"),
        ("mean, n   both\n          of them\nlast  one", "mean, n\n    both\n    of them\nlast\n    one"),
        ("Args:\n    x: a_b_.", "Args:\n    x: a_b\\_."),
        ("- an item\n  goes on", "- an item\n  goes on"),
        ("Song et al. (2021), eq. 39", ":cite:t:`song2021`, eq. 39"),
        ("arXiv 2510.06174", "arXiv 2510.06174 :cite:p:`kodama2025`"),
        ("Nobody et al. (1999)", "Nobody et al. (1999)"),
    ],
)
def test_docstrings_are_plain_prose(docstring, shown):
    assert "\n".join(part_of_the_builder("prose").laid_out(docstring.split("\n"))).strip() == shown
