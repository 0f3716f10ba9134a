"""The entropy of data that a learned score implies: every reading of it, and what the bounds make of them.

    reading k    S0_hat(k) = S1 - int R_k        (S1 = CE(p_1, pi) for k = 1, 2, 3 and S(pi) for k = 0)
    bound        2 NLL_ode - S0_hat(1), from NLL_ode >= (S0 + S0_hat(1))/2: a ceiling on S0 where the bound holds
    rescaled     S1 - int div f - C^2/B, the -ELBO of c s_th at its best c: always a ceiling, never above -ELBO
S0_hat(3) is -ELBO, always a ceiling, and S0_hat(1) is a floor where B >= A. What is estimated is S(p(t_min)), of the
data as noise has blurred and the drift has shrunk them there. Source: theory section 5 (this project).
"""

from __future__ import annotations

from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
from jaxtyping import Array, Float

from thermodiff.array_types import Key, Process, Score
from thermodiff.distributions.base import gaussian_entropy
from thermodiff.distributions.gaussian import Gaussian
from thermodiff.numerics.delta_method import estimate_functions
from thermodiff.numerics.divergence import Divergence, HutchinsonDivergence
from thermodiff.processes.base import last_time
from thermodiff.runtime.devices import in_full_precision
from thermodiff.scores.diffusion import LearnedDiffusion, learned_diffusion
from thermodiff.thermodynamics.bounds import implied_entropy
from thermodiff.thermodynamics.ensembles import row_ensemble
from thermodiff.thermodynamics.moments import noise_moments
from thermodiff.thermodynamics.priors import check_prior, default_prior, prior_cross_entropy_given
from thermodiff.thermodynamics.readings import system_integrals
from thermodiff.thermodynamics.time_grid import DEFAULT_NODES, TimeGrid, time_grid
from thermodiff.trajectories.probability_flow import probability_flow
from thermodiff.validation import check_key, check_points, complain


class ImpliedEntropies(NamedTuple):
    """Estimates of S(p(t_min)), nats, each an Estimate over rows: four readings, -ln p_th, and two ceilings."""

    quadratic: Any
    divergence: Any
    denoising: Any
    flow: Any
    nll: Any
    bound: Any
    rescaled: Any


class Means(NamedTuple):
    """What the estimates are functions of, one entry a row (n,), nats: S1 - int R_k, growth along the flow, CE."""

    quadratic: Any
    divergence: Any
    denoising: Any
    growth: Any
    nll: Any
    cross_entropy: Any


class Constants(NamedTuple):
    """S(pi) and int E[div f] over [t_min, 1]."""

    prior_entropy: Any
    drift: Any


def entropies_of_means(constants: Constants, mean: Means) -> dict[str, Any]:
    """Every estimate by name.

    C is read from the divergence, which scatters from row to row less than the overlap with the noise.
    """
    B, C = (mean.cross_entropy - reading - constants.drift for reading in (mean.quadratic, mean.divergence))
    return {
        "quadratic": mean.quadratic,
        "divergence": mean.divergence,
        "denoising": mean.denoising,
        "flow": implied_entropy(constants.prior_entropy, mean.growth),
        "nll": mean.nll,
        "bound": 2 * mean.nll - mean.quadratic,
        "rescaled": mean.cross_entropy - constants.drift - C**2 / B,
    }


@in_full_precision
def implied_entropies(
    key: Key,
    score: Score,
    process: Process,
    samples: Float[Array, "n d"] | Any,
    *,
    prior: Gaussian | None = None,
    t_min: float | None = None,
    nodes: int = DEFAULT_NODES,
    divergence: Divergence | None = None,
) -> ImpliedEntropies:
    """Every estimate of the entropy of ``samples`` (n, d), rows that the score was not trained on, nats.

    ``prior``, ``t_min``, ``nodes`` and ``divergence`` (along the flow; averages take one probe a point) as in
    ``likelihood.flow_likelihood`` and ``variational_terms``. Raises ValueError for rows of another shape, fewer than
    two, or a prior of another dimension; FlowError where the flow cannot be solved. Source: theory section 5.
    """
    key = check_key(key)
    check_points("samples", samples)
    x = jnp.asarray(samples, dtype=float)
    n, dim = x.shape
    if n < 2:
        raise complain("samples", "one row", "at least 2, since the error bar is their spread")
    diffusion = learned_diffusion(score, process, dim, divergence)
    prior = prior or default_prior(diffusion.score, process, dim)
    check_prior(prior, dim)
    start = diffusion.starting_time(t_min)
    grid = time_grid(process, start, nodes)
    means = _means(key, diffusion, prior, x, grid, start)
    constants = Constants(gaussian_entropy(prior.variances), dim * grid.drift_integral)
    return ImpliedEntropies(**estimate_functions(entropies_of_means, constants, means))


def _means(
    key: Key,
    diffusion: LearnedDiffusion,
    prior: Gaussian,
    x: Float[Array, "n d"],
    grid: TimeGrid,
    start: Any,
) -> Means:
    """What the estimates are made of, for each row; the flow begins at ``start``, where the grid does."""
    process = diffusion.process
    point_key, probe_key, blur_key, flow_key = jax.random.split(key, 4)
    points = row_ensemble(point_key, x, len(grid.time), diffusion.reference)
    moments = noise_moments(probe_key, diffusion.taking(HutchinsonDivergence(1)), points, grid.time)
    R = system_integrals(grid, diffusion.dim, moments)
    S1 = prior_cross_entropy_given(prior, process, x)
    blurred = process.alpha(start) * x + process.sigma(start) * jax.random.normal(blur_key, x.shape)
    path = probability_flow(flow_key, diffusion, blurred, jnp.asarray([start, last_time(process)]))
    growth = path.growth[:, -1]
    return Means(
        quadratic=implied_entropy(S1, R["quadratic"]),
        divergence=implied_entropy(S1, R["divergence"]),
        denoising=implied_entropy(S1, R["denoising"]),
        growth=growth,
        nll=-(prior.log_prob(path.x[:, -1]) + growth),
        cross_entropy=S1,
    )
