"""What a package says that cannot live in our environment: a script run in one of its own, files in and an answer out.

Some peers want other versions than ours of what both need (benchmark-mi wants jax 0.4.30). They get a virtual
environment each, in ``.venv-<name>`` beside ``.venv``, made once from exact versions and kept.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import Any

from experiments.harness.provenance import ROOT


def folder_of(name: str) -> Path:
    """Where the environment ``name`` is, made or not."""
    return ROOT / f".venv-{name}"


def is_made(name: str, requirements: tuple[str, ...]) -> bool:
    """Whether it is there, of these very requirements."""
    made_of = folder_of(name) / "made_of.txt"
    return made_of.exists() and made_of.read_text() == "\n".join(requirements)


def interpreter(name: str) -> Path:
    """Its Python."""
    return folder_of(name) / "bin" / "python"


def environment(name: str, requirements: tuple[str, ...]) -> Path:
    """Its interpreter; made first if it is not there or was made of something else."""
    python = interpreter(name)
    if not is_made(name, requirements):
        subprocess.run([sys.executable, "-m", "venv", "--clear", str(folder_of(name))], check=True)
        install = ["-m", "pip", "install", "-q", "--no-input", "--disable-pip-version-check", *requirements]
        subprocess.run([str(python), *install], check=True)
        (folder_of(name) / "made_of.txt").write_text("\n".join(requirements))
    return python


def answer_of(python: Path, script: Path, question: Any) -> Any:
    """What ``script question.json answer.json`` leaves in its second file, run by that interpreter elsewhere."""
    with tempfile.TemporaryDirectory() as folder:
        asked, answered = Path(folder) / "question.json", Path(folder) / "answer.json"
        asked.write_text(json.dumps(question))
        command = [str(python), str(script), str(asked), str(answered)]
        subprocess.run(command, cwd=folder, env=plain_surroundings(), check=True)
        return json.loads(answered.read_text())


def plain_surroundings() -> dict[str, str]:
    """Our environment without XLA's options: an older jaxlib ends at one that it does not know."""
    return {name: value for name, value in os.environ.items() if name != "XLA_FLAGS"}
