"""Diffusion processes: alpha(t) and sigma(t), and everything that follows from the two.

    dx = f dt + g dw,   x_t = alpha(t) x_0 + sigma(t) eps,   alpha(0) = 1, sigma(0) = 0
    f = a(t) x,   a = d ln(alpha)/dt,   D = g^2/2 = sigma^2 d ln(sigma/alpha)/dt

A process states alpha and sigma; ``drift_rate`` a, ``diffusivity`` D, ``log_snr`` and its inverse
follow by automatic differentiation and bisection, or are overridden by closed forms that the tests
hold against them. Times are in [0, 1]; D is in (length of x)^2 per unit time.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np

from thermodiff.types import is_concrete, pytree_dataclass, static
from thermodiff.validation import check_numbers, check_positive, check_time, complain

_BISECTIONS = 60


class DerivedProcess:
    """Everything that alpha and sigma imply.

    Subclass it as a ``pytree_dataclass`` and define the two (scalar t in, scalar out); ``CustomProcess`` does this for
    two functions.
    """

    def alpha(self, t: Any) -> Any:
        """Signal amplitude alpha(t), alpha(0) = 1."""
        raise NotImplementedError

    def sigma(self, t: Any) -> Any:
        """Noise amplitude sigma(t), sigma(0) = 0."""
        raise NotImplementedError

    def noise_ratio(self, t: Any) -> Any:
        """sigma(t) / alpha(t), the noise in units of the data."""
        return self.sigma(t) / self.alpha(t)

    def log_snr(self, t: Any) -> Any:
        """ln(alpha^2 / sigma^2); +infinity at t = 0."""
        return -2.0 * jnp.log(self.noise_ratio(t))

    def drift_rate(self, t: Any) -> Any:
        """a(t) = d ln alpha / dt, per unit time."""
        check_time(t)
        t = jnp.asarray(t, dtype=float)
        return jnp.vectorize(jax.grad(lambda u: jnp.log(self.alpha(u))))(t)

    def diffusivity(self, t: Any) -> Any:
        """D(t) = (1/2) d sigma^2/dt - a sigma^2 = sigma^2 d ln(sigma/alpha)/dt."""
        check_time(t)
        t = jnp.asarray(t, dtype=float)
        half_growth = jnp.vectorize(jax.grad(lambda u: 0.5 * self.sigma(u) ** 2))(t)
        return half_growth - self.drift_rate(t) * self.sigma(t) ** 2

    def time_of_noise_ratio(self, ratio: Any) -> Any:
        """The time at which sigma/alpha = ratio: the inverse of ``noise_ratio``, by bisection."""
        return _bisect(self, jnp.asarray(ratio, dtype=float))

    def time_of_log_snr(self, log_snr: Any) -> Any:
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


def _on_a_grid(name: str, function: Callable[[Any], Any]) -> np.ndarray:
    """The user's function at 257 times, (257,) in double precision."""
    t = np.linspace(0.0, 1.0, 257, dtype=np.float32)
    try:
        return np.asarray(jax.vmap(function)(t), dtype=np.float64)
    except (jax.errors.TracerArrayConversionError, jax.errors.ConcretizationTypeError) as error:
        raise complain(
            name, "a function that JAX cannot trace", "one of a scalar time, written with jax.numpy"
        ) from error


@pytree_dataclass
class CustomProcess(DerivedProcess):
    """A process from two functions of one scalar time, written with jax.numpy.

    ``CustomProcess(alpha_of_t, sigma_of_t)``; raises ValueError unless alpha(0) = 1, sigma(0) = 0, both
    finite, alpha positive and sigma/alpha increasing. For full precision write sigma with ``expm1``.
    """

    alpha_of_t: Callable[[Any], Any] = static()
    sigma_of_t: Callable[[Any], Any] = static()

    def __post_init__(self) -> None:
        alpha = _on_a_grid("alpha_of_t", self.alpha_of_t)
        sigma = _on_a_grid("sigma_of_t", self.sigma_of_t)
        if abs(alpha[0] - 1) > 1e-4 or not np.all(np.isfinite(alpha) & (alpha > 0)):
            raise complain(
                "alpha_of_t",
                f"alpha(0) = {alpha[0]:g}, minimum {alpha.min():g}",
                "alpha(0) = 1 and alpha > 0",
            )
        if abs(sigma[0]) > 1e-3 or not np.all(np.isfinite(sigma)):
            raise complain("sigma_of_t", f"sigma(0) = {sigma[0]:g}", "sigma(0) = 0 and finite values")
        if not np.all(np.diff(sigma / alpha) > 0):
            raise complain("sigma_of_t", "sigma/alpha that does not increase", "noise that grows with t")

    def alpha(self, t: Any) -> Any:
        """Signal amplitude, the user's function."""
        check_time(t)
        return jnp.vectorize(self.alpha_of_t)(jnp.asarray(t, dtype=float))

    def sigma(self, t: Any) -> Any:
        """Noise amplitude, the user's function."""
        check_time(t)
        return jnp.vectorize(self.sigma_of_t)(jnp.asarray(t, dtype=float))


@pytree_dataclass
class _ExplodingProcess(DerivedProcess):
    """alpha = 1: pure noise, sigma(t)^2 = scale (e^{2 rate t} - 1), so f = 0 and D = scale rate e^{2 rate t}."""

    rate: Any
    scale: Any

    def alpha(self, t: Any) -> Any:
        """1 at every time."""
        check_time(t)
        return jnp.ones_like(jnp.asarray(t, dtype=float))

    def sigma(self, t: Any) -> Any:
        """sigma(t) = sqrt(scale (e^{2 rate t} - 1)), by expm1 so that small t keeps its digits."""
        check_time(t)
        return jnp.sqrt(self.scale * jnp.expm1(2 * self.rate * jnp.asarray(t, dtype=float)))

    def drift_rate(self, t: Any) -> Any:
        """a = 0."""
        check_time(t)
        return jnp.zeros_like(jnp.asarray(t, dtype=float))

    def diffusivity(self, t: Any) -> Any:
        """D(t) = scale rate e^{2 rate t}."""
        check_time(t)
        return self.scale * self.rate * jnp.exp(2 * self.rate * jnp.asarray(t, dtype=float))

    def time_of_noise_ratio(self, ratio: Any) -> Any:
        """t = ln(1 + ratio^2 / scale) / (2 rate)."""
        return jnp.log1p(jnp.asarray(ratio, dtype=float) ** 2 / self.scale) / (2 * self.rate)


@pytree_dataclass
class VarianceExploding(_ExplodingProcess):
    """dx = sigma^t dw:  sigma(t)^2 = (sigma^{2t} - 1)/(2 ln sigma), D(t) = sigma^{2t}/2.

    ``sigma`` > 1 (default 25, the common tutorial form; sigma(1)^2 = 96.93 there, not 625). That the
    paper's "VE, sigma" means this form is our reading.
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
    sigma(1)^2 = sigma_max^2 - sigma_min^2: the marginal and D agree at every t.
    """

    def __init__(self, sigma_min: Any = 0.01, sigma_max: Any = 50.0) -> None:
        check_positive("sigma_min", sigma_min)
        check_positive("sigma_max", sigma_max)
        if is_concrete((sigma_min, sigma_max)) and not np.all(np.asarray(sigma_max) > np.asarray(sigma_min)):
            raise complain("sigma_max", f"{sigma_max} with sigma_min = {sigma_min}", "sigma_max > sigma_min")
        low, high = jnp.asarray(sigma_min, dtype=float), jnp.asarray(sigma_max, dtype=float)
        object.__setattr__(self, "rate", jnp.log(high / low))
        object.__setattr__(self, "scale", low**2)


class _PreservingProcess(DerivedProcess):
    """alpha^2 + sigma^2 = 1 with alpha = e^{-B/2}, B(t) the integral of beta: f = -D x, D = beta/2."""

    def integrated_beta(self, t: Any) -> Any:
        """B(t) = integral of beta from 0 to t."""
        raise NotImplementedError

    def beta(self, t: Any) -> Any:
        """The rate beta(t) = g(t)^2."""
        raise NotImplementedError

    def time_of_integrated_beta(self, b: Any) -> Any:
        """The inverse of B."""
        raise NotImplementedError

    def alpha(self, t: Any) -> Any:
        """alpha = e^{-B/2}."""
        check_time(t)
        return jnp.exp(-0.5 * self.integrated_beta(jnp.asarray(t, dtype=float)))

    def sigma(self, t: Any) -> Any:
        """sigma = sqrt(1 - e^{-B})."""
        check_time(t)
        return jnp.sqrt(-jnp.expm1(-self.integrated_beta(jnp.asarray(t, dtype=float))))

    def noise_ratio(self, t: Any) -> Any:
        """sigma/alpha = sqrt(e^B - 1)."""
        check_time(t)
        return jnp.sqrt(jnp.expm1(self.integrated_beta(jnp.asarray(t, dtype=float))))

    def drift_rate(self, t: Any) -> Any:
        """a = -beta/2."""
        check_time(t)
        return -0.5 * self.beta(jnp.asarray(t, dtype=float))

    def diffusivity(self, t: Any) -> Any:
        """D = beta/2."""
        check_time(t)
        return 0.5 * self.beta(jnp.asarray(t, dtype=float))

    def time_of_noise_ratio(self, ratio: Any) -> Any:
        """The inverse of sqrt(e^B - 1)."""
        return self.time_of_integrated_beta(jnp.log1p(jnp.asarray(ratio, dtype=float) ** 2))


@pytree_dataclass
class VariancePreserving(_PreservingProcess):
    """beta(t) = beta_min + (beta_max - beta_min) t;  alpha^2 = e^{-B}, sigma^2 = 1 - e^{-B} (default 0.1 to 20)."""

    beta_min: Any = 0.1
    beta_max: Any = 20.0

    def __post_init__(self) -> None:
        check_positive("beta_min", self.beta_min)
        check_positive("beta_max", self.beta_max)
        given = (self.beta_min, self.beta_max)
        if is_concrete(given) and not np.all(np.asarray(self.beta_max) >= np.asarray(self.beta_min)):
            raise complain(
                "beta_max", f"{self.beta_max} with beta_min = {self.beta_min}", "beta_max >= beta_min"
            )
        object.__setattr__(self, "beta_min", jnp.asarray(self.beta_min, dtype=float))
        object.__setattr__(self, "beta_max", jnp.asarray(self.beta_max, dtype=float))

    def beta(self, t: Any) -> Any:
        """beta_min + (beta_max - beta_min) t."""
        return self.beta_min + (self.beta_max - self.beta_min) * t

    def integrated_beta(self, t: Any) -> Any:
        """beta_min t + (beta_max - beta_min) t^2 / 2."""
        return t * (self.beta_min + 0.5 * (self.beta_max - self.beta_min) * t)

    def time_of_integrated_beta(self, b: Any) -> Any:
        """The positive root of the quadratic, in the form without cancellation."""
        root = jnp.sqrt(self.beta_min**2 + 2 * (self.beta_max - self.beta_min) * b)
        return 2 * b / (self.beta_min + root)


@pytree_dataclass
class OrnsteinUhlenbeck(_PreservingProcess):
    """Constant beta: dx = -(beta/2) x dt + sqrt(beta) dw, stationary law N(0, I)."""

    rate: Any = 10.0

    def __post_init__(self) -> None:
        check_positive("rate", self.rate)
        object.__setattr__(self, "rate", jnp.asarray(self.rate, dtype=float))

    def beta(self, t: Any) -> Any:
        """The constant rate."""
        return self.rate * jnp.ones_like(t)

    def integrated_beta(self, t: Any) -> Any:
        """rate t."""
        return self.rate * t

    def time_of_integrated_beta(self, b: Any) -> Any:
        """b / rate."""
        return b / self.rate


@pytree_dataclass
class CosineVariancePreserving(DerivedProcess):
    """alpha = cos(theta t), sigma = sin(theta t), theta = arccos(alpha_final).

    The cosine schedule of Nichol & Dhariwal (2021) without its offset; alpha_final > 0 (default 0.01)
    keeps D = theta tan(theta t) finite at t = 1.
    """

    alpha_final: Any = 0.01

    def __post_init__(self) -> None:
        given = self.alpha_final
        if is_concrete(given) and not np.all((np.asarray(given) > 0) & (np.asarray(given) < 1)):
            raise complain("alpha_final", f"{given}", "a number strictly between 0 and 1")
        object.__setattr__(self, "alpha_final", jnp.asarray(given, dtype=float))

    @property
    def theta(self) -> Any:
        """The angle reached at t = 1."""
        return jnp.arccos(self.alpha_final)

    def alpha(self, t: Any) -> Any:
        """cos(theta t)."""
        check_time(t)
        return jnp.cos(self.theta * jnp.asarray(t, dtype=float))

    def sigma(self, t: Any) -> Any:
        """sin(theta t)."""
        check_time(t)
        return jnp.sin(self.theta * jnp.asarray(t, dtype=float))

    def drift_rate(self, t: Any) -> Any:
        """a = -theta tan(theta t)."""
        check_time(t)
        return -self.theta * jnp.tan(self.theta * jnp.asarray(t, dtype=float))

    def diffusivity(self, t: Any) -> Any:
        """D = theta tan(theta t)."""
        return -self.drift_rate(t)

    def time_of_noise_ratio(self, ratio: Any) -> Any:
        """arctan(ratio) / theta."""
        return jnp.arctan(jnp.asarray(ratio, dtype=float)) / self.theta
