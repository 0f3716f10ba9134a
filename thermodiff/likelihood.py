"""Log likelihoods of a learned score: probability flow, ELBO, and the cross functional; per sample, in nats.

Every one of them starts at t_min instead of 0 and so speaks of slightly blurred data, x + (sigma/alpha) eps at t_min;
t_min is part of the result. The terminal prior pi is an explicit choice: ``moment_prior`` (the Gaussian of p_1's
moments, the default) or ``noise_prior`` (N(0, sigma(1)^2)).

All are functions that JAX can compile, map and differentiate, in x, in the key and in the parameters of score, process
and prior. What is traced cannot be looked at: shapes are checked, numbers (NaN in x, the range of t_min, the covariance
of a prior) are not, and where a score gives NaN or the solver fails the answer is NaN instead of an error.
"""

from __future__ import annotations

from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
from jaxtyping import Array, Float, Int

from thermodiff.array_types import Key, Process, Scalar, Score
from thermodiff.distributions.gaussian import Gaussian
from thermodiff.distributions.rows import as_rows
from thermodiff.numerics.divergence import Divergence, HutchinsonDivergence
from thermodiff.processes.base import last_time
from thermodiff.runtime.devices import in_full_precision
from thermodiff.scores.diffusion import learned_diffusion
from thermodiff.thermodynamics.chosen_prior import chosen_prior
from thermodiff.thermodynamics.ensembles import row_ensemble
from thermodiff.thermodynamics.moments import noise_moments
from thermodiff.thermodynamics.priors import prior_cross_entropy_given
from thermodiff.thermodynamics.readings import system_integrals
from thermodiff.thermodynamics.time_grid import DEFAULT_NODES, time_grid
from thermodiff.trajectories.probability_flow import Tolerance, probability_flow
from thermodiff.validation import check_key, check_magnitude, check_points, complain


class FlowLikelihood(NamedTuple):
    """ln p_th(x) = ln pi(x_1) + integral of div(f - D s_th) dt, term by term, each (n,) in nats.

    terminal (n, d) is x_1, the image of x under the learned flow, up to t_min under the drift alone; growth (n,) the
    integral, whose mean is the integral of R0; t_min where the flow starts; steps (n,) solver steps.
    """

    log_likelihood: Float[Array, " n"]
    log_prior: Float[Array, " n"]
    growth: Float[Array, " n"]
    terminal: Float[Array, "n d"]
    t_min: Scalar | float
    steps: Int[Array, " n"]


def _rows(x: Any) -> tuple[Float[Array, "n d"], int]:
    """x, checked, as an array of JAX's, and d."""
    rows = as_rows("x", x).values
    check_points("x", rows)
    check_magnitude("x", rows)
    x = jnp.asarray(rows, dtype=float)
    return x, x.shape[1]


@in_full_precision
def flow_likelihood(
    score: Score,
    process: Process,
    x: Any,
    *,
    prior: Gaussian | str | None = None,
    t_min: float | None = None,
    tolerance: Tolerance | None = None,
    divergence: Divergence | None = None,
    key: Key | None = None,
    adjoint: Any = None,
) -> FlowLikelihood:
    """ln p_th(x) of each row of x (n, d) by the probability flow, with its terms, nats per sample.

    ``prior`` is "moments" (``moment_prior`` of the data that the score knows of, the default), "noise"
    (``noise_prior``, the default where it knows none) or a Gaussian. ``td.audit`` has data, and "moments" as default.
    ``divergence`` is exact where the score has it in closed form (``td.fit``'s default networks do) and up to 16
    dimensions, else Hutchinson's, which needs ``key``; both can be given.

    Gradients are exact derivatives of the steps that the solver took (``jax.grad``, ``jax.vjp``, ``jax.jacrev``), at
    four to six times the time and up to five times the memory of a value (docs/performance.md); for ``jax.jacfwd``
    and ``jax.jvp`` give ``adjoint=diffrax.ForwardMode()``. Rows (n, d) in one call share their steps; ``jax.vmap``
    over single rows gives each its own and waits for the slowest.

    Raises ValueError for points of the wrong shape or a prior of the wrong dimension, RuntimeError if the solver
    fails. Source: Song et al. (2021), eq. 39; solved in log-SNR (``trajectories.probability_flow``).
    """
    x, dim = _rows(x)
    diffusion = learned_diffusion(score, process, dim, divergence)
    prior, _ = chosen_prior(prior, diffusion.score, process, dim)
    start = diffusion.starting_time(t_min)
    if key is None:
        if isinstance(diffusion.divergence, HutchinsonDivergence):
            raise complain(
                "key",
                "None",
                f"a PRNG key: the divergence in {dim} dimensions is estimated with random probes",
            )
        key = jax.random.key(0)
    key = check_key(key)
    times, contraction = jnp.asarray([start, last_time(process)]), process.alpha(start)
    path = probability_flow(key, diffusion, contraction * x, times, tolerance, adjoint)
    terminal, growth = path.x[:, -1], path.growth[:, -1] + dim * jnp.log(contraction)
    log_prior = prior.log_prob(terminal)
    return FlowLikelihood(log_prior + growth, log_prior, growth, terminal, start, path.steps)


def flow_log_likelihood(score: Score, process: Process, x: Any, **options: Any) -> Float[Array, " n"]:
    """ln p_th(x), (n,) nats, of each row of x (n, d) by the probability-flow ODE.

    Options, errors and what JAX's transformations need are as in ``flow_likelihood``; so is the source.
    """
    return flow_likelihood(score, process, x, **options).log_likelihood


class VariationalTerms(NamedTuple):
    """-ELBO(x) = cross_entropy(x) - integral of R3(x), each (n,) in nats; the cross likelihood has R2 instead of R3.

    cross_entropy is E[-ln pi(x_1) | x]. Up to ``t_min`` the integrals are those of the drift alone.
    """

    elbo: Float[Array, " n"]
    cross_log_likelihood: Float[Array, " n"]
    cross_entropy: Float[Array, " n"]
    t_min: Scalar | float


def variational_terms(
    key: Key,
    score: Score,
    process: Process,
    x: Any,
    *,
    prior: Gaussian | str | None = None,
    t_min: float | None = None,
    nodes: int = DEFAULT_NODES,
) -> VariationalTerms:
    """ELBO and cross likelihood of each row of x (n, d) as random, unbiased estimates given x, with their terms.

    One key draws the same noise for the same number of rows, so that a difference or a gradient (twice the time of a
    value, about as much memory) has no noise but that of its derivative.
    """
    x, dim = _rows(x)
    key = check_key(key)
    diffusion = learned_diffusion(score, process, dim).taking(None)
    prior, _ = chosen_prior(prior, diffusion.score, process, dim)
    start = diffusion.starting_time(t_min)
    grid = time_grid(process, start, nodes)
    points = row_ensemble(key, x, nodes, diffusion.reference)
    moments = noise_moments(None, diffusion, points, grid.time)
    cross_entropy = prior_cross_entropy_given(prior, process, x)
    integrals = system_integrals(grid, dim, moments)
    overlap = 0.5 * (integrals["quadratic"] + integrals["denoising"])
    contraction = dim * jnp.log(process.alpha(grid.time[0]))
    return VariationalTerms(
        elbo=contraction + integrals["denoising"] - cross_entropy,
        cross_log_likelihood=contraction + overlap - cross_entropy,
        cross_entropy=cross_entropy,
        t_min=start,
    )


@in_full_precision
def elbo(key: Key, score: Score, process: Process, x: Any, **options: Any) -> Float[Array, " n"]:
    """A lower bound on the reverse SDE's ln p_th(x), (n,) nats for x (n, d): unbiased given x, not noise-free.

    -ELBO(x) = E[-ln pi(x_1)|x] - integral of R3(x), whose mean over the data is S0 + J + KL(p_1 || pi). Options as
    in ``variational_terms``. Source: Song et al. (2021b), Huang et al. (2021); in this form this project's.
    """
    return variational_terms(key, score, process, x, **options).elbo


@in_full_precision
def cross_log_likelihood(
    key: Key, score: Score, process: Process, x: Any, **options: Any
) -> Float[Array, " n"]:
    """The ODE formula with p_t in place of the learned flow's q_t, per row of x (n, d), nats.

    Its mean is -N_th - KL(p_1 || pi) (theory section 4). No likelihood: N_th can lie below S0. Options as in
    ``variational_terms``.
    """
    return variational_terms(key, score, process, x, **options).cross_log_likelihood
