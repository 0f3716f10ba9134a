"""The points on which averages are taken, in independent units that give every mean its standard error.

A unit is one randomly shifted Sobol' point set (data drawn from a distribution) or one data point (a user's
samples). Averages inside a unit may be correlated; units are independent, so the spread between units is
an honest error bar for both.
"""

from __future__ import annotations

from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
from jax.scipy.special import ndtri
from jaxtyping import Array, Float

from thermodiff.distributions.base import Family
from thermodiff.distributions.gaussian import Gaussian
from thermodiff.numerics import shift_modulo_one, sobol
from thermodiff.types import Key, NotKnownError, pytree_dataclass
from thermodiff.validation import check_points, complain


@pytree_dataclass
class Points:
    """x_0 in units, x0 of shape (units, m, d), and the fixed point set that noise is drawn from, base (m, d).

    ``reference`` is the Gaussian of the data's moments; ``population`` says whether these are the exact moments
    of the law that x0 is drawn from (1.0) or those of a finite sample (0.0).
    """

    x0: Float[Array, "units m d"]
    base: Float[Array, "m d"]
    reference: Gaussian
    population: Float[Array, ""]

    @property
    def dim(self) -> int:
        """Number of coordinates d."""
        return self.x0.shape[-1]

    @property
    def units(self) -> int:
        """Number of independent units."""
        return self.x0.shape[0]


def normals(key: Key, base: Float[Array, "m d"]) -> Float[Array, "m d"]:
    """Standard normal vectors, the shifted Sobol' set of one unit; plain independent draws where m = 1."""
    shift = jax.random.uniform(key, (base.shape[1],), dtype=base.dtype)
    return ndtri(shift_modulo_one(base, shift))


def _power_of_two(name: str, value: int) -> int:
    if value < 1 or value & (value - 1):
        raise complain(name, f"{value}", "a power of two (the sizes at which Sobol' points are balanced)")
    return value


def distribution_points(key: Key, distribution: Any, replicates: int = 16, points: int = 256) -> Points:
    """``replicates`` independent randomised point sets of ``points`` each, from a distribution.

    Families without a transport from the uniform cube are drawn by plain sampling.
    Raises ValueError unless ``points`` is a power of two and there are at least two replicates.
    """
    _power_of_two("points", points)
    if replicates < 2:
        raise complain("replicates", f"{replicates}", "at least 2, since the error bar is their spread")
    dim = distribution.dim
    try:
        width = distribution.transport_dim
        base = jnp.asarray(sobol(points, width + dim))
        shifts = jax.random.uniform(key, (replicates, 1, width))
        u = shift_modulo_one(base[None, :, :width], shifts)
        x0 = jax.vmap(jax.vmap(distribution.transport))(u)
        base = base[:, width:]
    except (NotKnownError, AttributeError):
        x0 = distribution.sample(key, replicates * points).reshape(replicates, points, dim)
        base = jnp.asarray(sobol(points, dim))
    try:
        reference, population = Gaussian(*distribution.moments()), 1.0
    except (NotKnownError, AttributeError):
        reference, population = sample_gaussian(x0.reshape(-1, dim)), 0.0
    return Points(x0, base, reference, jnp.asarray(population))


def sample_points(samples: Any, reference: Gaussian | None = None) -> Points:
    """Every data point (n, d) a unit of its own; ``reference`` defaults to the sample's own moments."""
    check_points("data", samples)
    x = jnp.asarray(samples, dtype=float)
    if reference is None:
        reference = sample_gaussian(x)
    return Points(x[:, None, :], jnp.zeros((1, x.shape[1])), reference, jnp.asarray(0.0))


def sample_gaussian(x: Any) -> Gaussian:
    """The Gaussian of a sample's mean and covariance; the covariance's diagonal alone where n <= d."""
    x64 = np.asarray(x, dtype=np.float64)
    n, d = x64.shape
    mean = x64.mean(axis=0)
    variances = x64.var(axis=0) if n > 1 else np.ones(d)
    cov = np.atleast_2d(np.cov(x64, rowvar=False)) if n > d else np.diag(np.maximum(variances, 1e-12))
    smallest = np.linalg.eigvalsh(cov)[0]
    floor = 1e-6 * np.trace(cov) / d
    if smallest < floor:
        cov = cov + (floor - smallest) * np.eye(d)
    return Gaussian(mean, cov)


def draw_points(
    key: Key, data: Any, replicates: int = 16, points: int = 256, max_points: int | None = None
) -> Points:
    """Points for ``data``: a distribution, ``Samples``, or an array (n, d), of which the first ``max_points`` rows."""
    array = getattr(data, "array", data)
    if hasattr(array, "shape") or isinstance(array, list | tuple):
        return sample_points(array[:max_points])
    if isinstance(data, Family) or (hasattr(data, "sample") and hasattr(data, "dim")):
        return distribution_points(key, data, replicates, points)
    raise complain("data", type(data).__name__, "a distribution or an array of samples (n, d)")
