"""The probability-flow ODE of a score, solved for its departure from the flow of a Gaussian, with its log volume.

With x = alpha y, r = sigma/alpha = e^ell and (m, c_i) the mean and principal variances of the data that the score
knows of, dx = (f - D s_th) dt becomes along each principal axis, in z_i = (y_i - m_i)/rho_i, rho_i^2 = c_i + r^2,

    dz_i/d ell = w_i = (r/rho_i) (n_i - (r/rho_i) z_i),     d ln|vol|/d ell = div_z w + sum_i (r/rho_i)^2.

The drift has gone, the same steps serve every schedule, and for Gaussian data nothing is left: their n_i is
(r/rho_i) z_i, and the sum integrates to sum_i ln rho_i. What is left is of the order of 1/cosh(ell - ln l), l the
data's length scale, so the solver's clock is one in which little time passes where little happens,

    tan^2 u = r/l,     d ell/d u = 2 (1 + tan^2 u)/tan u.

A third of the steps that ell takes; tolerances in z do not depend on units.
"""

from __future__ import annotations

import functools
from typing import Any, NamedTuple

import diffrax
import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Float, Int

from thermodiff.array_types import Key, Scalar
from thermodiff.runtime.devices import batch_parts, gather_batch, map_over_batch, shard_batch, spread
from thermodiff.scores.diffusion import LearnedDiffusion
from thermodiff.types import is_concrete
from thermodiff.validation import complain

POINTS_AT_ONCE, POINTS_WITHOUT_PRODUCTS = 1024, 4096
"""How many points share their steps; more of them where no Jacobian has to be kept for each."""
MAX_STEPS = 10_000
FIRST_STEP = 0.05
"""The first step tried, as a fraction of the whole way."""
CHECKPOINTS = 32
"""States kept for a gradient: most flows take no more steps, and then none is computed a third time."""


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
    """Relative and absolute local error of the solver, in standard deviations of the noised data and in nats."""

    rtol: float = 1e-5
    atol: float = 1e-5


class _Clock(NamedTuple):
    """u with tan^2 u = e^ell/l."""

    length: Scalar

    def at(self, ell: Any) -> Any:
        """u of ell."""
        return jnp.arctan(jnp.exp(0.5 * (ell - jnp.log(self.length))))

    def ratio_and_pace(self, u: Any) -> tuple[Any, Any]:
        """r = sigma/alpha and d ell/d u at u."""
        tangent = jnp.tan(u)
        return self.length * tangent**2, 2 * (1 + tangent**2) / tangent


def _largest(error: tuple[Array, Array]) -> Scalar:
    """The largest over points (m,) of the root mean square of a point's scaled errors."""
    z, growth = error
    return jnp.sqrt(jnp.max((jnp.sum(z**2, axis=1) + growth**2) / (z.shape[1] + 1)))


def _solve(adjoint: Any, velocity: Any, u: Float[Array, " T"], start: Any, tolerance: Tolerance) -> Any:
    """diffrax's solution of dy/du = velocity(u, y) from ``start`` at u[0], kept at every u."""
    return diffrax.diffeqsolve(
        diffrax.ODETerm(velocity),
        diffrax.Dopri5(),  # weights below 1: Tsit5's, up to 3.3, multiply rounding where little time passes
        t0=u[0],
        t1=u[-1],
        dt0=FIRST_STEP * (u[-1] - u[0]),
        y0=start,
        saveat=diffrax.SaveAt(ts=u),
        stepsize_controller=diffrax.PIDController(rtol=tolerance.rtol, atol=tolerance.atol, norm=_largest),
        adjoint=adjoint,
        max_steps=MAX_STEPS,
        throw=False,
    )


def _solve_together(
    adjoint: Any,
    diffusion: LearnedDiffusion,
    times: Float[Array, " T"],
    tolerance: Tolerance,
    x: Float[Array, "m d"],
    keys: Any,
) -> FlowPath:
    """m points in steps that all of them share, as long as the point that needs the shortest allows.

    At one time for all the score computes what depends on time alone once, and no point waits masked for others.
    """
    process, reference = diffusion.process, diffusion.reference
    ell, alpha = -0.5 * process.log_snr(times), process.alpha(times)
    rho = jnp.sqrt(reference.variances + jnp.exp(2 * ell)[:, None])
    clock = _Clock(jnp.exp(0.5 * jnp.mean(jnp.log(reference.variances))))
    u = clock.at(ell)

    def velocity(u: Any, state: tuple[Array, Array], _: Any) -> tuple[Array, Array]:
        r, pace = clock.ratio_and_pace(u)
        t = process.time_of_log_snr(-2 * jnp.log(r))
        w, div = jax.vmap(lambda z, key: diffusion.relative_velocity(z, t, key))(state[0], keys)
        return pace * w, pace * div

    z0 = (x / alpha[0] - reference.mean) @ reference.axes / rho[0]
    solution = _solve(adjoint, velocity, u, (z0, jnp.zeros(len(x), x.dtype)), tolerance)
    z, growth = (jnp.moveaxis(y, 0, 1) for y in solution.ys)
    failed = solution.result != diffrax.RESULTS.successful
    gaussian_growth = jnp.sum(jnp.log(rho / rho[0]), axis=1) + x.shape[1] * jnp.log(alpha / alpha[0])
    return FlowPath(
        x=jnp.where(failed, jnp.nan, alpha[:, None] * (reference.mean + (rho * z) @ reference.axes.T)),
        growth=jnp.where(failed, jnp.nan, growth + gaussian_growth),
        steps=jnp.full(len(x), solution.stats["num_steps"]),
    )


@functools.partial(jax.jit, static_argnums=0)
def _solve_in_groups(adjoint: Any, problem: tuple, x: Float[Array, "n d"], keys: Any) -> FlowPath:
    """All points, in groups that share their steps and are split over the devices."""
    n, diffusion = len(x), problem[0]
    groups = -(-n // (POINTS_WITHOUT_PRODUCTS if diffusion.closed else POINTS_AT_ONCE))
    size = -(-n // (groups * batch_parts())) * batch_parts()
    # The last group is filled up with the first points again.
    index = (jnp.arange(groups * size) % n).reshape(groups, size)
    path = jax.lax.map(
        lambda group: _solve_together(adjoint, *problem, *shard_batch(group)), (x[index], keys[index])
    )
    return gather_batch(jax.tree.map(lambda leaf: leaf.reshape(-1, *leaf.shape[2:])[:n], path))


@functools.partial(jax.jit, static_argnums=0)
def _solve_alone(adjoint: Any, problem: tuple, x: Float[Array, "n d"], keys: Any) -> FlowPath:
    """All points, each in steps of its own."""

    def one(point: tuple) -> FlowPath:
        path = _solve_together(adjoint, *problem, *(leaf[None] for leaf in point))
        return jax.tree.map(lambda leaf: leaf[0], path)

    return map_over_batch(one, (x, keys), min(POINTS_AT_ONCE, len(x)))


def probability_flow(
    key: Key,
    diffusion: LearnedDiffusion,
    x: Float[Array, "n d"],
    times: Float[Array, " T"],
    tolerance: Tolerance | None = None,
    adjoint: Any = None,
) -> FlowPath:
    """Carries x (n, d), given at times[0], along the flow to the increasing ``times`` (T,), T >= 2.

    Random probes of a Hutchinson divergence are drawn once per point and kept along its path, so that the ODE stays
    deterministic. Thousands of points share their steps; those that do not arrive are tried again, each in steps of its
    own. Raises FlowError if any did not arrive then, saying how many. Under a trace nothing is tried again and nothing
    raised: NaN marks the points of a group that did not arrive.

    Gradients are those of the steps taken, through the recomputed steps between ``CHECKPOINTS`` kept states, in
    reverse mode; ``adjoint`` is another of diffrax's, such as ``diffrax.ForwardMode()`` for ``jax.jvp`` and
    ``jax.jacfwd``. Source: Song et al. (2021); the change of variables is this project's.
    """
    n = len(x)
    keys = jax.random.split(key, n)
    problem = diffusion, jnp.asarray(times), tolerance or Tolerance()
    adjoint = adjoint or diffrax.RecursiveCheckpointAdjoint(checkpoints=CHECKPOINTS)
    try:
        path = spread(functools.partial(_solve_in_groups, adjoint), problem, x, keys)
    except TypeError as error:
        if "forward-mode" not in str(error):
            raise
        need = "adjoint=diffrax.ForwardMode() there, or jax.grad, jax.vjp, jax.jacrev"
        raise complain("adjoint", "one of reverse mode under jax.jvp or jax.jacfwd", need) from error
    if not is_concrete(path):
        return path
    lost = _lost(path)
    if lost.size:
        alone = spread(functools.partial(_solve_alone, adjoint), problem, x[lost], keys[lost])
        path = jax.tree.map(lambda whole, part: whole.at[lost].set(part), path, alone)
        lost = _lost(path)
    if lost.size:
        raise FlowError(
            f"probability flow: {lost.size} of {n} points did not reach t = {float(times[-1]):g} in "
            f"{MAX_STEPS} steps or left the range of numbers; loosen the tolerance, raise t_min, or look at "
            "the score there"
        )
    return path


def _lost(path: FlowPath) -> np.ndarray:
    """The indices of the points that did not arrive."""
    return np.flatnonzero(~np.isfinite(np.asarray(path.growth[:, -1])))
