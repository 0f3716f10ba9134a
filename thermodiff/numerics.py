"""Numerical tools that know no physics: traces of Jacobians, quadrature on a grid, means with errors."""

from __future__ import annotations

import warnings
from collections.abc import Callable
from functools import partial
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Float, UInt32
from scipy.special import digamma
from scipy.stats import qmc

from thermodiff.types import Estimate, Key, Scalar, Vector, pytree_dataclass, static

# --- divergence ---------------------------------------------------------------------------------


@pytree_dataclass
class ExactDivergence:
    """div v = sum_i d v_i / d x_i by d Jacobian-vector products; no randomness, cost d."""

    def __call__(
        self, field: Callable[[Vector], Vector], x: Vector, key: Key | None = None
    ) -> tuple[Vector, Scalar]:
        """The value and the divergence of ``field`` at x (d,)."""
        value, jvp = jax.linearize(field, x)
        jacobian_columns = jax.vmap(jvp)(jnp.eye(x.shape[0], dtype=x.dtype))
        return value, jnp.trace(jacobian_columns)


@pytree_dataclass
class HutchinsonDivergence:
    """div v = E[u . (dv/dx) u] averaged over ``probes`` Rademacher vectors u; unbiased, cost ``probes``.

    Source: Hutchinson (1990); the average over probes is what makes it an estimate of one number.
    """

    probes: int = static(default=8)

    def __post_init__(self) -> None:
        if self.probes < 1:
            raise ValueError(f"probes: got {self.probes}, need at least 1")

    def __call__(
        self, field: Callable[[Vector], Vector], x: Vector, key: Key | None = None
    ) -> tuple[Vector, Scalar]:
        """The value and an unbiased estimate of the divergence of ``field`` at x (d,)."""
        if key is None:
            raise ValueError("key: got None, need a PRNG key for Hutchinson's random probes")
        u = jax.random.rademacher(key, (self.probes, x.shape[0]), dtype=x.dtype)
        value, jvp = jax.linearize(field, x)
        return value, jnp.mean(jnp.sum(u * jax.vmap(jvp)(u), axis=-1))


Divergence = ExactDivergence | HutchinsonDivergence


# --- quadrature ---------------------------------------------------------------------------------


class Quadrature(NamedTuple):
    """Weights of a rule on given nodes and of the same rule on every second node.

    The difference of the two, divided by 2^order - 1 (Richardson), estimates the error of the finer.
    """

    weights: np.ndarray
    coarse_weights: np.ndarray
    order: int

    def error(self, values: Any) -> Any:
        """Estimated absolute quadrature error of the integral of ``values`` (..., T)."""
        return jnp.abs(values @ (self.weights - self.coarse_weights)) / (2**self.order - 1)


def _trapezoid(nodes: np.ndarray) -> np.ndarray:
    steps = np.diff(nodes)
    weights = np.zeros_like(nodes)
    weights[:-1] += steps / 2
    weights[1:] += steps / 2
    return weights


def _simpson(nodes: np.ndarray) -> np.ndarray:
    h = (nodes[-1] - nodes[0]) / (len(nodes) - 1)
    weights = np.full(len(nodes), 2.0)
    weights[1::2] = 4.0
    weights[[0, -1]] = 1.0
    return weights * h / 3


def quadrature(nodes: Any) -> Quadrature:
    """The rule for an integral over increasing ``nodes`` (T,), T >= 3.

    Simpson's rule where the nodes are evenly spaced and 4k + 1 in number, the trapezoid rule otherwise. Where T is even
    the coarse rule keeps the last interval at full resolution.
    """
    nodes = np.asarray(nodes, dtype=np.float64)
    steps = np.diff(nodes)
    even = np.allclose(steps, steps.mean(), rtol=1e-4)
    rule, order = (_simpson, 4) if even and len(nodes) % 4 == 1 else (_trapezoid, 2)
    coarse = np.zeros_like(nodes)
    if len(nodes) % 2 == 0:
        # The last interval is kept at full resolution so that both rules cover the same range.
        coarse[:-1][::2] = rule(nodes[:-1][::2])
        coarse[-2:] += steps[-1] / 2
    else:
        coarse[::2] = rule(nodes[::2])
    return Quadrature(rule(nodes), coarse, order)


# --- points -------------------------------------------------------------------------------------


def sobol(n: int, dim: int) -> np.ndarray:
    """The first n points of the Sobol' sequence as 32-bit binary fractions, shape (n, dim), uint32."""
    engine = qmc.Sobol(dim, scramble=False, bits=32)
    with warnings.catch_warnings():
        # Cut into blocks that are powers of two by their owner, the total need not be one.
        warnings.filterwarnings("ignore", message="The balance properties")
        return np.round(engine.random(n) * 2.0**32).astype(np.uint32)


def _reverse_bits(x: UInt32[Array, "..."]) -> UInt32[Array, "..."]:
    for shift, mask in ((1, 0x55555555), (2, 0x33333333), (4, 0x0F0F0F0F), (8, 0x00FF00FF)):
        x = ((x >> shift) & jnp.uint32(mask)) | ((x & jnp.uint32(mask)) << shift)
    return (x >> 16) | (x << 16)


def owen_scramble(points: UInt32[Array, "m k"], seeds: UInt32[Array, " k"]) -> Float[Array, "m k"]:
    """Nested uniform scrambling: each point becomes uniform on (0, 1)^k and the set keeps its evenness.

    Every bit is flipped by a hash of the higher bits and the coordinate's seed (Laine & Karras 2011, with the constants
    of Vegdahl 2021). The result lies strictly inside (0, 1), so that quantile functions stay finite.
    """
    x = _reverse_bits(points)
    x = x ^ (x * jnp.uint32(0x3D20ADEA))
    x = (x + seeds) * ((seeds >> 16) | jnp.uint32(1))
    x = x ^ (x * jnp.uint32(0x05526C56))
    x = x ^ (x * jnp.uint32(0x53A22864))
    x = _reverse_bits(x)
    # 23 bits and a half: single precision holds them exactly, so nothing is rounded up to 1.
    return ((x >> 9).astype(float) + 0.5) * 2.0**-23


# --- means --------------------------------------------------------------------------------------


def estimate(units: Float[Array, "units *shape"]) -> Estimate:
    """Mean over the leading axis of independent units, with the standard error of that mean."""
    n = units.shape[0]
    mean = jnp.mean(units, axis=0)
    stderr = jnp.std(units, axis=0, ddof=1) / np.sqrt(n) if n > 1 else jnp.full_like(mean, jnp.nan)
    return Estimate(mean, stderr, n)


def estimate_rows(values: Float[np.ndarray, " n"]) -> Estimate:
    """Mean and standard error sqrt(var/n) of independent rows' values (n,), in double precision on the host."""
    return Estimate(float(values.mean()), float(values.std(ddof=1) / np.sqrt(len(values))), len(values))


ROWS_AT_ONCE = 65536
"""Rows of a large sample that are in memory in double precision at one time."""


def streamed_moments(x: Any) -> tuple[np.ndarray, np.ndarray]:
    """Mean (d,) and covariance (d, d), over n, of the rows x (n, d), in double precision, ``ROWS_AT_ONCE`` at a time.

    In two passes, so that a mean far from zero costs no digits; x may be memory-mapped.
    """
    n, d = x.shape
    parts = [slice(i, i + ROWS_AT_ONCE) for i in range(0, n, ROWS_AT_ONCE)]
    mean = sum(np.asarray(x[part], dtype=np.float64).sum(axis=0) for part in parts) / n
    cov = np.zeros((d, d))
    for part in parts:
        centred = np.asarray(x[part], dtype=np.float64) - mean
        cov += centred.T @ centred
    return mean, cov / n


def wishart_log_det_bias(n: int, d: int) -> float:
    """E ln det C - ln det Sigma of the covariance C (over n - 1) of n Gaussian rows of dimension d < n, nats.

    sum_(i=1..d) digamma((n - i)/2) + d ln 2/(n - 1), exactly: ln det of a Wishart matrix is a sum of ln chi^2.
    """
    return float(digamma((n - np.arange(1, d + 1)) / 2).sum() + d * np.log(2 / (n - 1)))


UNITS_AT_ONCE = 64
"""Units whose derivatives are taken in one vectorised call: with all of thousands at once, 1 GiB in 64 dimensions."""


def estimate_functions(
    function: Callable[[Any, Any], dict[str, Any]], constants: Any, units: Any
) -> dict[str, Estimate]:
    """Smooth functions of several means at once, with the errors of their joint fluctuations.

    ``units`` is a pytree of arrays with a leading axis of independent units; ``function(constants, means)`` maps the
    pytree of their means to a dict of scalars. The standard error is that of the linearised function (the delta
    method), so that paired fluctuations cancel as they do in the data; the bias that curvature gives a function of
    sample means, (1/2) tr(H Cov)/n to first order, is subtracted. Computed in double precision.
    """
    with jax.enable_x64(True):
        constants, units = jax.tree.map(lambda u: np.asarray(u, dtype=np.float64), (constants, units))
        n = jax.tree.leaves(units)[0].shape[0]
        means = jax.tree.map(lambda u: u.mean(axis=0), units)
        deviations = jax.tree.map(lambda u, m: u - m, units, means)
        values, slopes, curvatures = jax.device_get(_expansion(function, constants, means, deviations))
    if n == 1:
        return {name: Estimate(float(value), float("nan"), n) for name, value in values.items()}
    return {
        name: Estimate(
            float(value - 0.5 * np.sum(curvatures[name]) / (n * (n - 1))),
            float(np.std(slopes[name], ddof=1) / np.sqrt(n)),
            n,
        )
        for name, value in values.items()
    }


@partial(jax.jit, static_argnums=0)
def _expansion(function: Callable[[Any, Any], Any], constants: Any, means: Any, deviations: Any) -> Any:
    """The functions at the means, and their first and second derivatives along each unit's deviation."""
    of_means = partial(function, constants)

    def along(deviation: Any) -> tuple[Any, Any]:
        slope = lambda m: jax.jvp(of_means, (m,), (deviation,))[1]  # noqa: E731
        return jax.jvp(slope, (means,), (deviation,))

    units = jax.tree.leaves(deviations)[0].shape[0]
    return of_means(means), *jax.lax.map(along, deviations, batch_size=min(UNITS_AT_ONCE, units))
