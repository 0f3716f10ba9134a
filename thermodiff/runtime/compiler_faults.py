"""Faults of a compiler that make numbers wrong without a word, and how they are kept away.

jaxlib 0.10.2 and 0.11.0 leave products that are summed to a library (YNNPACK) which, on processors, computes rows of
large batches wrongly: the score of a mixture of two Gaussians in eight dimensions is off by its own size in half of
4096 rows (jax-ml/jax issue 39103; 39257 and 40412 are crashes of the same library). Without the library numbers are
right, and as fast within what can be measured here. XLA reads its options once, when JAX first computes something.
"""

from __future__ import annotations

import os
import sys
import warnings
from collections.abc import MutableMapping
from importlib import metadata

FAULTY = ("0.10.2", "0.11.0")
OPTION = "--xla_cpu_experimental_ynn_fusion_type"
"""Which operations are left to the library; with nothing after the equals sign, none."""


def avoid_wrong_sums(environment: MutableMapping[str, str] = os.environ) -> None:
    """Adds the option to XLA_FLAGS for a jaxlib that needs it, unless it is there: whoever set it knows what for.

    Warns where JAX has computed something before and the option comes too late.
    """
    flags = environment.get("XLA_FLAGS", "")
    if OPTION in flags or metadata.version("jaxlib") not in FAULTY:
        return
    environment["XLA_FLAGS"] = f"{flags} {OPTION}=".lstrip()
    if _has_started():
        warnings.warn(
            f"jaxlib {metadata.version('jaxlib')} computes some sums over large batches wrongly on processors, and JAX "
            f"was in use before thermodiff was imported: import thermodiff first, or set XLA_FLAGS={OPTION}=",
            RuntimeWarning,
            stacklevel=3,
        )


def _has_started() -> bool:
    """Whether JAX has read its options; it has no public word for that, and these versions have this one."""
    bridge = sys.modules.get("jax._src.xla_bridge")
    return bridge is not None and bridge.backends_are_initialized()
