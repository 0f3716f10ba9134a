"""Diffusion processes: alpha(t) and sigma(t), and everything that follows from the two.

    dx = f dt + g dw,   x_t = alpha(t) x_0 + sigma(t) eps,   alpha(0) = 1, sigma(0) = 0
    f = a(t) x,   a = d ln(alpha)/dt,   D = g^2/2 = sigma^2 d ln(sigma/alpha)/dt

A process states alpha and sigma; ``drift_rate`` a, ``diffusivity`` D, ``log_snr`` and its inverse
follow by automatic differentiation and bisection, or are overridden by closed forms that the tests
hold against them. Times are in [0, 1]; D is in (length of x)^2 per unit time.
"""

from __future__ import annotations

from typing import Any

import jax
import jax.numpy as jnp
from jax.typing import ArrayLike
from jaxtyping import Array

from thermodiff.validation import check_time

_BISECTIONS = 60


def last_time(process: Any) -> Any:
    """The time at which the prior stands and integrals end: 1, or the process's own ``t_max`` if it diverges at 1."""
    return getattr(process, "t_max", 1.0)


class DerivedProcess:
    """Everything that alpha and sigma imply.

    Subclass it as a ``pytree_dataclass`` and define the two (scalar t in, scalar out); ``CustomProcess`` does this for
    two functions.
    """

    def alpha(self, t: ArrayLike) -> Array:
        """Signal amplitude alpha(t), alpha(0) = 1."""
        raise NotImplementedError

    def sigma(self, t: ArrayLike) -> Array:
        """Noise amplitude sigma(t), sigma(0) = 0."""
        raise NotImplementedError

    def noise_ratio(self, t: ArrayLike) -> Array:
        """sigma(t) / alpha(t), the noise in units of the data."""
        return self.sigma(t) / self.alpha(t)

    def log_snr(self, t: ArrayLike) -> Array:
        """ln(alpha^2 / sigma^2); +infinity at t = 0."""
        return -2.0 * jnp.log(self.noise_ratio(t))

    def drift_rate(self, t: ArrayLike) -> Array:
        """a(t) = d ln alpha / dt, per unit time, of the shape of t."""
        check_time(t)
        t = jnp.asarray(t, dtype=float)
        return jnp.vectorize(jax.grad(lambda u: jnp.log(self.alpha(u))))(t)

    def diffusivity(self, t: ArrayLike) -> Array:
        """D(t) = (1/2) d sigma^2/dt - a sigma^2 = sigma^2 d ln(sigma/alpha)/dt, in (length of x)^2 per unit time."""
        check_time(t)
        t = jnp.asarray(t, dtype=float)
        half_growth = jnp.vectorize(jax.grad(lambda u: 0.5 * self.sigma(u) ** 2))(t)
        return half_growth - self.drift_rate(t) * self.sigma(t) ** 2

    def time_of_noise_ratio(self, ratio: ArrayLike) -> Array:
        """The time at which sigma/alpha = ratio: the inverse of ``noise_ratio``, by bisection."""
        return _bisect(self, jnp.asarray(ratio, dtype=float))

    def time_of_log_snr(self, log_snr: ArrayLike) -> Array:
        """The inverse of ``log_snr``."""
        return self.time_of_noise_ratio(jnp.exp(-0.5 * jnp.asarray(log_snr)))


@jax.jit
def _bisect(process: DerivedProcess, ratio: Any) -> Any:
    """The times at which ``process.noise_ratio`` is ``ratio``; compiled once for each kind of process."""

    def halve(_: Any, bracket: tuple[Any, Any]) -> tuple[Any, Any]:
        low, high = bracket
        # Geometric steps first resolve times near 0, where sigma changes by decades.
        middle = jnp.where(high > 4 * low, jnp.sqrt(low * high), 0.5 * (low + high))
        above = process.noise_ratio(middle) > ratio
        return jnp.where(above, low, middle), jnp.where(above, middle, high)

    low = jnp.full_like(ratio, 1e-12)
    low, high = jax.lax.fori_loop(0, _BISECTIONS, halve, (low, jnp.ones_like(ratio)))
    return 0.5 * (low + high)
