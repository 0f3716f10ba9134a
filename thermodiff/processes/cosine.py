"""The cosine schedule, variance-preserving with a log-SNR that falls slowly at both ends."""

from __future__ import annotations

from typing import Any

import jax.numpy as jnp
import numpy as np
from jax.typing import ArrayLike
from jaxtyping import Array

from thermodiff.array_types import pytree_dataclass
from thermodiff.processes.base import DerivedProcess
from thermodiff.types import is_concrete
from thermodiff.validation import check_time, complain


@pytree_dataclass
class CosineVariancePreserving(DerivedProcess):
    """alpha = cos(theta t), sigma = sin(theta t), theta = arccos(alpha_final).

    The cosine schedule of Nichol & Dhariwal (2021) without its offset; alpha_final > 0 (default 0.01)
    keeps D = theta tan(theta t) finite at t = 1. Raises ValueError unless 0 < alpha_final < 1.
    """

    alpha_final: Any = 0.01

    def __post_init__(self) -> None:
        given = self.alpha_final
        if is_concrete(given) and not np.all((np.asarray(given) > 0) & (np.asarray(given) < 1)):
            raise complain("alpha_final", f"{given}", "a number strictly between 0 and 1")
        object.__setattr__(self, "alpha_final", jnp.asarray(given, dtype=float))

    @property
    def theta(self) -> Array:
        """The angle reached at t = 1."""
        return jnp.arccos(self.alpha_final)

    def alpha(self, t: ArrayLike) -> Array:
        """cos(theta t)."""
        check_time(t)
        return jnp.cos(self.theta * jnp.asarray(t, dtype=float))

    def sigma(self, t: ArrayLike) -> Array:
        """sin(theta t)."""
        check_time(t)
        return jnp.sin(self.theta * jnp.asarray(t, dtype=float))

    def drift_rate(self, t: ArrayLike) -> Array:
        """a = -theta tan(theta t)."""
        check_time(t)
        return -self.theta * jnp.tan(self.theta * jnp.asarray(t, dtype=float))

    def diffusivity(self, t: ArrayLike) -> Array:
        """D = theta tan(theta t)."""
        return -self.drift_rate(t)

    def time_of_noise_ratio(self, ratio: ArrayLike) -> Array:
        """arctan(ratio) / theta."""
        return jnp.arctan(jnp.asarray(ratio, dtype=float)) / self.theta
