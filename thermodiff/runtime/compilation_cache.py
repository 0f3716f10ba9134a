"""Compiled programs kept on disk, so that a second run of the same computation starts at once.

JAX's persistent compilation cache, pointed at the user's cache folder:

    $XDG_CACHE_HOME or ~/.cache (macOS: ~/Library/Caches) / thermodiff / jax / JAXLIB-PROCESSOR

with one folder for each version and kind of processor: a home folder is often shared by machines, and code compiled
for one may not run on another. A folder that the user gave JAX, by JAX_COMPILATION_CACHE_DIR or its configuration,
is left alone, and THERMODIFF_NO_CACHE=1 or JAX's own JAX_ENABLE_COMPILATION_CACHE=false does without.
Nothing is written before something is compiled; the folder can be deleted at any time. Where it cannot be written
everything is compiled again and nothing is said: of a folder that the user never named, JAX's warnings help nobody.
"""

from __future__ import annotations

import os
import re
import sys
import warnings
from collections.abc import Mapping
from pathlib import Path
from typing import Any

OFF = "THERMODIFF_NO_CACHE"
"""The environment variable that turns the cache off, with any value but the empty one and 0."""
LEAST_SECONDS = 0.2
"""What compiles faster is compiled again: reading it back would hardly be quicker."""


def user_cache_folder(environment: Mapping[str, str] = os.environ) -> Path | None:
    """The folder for programs' caches by the platform's convention; None for a user without a home."""
    named = environment.get("XDG_CACHE_HOME", "")
    if os.path.isabs(named):  # the XDG specification has relative ones ignored
        return Path(named)
    home = Path(os.path.expanduser("~"))
    if not home.is_absolute():
        return None
    return home / "Library" / "Caches" if sys.platform == "darwin" else home / ".cache"


def processor() -> str:
    """Eight hexadecimal digits that differ between processors with different instructions."""
    import hashlib
    import platform

    try:
        lines = Path("/proc/cpuinfo").read_text(encoding="utf-8", errors="replace").splitlines()
    except OSError:
        lines = []
    told = [next((line for line in lines if line.startswith(key)), "") for key in ("model name", "flags")]
    text = "\n".join([platform.machine(), platform.processor(), *told])
    return hashlib.sha256(text.encode()).hexdigest()[:8]


def can_be_written(folder: Path) -> bool:
    """Whether ``folder`` can be made and written, found out without making it."""
    there = next(path for path in (folder, *folder.parents) if path.exists())
    return there.is_dir() and os.access(there, os.W_OK | os.X_OK)


def keep_compiled_programs(environment: Mapping[str, str] = os.environ) -> Path | None:
    """Turn the cache on where the user has not decided otherwise; the folder, or None if it stays as it was."""
    if environment.get(OFF, "0") not in ("", "0"):
        return None
    import jax
    import jaxlib

    config: Any = jax.config  # its options are made at run time
    if config.jax_compilation_cache_dir or not config.jax_enable_compilation_cache:
        return None
    caches = user_cache_folder(environment)
    if caches is None:
        return None
    folder = caches / "thermodiff" / "jax" / f"{jaxlib.__version__}-{processor()}"
    try:
        if not can_be_written(folder):
            return None
    except OSError:
        return None
    jax.config.update("jax_compilation_cache_dir", str(folder))
    failed = rf"Error (reading|writing) persistent compilation cache entry.*{re.escape(str(caches))}"
    warnings.filterwarnings("ignore", message=failed, category=UserWarning)
    if "JAX_PERSISTENT_CACHE_MIN_COMPILE_TIME_SECS" not in environment:
        jax.config.update("jax_persistent_cache_min_compile_time_secs", LEAST_SECONDS)
    return folder
