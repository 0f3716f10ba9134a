"""What the commands share: options that all have, the folder, the versions, and results written whole or not at all."""

from __future__ import annotations

import dataclasses
import json
import math
import platform
import sys
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import Any

import numpy as np
from matplotlib.figure import Figure

from thermodiff import plotting
from thermodiff.data_io import write_atomically
from thermodiff.folders import check_writable
from thermodiff.validation import complain

PACKAGES = ("thermodiff", "jax", "flax", "optax", "diffrax", "numpy", "scipy")


def check_steps_and_seed(steps: int | None, seed: int) -> None:
    """Raise ValueError unless steps (if given) are positive and the seed fits into 32 bits."""
    if steps is not None and steps < 1:
        raise complain("steps", f"{steps}", "a positive whole number")
    if seed < 0 or seed >= 2**32:
        raise complain("seed", f"{seed}", "a whole number from 0 to 2^32 - 1")


def make_folder(out: Path) -> None:
    """The folder for the results, made if it is not there.

    Raises ValueError if a file has its name, OSError if nothing can be written there.
    """
    if out.exists() and not out.is_dir():
        raise complain("out", f"{str(out)!r}, which is a file", "a folder, or a name for a new one")
    check_writable("out", out)


def versions() -> dict[str, str]:
    """Of Python and of the packages that the numbers depend on."""
    return {"python": platform.python_version(), **{name: _version(name) for name in PACKAGES}}


def _version(package: str) -> str:
    try:
        return version(package)
    except PackageNotFoundError:
        return "run from its source, not installed"


@contextmanager
def working(message: str) -> Iterator[None]:
    """A line with a moving dot while something runs, for people who watch a terminal; nothing elsewhere."""
    if not sys.stderr.isatty():
        yield
        return
    from rich.console import Console

    with Console(stderr=True).status(message):
        yield


def plain(value: Any) -> Any:
    """The same in JSON's own types; NaN and infinity, which JSON has not, become None; objects their names."""
    if isinstance(value, Mapping):
        return {str(k): plain(v) for k, v in value.items()}
    if isinstance(value, list | tuple):
        return [plain(v) for v in value]
    if isinstance(value, np.ndarray | np.generic):
        return plain(value.tolist())
    if callable(value) or dataclasses.is_dataclass(value):
        return getattr(value, "__name__", type(value).__name__)
    if isinstance(value, float) and not math.isfinite(value):
        return None
    return value


def write_results(out: Path, name: str, figure: Figure, text: str, record: Mapping[str, Any]) -> None:
    """``name``.png, .pdf, .txt and .json, the last last: where it is new, the others are."""
    encoded = json.dumps(record, indent=1, allow_nan=False)
    plotting.save_figure(figure, out / name)
    write_atomically(out / f"{name}.txt", text + "\n")
    write_atomically(out / f"{name}.json", encoded + "\n")
