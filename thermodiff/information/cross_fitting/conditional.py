"""Scores of y given w: the Gaussian they start from, the rows they are trained on, and the preconditioned network.

A row is (y, w): d columns that are noised and c that are given and stay as they are. With c = 0 all of it is what it is
without conditions. Source: this project.
"""

from __future__ import annotations

from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Float

from thermodiff.array_types import Key, Process, Samples2d, Scalar, Vector, pytree_dataclass, static
from thermodiff.scores.base import NoiseScore

Row = Float[Array, " width"]
"""(y, w), of d + c entries."""
NARROWEST = 1e-8
"""Smallest variance, as a fraction of the data's: what is narrower, single precision does not resolve."""


@pytree_dataclass
class ConditionalGaussian:
    """y | w ~ N(m + B (w - m_w), C), C of ``axes`` (d, d) and ``variances`` (d,).

    ``mean`` m (d,), ``slope`` B (d, c), ``given_mean`` m_w (c,) and ``whitening`` W (c, c) with W Cov(w) W^T = I.
    """

    mean: Any
    variances: Any
    axes: Any
    slope: Any
    given_mean: Any
    whitening: Any

    @property
    def dim(self) -> int:
        """Number of noised coordinates d."""
        return self.mean.shape[-1]

    def centre(self, w: Float[Array, " c"]) -> Vector:
        """E[y | w] = m + B (w - m_w), shape (d,)."""
        return self.mean + self.slope @ (w - self.given_mean)

    def noise(self, row: Row, alpha: Any, sigma: Any) -> Vector:
        """E[eps | y_t, w] of the Gaussian at y_t = alpha y + sigma eps, shape (d,), for row (y_t, w)."""
        y, w = row[: self.dim], row[self.dim :]
        scale = sigma / (alpha**2 * self.variances + sigma**2)
        return self.axes @ (scale * (self.axes.T @ (y - alpha * self.centre(w))))

    def cost(self, rows: Any, sigma: float) -> np.ndarray:
        """E[-ln N(y + sigma eps; E[y | w], C + sigma^2)] of each row (n, d + c), shape (n,), nats, double precision."""
        mean, variances, axes, slope, given_mean = (
            np.asarray(a, dtype=np.float64)
            for a in (self.mean, self.variances, self.axes, self.slope, self.given_mean)
        )
        rows = np.asarray(rows, dtype=np.float64)
        y, w = rows[:, : self.dim], rows[:, self.dim :]
        v = variances + sigma**2
        apart = (y - mean - (w - given_mean) @ slope.T) @ axes
        return 0.5 * (np.sum((apart**2 + sigma**2) / v, axis=1) + np.sum(np.log(2 * np.pi * v)))


def regression(mean: np.ndarray, cov: np.ndarray, dim: int, rows: int) -> ConditionalGaussian:
    """The first ``dim`` coordinates given the others, by the moments (d + c,), (d + c, d + c) of so many ``rows``.

    B = C_yw C_ww^-1, C = C_yy - B C_wy, times (rows - 1)/(rows - 1 - c): residuals lose a degree of freedom to each
    given column.
    """
    mean, cov = np.asarray(mean, dtype=np.float64), np.asarray(cov, dtype=np.float64)
    given = len(mean) - dim
    spread, directions = np.linalg.eigh(cov[dim:, dim:])
    whitening = (directions / np.sqrt(np.maximum(spread, NARROWEST * spread.max(initial=0.0)))).T
    slope = cov[:dim, dim:] @ whitening.T @ whitening
    freedom = (rows - 1) / max(rows - 1 - given, 1)
    residual = freedom * (cov[:dim, :dim] - slope @ cov[dim:, :dim])
    variances, axes = np.linalg.eigh(0.5 * (residual + residual.T))
    variances = np.maximum(variances, NARROWEST * np.trace(cov[:dim, :dim]) / dim)
    parts = (mean[:dim], variances, axes, slope, mean[dim:], whitening)
    return ConditionalGaussian(*(jnp.asarray(part, dtype=float) for part in parts))


def unconditional(gaussian: Any) -> ConditionalGaussian:
    """A ``Gaussian`` as one with nothing given."""
    d = gaussian.dim
    nothing = jnp.zeros((0,)), jnp.zeros((0, 0))
    return ConditionalGaussian(gaussian.mean, gaussian.variances, gaussian.axes, jnp.zeros((d, 0)), *nothing)


@pytree_dataclass
class ConditionalRows:
    """Rows (n, d + c) to train on, the last ``given`` = c columns free of noise, with the Gaussian to start from.

    The first ``count`` of the rows are drawn from. It is data, so that trainings on some and on all of the rows share
    a compiled program.
    """

    array: Any
    training_reference: ConditionalGaussian
    given: int = static()
    count: Any

    def __post_init__(self) -> None:
        object.__setattr__(self, "array", jnp.asarray(self.array, dtype=float))
        object.__setattr__(self, "count", jnp.asarray(self.count))

    @property
    def dim(self) -> int:
        """Number of columns d + c."""
        return self.array.shape[-1]

    def sample(self, key: Key, n: int) -> Samples2d:
        """n rows drawn with replacement, shape (n, d + c)."""
        return self.array[jax.random.randint(key, (n,), 0, self.count)]


@pytree_dataclass
class ConditionalScore(NoiseScore):
    """The network learns the departure from a ``ConditionalGaussian``; exact for Gaussian rows at F = 0.

    As ``PreconditionedScore`` for y - E[y | w], with the whitened w beside z in the network's input:
        n = sum_i e_i (sigma z_i + alpha sqrt(c_i) F_i(z, W (w - m_w), ln(sigma/alpha))) / sqrt(v_i).
    Called with a row (d + c,); the score's entries for w are 0, and what the network says there is not used.
    """

    network: Any
    process: Process
    reference: ConditionalGaussian
    t_min: Any

    def noise(self, x: Row, t: Scalar) -> Row:
        """n(y_t, t | w) and zeros, shape (d + c,)."""
        g, alpha, sigma = self.reference, self.process.alpha(t), self.process.sigma(t)
        y, w = x[: g.dim], x[g.dim :]
        root = jnp.sqrt(alpha**2 * g.variances + sigma**2)
        z = (g.axes.T @ (y - alpha * g.centre(w))) / root
        seen = jnp.concatenate([z, g.whitening @ (w - g.given_mean)])
        departure = self.network(seen, jnp.log(sigma / alpha))[: g.dim]
        noise = g.axes @ ((sigma * z + alpha * jnp.sqrt(g.variances) * departure) / root)
        return jnp.concatenate([noise, jnp.zeros_like(w)])
