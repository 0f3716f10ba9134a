"""The multivariate Student-t: power-law tails, blurred as a mixture of Gaussians over their scale."""

from __future__ import annotations

import dataclasses
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
from jax.scipy.special import logsumexp
from jaxtyping import Array, Float
from scipy.optimize import brentq
from scipy.special import digamma, gammaln

from thermodiff.array_types import Key, Samples2d, Scalar, Vector, pytree_dataclass, static
from thermodiff.distributions.base import Family
from thermodiff.distributions.quadrature import integrate, log_density, panels
from thermodiff.numerics.estimates import as_float64
from thermodiff.types import NotKnownError
from thermodiff.validation import check_covariance, check_finite, complain


@pytree_dataclass
class StudentT(Family):
    """p(x) ~ (1 + (x - loc)^T C^-1 (x - loc)/nu)^(-(nu + d)/2), C the ``scale_matrix`` and nu = ``df``.

    ``df`` in [1, 10^6], ``loc`` (d,), ``scale_matrix`` (d, d), symmetric and positive definite, in units of x^2; the
    covariance is nu/(nu - 2) C. Noised, with w ~ Gamma(nu/2, rate nu/2),
        p_t(x) = E_w N(x; alpha loc, (alpha^2/w) C + sigma^2 I),
    by the trapezoid rule in ln w, which converges exponentially: ln p_t is good to 1e-9 out to 10^4 scales from loc.
    ``df`` is compiled in, for the nodes depend on it. Raises ValueError for arguments that are none of this.
    """

    df: Any = static()
    loc: Any
    scale_matrix: Any
    variances: Any = dataclasses.field(init=False, repr=False, default=None)
    axes: Any = dataclasses.field(init=False, repr=False, default=None)
    log_w: Any = dataclasses.field(init=False, repr=False, default=None)
    log_weights: Any = dataclasses.field(init=False, repr=False, default=None)
    log_norm: Any = dataclasses.field(init=False, repr=False, default=None)

    def __post_init__(self) -> None:
        df = as_float64(self.df)
        if df.ndim != 0 or not 1 <= df <= 1e6:
            raise complain("df", f"{self.df}", "one number of degrees of freedom between 1 and 10^6")
        check_finite("loc", self.loc)
        loc = np.atleast_1d(as_float64(self.loc))
        if loc.ndim != 1:
            raise complain("loc", f"shape {loc.shape}", "shape (d,)")
        check_covariance("scale_matrix", self.scale_matrix, len(loc))
        variances, axes = np.linalg.eigh(as_float64(self.scale_matrix))
        log_w, log_weights = _mixing_nodes(float(df), len(loc))
        values = {"loc": loc, "scale_matrix": self.scale_matrix, "variances": variances, "axes": axes}
        values |= {"log_w": log_w, "log_weights": log_weights, "log_norm": _log_norm(float(df), variances)}
        object.__setattr__(self, "df", float(df))
        for name, value in values.items():
            object.__setattr__(self, name, jnp.asarray(value, dtype=float))

    @property
    def dim(self) -> int:
        """Number of coordinates d."""
        return self.loc.shape[-1]

    def moments(self) -> tuple[Vector, Float[Array, "d d"]]:
        """(loc, nu/(nu - 2) scale_matrix); raises NotKnownError for nu <= 2, where the covariance is infinite."""
        if self.df <= 2:
            what = "mean and covariance do" if self.df <= 1 else "covariance does"
            raise NotKnownError(f"the {what} not exist for StudentT with df = {self.df:g}; need df > 2")
        return self.loc, self.df / (self.df - 2) * self.scale_matrix

    def sample(self, key: Key, n: int) -> Samples2d:
        """n independent samples, shape (n, d): loc + C^(1/2) z/sqrt(w), z normal and w ~ Gamma(nu/2, rate nu/2)."""
        key_w, key_z = jax.random.split(key)
        # In logarithms, since a Gamma variable of shape 1/2 underflows now and then.
        log_w = jax.random.loggamma(key_w, 0.5 * self.df, (n, 1)) - np.log(0.5 * self.df)
        z = jax.random.normal(key_z, (n, 1, self.dim)) * jnp.exp(-0.5 * log_w)[..., None]
        return self.loc + jnp.sum(self.axes * jnp.sqrt(self.variances) * z, axis=-1)

    def _log_prob(self, x: Vector) -> Scalar:
        """-(nu + d)/2 ln(1 + delta/nu) + ln Gamma((nu + d)/2)/Gamma(nu/2) - (1/2) ln det(pi nu C)."""
        delta = jnp.sum(self._along_axes(x, 1.0) ** 2 / self.variances)
        return self.log_norm - 0.5 * (self.df + self.dim) * jnp.log1p(delta / self.df)

    def noised_log_prob(self, x: Vector, alpha: Any, sigma: Any) -> Scalar:
        """ln E_w N(x; alpha loc, (alpha^2/w) C + sigma^2 I)."""
        z = self._along_axes(x, alpha)
        return logsumexp(self._log_terms(z, self._node_variances(alpha, sigma)))

    def noised_score(self, x: Vector, alpha: Any, sigma: Any) -> Vector:
        """-E[((alpha^2/w) C + sigma^2 I)^-1 | x] (x - alpha loc)."""
        z, v = self._along_axes(x, alpha), self._node_variances(alpha, sigma)
        posterior = jax.nn.softmax(self._log_terms(z, v))
        return -jnp.sum(self.axes * (z * jnp.sum(posterior[:, None] / v, axis=0)), axis=-1)

    def noised_entropy(self, alpha: float, sigma: float) -> float:
        """Closed form at sigma = 0, polar quadrature in one and two dimensions otherwise.

        At sigma = 0: -ln norm + (nu + d)/2 [digamma((nu + d)/2) - digamma(nu/2)] + d ln alpha.
        """
        nu, d = self.df, self.dim
        variances = np.linalg.eigvalsh(as_float64(self.scale_matrix))
        if sigma == 0:
            spread = 0.5 * (nu + d) * (digamma(0.5 * (nu + d)) - digamma(0.5 * nu))
            return float(spread - _log_norm(nu, variances) + d * np.log(alpha))
        if d > 2:
            raise self._not_known("entropy")
        return _polar_entropy(StudentT(nu, np.zeros(d), np.diag(variances)), alpha, sigma)

    def _along_axes(self, x: Vector, alpha: Any) -> Vector:
        """x - alpha loc along the axes; a sum, since an accelerator may round a matrix product to fewer digits."""
        return jnp.sum(self.axes * (x - alpha * self.loc)[:, None], axis=0)

    def _node_variances(self, alpha: Any, sigma: Any) -> Float[Array, "m d"]:
        return alpha**2 * self.variances * jnp.exp(-self.log_w)[:, None] + sigma**2

    def _log_terms(self, z: Vector, v: Float[Array, "m d"]) -> Float[Array, " m"]:
        return self.log_weights - 0.5 * jnp.sum(z**2 / v + jnp.log(2 * jnp.pi * v), axis=-1)


def _log_norm(nu: float, variances: np.ndarray) -> float:
    """ln Gamma((nu + d)/2) - ln Gamma(nu/2) - (1/2) sum ln(pi nu variances)."""
    d = len(variances)
    return float(gammaln(0.5 * (nu + d)) - gammaln(0.5 * nu) - 0.5 * np.sum(np.log(np.pi * nu * variances)))


def _farthest(nu: float) -> float:
    """The distance, in scales, out to which the density is right: past it lies less than 1e-10 of p ln p."""
    return 10 ** max(4.0, 1 + 10 / nu)


def _mixing_nodes(nu: float, d: int) -> tuple[np.ndarray, np.ndarray]:
    """Evenly spaced nodes of ln w and the logarithms of their weights under Gamma(nu/2, rate nu/2).

    Given x with (x - loc)^T C^-1 (x - loc) = delta, w ~ Gamma(c, rate (nu + delta)/2) with c = (nu + d)/2: in ln w a
    peak of width c^(-1/2), somewhere between those of delta = 0 and of the farthest x. The step is below that
    width, and never above 0.35, for the transform of a small-c peak falls as e^(-pi |omega|/2).
    """
    c = 0.5 * (nu + d)

    def excess(u: float) -> float:
        """-ln of that peak at ln w = u from its top, less what may be left out."""
        return c * (np.expm1(u) - u) - 21.0

    top_near, top_far = np.log(2 * c / nu), np.log(2 * c / (nu + _farthest(nu) ** 2))
    low, high = top_far + brentq(excess, -30.0, 0.0), top_near + brentq(excess, 0.0, 10.0)
    step = min(0.35, 0.65 / np.sqrt(c))
    log_w = np.arange(low, high + step, step)
    k = 0.5 * nu
    return log_w, k * (log_w - np.exp(log_w)) + k * np.log(k) - gammaln(k) + np.log(step)


def _polar_entropy(centred: StudentT, alpha: float, sigma: float) -> float:
    """Entropy of a centred, axis-aligned law in one or two dimensions, noised: -int p ln p over one quadrant.

    x_i = a_i sinh(u) n_i(theta) with a_i^2 = alpha^2 v_i + sigma^2 turns power-law tails into exponential ones.
    """
    log_p = log_density(centred, alpha, sigma)
    a = np.sqrt(alpha**2 * as_float64(centred.variances) + sigma**2)
    d = len(a)

    def integrand(q: np.ndarray) -> np.ndarray:
        r = np.sinh(q[:, :1])
        n = np.ones((len(q), 1)) if d == 1 else np.stack([np.cos(q[:, 1]), np.sin(q[:, 1])], axis=1)
        value = log_p(a * r * n)
        log_volume = np.log(r[:, 0] ** (d - 1) * np.cosh(q[:, 0]) * np.prod(a))
        return -np.exp(value + log_volume) * value

    radial = np.linspace(0, np.arcsinh(_farthest(centred.df)), 17)
    boxes = panels(radial) if d == 1 else panels(radial, np.linspace(0, np.pi / 2, 3))
    return 2**d * integrate(integrand, boxes, "entropy of StudentT")
