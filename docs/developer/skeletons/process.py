"""A process to copy: Brownian motion, dx = g dw with constant g. Goes to thermodiff/processes/NAME.py.

A process states alpha(t) and sigma(t); everything else follows (``DerivedProcess``), and is overridden by a closed form
where there is one. Its line goes into thermodiff/__init__.pyi, its class into ``scores/saved.SAVABLE``, and its
equation, solved independently, into the table CASES of tests/processes/test_processes.py.
"""

from __future__ import annotations

from typing import Any

import jax.numpy as jnp
import numpy as np

from thermodiff.array_types import pytree_dataclass
from thermodiff.processes.base import DerivedProcess
from thermodiff.types import is_concrete
from thermodiff.validation import check_time, complain


@pytree_dataclass
class Brownian(DerivedProcess):
    """dx = scale dw:  alpha = 1, sigma = scale sqrt(t), D = scale^2/2.

    ``scale`` is in units of x, by default 10. Raises ValueError unless scale > 0. Source: this project.
    """

    scale: Any = 10.0

    def __post_init__(self) -> None:
        if is_concrete(self.scale) and not np.all(np.asarray(self.scale) > 0):
            raise complain("scale", f"{self.scale}", "a number above 0")
        object.__setattr__(self, "scale", jnp.asarray(self.scale, dtype=float))

    def alpha(self, t: Any) -> Any:
        """1."""
        check_time(t)
        return jnp.ones_like(jnp.asarray(t, dtype=float))

    def sigma(self, t: Any) -> Any:
        """Scale times sqrt(t)."""
        check_time(t)
        return self.scale * jnp.sqrt(jnp.asarray(t, dtype=float))

    # What follows is optional: closed forms of what automatic differentiation and bisection would find.

    def drift_rate(self, t: Any) -> Any:
        """0."""
        check_time(t)
        return jnp.zeros_like(jnp.asarray(t, dtype=float))

    def diffusivity(self, t: Any) -> Any:
        """scale^2/2 at every t."""
        check_time(t)
        return 0.5 * self.scale**2 * jnp.ones_like(jnp.asarray(t, dtype=float))

    def time_of_noise_ratio(self, ratio: Any) -> Any:
        """(ratio/scale)^2."""
        return (jnp.asarray(ratio, dtype=float) / self.scale) ** 2
