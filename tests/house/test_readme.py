"""Python blocks of the README and of docs/exploration.md run as they stand, and what they print is what they say."""

import contextlib
import io
import re
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
PAGES = ("README.md", "docs/exploration.md")
BLOCKS = [
    pytest.param(code, page, id=f"{page}, block {i + 1}")
    for page in PAGES
    for i, code in enumerate(
        re.findall(r"```python\n(.*?)```", (ROOT / page).read_text(encoding="utf-8"), flags=re.DOTALL)
    )
]


@pytest.mark.parametrize(("code", "page"), BLOCKS)
def test_python_blocks_run(code, page, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    printed = io.StringIO()
    with contextlib.redirect_stdout(printed):
        exec(compile(code, page, "exec"), {})
    for promised in re.findall(r"#\s+->\s+(.*)", code):
        for word in promised.split("..."):
            assert word.strip() in printed.getvalue()


def test_there_is_a_library_example():
    blocks = [block.values[0] for block in BLOCKS]
    assert any("td.audit" in code and len(code.strip().splitlines()) <= 12 for code in blocks)


@pytest.mark.slow
def test_figure1_command_at_smoke_size(tmp_path):
    command = [
        sys.executable,
        "-m",
        "experiments.bound.nll_bound",
        "--preset",
        "smoke",
        "--out",
        str(tmp_path),
    ]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    assert "best uniform VE network" in done.stdout
    for name in ("records.jsonl", "figure1.png", "figure1.pdf"):
        assert (tmp_path / name).stat().st_size > 1000
    again = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)
    assert again.returncode == 0
    assert len((tmp_path / "records.jsonl").read_text().splitlines()) == 4, "a rerun adds no rows"
