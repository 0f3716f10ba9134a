"""Points in independent units, and where they lie at a time: what every average is taken over.

A unit is one randomised Sobol' point set (data drawn from a distribution) or one data point (a user's samples).
Averages inside a unit may be correlated; units are independent, so the spread between units is an honest error
bar for both. A point set comes in blocks, one a time: neighbouring times see different parts of the same sequence,
so that integrals over time profit from its evenness too. ``thermodynamics.ensembles`` makes them.
"""

from __future__ import annotations

from typing import Any

import jax
import jax.numpy as jnp
from jax.scipy.special import ndtri
from jaxtyping import Array, Float, UInt32

from thermodiff.array_types import pytree_dataclass
from thermodiff.distributions.gaussian import Gaussian
from thermodiff.numerics.quasi_random import owen_scramble


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


def noised_points(process: Any, points: Points, block: int, t: Any) -> Float[Array, "units m d"]:
    """x_t = alpha x_0 + sigma eps for every point of one block, shape (units, m, d)."""
    return _noised(process, points, jnp.asarray(block), jnp.asarray(t))


@jax.jit
def _noised(process: Any, points: Points, block: Any, t: Any) -> Float[Array, "units m d"]:
    x0, eps = jax.vmap(points.draw, in_axes=(0, None))(points.unit_data, block)
    return process.alpha(t) * x0 + process.sigma(t) * eps
