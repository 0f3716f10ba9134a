"""A schedule given as a table, as DDPM and the libraries after it keep theirs: alpha^2 at N steps.

With t_k = (k + 1)/N, k = 0 ... N - 1, and ell = ln(sigma/alpha) = -(1/2) log-SNR the table gives ell(t_k); between its
entries ell is a monotone cubic in ln t (Fritsch & Carlson 1980), below the first a straight line in ln t, which is a
power law in t, so that alpha(0) = 1 and sigma(0) = 0.
"""

from __future__ import annotations

from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
from jax.typing import ArrayLike
from jaxtyping import Array, Float

from thermodiff.array_types import pytree_dataclass
from thermodiff.processes.base import DerivedProcess
from thermodiff.validation import check_finite, check_time, complain

FEWEST = 4
LEAST_NOISE = 0.5
"""A table whose last alpha^2 is above this leaves more signal than noise: it is a table of something else."""
SOONEST = 1e-12
"""Where rates at t = 0 are taken, as a limit."""
PRODUCTS = "cumulative products np.cumprod(1 - betas), which fall from about 1 to about 0"


@pytree_dataclass
class TabulatedProcess(DerivedProcess):
    """Variance preserving, alpha(t_k)^2 = alphas_cumprod[k] at t_k = (k + 1)/N: exact at the table's N entries.

    ``alphas_cumprod`` (N,) falls, strictly inside (0, 1): the cumulative products of 1 - beta, such as a diffusers
    scheduler's. Step k of the model is time (k + 1)/N (``td.StepNumber``), and as nothing was trained below step 0,
    integrals and samples end there, at t_min = 1/N, unless the score or the call says otherwise. Betas in double
    precision say more than a table in single: ``TabulatedProcess.from_betas(betas)``.

    Raises ValueError for a table of betas or of 1 - beta, for entries out of order, out of (0, 1) or not finite, and
    for fewer than four. Source: Ho et al. (2020) for the table; the interpolation is this project's.
    """

    ell: Float[Array, " N"]
    slopes: Float[Array, " N"]

    def __init__(self, alphas_cumprod: Any) -> None:
        table = _table("alphas_cumprod", alphas_cumprod)
        _check_products(table)
        self._keep(0.5 * (np.log1p(-table) - np.log(table)))

    @classmethod
    def from_betas(cls, betas: Any) -> TabulatedProcess:
        """The process of a table of ``betas`` (N,), each in (0, 1): alpha^2 = prod (1 - beta), with all its digits."""
        table = _table("betas", betas)
        if table[0] > 0.5 and np.all(np.diff(table) < 0):
            raise complain(
                "betas",
                f"values that fall from {table[0]:.4g} to {table[-1]:.4g}, a table of cumulative products",
                "betas, or TabulatedProcess(alphas_cumprod)",
            )
        made = object.__new__(cls)
        made._keep(0.5 * np.log(np.expm1(-np.cumsum(np.log1p(-table)))))
        return made

    def _keep(self, ell: np.ndarray) -> None:
        from scipy.interpolate import PchipInterpolator  # slow to import

        u = np.log(np.arange(1, len(ell) + 1) / len(ell))
        slopes = PchipInterpolator(u, ell).derivative()(u)
        secants = np.diff(ell) / np.diff(u)
        for end in (0, -1):  # above 0 there too, so that the noise goes on to fall below the first entry
            slopes[end] = slopes[end] if slopes[end] > 0 else secants[end]
        object.__setattr__(self, "ell", jnp.asarray(ell, dtype=float))
        object.__setattr__(self, "slopes", jnp.asarray(slopes, dtype=float))

    @property
    def steps(self) -> int:
        """N, the number of entries."""
        return self.ell.shape[0]

    @property
    def t_min(self) -> float:
        """1/N, the time of the first entry."""
        return 1 / self.steps

    def _ell_and_slope(self, t: Any) -> tuple[Any, Any]:
        """ell(t) and d ell/d ln t."""
        n = self.steps
        i = jnp.clip(jnp.floor(t * n).astype(int) - 1, 0, n - 2)
        low = jnp.log((i + 1) / n)
        width = jnp.log((i + 2) / n) - low
        w = jnp.log(jnp.maximum(t, 1 / n)) - low
        w = w / width
        rise, m0, m1 = self.ell[i + 1] - self.ell[i], width * self.slopes[i], width * self.slopes[i + 1]
        square, cubic = 3 * rise - 2 * m0 - m1, m0 + m1 - 2 * rise
        inside = self.ell[i] + w * (m0 + w * (square + w * cubic))
        slope = (m0 + w * (2 * square + 3 * w * cubic)) / width
        below = self.ell[0] + self.slopes[0] * jnp.log(t * n)
        first = t * n < 1
        return jnp.where(first, below, inside), jnp.where(first, self.slopes[0], slope)

    def _ell(self, t: ArrayLike) -> Array:
        check_time(t)
        return self._ell_and_slope(jnp.asarray(t, dtype=float))[0]

    def alpha(self, t: ArrayLike) -> Array:
        """1/sqrt(1 + e^{2 ell})."""
        return jnp.sqrt(jax.nn.sigmoid(-2 * self._ell(t)))

    def sigma(self, t: ArrayLike) -> Array:
        """1/sqrt(1 + e^{-2 ell})."""
        return jnp.sqrt(jax.nn.sigmoid(2 * self._ell(t)))

    def noise_ratio(self, t: ArrayLike) -> Array:
        """e^ell."""
        return jnp.exp(self._ell(t))

    def log_snr(self, t: ArrayLike) -> Array:
        """-2 ell."""
        return -2 * self._ell(t)

    def drift_rate(self, t: ArrayLike) -> Array:
        """a = -D."""
        return -self.diffusivity(t)

    def diffusivity(self, t: ArrayLike) -> Array:
        """D = sigma^2 d ell/dt."""
        check_time(t)
        t = jnp.maximum(jnp.asarray(t, dtype=float), SOONEST)
        ell, slope = self._ell_and_slope(t)
        return jax.nn.sigmoid(2 * ell) * slope / t


def _table(name: str, given: Any) -> np.ndarray:
    """The table in double precision, one axis of finite numbers inside (0, 1)."""
    check_finite(name, given)
    table = np.asarray(given, dtype=np.float64)
    if table.ndim != 1 or len(table) < FEWEST:
        raise complain(name, f"shape {table.shape}", f"one axis of at least {FEWEST} steps, (N,)")
    if name == "alphas_cumprod" and table[-1] == 0 and np.all(np.diff(table) < 0):
        raise complain(
            name, "0 at the end (no signal at all)", "a last entry above 0: leave it out, alphas_cumprod[:-1]"
        )
    if name == "alphas_cumprod" and table[0] == 1 and np.all(np.diff(table) < 0):
        need = "a first entry below 1, the first noise: leave it out, alphas_cumprod[1:], and td.StepNumber(first=1)"
        raise complain(name, "1 at the start (no noise at all)", need)
    outside = np.flatnonzero((table <= 0) | (table >= 1))
    if outside.size:
        got = f"{table[outside[0]]:g} at index {outside[0]}, counted from 0"
        raise complain(name, got, "numbers strictly between 0 and 1")
    return table


def _check_products(table: np.ndarray) -> None:
    """Raise unless the table falls, and far enough: betas rise or stay small, 1 - beta stays near 1."""
    rising = np.flatnonzero(np.diff(table) >= 0)
    ends = f"from {table[0]:.4g} to {table[-1]:.4g}"
    if rising.size == len(table) - 1 and table[0] < LEAST_NOISE < table[-1]:
        got = f"values {ends} that rise, cumulative products from noise to data, or betas"
        raise complain(
            "alphas_cumprod", got, "alphas_cumprod[::-1] of the former, TabulatedProcess.from_betas(betas)"
        )
    if rising.size == len(table) - 1 or (rising.size and table[0] < LEAST_NOISE):
        raise complain("alphas_cumprod", f"values {ends} that do not fall, a table of betas", PRODUCTS)
    if rising.size:
        k = rising[0]
        got = f"{table[k + 1]:.6g} after {table[k]:.6g} (at index {k + 1}, counted from 0)"
        raise complain("alphas_cumprod", got, "falling values, so that noise grows with the step")
    if table[-1] > LEAST_NOISE:
        got = f"values {ends}, more signal than noise to the end, as a table of alphas = 1 - betas has"
        raise complain("alphas_cumprod", got, PRODUCTS)
    if table[0] < LEAST_NOISE:
        got = f"values {ends}, more noise than signal from the start"
        raise complain("alphas_cumprod", got, PRODUCTS)
