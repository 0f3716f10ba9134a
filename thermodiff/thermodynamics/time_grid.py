"""The times of an average over [t_min, 1], uniform in log-SNR, and the rule that integrates over them.

For 1 stands the last time of a process that diverges there (``processes.base.last_time``).
"""

from __future__ import annotations

from typing import Any, NamedTuple

import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Float

from thermodiff.array_types import Process, Scalar, computed_now
from thermodiff.numerics.quadrature import Quadrature, quadrature
from thermodiff.processes.base import last_time
from thermodiff.types import is_concrete
from thermodiff.validation import check_time, complain

DEFAULT_NODES = 65


class TimeGrid(NamedTuple):
    """Nodes for integrals over time and the rule that goes with them.

    time (T,) increasing; ell (T,) = ln(sigma/alpha) there; rate (T,) = d ell/dt = D/sigma^2; drift (T,) = a(t);
    drift_integral = ln(alpha(1)/alpha(t_min)), exact; rule in the variable ell.
    """

    time: Float[Array, " T"]
    ell: Any
    rate: Float[Array, " T"]
    drift: Float[Array, " T"]
    drift_integral: Any
    rule: Quadrature


def time_grid(
    process: Process, t_min: Scalar | float, nodes: int = DEFAULT_NODES, times: Any = None
) -> TimeGrid:
    """``nodes`` times from t_min to 1, uniform in log-SNR, or the ``times`` given (one, or increasing, in (0, 1]).

    Of a traced process, or from a traced t_min, the grid is traced too, in JAX's precision; else its ell, the rule and
    the drift's integral are in double precision. Raises ValueError for fewer than 5 nodes, times that do not increase
    or that are traced.
    """
    if times is None and nodes < 5:
        raise complain("nodes", f"{nodes}", "at least 5 (4k + 1 for Simpson's rule)")
    if not is_concrete((process, t_min, times)):
        if times is not None:
            raise complain("times", "a traced process or times", "both as numbers where a grid is given")
        return _traced_grid(process, t_min, nodes)
    with computed_now(process, t_min, times):
        return _grid(process, t_min, nodes, times)


def _traced_grid(process: Process, t_min: Any, nodes: int) -> TimeGrid:
    """The grid uniform in log-SNR, differentiable in the process and in t_min."""
    ends = jnp.stack([jnp.asarray(t_min, dtype=float), jnp.asarray(last_time(process), dtype=float)])
    low, high = -0.5 * process.log_snr(ends)
    unit = np.linspace(0.0, 1.0, nodes)
    ell = low + (high - low) * jnp.asarray(unit, dtype=float)
    time = jnp.clip(process.time_of_log_snr(-2 * ell), ends[0], ends[1])
    rule = quadrature(unit)
    rule = rule._replace(
        weights=(high - low) * rule.weights, coarse_weights=(high - low) * rule.coarse_weights
    )
    log_alpha = jnp.log(process.alpha(ends))
    rate = process.diffusivity(time) / process.sigma(time) ** 2
    return TimeGrid(time, ell, rate, process.drift_rate(time), log_alpha[1] - log_alpha[0], rule)


def _grid(process: Process, t_min: Any, nodes: int, times: Any) -> TimeGrid:
    """The grid of what can be looked at now."""
    if times is None:
        last = last_time(process)
        ends = -0.5 * np.asarray(process.log_snr(jnp.asarray([t_min, last])), dtype=np.float64)
        ell = np.linspace(ends[0], ends[1], nodes)
        time = jnp.clip(process.time_of_log_snr(-2 * jnp.asarray(ell, dtype=float)), t_min, last)
    else:
        check_time(times, "times")
        time = jnp.atleast_1d(jnp.asarray(times, dtype=float))
        if (
            time.ndim != 1
            or time.shape[0] < 1
            or not bool(jnp.all(jnp.diff(time) > 0))
            or float(time[0]) <= 0
        ):
            raise complain("times", f"{np.asarray(time)}", "a time or increasing times in (0, 1]")
        ell = -0.5 * np.asarray(process.log_snr(time), dtype=np.float64)
    rate = process.diffusivity(time) / process.sigma(time) ** 2
    log_alpha = np.log(np.asarray(process.alpha(time[jnp.asarray([0, -1])]), dtype=np.float64))
    drift_integral = float(log_alpha[1] - log_alpha[0])
    return TimeGrid(time, ell, rate, process.drift_rate(time), drift_integral, quadrature(ell))
