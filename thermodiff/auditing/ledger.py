"""Every number of an audit as a function of means, in the letters of theory sections 4 and 5 (nats).

What is measured (``Means``) and what is not (``Constants``) come in, a dictionary of scalars comes out; the errors of
all of them, and of their differences, follow from the units' joint fluctuations (``numerics.delta_method``).
"""

from __future__ import annotations

from typing import Any, NamedTuple

import jax.numpy as jnp
from jaxtyping import Array, Float

from thermodiff.thermodynamics import bounds
from thermodiff.thermodynamics.moments import NoiseMoments
from thermodiff.thermodynamics.readings import FLOW, READINGS, system_moment
from thermodiff.thermodynamics.time_grid import TimeGrid


class Means(NamedTuple):
    """What an audit measures, with a leading axis of units; pure functions of the means of these are reported.

    S0, S1, CE = CE(p_1, pi): entropies in nats; nll = -ln p_th(x(t_min)), with S0 + ln p(x(t_min)) as control variate
    where p is known; sampling that variate, of mean zero; flow_growth the integral of div(f - D s_th) along the learned
    flow; x1, x1_square the first and second moments of the flow's image of the data; moments the averages a, b, c per
    unit of ell. Where they are asked for, of the reverse SDE in finitely many steps: nll_sde (jackknifed), nll_paths =
    NLL_K, an upper bound on it, and neg_elbo_steps = NLL_1, with the control variate of nll.
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
    nll_sde: Float[Array, " units"] | None = None
    nll_paths: Float[Array, " units"] | None = None
    neg_elbo_steps: Float[Array, " units"] | None = None


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
    # The formulae of the readings, never their controlled averages: the residuals would check nothing.
    raw = {name: read(c.drift, r.B_raw, r.C_raw, r.C_div) for name, read in READINGS.items()}
    neg_elbo = m.CE - raw["denoising"]
    L_1 = bounds.paper_bound(m.S0, m.S1, raw["quadratic"])
    slack = {
        "cross_quadratic": m.S1 - raw["divergence"] - L_1,
        "elbo_quadratic": neg_elbo - L_1,
        "elbo_denoising": neg_elbo - bounds.paper_bound(m.S0, m.S1, raw["denoising"]),
        "flow_flow": m.nll - bounds.paper_bound(m.S0, c.prior_entropy, m.flow_growth),
    }
    return {
        **{f"identity_{k}": v for k, v in slack.items()},
        **{f"identity_{k}: {name}": v for k in slack for name, v in getattr(terms, k).items()},
        **{f"residual_{k}": v - sum(getattr(terms, k).values()) for k, v in slack.items()},
        "residual_elbo_gap": neg_elbo - m.S0 - r.J - KL,
        "residual_true_rate": r.A_rate - r.A,
    }


def _mahalanobis(c: Constants, shift: Any, cov: Any) -> Any:
    """E (x - m)^T C_pi^-1 (x - m) for x of mean m + ``shift`` and covariance ``cov``, m and C_pi the prior's."""
    return jnp.trace(jnp.linalg.solve(c.prior_cov, cov)) + shift @ jnp.linalg.solve(c.prior_cov, shift)


def _averages(c: Constants, m: Means, r: Rates, terminal_square: Any) -> dict[str, Any]:
    """The entropies and the integrals by the letters of theory section 4, and what decides which bounds hold."""
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
        "KL": m.CE - m.S1,
        "B_minus_A": r.B - r.A,
        "A_over_9_minus_B": r.A / 9 - r.B,
        "terminal_excess": terminal_square - c.dim,
    }


def _of_paths(m: Means) -> dict[str, Any]:
    """S0 <= NLL_SDE <= NLL_K <= -ELBO_N of the reverse SDE, where it was measured."""
    if m.nll_sde is None or m.nll_paths is None or m.neg_elbo_steps is None:
        return {}
    return {
        "nll_sde": m.nll_sde,
        "nll_paths": m.nll_paths,
        "neg_elbo_steps": m.neg_elbo_steps,
        "nll_sde_minus_S0": m.nll_sde - m.S0,
        "paths_minus_nll_sde": m.nll_paths - m.nll_sde,
        "elbo_steps_minus_paths": m.neg_elbo_steps - m.nll_paths,
    }


def ledger(c: Constants, m: Means) -> dict[str, Any]:
    """Every number of the audit as a function of means, in the letters of theory sections 4 and 5 (nats)."""
    r = rate_integrals(c, m)
    KL = m.CE - m.S1
    R = {name: read(c.drift, r.B, r.C, r.C_div) for name, read in READINGS.items()}
    R[FLOW] = m.flow_growth
    L = {k: bounds.paper_bound(m.S0, c.prior_entropy if k == FLOW else m.S1, R[k]) for k in R}
    nll, neg_elbo = m.nll, m.CE - R["denoising"]
    cov1 = m.x1_square - jnp.outer(m.x1, m.x1)
    terminal_square = _mahalanobis(c, m.x1 - c.prior_mean, cov1)
    certified = _certified(c, m, r, KL, cov1)
    return {
        **_averages(c, m, r, terminal_square),
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
        **_of_paths(m),
    }


def entropy_ceiling(nll: Float[Array, " units"], neg_elbo: Float[Array, " units"]) -> Float[Array, " units"]:
    """The smaller of NLL_ode and -ELBO: both are S0 plus something that is not negative."""
    return nll if float(jnp.mean(nll)) < float(jnp.mean(neg_elbo)) else neg_elbo


def denoising_integral(moments: NoiseMoments, grid: TimeGrid) -> Float[Array, " units"]:
    """The integral of 2c - b, R3 without the drift, per unit (nats)."""
    denoising = system_moment(moments, "denoising")
    return denoising @ jnp.asarray(grid.rule.weights, denoising.dtype)
