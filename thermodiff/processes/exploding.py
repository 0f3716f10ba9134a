"""Variance-exploding processes: pure noise, alpha = 1."""

from __future__ import annotations

from typing import Any

import jax.numpy as jnp
import numpy as np
from jax.typing import ArrayLike
from jaxtyping import Array

from thermodiff.array_types import pytree_dataclass
from thermodiff.processes.base import DerivedProcess
from thermodiff.types import is_concrete
from thermodiff.validation import check_numbers, check_positive, check_time, complain


@pytree_dataclass
class _ExplodingProcess(DerivedProcess):
    """alpha = 1: pure noise, sigma(t)^2 = scale (e^{2 rate t} - 1), so f = 0 and D = scale rate e^{2 rate t}."""

    rate: Any
    scale: Any

    def alpha(self, t: ArrayLike) -> Array:
        """1 at every time."""
        check_time(t)
        return jnp.ones_like(jnp.asarray(t, dtype=float))

    def sigma(self, t: ArrayLike) -> Array:
        """sigma(t) = sqrt(scale (e^{2 rate t} - 1)), by expm1 so that small t keeps its digits."""
        check_time(t)
        return jnp.sqrt(self.scale * jnp.expm1(2 * self.rate * jnp.asarray(t, dtype=float)))

    def drift_rate(self, t: ArrayLike) -> Array:
        """a = 0."""
        check_time(t)
        return jnp.zeros_like(jnp.asarray(t, dtype=float))

    def diffusivity(self, t: ArrayLike) -> Array:
        """D(t) = scale rate e^{2 rate t}."""
        check_time(t)
        return self.scale * self.rate * jnp.exp(2 * self.rate * jnp.asarray(t, dtype=float))

    def time_of_noise_ratio(self, ratio: ArrayLike) -> Array:
        """t = ln(1 + ratio^2 / scale) / (2 rate)."""
        return jnp.log1p(jnp.asarray(ratio, dtype=float) ** 2 / self.scale) / (2 * self.rate)


@pytree_dataclass
class VarianceExploding(_ExplodingProcess):
    """dx = sigma^t dw:  sigma(t)^2 = (sigma^{2t} - 1)/(2 ln sigma), D(t) = sigma^{2t}/2.

    ``sigma`` > 1 (default 25, the common tutorial form; sigma(1)^2 = 96.93 there, not 625). That the
    paper's "VE, sigma" means this form is our reading. Raises ValueError for sigma <= 1. Source: Song et al. (2021),
    eq. 9 with sigma^t for its noise scale.
    """

    def __init__(self, sigma: Any = 25.0) -> None:
        if is_concrete(sigma):
            check_numbers("sigma", sigma)
        if is_concrete(sigma) and not np.all(np.isfinite(sigma) & (np.asarray(sigma) > 1)):
            raise complain("sigma", f"{sigma}", "sigma > 1 in dx = sigma^t dw")
        rate = jnp.log(jnp.asarray(sigma, dtype=float))
        object.__setattr__(self, "rate", rate)
        object.__setattr__(self, "scale", 1 / (2 * rate))


@pytree_dataclass
class GeometricVarianceExploding(_ExplodingProcess):
    """sigma(t)^2 = sigma_min^2 ((sigma_max/sigma_min)^{2t} - 1), sigma from sigma_min to sigma_max.

    The geometric ladder of Song et al. (2021) with the start subtracted exactly, so that sigma(0) = 0 and
    sigma(1)^2 = sigma_max^2 - sigma_min^2: the marginal and D agree at every t. ``sigma_min`` and ``sigma_max`` are in
    units of x; raises ValueError unless 0 < sigma_min < sigma_max.
    """

    def __init__(self, sigma_min: Any = 0.01, sigma_max: Any = 50.0) -> None:
        check_positive("sigma_min", sigma_min)
        check_positive("sigma_max", sigma_max)
        if is_concrete((sigma_min, sigma_max)) and not np.all(np.asarray(sigma_max) > np.asarray(sigma_min)):
            raise complain("sigma_max", f"{sigma_max} with sigma_min = {sigma_min}", "sigma_max > sigma_min")
        low, high = jnp.asarray(sigma_min, dtype=float), jnp.asarray(sigma_max, dtype=float)
        object.__setattr__(self, "rate", jnp.log(high / low))
        object.__setattr__(self, "scale", low**2)
