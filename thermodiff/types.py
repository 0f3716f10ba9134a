"""The words that need no JAX: an estimate with its error, what is not known, what can be looked at now.

This file imports nothing of ours; ``array_types`` has the words that speak of arrays.
"""

from __future__ import annotations

import sys
from collections.abc import Callable
from typing import Any, NamedTuple


class Estimate(NamedTuple):
    """A number with its error bar: the mean of n independent units and the standard error of that mean.

    ``mean`` and ``stderr`` have the same shape (scalar, or one entry per time); ``n`` counts the
    independent units (data points, or randomised quasi-Monte-Carlo replicates) that they come from.
    """

    mean: Any
    stderr: Any
    n: int

    def __format__(self, spec: str) -> str:
        """``f"{estimate:.4f}"`` prints ``mean +- stderr`` with that format for both."""
        spec = spec or ".4g"
        return f"{float(self.mean):{spec}} ± {float(self.stderr):{spec}}"


class NotKnownError(ValueError):
    """Asked for a quantity that has no closed form and no quadrature of the promised accuracy."""


def is_concrete(x: Any) -> bool:
    """True for a value that can be looked at now, False for one that JAX is tracing."""
    jax = sys.modules.get("jax")  # what is traced needs JAX running
    return jax is None or not any(isinstance(leaf, jax.core.Tracer) for leaf in jax.tree.leaves(x))


def is_jax_array(x: Any) -> bool:
    """Whether ``x`` is an array of JAX's; where JAX does not run, nothing is."""
    jax = sys.modules.get("jax")
    return jax is not None and isinstance(x, jax.Array)


_WAITING: list[Callable[[], object]] = []


def when_jax_starts(action: Callable[[], object]) -> None:
    """Do ``action`` when JAX starts on behalf of this package: at once if it has been imported already."""
    if "jax" in sys.modules:
        action()
    else:
        _WAITING.append(action)


def jax_starts() -> None:
    """Do what was waiting for it, once."""
    while _WAITING:
        _WAITING.pop(0)()
