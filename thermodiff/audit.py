"""Everything at once for one score and one data set: entropies, likelihoods, bounds, and which of them hold.

All averages are taken on the same independent units, so that each difference has a paired error bar.
"""

from __future__ import annotations

from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
from jaxtyping import Array, Float

from thermodiff import bounds
from thermodiff.audit_report import Audit, build_report
from thermodiff.distributions.base import gaussian_entropy
from thermodiff.distributions.gaussian import Gaussian
from thermodiff.entropies import (
    Entropy,
    marginal_entropy,
    marginal_log_prob,
    prior_cross_entropy,
    truncation_entropy,
)
from thermodiff.entropy_rates import DEFAULT_NODES, TimeGrid, assemble_rates, noised_points, time_grid
from thermodiff.flow import Tolerance, probability_flow
from thermodiff.likelihood import default_prior, moment_prior
from thermodiff.noise_moments import NoiseMoments, noise_moments
from thermodiff.numerics import Divergence, HutchinsonDivergence, default_divergence
from thermodiff.points import Points, draw_points
from thermodiff.scores import exact_score, reference_of, starting_time, traceable
from thermodiff.types import Key, NotKnownError, Process, Score, as_float64
from thermodiff.validation import check_score


class Means(NamedTuple):
    """What an audit measures, with a leading axis of units; pure functions of the means of these are reported.

    S0, S1, CE = CE(p_1, pi): entropies in nats; nll = -ln p_th(x(t_min)), with S0 + ln p(x(t_min)) as control variate
    where p is known; flow_growth the integral of div(f - D s_th) along the learned flow; x1, x1_square the first and
    second moments of the flow's image of the data; moments the averages a, b, c per unit of ell.
    """

    S0: Float[Array, " units"]
    S1: Float[Array, " units"]
    CE: Float[Array, " units"]
    nll: Float[Array, " units"]
    flow_growth: Float[Array, " units"]
    x1: Float[Array, "units d"]
    x1_square: Float[Array, "units d d"]
    moments: NoiseMoments


class Constants(NamedTuple):
    """What is not averaged: weights in ell, d ln(alpha(1)/alpha(t_min)), the prior and its entropy."""

    weights: Any
    drift: Any
    prior_mean: Any
    prior_cov: Any
    prior_entropy: Any
    dim: Any


def ledger(c: Constants, m: Means) -> dict[str, Any]:
    """Every number of the audit as a function of means, in the letters of theory sections 4 and 5 (nats)."""
    integrate = lambda values: values @ c.weights  # noqa: E731
    B, C = integrate(m.moments.square), integrate(m.moments.overlap)
    C_div = C if m.moments.divergence is None else integrate(m.moments.divergence)
    A = m.S1 - m.S0 - c.drift
    KL = m.CE - m.S1
    J = A + B - 2 * C if m.moments.error is None else integrate(m.moments.error)
    R = {
        "quadratic": c.drift + B,
        "divergence": c.drift + C_div,
        "denoising": c.drift + 2 * C - B,
        "flow": m.flow_growth,
    }
    L = {k: bounds.paper_bound(m.S0, c.prior_entropy if k == "flow" else m.S1, R[k]) for k in R}
    nll, neg_elbo, cross = m.nll, m.CE - R["denoising"], m.S1 - R["divergence"]
    cov1 = m.x1_square - jnp.outer(m.x1, m.x1)
    shift = m.x1 - c.prior_mean
    terminal_square = jnp.trace(jnp.linalg.solve(c.prior_cov, cov1)) + shift @ jnp.linalg.solve(
        c.prior_cov, shift
    )
    certified = {
        "certified_elbo": bounds.certified_elbo_bound(m.S0, A, B, KL),
        "certified_flow": bounds.certified_flow_bound(m.S0, m.x1, cov1, c.prior_mean, c.prior_cov),
    }
    if m.moments.true_square is not None:
        certified["certified_elbo_rate"] = bounds.certified_elbo_rate_bound(
            m.S0, m.moments.true_square, m.moments.square, c.weights, KL
        )
    # With the exact score A is also an integral of its own rate: then the identities check entropies against rates.
    A_rate = A if m.moments.true_square is None else integrate(m.moments.true_square)
    terms = bounds.slack_terms(A_rate, B, C, J, KL, nll - m.S0, terminal_square, c.dim)
    slack = {
        "cross_quadratic": cross - L["quadratic"],
        "elbo_quadratic": neg_elbo - L["quadratic"],
        "elbo_denoising": neg_elbo - L["denoising"],
        "flow_flow": nll - L["flow"],
    }
    return {
        "S0": m.S0,
        "S1": m.S1,
        "prior_entropy": c.prior_entropy + 0 * m.S1,
        "prior_cross_entropy": m.CE,
        "A": A,
        "A_rate": A_rate,
        "B": B,
        "C": C,
        "J": J,
        "KL": KL,
        "B_minus_A": B - A,
        "A_over_9_minus_B": A / 9 - B,
        "terminal_excess": terminal_square - c.dim,
        "nll": nll,
        "neg_elbo": neg_elbo,
        "cross": cross,
        "nll_minus_S0": nll - m.S0,
        "elbo_minus_S0": neg_elbo - m.S0,
        "readings_spread": R["quadratic"] - R["denoising"],
        "divergence_check": C_div - C,
        **{f"integral_{k}": v for k, v in R.items()},
        **{f"bound_{k}": v for k, v in L.items()},
        **certified,
        **{f"slack_{k}": nll - v for k, v in L.items()},
        **{f"elbo_slack_{k}": neg_elbo - v for k, v in L.items()},
        **{f"{k}_slack": (neg_elbo if "elbo" in k else nll) - v for k, v in certified.items()},
        **{f"identity_{k}": slack[k] for k in slack},
        **{f"identity_{k}: {name}": v for k in slack for name, v in getattr(terms, k).items()},
        **{f"residual_{k}": slack[k] - sum(getattr(terms, k).values()) for k in slack},
        "residual_elbo_gap": neg_elbo - m.S0 - J - KL,
        "floor_slack_flow": nll - L["flow"] + c.dim * bounds.FLOW_READING_FLOOR,
    }


def _exact_score_of(data: Any, process: Process) -> Score | None:
    try:
        return exact_score(data, process)
    except (NotKnownError, AttributeError):
        return None


def _flow_means(
    key: Key,
    score: Score,
    process: Process,
    data: Any,
    points: Points,
    S0: Entropy | None,
    prior: Gaussian,
    grid: TimeGrid,
    divergence: Divergence,
    tolerance: Tolerance | None,
) -> dict[str, Any]:
    """nll, flow_growth, x1 and x1_square of ``Means``, from one solve of the learned flow."""
    noise_key, flow_key = jax.random.split(key)
    start = noised_points(noise_key, process, points, grid.time[0])
    units, m, dim = start.shape
    ends = grid.time[jnp.asarray([0, -1])]
    path = probability_flow(flow_key, score, process, start.reshape(-1, dim), ends, divergence, tolerance)
    terminal = path.x[:, -1].reshape(units, m, dim)
    growth = path.growth[:, -1].reshape(units, m)
    nll = -prior.log_prob(terminal) - growth
    if S0 is not None and S0.known == "exact":
        t = grid.time[0]
        nll = (
            nll
            + marginal_log_prob(data, float(process.alpha(t)), float(process.sigma(t)), start)
            + S0.units[:, None]
        )
    return {
        "nll": jnp.mean(nll, axis=1),
        "flow_growth": jnp.mean(growth, axis=1),
        "x1": jnp.mean(terminal, axis=1),
        "x1_square": jnp.einsum("umi,umj->uij", terminal, terminal) / m,
    }


def audit(
    key: Key,
    score: Score,
    process: Process,
    data: Any,
    *,
    prior: Gaussian | None = None,
    t_min: float | None = None,
    nodes: int = DEFAULT_NODES,
    replicates: int = 16,
    points: int = 256,
    max_points: int = 4096,
    divergence: Divergence | None = None,
    tolerance: Tolerance | None = None,
) -> Audit:
    """Entropies, likelihoods and bounds of ``score`` on ``data``, with paired standard errors; print it for a table.

    ``data`` is a distribution (its entropy and exact score are used where it knows them) or samples (n, d), of which
    the first ``max_points`` are used; ``prior`` the terminal Gaussian (default: the Gaussian of p_1's
    moments). Every integral
    starts at ``t_min`` (see ``scores.starting_time``), so S0 stands for S(p(t_min)); what that adds is in the record.
    For samples S0 is not known: -ELBO, an upper bound, stands for it, and the record says so.

    Returns an Audit. Raises ValueError for bad arguments, RuntimeError if the flow cannot be solved. Source: eq. (1) of
    arXiv 2510.06174; readings, identities and certified bounds are this project's (theory section 5).
    """
    keys = jax.random.split(key, 4)
    pts = draw_points(keys[0], data, replicates, points, max_points)
    check_score(score, pts.dim)
    score = traceable(score)
    grid = time_grid(process, starting_time(score, process, t_min), nodes)
    divergence = divergence or default_divergence(pts.dim)
    if prior is None:
        known = reference_of(score) is not None
        prior = default_prior(score, process, pts.dim) if known else moment_prior(pts.reference, process)
    exact = _exact_score_of(data, process)
    moments = noise_moments(keys[1], score, process, pts, grid.time, _cheap(divergence), exact)
    CE = prior_cross_entropy(pts, process, prior)
    S0, S1 = _entropies(keys[2], data, process, pts, grid, CE)
    flow = _flow_means(keys[3], score, process, data, pts, S0, prior, grid, divergence, tolerance)
    constants = Constants(
        weights=grid.rule.weights,
        drift=pts.dim * grid.drift_integral,
        prior_mean=as_float64(prior.mean),
        prior_cov=as_float64(prior.cov),
        prior_entropy=gaussian_entropy(as_float64(prior.variances)),
        dim=pts.dim,
    )
    if S0 is None:
        overlap, square = moments.overlap @ grid.rule.weights, moments.square @ grid.rule.weights
        S0 = Entropy(CE - constants.drift - 2 * overlap + square, "upper bound")
    means = Means(S0=S0.units, S1=S1.units, CE=CE, moments=moments, **flow)
    rates = assemble_rates(grid, pts.dim, moments.divergence, moments.local, "divergence", "generation")
    return build_report(
        ledger,
        constants,
        means,
        grid,
        rates,
        known={"S0": S0.known, "S1": S1.known},
        truncation=truncation_entropy(data, process, grid.time[0]),
    )


def _cheap(divergence: Divergence) -> Divergence:
    """One probe a point is enough where the average over points does the rest."""
    return HutchinsonDivergence(1) if isinstance(divergence, HutchinsonDivergence) else divergence


def _entropies(
    key: Key, data: Any, process: Process, points: Points, grid: TimeGrid, CE: Float[Array, " units"]
) -> tuple[Entropy | None, Entropy]:
    """S(p(t_min)), None where nothing is known of it, and S(p_1), at worst its upper bound CE(p_1, pi)."""
    start_key, end_key = jax.random.split(key)
    t = grid.time[0]
    S0 = marginal_entropy(data, process, points, noised_points(start_key, process, points, t), t)
    S1 = marginal_entropy(data, process, points, noised_points(end_key, process, points, 1.0), 1.0)
    return S0, S1 or Entropy(CE, "upper bound")
