"""Everything at once for one score and one data set: entropies, likelihoods, bounds, and which of them hold.

All averages are taken on the same independent units, so that each difference has a paired error bar.
"""

from __future__ import annotations

import itertools
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
from jaxtyping import Array, Float

from thermodiff import bounds
from thermodiff.audit_report import Audit, build_report
from thermodiff.distributions.base import Family, gaussian_entropy
from thermodiff.distributions.gaussian import Gaussian
from thermodiff.entropies import (
    Entropy,
    marginal_entropy,
    prior_cross_entropy,
    truncation_entropy,
)
from thermodiff.entropy_rates import DEFAULT_NODES, TimeGrid, assemble_rates, time_grid
from thermodiff.flow import Tolerance, probability_flow
from thermodiff.likelihood import check_prior, default_prior, moment_prior
from thermodiff.noise_moments import NoiseMoments, noise_moments
from thermodiff.numerics import Divergence, HutchinsonDivergence
from thermodiff.points import DEFAULT_REPLICATES, Points, noised_points, point_sets
from thermodiff.score_divergence import default_divergence
from thermodiff.scores import exact_score, reference_of, starting_time, traceable
from thermodiff.types import Key, NotKnownError, Process, Score, as_float64
from thermodiff.validation import check_key, check_score, complain


class Means(NamedTuple):
    """What an audit measures, with a leading axis of units; pure functions of the means of these are reported.

    S0, S1, CE = CE(p_1, pi): entropies in nats; nll = -ln p_th(x(t_min)), with S0 + ln p(x(t_min)) as control variate
    where p is known; sampling that variate, of mean zero; flow_growth the integral of div(f - D s_th) along the learned
    flow; x1, x1_square the first and second moments of the flow's image of the data; moments the averages a, b, c per
    unit of ell.
    """

    S0: Float[Array, " units"]
    S1: Float[Array, " units"]
    CE: Float[Array, " units"]
    nll: Float[Array, " units"]
    sampling: Float[Array, " units"]
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


class Rates(NamedTuple):
    """The integrals A, B, C, J of theory section 4, with B and C also as they come without the exact score."""

    A: Any
    A_rate: Any
    B: Any
    B_raw: Any
    C: Any
    C_raw: Any
    C_div: Any
    J: Any


def rate_integrals(c: Constants, m: Means) -> Rates:
    """The integrals from the means.

    With the exact score known, A = S(p_1) - S0 - int E[div f] needs no sampling, and what is left to sample in
    B = A + 2 int E[n.(n_th - n)] + J and C = A + int E[n.(n_th - n)] is of the order of the score's error: the known
    density is the control variate. The raw forms, which do without it, remain as independent routes.
    """
    B_raw, C_raw = m.moments.square @ c.weights, m.moments.overlap @ c.weights
    C_div = C_raw if m.moments.divergence is None else m.moments.divergence @ c.weights
    A = m.S1 - m.S0 - c.drift
    if m.moments.error is None:
        return Rates(A, A, B_raw, B_raw, C_raw, C_raw, C_div, A + B_raw - 2 * C_raw)
    J, P = m.moments.error @ c.weights, m.moments.projection @ c.weights
    return Rates(A, m.moments.true_square @ c.weights, A + 2 * P + J, B_raw, A + P, C_raw, C_div, J)


def _certified(c: Constants, m: Means, r: Rates, KL: Any, cov1: Any) -> dict[str, Any]:
    certified = {
        "certified_elbo": bounds.certified_elbo_bound(m.S0, r.A, r.B, KL),
        "certified_flow": bounds.certified_flow_bound(m.S0, m.x1, cov1, c.prior_mean, c.prior_cov),
    }
    if m.moments.true_square is not None:
        certified["certified_elbo_rate"] = bounds.certified_elbo_rate_bound(
            m.S0, m.moments.true_square, m.moments.square, c.weights, KL
        )
    return certified


def _identities(c: Constants, m: Means, r: Rates, KL: Any, terminal_square: Any) -> dict[str, Any]:
    """Slacks by the raw routes, their terms by the controlled ones, and residuals that check one against the other."""
    terms = bounds.slack_terms(r.A_rate, r.B, r.C, r.J, KL, m.nll - m.S0, terminal_square, c.dim)
    # NLL_ode has the sampling error of E ln p taken out and the flow's own growth has not.
    terms.flow_flow["(S0 + <ln p>)/2"] = m.sampling / 2
    neg_elbo = m.CE - c.drift - 2 * r.C_raw + r.B_raw
    L_1 = bounds.paper_bound(m.S0, m.S1, c.drift + r.B_raw)
    slack = {
        "cross_quadratic": m.S1 - c.drift - r.C_div - L_1,
        "elbo_quadratic": neg_elbo - L_1,
        "elbo_denoising": neg_elbo - bounds.paper_bound(m.S0, m.S1, c.drift + 2 * r.C_raw - r.B_raw),
        "flow_flow": m.nll - bounds.paper_bound(m.S0, c.prior_entropy, m.flow_growth),
    }
    return {
        **{f"identity_{k}": v for k, v in slack.items()},
        **{f"identity_{k}: {name}": v for k in slack for name, v in getattr(terms, k).items()},
        **{f"residual_{k}": v - sum(getattr(terms, k).values()) for k, v in slack.items()},
        "residual_elbo_gap": neg_elbo - m.S0 - r.J - KL,
        "residual_true_rate": r.A_rate - r.A,
    }


def ledger(c: Constants, m: Means) -> dict[str, Any]:
    """Every number of the audit as a function of means, in the letters of theory sections 4 and 5 (nats)."""
    r = rate_integrals(c, m)
    KL = m.CE - m.S1
    R = {
        "quadratic": c.drift + r.B,
        "divergence": c.drift + r.C_div,
        "denoising": c.drift + 2 * r.C - r.B,
        "flow": m.flow_growth,
    }
    L = {k: bounds.paper_bound(m.S0, c.prior_entropy if k == "flow" else m.S1, R[k]) for k in R}
    nll, neg_elbo = m.nll, m.CE - R["denoising"]
    cov1 = m.x1_square - jnp.outer(m.x1, m.x1)
    shift = m.x1 - c.prior_mean
    terminal_square = jnp.trace(jnp.linalg.solve(c.prior_cov, cov1)) + shift @ jnp.linalg.solve(
        c.prior_cov, shift
    )
    certified = _certified(c, m, r, KL, cov1)
    return {
        "S0": m.S0,
        "S1": m.S1,
        "prior_entropy": c.prior_entropy + 0 * m.S1,
        "prior_cross_entropy": m.CE,
        "A": r.A,
        "A_rate": r.A_rate,
        "B": r.B,
        "C": r.C,
        "J": r.J,
        "KL": KL,
        "B_minus_A": r.B - r.A,
        "A_over_9_minus_B": r.A / 9 - r.B,
        "terminal_excess": terminal_square - c.dim,
        "nll": nll,
        "neg_elbo": neg_elbo,
        "cross": m.S1 - c.drift - r.C,
        "nll_minus_S0": nll - m.S0,
        "elbo_minus_S0": neg_elbo - m.S0,
        "intrinsic_total": m.moments.local @ c.weights,
        "exchange_ratio": -1 - R["divergence"] / (m.moments.local @ c.weights),
        "readings_spread": R["quadratic"] - R["denoising"],
        "divergence_check": r.C_div - r.C,
        **{f"integral_{k}": v for k, v in R.items()},
        **{f"bound_{k}": v for k, v in L.items()},
        **certified,
        **{f"slack_{k}": nll - v for k, v in L.items()},
        **{f"elbo_slack_{k}": neg_elbo - v for k, v in L.items()},
        "cross_slack_quadratic": m.S1 - c.drift - r.C - L["quadratic"],
        **{f"{k}_slack": (neg_elbo if "elbo" in k else nll) - v for k, v in certified.items()},
        "floor_slack_flow": nll - L["flow"] + c.dim * bounds.FLOW_READING_FLOOR,
        **_identities(c, m, r, KL, terminal_square),
    }


def _exact_score_of(data: Any, process: Process) -> Score | None:
    if not isinstance(data, Family):
        return None
    try:
        return exact_score(data, process)
    except NotKnownError:
        return None


def _flow_means(
    key: Key,
    score: Score,
    process: Process,
    start: Float[Array, "units m d"],
    start_log_prob: Float[Array, "units m"] | None,
    S0: Entropy | None,
    prior: Gaussian,
    grid: TimeGrid,
    divergence: Divergence,
    tolerance: Tolerance | None,
) -> dict[str, Any]:
    """nll, flow_growth, x1 and x1_square of ``Means``, from one solve of the learned flow."""
    units, m, dim = start.shape
    ends = grid.time[jnp.asarray([0, -1])]
    path = probability_flow(key, score, process, start.reshape(-1, dim), ends, divergence, tolerance)
    terminal = path.x[:, -1].reshape(units, m, dim)
    growth = path.growth[:, -1].reshape(units, m)
    nll = -prior.log_prob(terminal) - growth
    sampling = jnp.zeros_like(nll)
    if S0 is not None and start_log_prob is not None:
        sampling = start_log_prob + S0.units[:, None]
    return {
        "nll": jnp.mean(nll + sampling, axis=1),
        "sampling": jnp.mean(sampling, axis=1),
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
    replicates: int = DEFAULT_REPLICATES,
    points: int = 256,
    flow_points: int | None = None,
    max_points: int = 4096,
    divergence: Divergence | None = None,
    tolerance: Tolerance | None = None,
) -> Audit:
    """Entropies, likelihoods and bounds of ``score`` on ``data``, with paired standard errors; print it for a table.

    ``data`` is a distribution (its entropy and exact score are used where it knows them) or samples (n, d), of which
    the first ``max_points`` are used: in parts, so that memory does not grow with them, and straight from disk if they
    are ``numpy.load(file, mmap_mode="r")``; beyond 4096 rows several share a unit of the error bars. Of the points in
    each unit (``points`` in each of the ``replicates`` of a distribution) the flow carries ``flow_points`` (default
    all). ``prior`` is the terminal Gaussian (default: the Gaussian of p_1's moments). Every
    integral starts at ``t_min`` (see ``scores.starting_time``), so S0 stands for S(p(t_min)); what that adds is in the
    record. For samples S0 is not known: the smaller of NLL_ode and -ELBO, both upper bounds, stands for it, and the
    record says so.

    Returns an Audit. Raises ValueError for bad arguments, RuntimeError if the flow cannot be solved. Source: eq. (1) of
    arXiv 2510.06174; readings, identities and certified bounds are this project's (theory section 5).
    """
    check_key(key)
    if flow_points is not None and flow_points < 1:
        raise complain("flow_points", f"{flow_points}", "at least 1, or None for all")
    keys = jax.random.split(key, 3)
    grid = time_grid(process, starting_time(score, process, t_min), nodes)
    # Two blocks more than times: fresh points for the flow's start and for the entropy of the noise.
    sets = point_sets(keys[0], data, nodes + 2, replicates, points, max_points)
    pts = next(sets)
    check_score(score, pts.dim)
    score, divergence = traceable(score), divergence or default_divergence(score, pts.dim)
    prior, origin = (prior, "given") if prior is not None else _prior_of(score, process, pts)
    check_prior(prior, pts.dim)
    measured: list[_Measured] = []
    for part in itertools.chain([pts], sets):
        # The first part draws what it would draw alone.
        here = [jax.random.fold_in(k, len(measured)) if measured else k for k in keys[1:]]
        measured.append(
            _measure(here, score, process, data, part, grid, prior, divergence, tolerance, flow_points)
        )
    means = jax.tree.map(lambda *leaves: jnp.concatenate(leaves), *(one.means for one in measured))
    known = measured[0]
    constants = Constants(
        weights=grid.rule.weights,
        drift=pts.dim * grid.drift_integral,
        prior_mean=as_float64(prior.mean),
        prior_cov=as_float64(prior.cov),
        prior_entropy=gaussian_entropy(as_float64(prior.variances)),
        dim=pts.dim,
    )
    moments = means.moments
    if known.S0 is None:
        neg_elbo = means.CE - constants.drift - _denoising_integral(moments, grid)
        means = means._replace(S0=_entropy_ceiling(means.nll, neg_elbo))
    return build_report(
        ledger,
        constants,
        means,
        grid,
        assemble_rates(grid, pts.dim, moments.divergence, moments.local, "divergence", "generation"),
        known={"S0": known.S0 or "upper bound", "S1": known.S1 or "upper bound", "prior": origin},
        truncation=truncation_entropy(data, process, grid.time[0]),
    )


def _prior_of(score: Score, process: Process, points: Points) -> tuple[Gaussian, str]:
    """The Gaussian of p_1's moments, and in words where these come from."""
    if reference_of(score) is not None:
        return default_prior(score, process, points.dim), "moments of p_1, from the score's reference"
    return moment_prior(points.reference, process), "moments of p_1, from the audited data"


class _Measured(NamedTuple):
    """Means over one set of points, and how S0 and S1 are known; None where bounds stand for them."""

    means: Means
    S0: str | None
    S1: str | None


def _measure(
    keys: Any,
    score: Score,
    process: Process,
    data: Any,
    points: Points,
    grid: TimeGrid,
    prior: Gaussian,
    divergence: Divergence,
    tolerance: Tolerance | None,
    flow_points: int | None,
) -> _Measured:
    """The means over one set of points."""
    nodes = len(grid.time)
    exact = _exact_score_of(data, process)
    moments = noise_moments(keys[0], score, process, points, grid.time, _cheap(divergence), exact)
    CE = prior_cross_entropy(points, process, prior)
    start, end = (noised_points(process, points, nodes + i, grid.time[-i]) for i in (0, 1))
    start = start[:, :flow_points]
    S0, start_log_prob = marginal_entropy(data, process, points, start, grid.time[0])
    S1, _ = marginal_entropy(data, process, points, end, grid.time[-1])
    flow = _flow_means(keys[1], score, process, start, start_log_prob, S0, prior, grid, divergence, tolerance)
    means = Means(
        S0=flow["nll"] if S0 is None else S0.units,
        S1=CE if S1 is None else S1.units,
        CE=CE,
        moments=moments,
        **flow,
    )
    return _Measured(means, S0 and S0.known, S1 and S1.known)


def _entropy_ceiling(nll: Float[Array, " units"], neg_elbo: Float[Array, " units"]) -> Float[Array, " units"]:
    """The smaller of NLL_ode and -ELBO: both are S0 plus something that is not negative."""
    return nll if float(jnp.mean(nll)) < float(jnp.mean(neg_elbo)) else neg_elbo


def _denoising_integral(moments: NoiseMoments, grid: TimeGrid) -> Float[Array, " units"]:
    weights = jnp.asarray(grid.rule.weights, moments.square.dtype)
    return (2 * moments.overlap - moments.square) @ weights


def _cheap(divergence: Divergence) -> Divergence:
    """One probe a point is enough where the average over points does the rest."""
    return HutchinsonDivergence(1) if isinstance(divergence, HutchinsonDivergence) else divergence
