"""What clocks are made of: averages over noised data, per unit of ell = ln s with s = sigma/alpha.

In z = x/alpha, with z = x0 + s eps and the denoiser D = z - s n_th, the probability flow is dz/d ell = s n, so that

    loss    E|eps - n_th|^2, and E|x0 - D|^2 = s^2 loss          square   b = E|n_th|^2
    bend    E|dn_th/d ell|^2 along the flow; dD/d ell = -s dn/d ell
    local   E|n_th + kappa x|^2, kappa = a sigma/D
    speed   E|dy/d ell|^2 for y = (z - m)/rho, rho^2 = r^2 + s^2, r^2 the mean variance of the data
Each but ``speed`` is taken with the same quantity of the Gaussian of the data's moments as control variate, whose mean
is known exactly. Source: this project.
"""

from __future__ import annotations

from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
from jaxtyping import Array, Float

from thermodiff.array_types import Scalar, Vector
from thermodiff.distributions.gaussian import Gaussian
from thermodiff.runtime.devices import map_over_batch, spread
from thermodiff.scores.diffusion import LearnedDiffusion
from thermodiff.thermodynamics.moments import EVALUATIONS_AT_ONCE
from thermodiff.thermodynamics.point_sets import Points


class ClockUnits(NamedTuple):
    """The averages of each independent unit at each time; ``bend`` is None where its derivative was not taken."""

    loss: Float[Array, "units T"]
    square: Float[Array, "units T"]
    local: Float[Array, "units T"]
    speed: Float[Array, "units T"]
    bend: Float[Array, "units T"] | None


def clock_units(
    diffusion: LearnedDiffusion, points: Points, times: Float[Array, " T"], bend: bool
) -> ClockUnits:
    """The averages over ``points``; block i of them goes with time i."""
    # A program for each of the two: what has no derivative need not pay for one.
    return spread(_units_with_bend if bend else _units, diffusion, points, times)


@jax.jit
def _units(diffusion: LearnedDiffusion, points: Points, times: Any) -> ClockUnits:
    return _averages(diffusion, points, times, bend=False)


@jax.jit
def _units_with_bend(diffusion: LearnedDiffusion, points: Points, times: Any) -> ClockUnits:
    return _averages(diffusion, points, times, bend=True)


def _averages(diffusion: LearnedDiffusion, points: Points, times: Any, bend: bool) -> ClockUnits:
    def at_time(unit: Any, t: Scalar, block: Any) -> ClockUnits:
        x0, eps = points.draw(unit, block)
        one = lambda x, e: _at_one_point(diffusion, points, t, x, e, bend)  # noqa: E731
        return jax.tree.map(lambda v: jnp.mean(v, axis=0), jax.vmap(one)(x0, eps))

    def over_times(unit: Any) -> ClockUnits:
        return jax.lax.map(lambda ti: at_time(unit, *ti), (times, jnp.arange(times.shape[0])))

    at_once = max(1, min(points.units, EVALUATIONS_AT_ONCE // points.per_unit))
    return map_over_batch(over_times, points.unit_data, at_once)


def _at_one_point(
    diffusion: LearnedDiffusion, points: Points, t: Scalar, x0: Vector, eps: Vector, bend: bool
) -> ClockUnits:
    process, g = diffusion.process, points.reference
    alpha, sigma, D = process.alpha(t), process.sigma(t), process.diffusivity(t)
    s, kappa_alpha = sigma / alpha, process.drift_rate(t) * sigma / D * alpha
    z = x0 + s * eps
    noise = lambda z, t: diffusion.noise(process.alpha(t) * z, t)  # noqa: E731
    if bend:
        n, along = jax.linearize(noise, z, t)
        turned = along(s * n, sigma**2 / D)  # dt/d ell = sigma^2/D
    else:
        n = noise(z, t)
    rho2 = jnp.mean(g.variances) + s**2
    excess = _gaussian_excess(points.population, g, s, kappa_alpha, x0, eps)
    return ClockUnits(
        loss=jnp.sum((eps - n) ** 2) - excess.loss,
        square=jnp.sum(n**2) - excess.square,
        local=jnp.sum((n + kappa_alpha * z) ** 2) - excess.local,
        speed=jnp.sum((n - s / rho2 * (z - g.mean)) ** 2) * s**2 / rho2,
        bend=jnp.sum(turned**2) - excess.bend if bend else None,
    )


class _Excess(NamedTuple):
    loss: Scalar
    square: Scalar
    local: Scalar
    bend: Scalar


def _gaussian_excess(
    population: Scalar, g: Gaussian, s: Scalar, kappa_alpha: Scalar, x0: Vector, eps: Vector
) -> _Excess:
    """The Gaussian's own quantities at one point, each minus its exact mean.

    With u = z - m, v = c + s^2 and per principal axis n = s u/v, dn/d ell = c s u/v^2. The mean is over eps and, where
    the data's moments are exact, over x0 too; else over eps given x0, so that the sample's scatter stays in the error.
    """
    c, q, e = g.variances, g.axes.T @ (x0 - g.mean), g.axes.T @ eps
    v, u = c + s**2, q + s * e
    mean_u, mean_u2 = (1 - population) * q, population * c + (1 - population) * q**2 + s**2
    mean_loss = (c**2 + s**2 * (population * c + (1 - population) * q**2)) / v**2
    slope = s / v + kappa_alpha
    offset = kappa_alpha * (g.axes.T @ g.mean)
    return _Excess(
        loss=jnp.sum((e - s * u / v) ** 2 - mean_loss),
        square=jnp.sum((s / v) ** 2 * (u**2 - mean_u2)),
        local=jnp.sum(slope**2 * (u**2 - mean_u2) + 2 * slope * offset * (u - mean_u)),
        bend=jnp.sum((c * s / v**2) ** 2 * (u**2 - mean_u2)),
    )
