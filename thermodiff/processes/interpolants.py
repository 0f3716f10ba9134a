"""Flow matching's straight line between data and noise."""

from __future__ import annotations

from typing import Any

import jax.numpy as jnp
import numpy as np
from jax.typing import ArrayLike
from jaxtyping import Array

from thermodiff.array_types import pytree_dataclass
from thermodiff.processes.base import DerivedProcess
from thermodiff.types import is_concrete
from thermodiff.validation import check_numbers, check_time, complain

LAST_TIME = 0.999
"""sigma/alpha = 999 there, as far above a scale of 1 as integrals start below it."""


@pytree_dataclass
class LinearInterpolant(DerivedProcess):
    """x_t = (1 - t) x_0 + t eps:  alpha = 1 - t, sigma = t, a = -1/(1 - t), D = t/(1 - t).

    The path of flow matching and rectified flow, with data at t = 0. Drift and noise diverge at t = 1, so nothing is
    integrated, evaluated or started there: the last time is ``t_max`` < 1 (default 0.999), where the prior stands.
    Raises ValueError unless 0 < t_max < 1. Source: Lipman et al. (2023); Liu et al. (2023).
    """

    t_max: Any = LAST_TIME

    def __post_init__(self) -> None:
        given = self.t_max
        if is_concrete(given):
            check_numbers("t_max", given)
            if not np.all((np.asarray(given) > 0) & (np.asarray(given) < 1)):
                raise complain(
                    "t_max", f"{given}", "a time strictly between 0 and 1: the drift diverges at 1"
                )
        object.__setattr__(self, "t_max", jnp.asarray(given, dtype=float))

    def alpha(self, t: ArrayLike) -> Array:
        """1 - t."""
        check_time(t)
        return 1 - jnp.asarray(t, dtype=float)

    def sigma(self, t: ArrayLike) -> Array:
        """The time itself."""
        check_time(t)
        return jnp.asarray(t, dtype=float)

    def drift_rate(self, t: ArrayLike) -> Array:
        """a = -1/(1 - t)."""
        return -1 / self.alpha(t)

    def diffusivity(self, t: ArrayLike) -> Array:
        """D = t/(1 - t)."""
        return self.noise_ratio(t)

    def time_of_noise_ratio(self, ratio: ArrayLike) -> Array:
        """ratio/(1 + ratio)."""
        ratio = jnp.asarray(ratio, dtype=float)
        return ratio / (1 + ratio)
