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
from thermodiff.runtime.devices import in_full_precision
from thermodiff.scores.base import reference_of, starting_time
from thermodiff.scores.callables import traceable
from thermodiff.scores.divergence import default_divergence
from thermodiff.thermodynamics.chosen_prior import chosen_prior
from thermodiff.thermodynamics.ensembles import sample_points
from thermodiff.thermodynamics.moments import noise_moments
from thermodiff.thermodynamics.priors import prior_cross_entropy_given
from thermodiff.thermodynamics.readings import system_integrals
from thermodiff.thermodynamics.time_grid import DEFAULT_NODES, time_grid
from thermodiff.trajectories.probability_flow import Tolerance, probability_flow
from thermodiff.validation import check_key, check_points, check_score, complain


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
    """The probability-flow likelihood of each row of x (n, d), with its terms.

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
    rows = as_rows("x", x).values
    check_points("x", rows)
    x = jnp.asarray(rows, dtype=float)
    dim = x.shape[1]
    check_score(score, dim)
    prior, _ = chosen_prior(prior, score, process, dim)
    start = starting_time(score, process, t_min)
    divergence = divergence or default_divergence(score, dim)
    if key is None:
        if isinstance(divergence, HutchinsonDivergence):
            raise complain(
                "key",
                "None",
                f"a PRNG key: the divergence in {dim} dimensions is estimated with random probes",
            )
        key = jax.random.key(0)
    times, contraction = jnp.asarray([start, 1.0]), process.alpha(start)
    path = probability_flow(
        key, traceable(score), process, contraction * x, times, divergence, tolerance, adjoint
    )
    terminal, growth = path.x[:, -1], path.growth[:, -1] + dim * jnp.log(contraction)
    log_prior = prior.log_prob(terminal)
    return FlowLikelihood(log_prior + growth, log_prior, growth, terminal, start, path.steps)


def flow_log_likelihood(score: Score, process: Process, x: Any, **options: Any) -> Float[Array, " n"]:
    """ln p_th(x) of each row of x (n, d) by the probability-flow ODE, nats; options as in ``flow_likelihood``."""
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
    rows = as_rows("x", x).values
    check_points("x", rows)
    x = jnp.asarray(rows, dtype=float)
    dim = x.shape[1]
    check_key(key)
    check_score(score, dim)
    prior, _ = chosen_prior(prior, score, process, dim)
    start = starting_time(score, process, t_min)
    grid = time_grid(process, start, nodes)
    reference = reference_of(score) or Gaussian(jnp.zeros(dim), jnp.eye(dim))
    points = sample_points(key, x, nodes, reference)
    moments = noise_moments(key, traceable(score), process, points, grid.time)
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
    """A lower bound on the reverse SDE's ln p_th(x), per row of x (n, d), nats: unbiased given x, not noise-free.

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
