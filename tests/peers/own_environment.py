"""What a package says that cannot live in our environment: a script run in one of its own, files in and an answer out.

Some peers want other versions than ours of what both need (benchmark-mi wants jax 0.4.30). They get a virtual
environment each, in ``.venv-<name>`` beside ``.venv``, made once from exact versions and kept.
"""

import json
import os
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parents[2]


def environment(name: str, requirements: tuple[str, ...]) -> Path:
    """The interpreter of the environment ``.venv-<name>``, made if it is not there or was made of something else."""
    folder = ROOT / f".venv-{name}"
    python, made_of = folder / "bin" / "python", folder / "made_of.txt"
    wanted = "\n".join(requirements)
    if not made_of.exists() or made_of.read_text() != wanted:
        subprocess.run([sys.executable, "-m", "venv", "--clear", str(folder)], check=True)
        install = ["-m", "pip", "install", "-q", "--no-input", "--disable-pip-version-check", *requirements]
        subprocess.run([str(python), *install], check=True)
        made_of.write_text(wanted)
    return python


def answer_of(python: Path, script: Path, question: Any) -> Any:
    """What ``script question.json answer.json`` leaves in its second file, run by that interpreter elsewhere."""
    with tempfile.TemporaryDirectory() as folder:
        asked, answered = Path(folder) / "question.json", Path(folder) / "answer.json"
        asked.write_text(json.dumps(question))
        command = [str(python), str(script), str(asked), str(answered)]
        subprocess.run(command, cwd=folder, env=_theirs(), check=True)
        return json.loads(answered.read_text())


def _theirs() -> dict[str, str]:
    """Our environment without XLA's options: an older jaxlib ends at one that it does not know."""
    return {name: value for name, value in os.environ.items() if name != "XLA_FLAGS"}


def lines_of(python: Path, script: Path, **environment: str) -> list[Any]:
    """The lines of JSON that a script prints, run by that interpreter elsewhere, offline, with this package at hand."""
    offline = {"HF_HUB_OFFLINE": "1", "CUDA_VISIBLE_DEVICES": "", "JAX_PLATFORMS": "cpu"}
    with tempfile.TemporaryDirectory() as folder:
        done = subprocess.run(
            [str(python), str(script)],
            cwd=folder,
            env={**_theirs(), **offline, "PYTHONPATH": str(ROOT), **environment},
            capture_output=True,
            text=True,
            check=False,
        )
    assert done.returncode == 0, done.stderr
    return [json.loads(line) for line in done.stdout.splitlines() if line.startswith('{"')]
