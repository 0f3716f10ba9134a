"""The thermodynamic uncertainty relation as a reading: the learned velocity as a current that bounds the true rate.

    Sdot_i >= E[w . nu]^2/(D E|w|^2) for any field w;        w = nu_th:   a_eq >= c_eq^2/b_eq >= 2 c_eq - b_eq

It is the denoising reading after the best rescaling at each time, and certified for any network: equality iff f - D
s_th = c(t) (f - D s). Needs no true score. Source: Otsubo et al. (2020) for the short-time relation; with a learned
score as the current this project's (docs/energetics.md).
"""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np
from jaxtyping import Array, Float

from thermodiff.array_types import Key, Process, Score
from thermodiff.energetics.measurement import SMALLEST, certified_rate, measure
from thermodiff.runtime.devices import in_full_precision
from thermodiff.thermodynamics.ensembles import DEFAULT_POINTS, DEFAULT_REPLICATES
from thermodiff.thermodynamics.rates import Integral
from thermodiff.thermodynamics.time_grid import DEFAULT_NODES
from thermodiff.types import Estimate


class UncertaintyBound(NamedTuple):
    """A lower bound of the true intrinsic rate, nats per unit of t (T,), and of its integral over [t_min, 1], nats.

    ``learned`` is the network's own intrinsic rate, which is no bound, for comparison.
    """

    time: Float[Array, " T"]
    rate: Estimate
    learned: Estimate
    total: Integral


@in_full_precision
def uncertainty_bound(
    key: Key,
    score: Score,
    process: Process,
    data: Any,
    *,
    t_min: float | None = None,
    nodes: int = DEFAULT_NODES,
    replicates: int = DEFAULT_REPLICATES,
    points: int = DEFAULT_POINTS,
    max_points: int | None = None,
) -> UncertaintyBound:
    """The uncertainty relation's lower bound c_eq^2/b_eq of the true entropy production rate, from a learned score.

    ``data`` and the sizes are as in ``td.entropy_rates``. Rates alone do not determine c_eq where the process has a
    drift, so that the averages are taken here. The bias that the curvature of c^2/b gives a function of means is
    subtracted, (1/n) Var(c - (c/b) b)/b. Returns nats per unit of t, (T,) at the nodes. Raises ValueError for
    bad arguments. Source: Otsubo et al. (2020) for the relation; this project for the learned current.
    """
    measured = measure(key, score, process, data, t_min, nodes, replicates, points, max_points)
    local = np.asarray(measured.means.local, dtype=np.float64)
    cross = np.asarray(measured.means.cross, dtype=np.float64)
    n, b, c = len(local), local.mean(axis=0), cross.mean(axis=0)
    held = np.maximum(b, SMALLEST * measured.dim)
    slope = np.maximum(c, 0.0) / held
    curvature = np.var(cross - slope * local, axis=0, ddof=1) / held / n
    bound = np.asarray(certified_rate(c, b, measured.dim)) - curvature
    scatter = 2 * slope * cross - slope**2 * local
    grid = measured.grid
    rate = np.asarray(grid.rate, dtype=np.float64)
    weights = grid.rule.weights

    def error(units: np.ndarray) -> Any:
        return np.std(units, axis=0, ddof=1) / np.sqrt(n)

    return UncertaintyBound(
        time=grid.time,
        rate=Estimate(rate * bound, rate * error(scatter), n),
        learned=Estimate(rate * b, rate * error(local), n),
        total=Integral(
            float(bound @ weights), float(error(scatter @ weights)), n, float(grid.rule.error(bound))
        ),
    )
