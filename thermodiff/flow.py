"""The probability-flow ODE of a score, carried in ell = ln(sigma/alpha) with its log volume.

    dx = (f - D s_th) dt        becomes, with x = alpha y and r = sigma/alpha = e^ell,
    dy/d ell = r n_th(alpha y, t),     d ln|vol|/d ell = sigma div_x n_th,

in which the drift has gone and the same steps serve every schedule. The solver, diffrax's, sees z = (y - m)/l with m
the mean and l the length scale of the data that the score knows of, so that its tolerances do not depend on units.
"""

from __future__ import annotations

from typing import Any, NamedTuple

import diffrax
import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Float, Int

from thermodiff.devices import map_over_batch, spread
from thermodiff.numerics import Divergence
from thermodiff.scores import length_scale, noise_prediction, reference_of
from thermodiff.types import Key, Process, Scalar, Score, Vector

POINTS_AT_ONCE = 1024
MAX_STEPS = 10_000


class FlowError(RuntimeError):
    """The probability flow could not be solved for some points; the message says how many."""


class FlowPath(NamedTuple):
    """Points carried by the learned flow, at each of the ``times`` asked for.

    x (n, T, d) positions; growth (n, T) = integral of div(f - D s_th) dt up to each time, nats; steps (n,)
    solver steps, rejected ones included.
    """

    x: Float[Array, "n T d"]
    growth: Float[Array, "n T"]
    steps: Int[Array, " n"]


class Tolerance(NamedTuple):
    """Relative and absolute local error of the adaptive solver, in units of the data's length scale and in nats."""

    rtol: float = 1e-5
    atol: float = 1e-5


def _solve_one(
    score: Score,
    process: Process,
    divergence: Divergence,
    times: Float[Array, " T"],
    tolerance: Tolerance,
    units: tuple[Vector, Scalar],
    x: Vector,
    key: Key,
) -> FlowPath:
    ell = -0.5 * process.log_snr(times)
    alpha = process.alpha(times)
    centre, scale = units

    def velocity(ell: Any, state: tuple[Vector, Scalar], _: Any) -> tuple[Vector, Scalar]:
        t = process.time_of_log_snr(-2 * ell)
        a = process.alpha(t)
        r = jnp.exp(ell)
        position = a * (centre + scale * state[0])
        n_th, div = divergence(lambda x: noise_prediction(score, process, x, t), position, key)
        return r / scale * n_th, r * a * div

    solution = diffrax.diffeqsolve(
        diffrax.ODETerm(velocity),
        diffrax.Tsit5(),
        t0=ell[0],
        t1=ell[-1],
        dt0=0.1,
        y0=((x / alpha[0] - centre) / scale, jnp.zeros((), x.dtype)),
        saveat=diffrax.SaveAt(ts=ell),
        stepsize_controller=diffrax.PIDController(rtol=tolerance.rtol, atol=tolerance.atol),
        max_steps=MAX_STEPS,
        throw=False,
    )
    z, growth = solution.ys
    failed = solution.result != diffrax.RESULTS.successful
    drift_growth = x.shape[0] * jnp.log(alpha / alpha[0])
    return FlowPath(
        x=jnp.where(failed, jnp.nan, (centre + scale * z) * alpha[:, None]),
        growth=jnp.where(failed, jnp.nan, growth + drift_growth),
        steps=solution.stats["num_steps"],
    )


@jax.jit
def _solve(
    score: Score,
    process: Process,
    divergence: Divergence,
    times: Float[Array, " T"],
    tolerance: Tolerance,
    units: tuple[Vector, Scalar],
    x: Float[Array, "n d"],
    key: Key,
) -> FlowPath:
    keys = jax.random.split(key, x.shape[0])
    one = lambda point: _solve_one(score, process, divergence, times, tolerance, units, *point)  # noqa: E731
    return map_over_batch(one, (x, keys), min(POINTS_AT_ONCE, x.shape[0]))


def probability_flow(
    key: Key,
    score: Score,
    process: Process,
    x: Float[Array, "n d"],
    times: Float[Array, " T"],
    divergence: Divergence,
    tolerance: Tolerance | None = None,
) -> FlowPath:
    """Carries x (n, d), given at times[0], along the flow to the increasing ``times`` (T,), T >= 2.

    Random probes of a Hutchinson divergence are drawn once per point and kept along its path, so that the ODE stays
    deterministic. Raises FlowError if any point did not arrive, saying how many. Source: Song et al. (2021);
    the change of variables is this project's.
    """
    reference = reference_of(score)
    centre = jnp.zeros(x.shape[1:]) if reference is None else reference.mean
    units = centre, jnp.asarray(length_scale(score), dtype=float)
    path = spread(
        _solve, score, process, divergence, jnp.asarray(times), tolerance or Tolerance(), units, x, key
    )
    lost = int(np.sum(~np.isfinite(np.asarray(path.growth[:, -1]))))
    if lost:
        raise FlowError(
            f"probability flow: {lost} of {x.shape[0]} points did not reach t = {float(times[-1]):g} in "
            f"{MAX_STEPS} steps or left the range of numbers; loosen the tolerance, raise t_min, or look at "
            "the score there"
        )
    return path
