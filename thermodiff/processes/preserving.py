"""Variance-preserving processes with a noise rate beta(t), alpha^2 + sigma^2 = 1, and the one with less noise."""

from __future__ import annotations

import inspect
from typing import Any

import jax.numpy as jnp
import numpy as np
from jax.typing import ArrayLike
from jaxtyping import Array

from thermodiff.array_types import pytree_dataclass
from thermodiff.processes.base import DerivedProcess
from thermodiff.types import is_concrete
from thermodiff.validation import check_positive, check_time, complain


class _WithRate(DerivedProcess):
    """alpha = e^{-B/2}, B(t) the integral of beta: a = -beta/2."""

    def integrated_beta(self, t: ArrayLike) -> Array:
        """B(t) = integral of beta from 0 to t."""
        raise NotImplementedError

    def beta(self, t: ArrayLike) -> Array:
        """The rate beta(t) = g(t)^2."""
        raise NotImplementedError

    def time_of_integrated_beta(self, b: ArrayLike) -> Array:
        """The inverse of B."""
        raise NotImplementedError

    def alpha(self, t: ArrayLike) -> Array:
        """alpha = e^{-B/2}."""
        check_time(t)
        return jnp.exp(-0.5 * self.integrated_beta(jnp.asarray(t, dtype=float)))

    def drift_rate(self, t: ArrayLike) -> Array:
        """a = -beta/2."""
        check_time(t)
        return -0.5 * self.beta(jnp.asarray(t, dtype=float))


class _PreservingProcess(_WithRate):
    """alpha^2 + sigma^2 = 1: f = -D x, D = beta/2."""

    def sigma(self, t: ArrayLike) -> Array:
        """sigma = sqrt(1 - e^{-B})."""
        check_time(t)
        return jnp.sqrt(-jnp.expm1(-self.integrated_beta(jnp.asarray(t, dtype=float))))

    def noise_ratio(self, t: ArrayLike) -> Array:
        """sigma/alpha = sqrt(e^B - 1)."""
        check_time(t)
        return jnp.sqrt(jnp.expm1(self.integrated_beta(jnp.asarray(t, dtype=float))))

    def diffusivity(self, t: ArrayLike) -> Array:
        """D = beta/2."""
        check_time(t)
        return 0.5 * self.beta(jnp.asarray(t, dtype=float))

    def time_of_noise_ratio(self, ratio: ArrayLike) -> Array:
        """The inverse of sqrt(e^B - 1)."""
        return self.time_of_integrated_beta(jnp.log1p(jnp.asarray(ratio, dtype=float) ** 2))


def _rates(beta_min: Any = 0.1, beta_max: Any = 20.0) -> tuple[Any, Any]:
    return beta_min, beta_max


@pytree_dataclass
class _LinearRate(_WithRate):
    """beta(t) = beta_min + (beta_max - beta_min) t."""

    beta_min: Any = 0.1
    beta_max: Any = 20.0

    def __init__(self, *rates: Any, **named: Any) -> None:
        if len(rates) == 1 and "beta_max" not in named:
            raise complain(
                "beta_min",
                f"{rates[0]} alone and without its name",
                f"beta_max=..., the rate at t = 1, by name, or both in order: {type(self).__name__}(0.1, 20.0)",
            )
        low, high = _rates(*rates, **named)
        check_positive("beta_min", low)
        check_positive("beta_max", high)
        if is_concrete((low, high)) and not np.all(np.asarray(high) >= np.asarray(low)):
            raise complain("beta_max", f"{high} with beta_min = {low}", "beta_max >= beta_min")
        object.__setattr__(self, "beta_min", jnp.asarray(low, dtype=float))
        object.__setattr__(self, "beta_max", jnp.asarray(high, dtype=float))

    def beta(self, t: ArrayLike) -> Array:
        """beta_min + (beta_max - beta_min) t."""
        return self.beta_min + (self.beta_max - self.beta_min) * t

    def integrated_beta(self, t: ArrayLike) -> Array:
        """beta_min t + (beta_max - beta_min) t^2 / 2."""
        return t * (self.beta_min + 0.5 * (self.beta_max - self.beta_min) * t)

    def time_of_integrated_beta(self, b: ArrayLike) -> Array:
        """The positive root of the quadratic, in the form without cancellation."""
        root = jnp.sqrt(self.beta_min**2 + 2 * (self.beta_max - self.beta_min) * b)
        return 2 * b / (self.beta_min + root)


@pytree_dataclass
class VariancePreserving(_LinearRate, _PreservingProcess):
    """beta(t) = beta_min + (beta_max - beta_min) t;  alpha^2 = e^{-B}, sigma^2 = 1 - e^{-B} (default 0.1 to 20).

    ``beta_min`` > 0 and ``beta_max`` >= ``beta_min``, rates per unit time. One number by position is refused: the usual
    one is beta_max. Raises ValueError for that and for other rates. Source: Song et al. (2021), eq. 11.
    """

    __init__ = _LinearRate.__init__
    __signature__ = inspect.signature(_rates)


@pytree_dataclass
class SubVariancePreserving(_LinearRate):
    """alpha = e^{-B/2}, sigma = 1 - e^{-B}, beta as in ``VariancePreserving``:  a = -beta/2, D = beta (1 - e^{-2B})/2.

    sigma^2 stays below that of the variance-preserving process with the same rates, and ends beside it. Raises
    ValueError for rates as that does. Source: Song et al. (2021), section 3.4.
    """

    __init__ = _LinearRate.__init__
    __signature__ = inspect.signature(_rates)

    def sigma(self, t: ArrayLike) -> Array:
        """1 - e^{-B}."""
        check_time(t)
        return -jnp.expm1(-self.integrated_beta(jnp.asarray(t, dtype=float)))

    def noise_ratio(self, t: ArrayLike) -> Array:
        """sigma/alpha = 2 sinh(B/2)."""
        check_time(t)
        return 2 * jnp.sinh(0.5 * self.integrated_beta(jnp.asarray(t, dtype=float)))

    def diffusivity(self, t: ArrayLike) -> Array:
        """D = beta (1 - e^{-2B})/2."""
        check_time(t)
        t = jnp.asarray(t, dtype=float)
        return -0.5 * self.beta(t) * jnp.expm1(-2 * self.integrated_beta(t))

    def time_of_noise_ratio(self, ratio: ArrayLike) -> Array:
        """The inverse of 2 sinh(B/2)."""
        return self.time_of_integrated_beta(2 * jnp.arcsinh(0.5 * jnp.asarray(ratio, dtype=float)))


@pytree_dataclass
class OrnsteinUhlenbeck(_PreservingProcess):
    """Constant beta: dx = -(beta/2) x dt + sqrt(beta) dw, stationary law N(0, I).

    ``rate`` beta > 0, per unit time (default 10). Raises ValueError for another. Source: Uhlenbeck & Ornstein (1930).
    """

    rate: Any = 10.0

    def __post_init__(self) -> None:
        check_positive("rate", self.rate)
        object.__setattr__(self, "rate", jnp.asarray(self.rate, dtype=float))

    def beta(self, t: ArrayLike) -> Array:
        """The constant rate."""
        return self.rate * jnp.ones_like(t)

    def integrated_beta(self, t: ArrayLike) -> Array:
        """rate t."""
        return self.rate * t

    def time_of_integrated_beta(self, b: ArrayLike) -> Array:
        """b / rate."""
        return b / self.rate
