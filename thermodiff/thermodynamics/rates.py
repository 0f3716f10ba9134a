"""System, intrinsic and exchange entropy rates of an exact or learned score, in both orientations.

Diffusion (theory section 2, f = a x):    system = R_k,   intrinsic = E|f - D s_th|^2/D,   exchange = system - intrinsic
Generation, per unit of 1 - t:            system = -R_k,  intrinsic unchanged,             exchange = -R_k - intrinsic

The system rate of a learned score has four readings (theory section 3), equal when s_th = s:
    quadratic    R1 = E[div f] + D E|s_th|^2
    divergence   R2 = E[div f] - D E[div s_th]
    denoising    R3 = E[div f] + 2 D E[s . s_th] - D E|s_th|^2
    flow         R0 = E over the learned flow of div(f - D s_th)
No reference score is subtracted in R1 and R2 (theory section 3: they would change with it). Positive exchange means
entropy taken up from the bath. Rates are in nats per unit of t in [0, 1].
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Float

from thermodiff.array_types import Key, Process, Scalar, Score
from thermodiff.numerics.delta_method import estimate
from thermodiff.numerics.divergence import Divergence
from thermodiff.numerics.quadrature import FEWEST_NODES
from thermodiff.runtime.devices import in_full_precision, map_over_batch, spread
from thermodiff.scores.diffusion import LearnedDiffusion, learned_diffusion
from thermodiff.thermodynamics.ensembles import DEFAULT_POINTS, DEFAULT_REPLICATES, ensemble
from thermodiff.thermodynamics.moments import noise_moments
from thermodiff.thermodynamics.point_sets import Points, noised_points
from thermodiff.thermodynamics.readings import FLOW, ORIENTATIONS, READINGS, system_moment
from thermodiff.thermodynamics.time_grid import DEFAULT_NODES, TimeGrid, time_grid
from thermodiff.trajectories.probability_flow import probability_flow
from thermodiff.types import Estimate, is_concrete
from thermodiff.validation import check_key, complain


class Integral(NamedTuple):
    """An integral over time: mean, its statistical standard error, units, and the estimated quadrature error."""

    mean: Any
    stderr: Any
    n: int
    quadrature_error: Any


class RateIntegrals(NamedTuple):
    """Integrals over [t_min, 1] of the three rates, nats."""

    system: Integral
    intrinsic: Integral
    exchange: Integral


class EntropyRates(NamedTuple):
    """The three rates on a time grid, each an Estimate over (T,), in nats per unit time.

    ``system_units`` and ``intrinsic_units`` (units, T) are the same per independent unit and per unit of ell, without
    the drift's E[div f]: what integrals and paired differences are made from.
    """

    time: Float[Array, " T"]
    system: Estimate
    intrinsic: Estimate
    exchange: Estimate
    reading: str
    orientation: str
    dim: int
    grid: TimeGrid
    system_units: Float[Array, "units T"]
    intrinsic_units: Float[Array, "units T"]

    def integral(self) -> RateIntegrals:
        """The integrals over the grid, with statistical and quadrature errors (nats).

        Raises ValueError where there are fewer than three times.
        """
        if len(self.time) < FEWEST_NODES:
            raise complain("times", f"{len(self.time)} of them", f"at least {FEWEST_NODES} for an integral")
        drift = self.dim * self.grid.drift_integral
        sign = ORIENTATIONS[self.orientation]

        def integrate(units: Any, offset: Scalar | float) -> Integral:
            total = estimate(offset + units @ jnp.asarray(self.grid.rule.weights, units.dtype))
            return Integral(*total, self.grid.rule.error(jnp.mean(units, axis=0)))

        return RateIntegrals(
            system=integrate(sign * self.system_units, sign * drift),
            intrinsic=integrate(self.intrinsic_units, 0.0),
            exchange=integrate(sign * self.system_units - self.intrinsic_units, sign * drift),
        )

    def exchange_ratio(self) -> Estimate:
        """Exchange over intrinsic rate at each time (T,), with the error of the paired ratio.

        -2 in the generation orientation of a variance-exploding process for the true score. With the quadratic reading
        that is algebra for any score; it is evidence only when the system rate is read in another way.
        """
        sign = ORIENTATIONS[self.orientation]
        system = sign * (self.dim * self.grid.drift / self.grid.rate + self.system_units)
        exchange, intrinsic = system - self.intrinsic_units, self.intrinsic_units
        ratio = jnp.mean(exchange, axis=0) / jnp.mean(intrinsic, axis=0)
        scatter = estimate((exchange - ratio * intrinsic) / jnp.mean(intrinsic, axis=0))
        return Estimate(ratio, scatter.stderr, scatter.n)

    def to_dict(self) -> dict[str, Any]:
        """Plain numbers and lists, for a record."""
        ratio = self.exchange_ratio()
        rates = {name: getattr(self, name) for name in ("system", "intrinsic", "exchange")}
        return {
            "time": np.asarray(self.time).tolist(),
            "log_snr": (-2 * self.grid.ell).tolist(),
            "log_snr_rate": (2 * np.asarray(self.grid.rate)).tolist(),
            "reading": self.reading,
            "orientation": self.orientation,
            **{name: np.asarray(e.mean).tolist() for name, e in rates.items()},
            **{f"{name}_stderr": np.asarray(e.stderr).tolist() for name, e in rates.items()},
            "exchange_ratio": np.asarray(ratio.mean).tolist(),
            "exchange_ratio_stderr": np.asarray(ratio.stderr).tolist(),
        }


def _flatten(rates: EntropyRates) -> tuple[tuple, tuple[str, str]]:
    """Arrays and words apart, so that a compiled function may return rates."""
    arrays = rates._replace(reading=None, orientation=None)  # type: ignore[arg-type]  # None is no leaf
    return tuple(arrays), (rates.reading, rates.orientation)


def _unflatten(words: tuple[str, str], arrays: Iterable[Any]) -> EntropyRates:
    return EntropyRates(*arrays)._replace(reading=words[0], orientation=words[1])


jax.tree_util.register_pytree_node(EntropyRates, _flatten, _unflatten)


def flow_system_moment(
    key: Key,
    diffusion: LearnedDiffusion,
    points: Points,
    time: Float[Array, " T"],
    t_start: Scalar | float,
) -> Float[Array, "units T"]:
    """sigma E[div n_th] over the points that the learned flow carries: R0 without the drift, per unit of ell.

    The flow sets out from the data at ``t_start``, or at the first time if that is earlier.
    """
    units, m, dim = points.units, points.per_unit, points.dim
    flow_key, probe_key = jax.random.split(key)
    first = jnp.minimum(jnp.asarray(t_start, dtype=time.dtype), time[0])
    there = is_concrete((first, time)) and float(first) == float(time[0])
    passed = time if there else jnp.concatenate([first[None], time])
    start = noised_points(diffusion.process, points, time.shape[0], passed[0]).reshape(-1, dim)
    path = probability_flow(flow_key, diffusion, start, passed)
    keys = jax.random.split(probe_key, start.shape[0])
    along = spread(_divergence_along, diffusion, path.x[:, -time.shape[0] :], time, keys)
    return along.reshape(units, m, -1).mean(axis=1)


@jax.jit
def _divergence_along(diffusion: LearnedDiffusion, x: Any, time: Any, keys: Any) -> Float[Array, "n T"]:
    def at(position: Any, t: Any, key: Key) -> Any:
        return diffusion.noise_with_divergence(position, t, key)[1]

    return map_over_batch(
        lambda point: jax.vmap(at, in_axes=(0, 0, None))(point[0], time, point[1]), (x, keys), 64
    )


@in_full_precision
def entropy_rates(
    key: Key,
    score: Score,
    process: Process,
    data: Any,
    *,
    reading: str = "quadratic",
    orientation: str = "diffusion",
    times: Any = None,
    nodes: int = DEFAULT_NODES,
    t_min: float | None = None,
    replicates: int = DEFAULT_REPLICATES,
    points: int = DEFAULT_POINTS,
    divergence: Divergence | None = None,
) -> EntropyRates:
    """System, intrinsic and exchange rates of ``score`` with standard errors.

    ``data`` is a distribution (averages over ``replicates`` independent quasi-random sets of ``points``) or samples
    (n, d) (every row a unit); ``reading`` is one of quadratic, divergence, denoising, flow;
    ``orientation`` diffusion or generation. The grid has ``nodes`` times uniform in log-SNR from ``t_min`` (see
    ``scores.base.starting_time``), or is ``times``: one, or several that increase. The flow of that reading sets out
    from the data at ``t_min`` whatever the times.

    Key, score and process may be traced (``jax.jit``, ``jax.vmap``, ``jax.grad``), samples may not; ``score`` giving
    NaN is then not looked for.

    Returns EntropyRates in nats per unit time; ``.integral()`` gives nats. Raises ValueError for an unknown reading or
    orientation, times outside (0, 1], a score of the wrong shape. Source: arXiv 2510.06174 for the rates; the four
    readings, units and errors are this project's (theory sections 2 and 3).
    """
    key = check_key(key)
    if reading not in (*READINGS, FLOW):
        raise complain("reading", repr(reading), f"one of {', '.join((*READINGS, FLOW))}")
    if orientation not in ORIENTATIONS:
        raise complain("orientation", repr(orientation), f"one of {', '.join(ORIENTATIONS)}")
    point_key, moment_key, flow_key = jax.random.split(key, 3)
    blocks = 1 + (nodes if times is None else np.size(times))
    pts = ensemble(point_key, data, blocks, replicates, points)
    diffusion = learned_diffusion(score, process, pts.dim, divergence)
    start = diffusion.starting_time(t_min)
    grid = time_grid(process, start, nodes, times)
    averaged = diffusion if reading == "divergence" else diffusion.taking(None)
    moments = noise_moments(moment_key, averaged, pts, grid.time)
    if reading == FLOW:
        system_units = flow_system_moment(flow_key, diffusion, pts, grid.time, start)
    else:
        system_units = system_moment(moments, reading)
    return assemble_rates(grid, pts.dim, system_units, moments.local, reading, orientation)


def assemble_rates(
    grid: TimeGrid, dim: int, system_units: Any, intrinsic_units: Any, reading: str, orientation: str
) -> EntropyRates:
    """EntropyRates from per-unit averages per unit of ell."""
    sign = ORIENTATIONS[orientation]
    system = sign * (dim * grid.drift + grid.rate * system_units)
    intrinsic = grid.rate * intrinsic_units
    return EntropyRates(
        time=grid.time,
        system=estimate(system),
        intrinsic=estimate(intrinsic),
        exchange=estimate(system - intrinsic),
        reading=reading,
        orientation=orientation,
        dim=dim,
        grid=grid,
        system_units=system_units,
        intrinsic_units=intrinsic_units,
    )
