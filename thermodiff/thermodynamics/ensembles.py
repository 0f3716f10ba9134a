"""The points on which averages are taken, in independent units that give every mean its standard error.

A unit is one randomised Sobol' point set (data drawn from a distribution) or one data point (a user's samples).
Averages inside a unit may be correlated; units are independent, so the spread between units is an honest error
bar for both. A point set comes in blocks, one a time: neighbouring times see different parts of the same sequence,
so that integrals over time profit from its evenness too.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
from jax.scipy.special import ndtri
from jaxtyping import Array, Float, UInt32

from thermodiff.array_types import Key, as_pytree, computed_now, pytree_dataclass
from thermodiff.distributions.base import if_known
from thermodiff.distributions.gaussian import Gaussian
from thermodiff.distributions.reference import sample_gaussian
from thermodiff.distributions.rows import Rows, as_rows
from thermodiff.distributions.sample_checks import check_samples
from thermodiff.numerics.estimates import ROWS_AT_ONCE
from thermodiff.numerics.quasi_random import owen_scramble, sobol
from thermodiff.types import is_concrete
from thermodiff.validation import check_points, complain

DEFAULT_REPLICATES = 16
DEFAULT_POINTS = 512


class _Blocks:
    """What both kinds of points share: a scrambled Sobol' sequence cut into blocks, and the data's Gaussian.

    ``base`` (blocks, m, k) is the sequence, ``seeds`` (units, k) its randomisation in each unit; ``reference`` the
    Gaussian of the data's moments and ``population`` whether these are exact (1.0) or those of a finite sample (0.0).
    """

    base: UInt32[Array, "blocks m k"]
    seeds: UInt32[Array, "units k"]
    reference: Gaussian
    population: Float[Array, ""]

    @property
    def dim(self) -> int:
        """Number of coordinates d."""
        return self.reference.dim

    @property
    def units(self) -> int:
        """Number of independent units."""
        return self.seeds.shape[0]

    @property
    def per_unit(self) -> int:
        """Points m in one unit and block."""
        return self.base.shape[1]

    @property
    def unit_data(self) -> Any:
        """What differs from unit to unit, with units as leading axis: map ``draw`` over it."""
        raise NotImplementedError

    def draw(self, unit: Any, block: Any) -> tuple[Float[Array, "m d"], Float[Array, "m d"]]:
        """x_0 (m, d) and standard normal eps (m, d) of one unit in one block."""
        raise NotImplementedError


@pytree_dataclass
class DistributionPoints(_Blocks):
    """x_0 by the distribution's transport from the first coordinates of the sequence, eps from the others."""

    base: UInt32[Array, "blocks m k"]
    seeds: UInt32[Array, "units k"]
    reference: Gaussian
    population: Float[Array, ""]
    distribution: Any

    @property
    def unit_data(self) -> Any:
        """The seeds."""
        return self.seeds

    def draw(self, unit: Any, block: Any) -> tuple[Float[Array, "m d"], Float[Array, "m d"]]:
        """x_0 and eps, fresh in each block."""
        u = owen_scramble(self.base[block], unit)
        width = self.distribution.transport_dim
        return jax.vmap(self.distribution.transport)(u[:, :width]), ndtri(u[:, width:])


@pytree_dataclass
class FixedPoints(_Blocks):
    """The same x_0 (units, m, d) in every block, eps from the sequence."""

    base: UInt32[Array, "blocks m k"]
    seeds: UInt32[Array, "units k"]
    reference: Gaussian
    population: Float[Array, ""]
    x0: Float[Array, "units m d"]

    @property
    def unit_data(self) -> Any:
        """Seeds and data."""
        return self.seeds, self.x0

    def draw(self, unit: Any, block: Any) -> tuple[Float[Array, "m d"], Float[Array, "m d"]]:
        """The unit's x_0, and eps fresh in each block."""
        seeds, x0 = unit
        return x0, ndtri(owen_scramble(self.base[block], seeds))


Points = DistributionPoints | FixedPoints


def _random_seeds(key: Key, units: int, width: int) -> UInt32[Array, "units k"]:
    return jax.random.bits(key, (units, width), dtype=jnp.uint32)


def distribution_points(
    key: Key,
    distribution: Any,
    blocks: int,
    replicates: int = DEFAULT_REPLICATES,
    points: int = DEFAULT_POINTS,
) -> Points:
    """``replicates`` independent randomised point sets of ``blocks`` x ``points`` each, from a distribution.

    Families without a transport from the uniform cube are drawn by plain sampling, the same x_0 in all blocks.
    Raises ValueError unless ``points`` is a power of two and there are at least two replicates.
    """
    if points < 1 or points & (points - 1):
        raise complain(
            "points", f"{points}", "a power of two (the sizes at which Sobol' points are balanced)"
        )
    if replicates < 2:
        raise complain("replicates", f"{replicates}", "at least 2, since the error bar is their spread")
    dim = distribution.dim
    seed_key, data_key = jax.random.split(key)
    width = if_known(distribution, "transport_dim")
    if width is None:
        x0 = distribution.sample(data_key, replicates * points).reshape(replicates, points, dim)
        reference, population = _moments(distribution, x0)
        base = sobol(blocks * points, dim).reshape(blocks, points, dim)
        return FixedPoints(
            jnp.asarray(base),
            _random_seeds(seed_key, replicates, dim),
            reference,
            jnp.asarray(population),
            x0,
        )
    base = sobol(blocks * points, width + dim).reshape(blocks, points, width + dim)
    seeds = _random_seeds(seed_key, replicates, width + dim)
    reference, population = _moments(distribution, None)
    return DistributionPoints(
        jnp.asarray(base), seeds, reference, jnp.asarray(population), as_pytree(distribution)
    )


def _moments(distribution: Any, x0: Any) -> tuple[Gaussian, float]:
    """The Gaussian of the distribution's own moments (1.0), else of the points drawn from it (0.0)."""
    with computed_now(distribution):
        known = if_known(distribution, "moments")
    if known is not None:
        with computed_now(known):
            return Gaussian(*known), 1.0
    if x0 is None:
        x0 = distribution.sample(jax.random.key(0), 4096)
    return sample_gaussian(x0.reshape(-1, distribution.dim)), 0.0


def sample_points(
    key: Key, samples: Any, blocks: int, reference: Gaussian | None = None, per_unit: int = 1
) -> FixedPoints:
    """Every ``per_unit`` data points of (n, d) a unit; ``reference`` defaults to the sample's own moments.

    Points left over at the end, fewer than ``per_unit``, are not used.
    """
    check_points("data", samples)
    n, dim = np.shape(samples)
    units = n // per_unit
    with computed_now(samples):
        x = jnp.asarray(samples[: units * per_unit], dtype=float)
        reference = reference or sample_gaussian(x)
    base = sobol(blocks * per_unit, dim).reshape(blocks, per_unit, dim)
    seeds = _random_seeds(key, units, dim)
    return FixedPoints(jnp.asarray(base), seeds, reference, jnp.asarray(0.0), x.reshape(units, per_unit, dim))


MOST_SINGLE = 4096
"""Up to as many rows are units of their own; more share units, so that what is kept does not grow with the data."""
MOST_SHARED = 1024
"""Units that more rows share: their error bar is known to 2 %, and each keeps a matrix (d, d)."""


def parts_of_rows(key: Key, rows: Any, blocks: int) -> Iterator[FixedPoints]:
    """The rows (n, d), which may be memory-mapped, in parts of at most ``ROWS_AT_ONCE``; equal units in all."""
    reference = sample_gaussian(rows)
    per_unit = 1 if len(rows) <= MOST_SINGLE else -(-len(rows) // MOST_SHARED)
    size = max(1, ROWS_AT_ONCE // per_unit) * per_unit
    whole = len(rows) // per_unit * per_unit
    for i in range(0, whole, size):
        # The only part, where there is no other, draws what it always drew.
        part_key = key if whole <= size else jax.random.fold_in(key, i)
        yield sample_points(part_key, rows[i : min(i + size, whole)], blocks, reference, per_unit)


def point_sets(
    key: Key,
    data: Any,
    blocks: int,
    replicates: int = DEFAULT_REPLICATES,
    points: int = DEFAULT_POINTS,
    max_points: int | None = None,
) -> Iterator[Points]:
    """As ``draw_points``, but a large array comes in parts, of which only one need be in memory at a time.

    More rows than ``MOST_SINGLE`` make units of several; fewer rows than a unit has are left over, unused.
    """
    _check_most(max_points)
    if is_array(data):
        yield from parts_of_rows(key, _rows(data, max_points), blocks)
    else:
        yield draw_points(key, data, blocks, replicates, points, max_points)


def is_array(data: Any) -> bool:
    """Whether ``data`` are samples, not a distribution."""
    array = getattr(data, "array", data)
    return hasattr(array, "shape") or isinstance(array, list | tuple)


def draw_points(
    key: Key,
    data: Any,
    blocks: int,
    replicates: int = DEFAULT_REPLICATES,
    points: int = DEFAULT_POINTS,
    max_points: int | None = None,
) -> Points:
    """Points for ``data``: a distribution, ``Samples``, or an array (n, d), of which the first ``max_points`` rows.

    Raises ValueError for an array that cannot be the sample of a density (``check_samples``) or is a single row.
    """
    _check_most(max_points)
    if is_array(data):
        return sample_points(key, _rows(data, max_points), blocks)
    if hasattr(data, "sample") and hasattr(data, "dim"):
        return distribution_points(key, data, blocks, replicates, points)
    raise complain("data", type(data).__name__, "a distribution or an array of samples (n, d)")


def _check_most(max_points: int | None) -> None:
    if max_points is not None and max_points < 2:
        raise complain("max_points", f"{max_points}", "at least 2, since the error bar is their spread")


def _rows(data: Any, max_points: int | None) -> np.ndarray:
    """The first ``max_points`` rows of an array or of ``Samples``, checked."""
    array = getattr(data, "array", data)
    table = as_rows("data", array)
    check_points("data", table.values)
    if not is_concrete(table.values):
        raise complain(
            "data", "rows that JAX is tracing", "numbers: close over them, trace key, score or process"
        )
    rows = np.asarray(table.values)[:max_points]
    if len(rows) < 2:
        raise complain("data", "one row", "at least 2, since the error bar is their spread")
    if array is data:  # Samples were checked when they were made
        check_samples("data", Rows(rows, table.columns))
    return rows


def noised_points(process: Any, points: Points, block: int, t: Any) -> Float[Array, "units m d"]:
    """x_t = alpha x_0 + sigma eps for every point of one block, shape (units, m, d)."""
    return _noised(process, points, jnp.asarray(block), jnp.asarray(t))


@jax.jit
def _noised(process: Any, points: Points, block: Any, t: Any) -> Float[Array, "units m d"]:
    x0, eps = jax.vmap(points.draw, in_axes=(0, None))(points.unit_data, block)
    return process.alpha(t) * x0 + process.sigma(t) * eps
