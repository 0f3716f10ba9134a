"""Records in JSON's own types, and the versions of what the numbers depend on."""

from __future__ import annotations

import dataclasses
import math
import platform
from collections.abc import Mapping
from importlib.metadata import PackageNotFoundError, version
from typing import Any

import numpy as np

PACKAGES = ("thermodiff", "jax", "flax", "optax", "diffrax", "numpy", "scipy")


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
    if isinstance(value, np.ndarray | np.generic):
        return plain(value.tolist())
    if callable(value) or dataclasses.is_dataclass(value):
        return getattr(value, "__name__", type(value).__name__)
    if isinstance(value, float) and not math.isfinite(value):
        return None
    return value
