"""What driving the data to noise costs against the least that it could: action, path length, Wasserstein brackets.

    Sig = int E|nu|^2/D dt     Lam = int D dt     L = int sqrt(E|nu|^2) dt = int sigma sqrt(E|n + kappa x|^2) d ell
    Sig Lam >= L^2 >= W2(p_0, p_1)^2

The first gap, ``overhead_schedule`` = Sig Lam/L^2, goes away by re-timing (constant W2 speed); the second,
``overhead_path`` = L^2/W2^2, needs another path. W2 is bracketed without a solver: Gelbrich's distance of the moments
from below, the coupling that the probability flow makes from above. Source: Aurell et al. (2011), Dechant & Sakurai
(arXiv 1912.08405); Gelbrich (1990); the bracket from a score is this project's.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
import numpy as np

from thermodiff.array_types import Key, Process, Score
from thermodiff.energetics.entropy_production import entropy_production_of
from thermodiff.energetics.measurement import Measured, measure
from thermodiff.energetics.wasserstein import coupling_square, gelbrich_bound
from thermodiff.numerics.delta_method import estimate_functions
from thermodiff.runtime.devices import in_full_precision
from thermodiff.thermodynamics.rates import Integral
from thermodiff.thermodynamics.time_grid import TimeGrid
from thermodiff.types import Estimate
from thermodiff.validation import check_key

DRIVING_NODES = 129
"""More than for rates: sigma grows like e^ell, and Simpson's rule is then good to h^4/180, 2e-6 of L."""


class DrivingCost(NamedTuple):
    """What a process does to the data, and what the least could be; lengths in units of the data.

    entropy_production  Sig, nats: exact where the density is known, else a certified lower bound (``known`` says it)
    action              Lam, squared length; path_length L; kinetic int E|nu|^2 dt, squared length per unit of t
    wasserstein_low     Gelbrich's lower bound of W2(p_tmin, p_1)^2; wasserstein_high the flow's coupling, above it
    overhead_schedule   Sig Lam/L^2 >= 1; overhead_path L^2/W2^2, its lowest and its highest value by the bracket
    efficiency          W2^2/(Lam Sig) in [0, 1], its lowest and its highest value
    t_min               where every integral starts
    """

    entropy_production: Integral
    action: float
    path_length: Integral
    kinetic: Integral
    wasserstein_low: Estimate
    wasserstein_high: Estimate
    overhead_schedule: Estimate
    overhead_path: tuple[Estimate, Estimate]
    efficiency: tuple[Estimate, Estimate]
    t_min: float
    known: str


@in_full_precision
def driving_cost(
    key: Key,
    score: Score,
    process: Process,
    data: Any,
    *,
    transport: Callable[[Any], Any] | None = None,
    t_min: float | None = None,
    nodes: int = DRIVING_NODES,
    replicates: int = 16,
    points: int = 256,
    flow_points: int = 64,
    max_points: int | None = 4096,
) -> DrivingCost:
    """Sig, Lam, L, the bracket of W2 and both overheads of ``process`` on ``data``, with the score that is known of it.

    ``data`` and the sizes are as in ``td.entropy_rates``; ``flow_points`` of each unit are carried by the probability
    flow. ``transport`` is a map (n, d) -> (n, d) of data to noise, from a solver of optimal transport say, whose cost
    then stands for the flow's as upper end; that it ends in p_1 is its owner's word. With a learned score L, the
    upper end and what is made of them are those of the learned velocity. Raises ValueError for bad arguments,
    RuntimeError if the flow cannot be solved.
    """
    measure_key, flow_key = jax.random.split(check_key(key))
    measured = measure(measure_key, score, process, data, t_min, nodes, replicates, points, max_points)
    high = coupling_square(flow_key, measured, data, transport, replicates, flow_points, max_points)
    low = gelbrich_bound(measured, data, max_points)
    action = action_of(process, measured.grid)
    Sig, known = entropy_production_of(measured)
    L, kinetic, schedule = _path(measured, action)
    paid = Estimate(action * Sig.mean, action * Sig.stderr, Sig.n)
    return DrivingCost(
        entropy_production=Sig,
        action=action,
        path_length=L,
        kinetic=kinetic,
        wasserstein_low=low,
        wasserstein_high=high,
        overhead_schedule=schedule,
        overhead_path=(_ratio(_square(L), high), _ratio(_square(L), low)),
        efficiency=(_ratio(low, paid), _ratio(high, paid)),
        t_min=float(measured.grid.time[0]),
        known=known,
    )


PANELS_PER_UNIT = 2
_NODES, _WEIGHTS = np.polynomial.legendre.leggauss(10)


def action_of(process: Process, grid: TimeGrid) -> float:
    """Lam = int D dt over the grid's range, by Gauss and Legendre's rule on panels of half a unit of ell."""
    low, high = float(grid.ell[0]), float(grid.ell[-1])
    edges = np.linspace(low, high, 1 + int(np.ceil(PANELS_PER_UNIT * (high - low))))
    half = 0.5 * np.diff(edges)[:, None]
    ell = 0.5 * (edges[:-1] + edges[1:])[:, None] + half * _NODES
    with jax.enable_x64(True):
        time = jnp.clip(process.time_of_log_snr(-2 * jnp.asarray(ell)), 0.0, 1.0)
        variance = np.asarray(process.sigma(time), dtype=np.float64) ** 2
    return float(np.sum(half * _WEIGHTS * variance))  # D dt = sigma^2 d ell


def _path(measured: Measured, action: float) -> tuple[Integral, Integral, Estimate]:
    """L, int E|nu|^2 dt and Sig Lam/L^2, all from the same velocity, with errors of the units' joint fluctuations."""
    grid, sigma = measured.grid, measured.sigma
    speed = sigma**2 * np.asarray(grid.rate, dtype=np.float64)  # D
    weights = grid.rule.weights
    constants = {"length": weights * sigma, "rate": weights, "kinetic": weights * speed, "action": action}
    values = estimate_functions(_of_path, constants, measured.means.local)
    local = np.maximum(np.asarray(measured.means.local, dtype=np.float64).mean(axis=0), 0.0)
    errors = (grid.rule.error(sigma * np.sqrt(local)), grid.rule.error(speed * local))
    L, kinetic = (
        Integral(*values[name], float(error))
        for name, error in zip(("length", "kinetic"), errors, strict=True)
    )
    return L, kinetic, values["overhead"]


def _of_path(constants: Any, local: Any) -> dict[str, Any]:
    rate = jnp.maximum(local, 1e-12)
    length = constants["length"] @ jnp.sqrt(rate)
    return {
        "length": length,
        "kinetic": constants["kinetic"] @ local,
        "overhead": (constants["rate"] @ local) * constants["action"] / length**2,
    }


def _square(x: Any) -> Estimate:
    return Estimate(x.mean**2, 2 * abs(x.mean) * x.stderr, x.n)


def _ratio(above: Estimate, below: Estimate) -> Estimate:
    """A ratio with the errors of both as if they were independent; NaN where there is nothing to divide by."""
    if below.mean == 0:
        return Estimate(float("nan"), float("nan"), above.n)
    ratio = above.mean / below.mean
    return Estimate(ratio, float(np.hypot(above.stderr, ratio * below.stderr) / abs(below.mean)), above.n)
