"""Records in JSON's own types, and the versions of what the numbers depend on.

The one place that says how numbers are written: by the commands and by the experiments.
"""

from __future__ import annotations

import dataclasses
import json
import math
import platform
from collections.abc import Mapping
from importlib.metadata import PackageNotFoundError, version
from pathlib import PurePath
from typing import Any

import numpy as np

PACKAGES = ("thermodiff", "jax", "jaxlib", "flax", "optax", "diffrax", "numpy", "scipy")


def versions() -> dict[str, str]:
    """Of Python and of the packages that the numbers depend on."""
    return {"python": platform.python_version(), **{name: _version(name) for name in PACKAGES}}


def _version(package: str) -> str:
    try:
        return version(package)
    except PackageNotFoundError:
        return "run from its source, not installed"


def plain(value: Any) -> Any:
    """The same in JSON's own types; NaN and infinity, which JSON has not, become None; objects their names."""
    if isinstance(value, Mapping):
        return {str(k): plain(v) for k, v in value.items()}
    if isinstance(value, list | tuple):
        return [plain(v) for v in value]
    if isinstance(value, PurePath):
        return str(value)
    if hasattr(value, "__array__"):  # numpy's, and JAX's without starting it
        return plain(np.asarray(value).tolist())
    if callable(value) or dataclasses.is_dataclass(value):
        return getattr(value, "__name__", type(value).__name__)
    if isinstance(value, float) and not math.isfinite(value):
        return None
    return value


def strict_json(value: Any, **layout: Any) -> str:
    """``plain(value)`` as JSON that every reader takes; ``layout`` as of ``json.dumps``."""
    return json.dumps(plain(value), allow_nan=False, **layout)
