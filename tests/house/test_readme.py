"""The README's Python blocks run as they stand, and what they print is what it says."""

import contextlib
import io
import re
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
README = (ROOT / "README.md").read_text(encoding="utf-8")
BLOCKS = re.findall(r"```python\n(.*?)```", README, flags=re.DOTALL)


@pytest.mark.parametrize("code", BLOCKS, ids=[f"block {i + 1}" for i in range(len(BLOCKS))])
def test_python_blocks_run(code):
    printed = io.StringIO()
    with contextlib.redirect_stdout(printed):
        exec(compile(code, "README.md", "exec"), {})
    for promised in re.findall(r"#\s+->\s+(.*)", code):
        for word in promised.split("..."):
            assert word.strip() in printed.getvalue()


def test_there_is_a_library_example():
    assert any("td.audit" in code and len(code.strip().splitlines()) <= 12 for code in BLOCKS)


@pytest.mark.slow
def test_figure1_command_at_smoke_size(tmp_path):
    command = [sys.executable, "-m", "experiments.nll_bound", "--preset", "smoke", "--out", str(tmp_path)]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    assert "best uniform VE network" in done.stdout
    for name in ("records.jsonl", "figure1.png", "figure1.pdf"):
        assert (tmp_path / name).stat().st_size > 1000
    again = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)
    assert again.returncode == 0
    assert len((tmp_path / "records.jsonl").read_text().splitlines()) == 4, "a rerun adds no rows"
