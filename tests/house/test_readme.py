"""What the README and pages of docs/ tell one to paste runs as it stands, from an empty folder.

Python blocks print what they say. Of the shell's lines those that make files are run; those of ``thermodiff`` are read
by it with the files that there are then, and the slow tests run them.
"""

import contextlib
import importlib
import io
import os
import re
import shlex
import subprocess
import sys
import time
from pathlib import Path

import pytest

from thermodiff.commands import main as cli

ROOT = Path(__file__).resolve().parents[2]
ONE_AFTER_ANOTHER = ("docs/information.md", "docs/sampling.md")
"""Their blocks train for long and go on from one another."""
LONG = {
    "docs/concepts/auditing.md",
    "docs/diffusion-policy.md",
    "docs/energetics.md",
    "docs/exploration-learning.md",
    "docs/models.md",
    "docs/paths.md",
}
OF_PEERS = {"docs/exploration-tasks.md", "docs/torch.md"}
"""Their blocks need a package of the extra ``peers``."""
PAGES = (
    "README.md",
    *sorted(
        str(path.relative_to(ROOT)) for path in (ROOT / "docs").rglob("*.md") if "_build" not in path.parts
    ),
)


def blocks_of(page):
    return re.findall(r"```python\n(.*?)```", (ROOT / page).read_text(encoding="utf-8"), flags=re.DOTALL)


BLOCKS = [
    pytest.param(
        code,
        page,
        id=f"{page}, block {i + 1}",
        marks=[pytest.mark.slow] * (page in LONG) + [pytest.mark.peer] * (page in OF_PEERS),
    )
    for page in PAGES
    if page not in ONE_AFTER_ANOTHER
    for i, code in enumerate(blocks_of(page))
]


def run(code, page, names):
    printed = io.StringIO()
    with contextlib.redirect_stdout(printed):
        exec(compile(code, page, "exec"), names)
    for promised in re.findall(r"#\s+->\s+(.*)", code):
        for word in promised.split("..."):
            assert word.strip() in printed.getvalue()


@pytest.mark.parametrize(("code", "page"), BLOCKS)
def test_python_blocks_run(code, page, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    run(code, page, {})


@pytest.mark.slow
@pytest.mark.parametrize("page", ONE_AFTER_ANOTHER)
def test_blocks_that_go_on_from_one_another_run(page, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    names = {}
    for code in blocks_of(page):
        run(code, page, names)


SHELL = [
    line
    for block in re.findall(r"```sh\n(.*?)```", (ROOT / "README.md").read_text(encoding="utf-8"), re.DOTALL)
    for line in block.splitlines()
    if line.strip() and not line.startswith("#")
]
OURS = [line for line in SHELL if line.startswith("thermodiff ")]
MAKERS = [line for line in SHELL if line.startswith('python -c "')]


@pytest.fixture
def empty_folder(tmp_path, monkeypatch):
    """A folder with nothing in it but what the README's own lines make."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("PATH", f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}")
    for line in MAKERS:
        subprocess.run(line, shell=True, check=True, timeout=120)
    return tmp_path


def test_every_line_for_the_shell_is_known():
    """A line that this file does not try would be one that nobody does."""
    elsewhere = ("make ", "pip install", "srun ", "python -m experiments.")
    assert [line for line in SHELL if line not in (*OURS, *MAKERS) and not line.startswith(elsewhere)] == []
    assert {line.split()[1] for line in OURS} == set(cli.COMMANDS)


@pytest.mark.parametrize("line", OURS)
def test_commands_find_what_they_name_in_an_empty_folder(line, empty_folder):
    pytest.importorskip("sklearn")
    command = cli._parse(shlex.split(line, comments=True)[1:])
    assert not isinstance(command, int), line
    worker = importlib.import_module(f"thermodiff.commands.{cli.WORKERS[type(command)]}")
    worker.prepare(command)
    assert command.out.is_dir()


@pytest.mark.slow
@pytest.mark.parametrize("line", OURS)
def test_commands_run_in_an_empty_folder_and_say_so_at_once(line, empty_folder):
    """As pasted but for the number of steps; the first word within two seconds of an idle machine's."""
    pytest.importorskip("sklearn")
    words = shlex.split(line, comments=True)[1:]
    words += [] if words[0] == "explore" else ["--steps", "20"]
    began = time.monotonic()
    environment = os.environ | {"PYTHONPATH": str(ROOT)}
    with subprocess.Popen(
        [sys.executable, "-m", "thermodiff", *words],
        env=environment,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    ) as run:
        run.stderr.readline()
        first = time.monotonic() - began
        printed, said = run.communicate(timeout=1200)
    assert run.returncode == 0, said
    assert "Written: results/" in printed
    assert max(map(len, printed.split("Written: ")[0].splitlines())) <= 140
    took = time.monotonic() - began
    assert first < max(0.5 * took, 4.0), f"nothing for {first:.0f} of {took:.0f} s"


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
