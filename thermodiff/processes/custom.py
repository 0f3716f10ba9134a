"""A process from two functions of the user's own."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
from jax.typing import ArrayLike
from jaxtyping import Array

from thermodiff.array_types import pytree_dataclass, static
from thermodiff.processes.base import DerivedProcess
from thermodiff.validation import check_time, complain


def _on_a_grid(name: str, function: Callable[[Any], Any]) -> np.ndarray:
    """The user's function at 257 times, (257,) in double precision."""
    t = np.linspace(0.0, 1.0, 257, dtype=np.float32)
    try:
        return np.asarray(jax.vmap(function)(t), dtype=np.float64)
    except (jax.errors.TracerArrayConversionError, jax.errors.ConcretizationTypeError) as error:
        raise complain(
            name, "a function that JAX cannot trace", "one of a scalar time, written with jax.numpy"
        ) from error


def _check_growth(ratio: np.ndarray) -> None:
    """Raise unless sigma/alpha (257,) increases, saying where it does not first, and what log-SNR does there."""
    falling = np.flatnonzero(~(np.diff(ratio) > 0))
    if falling.size:
        t = np.linspace(0.0, 1.0, len(ratio))[falling[0] : falling[0] + 2]
        r = ratio[falling[0] : falling[0] + 2]
        with np.errstate(divide="ignore"):
            snr = -2 * np.log(np.abs(r))
        got = (
            f"sigma/alpha that does not increase: {r[0]:.4g} at t = {t[0]:.4g}, {r[1]:.4g} at t = {t[1]:.4g}, so that "
            f"log-SNR goes from {snr[0]:.4g} to {snr[1]:.4g}"
        )
        raise complain(
            "sigma_of_t", got, "noise that grows with t: log-SNR must fall, or no time has a given one"
        )


@pytree_dataclass
class CustomProcess(DerivedProcess):
    """A process from two functions of one scalar time, written with jax.numpy.

    ``CustomProcess(alpha_of_t, sigma_of_t)``, both () -> (), sigma in units of x. For full precision write sigma with
    ``expm1``. Raises ValueError unless alpha(0) = 1, sigma(0) = 0, both finite, alpha positive and sigma/alpha
    increasing, so that log-SNR falls, all looked at on 257 times. Source: this project.
    """

    alpha_of_t: Callable[[Any], Any] = static()
    sigma_of_t: Callable[[Any], Any] = static()

    def __post_init__(self) -> None:
        alpha = _on_a_grid("alpha_of_t", self.alpha_of_t)
        sigma = _on_a_grid("sigma_of_t", self.sigma_of_t)
        if abs(alpha[0] - 1) > 1e-4:
            raise complain(
                "alpha_of_t", f"alpha(0) = {alpha[0]:g}", "alpha(0) = 1: data at t = 0, noise at t = 1"
            )
        bad = np.flatnonzero(~(np.isfinite(alpha) & (alpha > 0)))
        if bad.size:
            raise complain(
                "alpha_of_t",
                f"alpha({bad[0] / (len(alpha) - 1):g}) = {alpha[bad[0]]:g}",
                "alpha finite and above 0 on all of [0, 1]: sigma/alpha is taken there; end at 0.01, say, not at 0, "
                "or take td.LinearInterpolant() for 1 - t",
            )
        if abs(sigma[0]) > 1e-3 or not np.all(np.isfinite(sigma)):
            raise complain("sigma_of_t", f"sigma(0) = {sigma[0]:g}", "sigma(0) = 0 and finite values")
        _check_growth(sigma / alpha)

    def alpha(self, t: ArrayLike) -> Array:
        """Signal amplitude, the user's function."""
        check_time(t)
        return jnp.asarray(jnp.vectorize(self.alpha_of_t)(jnp.asarray(t, dtype=float)))

    def sigma(self, t: ArrayLike) -> Array:
        """Noise amplitude, the user's function."""
        check_time(t)
        return jnp.asarray(jnp.vectorize(self.sigma_of_t)(jnp.asarray(t, dtype=float)))
