"""Where a row comes from: commit, versions, machine, date."""

from __future__ import annotations

import datetime
import functools
import os
import platform
import subprocess
from pathlib import Path
from typing import Any

from thermodiff.runtime.records import versions

ROOT = Path(__file__).resolve().parents[2]
CODE = ("thermodiff", "experiments", "pyproject.toml", "constraints.txt")
"""What numbers are made of: a change elsewhere, to the records that are kept for one, does not touch them."""

HERE_AND_NOW = ("commit", "device", "processor")
"""What tells rows of one cell apart where the code itself is measured."""


def provenance() -> dict[str, Any]:
    """Commit, versions, machine and date of a run."""
    date = datetime.datetime.now(datetime.UTC).isoformat(timespec="seconds")
    return {"commit": commit(), "versions": versions(), **machine(), "date": date}


@functools.cache
def machine() -> dict[str, str]:
    """What was computed on, without its name: the devices that JAX sees, cores, and the processor's model."""
    import jax

    device = f"{jax.devices()[0].device_kind} x {jax.device_count()}, {os.cpu_count()} cores"
    return {"device": device, "processor": _processor()}


def _processor() -> str:
    try:
        lines = Path("/proc/cpuinfo").read_text(encoding="utf-8").splitlines()
    except OSError:  # there is none but on Linux
        lines = []
    models = [line.partition(":")[2].strip() for line in lines if line.startswith("model name")]
    return models[0] if models else platform.processor() or platform.machine()


@functools.cache
def commit() -> str:
    """Of the code; with "-modified" where it has changed since."""
    try:
        head = _git("rev-parse", "--short=12", "HEAD")
        changed = _git("status", "--porcelain", "--untracked-files=no", "--", *CODE)
    except (OSError, subprocess.CalledProcessError):
        return "unknown"
    return f"{head}-modified" if changed else head


def _git(*arguments: str) -> str:
    done = subprocess.run(["git", *arguments], cwd=ROOT, capture_output=True, text=True, check=True)
    return done.stdout.strip()
