"""The process of Karras et al., whose time is its noise."""

from __future__ import annotations

from typing import Any

import jax.numpy as jnp
import numpy as np
from jax.typing import ArrayLike
from jaxtyping import Array

from thermodiff.array_types import pytree_dataclass
from thermodiff.processes.base import DerivedProcess
from thermodiff.types import is_concrete
from thermodiff.validation import check_positive, check_time, complain


@pytree_dataclass
class EDM(DerivedProcess):
    """Pure noise that grows linearly:  alpha = 1, sigma(t) = sigma_max t, a = 0, D = sigma_max^2 t.

    Karras et al.'s own time is sigma itself, from ``sigma_min`` (default 0.002) to ``sigma_max`` (80), in units of x;
    here t = sigma/sigma_max, so that t is in [0, 1] as everywhere. Integrals and samples end at sigma_min, t_min =
    sigma_min/sigma_max, unless the score or the call says otherwise. Raises ValueError unless 0 < sigma_min <
    sigma_max. Source: Karras et al. (2022), table 1 and eq. 5.
    """

    sigma_min: Any = 0.002
    sigma_max: Any = 80.0

    def __post_init__(self) -> None:
        low, high = self.sigma_min, self.sigma_max
        check_positive("sigma_min", low)
        check_positive("sigma_max", high)
        if is_concrete((low, high)) and not np.all(np.asarray(high) > np.asarray(low)):
            raise complain("sigma_max", f"{high} with sigma_min = {low}", "sigma_max > sigma_min")
        object.__setattr__(self, "sigma_min", jnp.asarray(low, dtype=float))
        object.__setattr__(self, "sigma_max", jnp.asarray(high, dtype=float))

    @property
    def t_min(self) -> Array:
        """sigma_min/sigma_max."""
        return self.sigma_min / self.sigma_max

    def alpha(self, t: ArrayLike) -> Array:
        """1 at every time."""
        check_time(t)
        return jnp.ones_like(jnp.asarray(t, dtype=float))

    def sigma(self, t: ArrayLike) -> Array:
        """sigma_max t."""
        check_time(t)
        return self.sigma_max * jnp.asarray(t, dtype=float)

    def drift_rate(self, t: ArrayLike) -> Array:
        """a = 0."""
        check_time(t)
        return jnp.zeros_like(jnp.asarray(t, dtype=float))

    def diffusivity(self, t: ArrayLike) -> Array:
        """D = sigma_max^2 t."""
        return self.sigma_max * self.sigma(t)

    def time_of_noise_ratio(self, ratio: ArrayLike) -> Array:
        """ratio/sigma_max."""
        return jnp.asarray(ratio, dtype=float) / self.sigma_max
