"""Every source that a docstring or a page names is in the bibliography: by first author and year, or arXiv number."""

import re
import unicodedata
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
BIB = (ROOT / "docs" / "references.bib").read_text(encoding="utf-8")
FILES = sorted(
    [
        *(ROOT / "thermodiff").rglob("*.py"),
        *(ROOT / "experiments").rglob("*.py"),
        *(path for path in (ROOT / "docs").rglob("*.md") if "_build" not in path.parts),
        *(ROOT / "docs").rglob("skeletons/*.py"),
        ROOT / "experiments" / "README.md",
        ROOT / "README.md",
    ]
)
NAME = r"[A-Z][a-z\u00df-\u017e]+"
AUTHORS = re.compile(
    rf"({NAME})(?:(?:, {NAME})*,? (?:&|and) {NAME}| et al\.),?\s\(?((?:19|20)\d\d[a-z]?)\b"
    rf"|({NAME}) \(((?:19|20)\d\d[a-z]?)[,)]"
)
ARXIV = re.compile(r"\b(2[0-9](?:0[1-9]|1[0-2])\.\d{5})\b")
CITED = re.compile(r"\{cite:\w+\}`([^`]+)`")
CALENDAR = {"January", "February", "March", "April", "May", "June", "July", "August", "September", "October"}
CALENDAR |= {"November", "December"}

KEYS = set(re.findall(r"@\w+\{([^,]+),", BIB))
EPRINTS = set(re.findall(r"eprint = \{([^}]+)\}", BIB))


def key(author, year):
    """What the bibliography calls it: surname without accents, in small letters, and the year."""
    plain = unicodedata.normalize("NFKD", author.replace("ł", "l")).encode("ascii", "ignore").decode()
    return plain.lower() + year


def named(text):
    """Keys of the works that a text names by author and year, wherever lines end, and the arXiv numbers in it."""
    text = re.sub(r"\s+", " ", text)
    groups = [match.groups() for match in AUTHORS.finditer(text)]
    works = {key(a or c, b or d) for a, b, c, d in groups if (a or c) not in CALENDAR}
    works |= {one.strip() for cited in CITED.findall(text) for one in cited.split(",")}
    return works, set(ARXIV.findall(text))


@pytest.mark.parametrize(
    ("text", "works"),
    [
        ("Source: Song et al. (2021b), Huang et al. (2021)", {"song2021b", "huang2021"}),
        ("Wang, Kulkarni & Verdu (2009), eq. (5)", {"wang2009"}),
        ("Hutchinson (1990); the average", {"hutchinson1990"}),
        ("Benjamini and Hochberg 1995", {"benjamini1995"}),
        ("{cite:p}`kodama2025,deng2025`", {"kodama2025", "deng2025"}),
        ("Kessy, Lewin and Strimmer\n    (2018)", {"kessy2018"}),
        ("November (2026)", set()),
    ],
)
def test_what_names_a_work(text, works):
    assert named(text)[0] == works


def test_the_bibliography_is_in_one_piece():
    assert len(KEYS) == len(re.findall(r"^@", BIB, flags=re.MULTILINE))
    assert len(EPRINTS) == len(re.findall("eprint", BIB))


def test_every_source_is_in_the_bibliography():
    missing = {}
    for path in FILES:
        works, numbers = named(path.read_text(encoding="utf-8"))
        if unknown := (works - KEYS) | (numbers - EPRINTS):
            missing[str(path.relative_to(ROOT))] = sorted(unknown)
    assert not missing, "add them to docs/references.bib"
