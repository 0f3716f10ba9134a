"""Lines of JSON that a script prints in an environment of its own (``experiments.harness.own_environment``)."""

import json
import subprocess
import tempfile
from pathlib import Path
from typing import Any

from experiments.harness.own_environment import plain_surroundings
from experiments.harness.provenance import ROOT


def lines_of(python: Path, script: Path, **environment: str) -> list[Any]:
    """The lines of JSON that a script prints, run by that interpreter elsewhere, offline, with this package at hand."""
    offline = {"HF_HUB_OFFLINE": "1", "CUDA_VISIBLE_DEVICES": "", "JAX_PLATFORMS": "cpu"}
    with tempfile.TemporaryDirectory() as folder:
        done = subprocess.run(
            [str(python), str(script)],
            cwd=folder,
            env={**plain_surroundings(), **offline, "PYTHONPATH": str(ROOT), **environment},
            capture_output=True,
            text=True,
            check=False,
        )
    assert done.returncode == 0, done.stderr
    return [json.loads(line) for line in done.stdout.splitlines() if line.startswith('{"')]
