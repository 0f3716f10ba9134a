"""What averages are taken over: the points of a distribution or of a user's rows, at once or in parts.

ensemble(key, data, ...)     all of it           ensembles(key, data, ...)     in parts, one in memory at a time
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, UInt32

from thermodiff.array_types import Key, as_pytree, computed_now
from thermodiff.distributions.base import Family, if_known
from thermodiff.distributions.gaussian import Gaussian
from thermodiff.distributions.reference import drawn_gaussian, exact_gaussian, sample_gaussian
from thermodiff.distributions.rows import as_rows
from thermodiff.distributions.sample_checks import check_samples
from thermodiff.numerics.estimates import ROWS_AT_ONCE
from thermodiff.numerics.quasi_random import sobol
from thermodiff.thermodynamics.point_sets import DistributionPoints, FixedPoints, Points
from thermodiff.types import is_concrete
from thermodiff.validation import check_magnitude, check_points, complain

DEFAULT_REPLICATES = 16
DEFAULT_POINTS = 512


def ensemble(
    key: Key,
    data: Any,
    blocks: int,
    replicates: int = DEFAULT_REPLICATES,
    points: int = DEFAULT_POINTS,
    max_points: int | None = None,
) -> Points:
    """Points for ``data``: a distribution, ``Samples``, or an array (n, d), of which the first ``max_points`` rows.

    A distribution makes ``replicates`` independent randomised sets of ``points`` in each of the ``blocks``; of an array
    every row is a unit. Raises ValueError for an array that cannot be the sample of a density (``check_samples``) or is
    a single row, unless ``points`` is a power of two, and for fewer than two replicates.
    """
    _check_most(max_points)
    if is_array(data):
        return row_ensemble(key, _rows(data, max_points), blocks)
    if hasattr(data, "sample") and hasattr(data, "dim"):
        return _of_distribution(key, data, blocks, replicates, points)
    raise complain("data", type(data).__name__, "a distribution or an array of samples (n, d)")


def ensembles(
    key: Key,
    data: Any,
    blocks: int,
    replicates: int = DEFAULT_REPLICATES,
    points: int = DEFAULT_POINTS,
    max_points: int | None = None,
) -> Iterator[Points]:
    """As ``ensemble``, but a large array comes in parts, of which only one need be in memory at a time.

    More rows than ``MOST_SINGLE`` make units of several; fewer rows than a unit has are left over, unused.
    """
    _check_most(max_points)
    if is_array(data):
        yield from _parts_of_rows(key, _rows(data, max_points), blocks)
    else:
        yield ensemble(key, data, blocks, replicates, points, max_points)


def is_array(data: Any) -> bool:
    """Whether ``data`` are samples, not a distribution."""
    array = getattr(data, "array", data)
    return hasattr(array, "shape") or isinstance(array, list | tuple)


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
    if not isinstance(data, Family):  # Samples were checked when they were made
        check_samples("data", table._replace(values=rows))
        check_magnitude("data", rows)
    return rows


def _random_seeds(key: Key, units: int, width: int) -> UInt32[Array, "units k"]:
    return jax.random.bits(key, (units, width), dtype=jnp.uint32)


def _sobol_blocks(blocks: int, points: int, width: int) -> UInt32[Array, "blocks m k"]:
    return jnp.asarray(sobol(blocks * points, width).reshape(blocks, points, width))


def _of_distribution(key: Key, distribution: Any, blocks: int, replicates: int, points: int) -> Points:
    """``replicates`` independent randomised point sets of ``blocks`` x ``points`` each, from a distribution.

    Families without a transport from the uniform cube are drawn by plain sampling, the same x_0 in all blocks. The
    Gaussian is that of the distribution's own moments, else of the draws, or of draws made for it.
    """
    if points < 1 or points & (points - 1):
        raise complain(
            "points", f"{points}", "a power of two (the sizes at which Sobol' points are balanced)"
        )
    if replicates < 2:
        raise complain("replicates", f"{replicates}", "at least 2, since the error bar is their spread")
    dim = distribution.dim
    seed_key, data_key = jax.random.split(key)
    known = exact_gaussian(distribution)
    population = jnp.asarray(0.0 if known is None else 1.0)
    width = if_known(distribution, "transport_dim")
    if width is None:
        drawn = distribution.sample(data_key, replicates * points)
        reference = known or sample_gaussian(drawn)
        base, seeds = _sobol_blocks(blocks, points, dim), _random_seeds(seed_key, replicates, dim)
        return FixedPoints(base, seeds, reference, population, drawn.reshape(replicates, points, dim))
    reference = known or drawn_gaussian(data_key, distribution)
    width += dim
    base, seeds = _sobol_blocks(blocks, points, width), _random_seeds(seed_key, replicates, width)
    return DistributionPoints(base, seeds, reference, population, as_pytree(distribution))


def row_ensemble(
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
    base, seeds = _sobol_blocks(blocks, per_unit, dim), _random_seeds(key, units, dim)
    return FixedPoints(base, seeds, reference, jnp.asarray(0.0), x.reshape(units, per_unit, dim))


MOST_SINGLE = 4096
"""Up to as many rows are units of their own; more share units, so that what is kept does not grow with the data."""
MOST_SHARED = 1024
"""Units that more rows share: their error bar is known to 2 %, and each keeps a matrix (d, d)."""


def _parts_of_rows(key: Key, rows: Any, blocks: int) -> Iterator[FixedPoints]:
    """The rows (n, d), which may be memory-mapped, in parts of at most ``ROWS_AT_ONCE``; equal units in all."""
    reference = sample_gaussian(rows)
    per_unit = 1 if len(rows) <= MOST_SINGLE else -(-len(rows) // MOST_SHARED)
    size = max(1, ROWS_AT_ONCE // per_unit) * per_unit
    whole = len(rows) // per_unit * per_unit
    for i in range(0, whole, size):
        # The only part, where there is no other, draws what it always drew.
        part_key = key if whole <= size else jax.random.fold_in(key, i)
        yield row_ensemble(part_key, rows[i : min(i + size, whole)], blocks, reference, per_unit)
