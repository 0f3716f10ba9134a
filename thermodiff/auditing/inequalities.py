"""Which inequalities of theory section 5 are guaranteed for the numbers at hand, and whether each holds."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from thermodiff.types import Estimate

SIGMAS = 3.0
"""How many standard errors a sign has to clear before the audit relies on it."""


class Inequality(NamedTuple):
    """left >= right: the gap with its error, whether theory guarantees it here, by what, and whether it holds.

    standing: "guaranteed" or "observed"; verdict: "holds", "within error" (negative by less than 3 standard
    errors, the quadrature error and 2e-5 d nats of rounding) or "violated". Where S0 is only known by an upper
    bound every lower bound here is too high (each grows with S0): "holds" is then conclusive, and what would be a
    violation is "undecided".
    """

    name: str
    gap: Estimate
    standing: str
    why: str
    verdict: str


def _verdict(gap: Estimate, S0_known: bool, systematic: float) -> str:
    if gap.mean >= 0:
        return "holds"
    if not S0_known or not np.isfinite(gap.mean):
        return "undecided"
    return "within error" if gap.mean > -SIGMAS * gap.stderr - systematic else "violated"


def _clearly_positive(value: Estimate) -> bool:
    return bool(value.mean > SIGMAS * value.stderr)


_ABOUT_S0_ITSELF = {
    "nll_minus_S0",
    "nll_sde_minus_S0",
    "certified_flow_slack",
    "elbo_minus_S0",
    "elbo_slack_denoising",
    "cross_slack_quadratic",
    "certified_elbo_slack",
    "certified_elbo_rate_slack",
}


def says_nothing_without_S0(name: str) -> bool:
    """Numbers that are true by construction, or meaningless, where a likelihood stands for S0."""
    return name.startswith(("identity_", "residual_", "certified")) or name in {
        "A",
        "A_rate",
        "A_over_9_minus_B",
        "B_minus_A",
        "J",
        "elbo_minus_S0",
        "nll_minus_S0",
        "nll_sde_minus_S0",
    }


def inequalities_of(v: dict[str, Estimate], S0_known: bool, systematic: float) -> tuple[Inequality, ...]:
    """Every inequality of theory section 5 with its standing for these numbers; ``systematic`` error in nats."""
    # With a likelihood standing for S0 (and CE for S1) A is off, to either side: neither condition can be told.
    b_above_a = S0_known and _clearly_positive(v["B_minus_A"])
    b_far_below = S0_known and _clearly_positive(v["A_over_9_minus_B"])
    spread_out = _clearly_positive(v["terminal_excess"])
    elbo_why = "B >= A" if b_above_a else "B <= A/9" if b_far_below else ""
    always = "always"
    rows = [
        ("NLL_ode >= S0", "nll_minus_S0", always),
        ("-ELBO >= S0", "elbo_minus_S0", always),
        ("N_th >= L_1", "cross_slack_quadratic", always),
        ("NLL_ode >= L_1", "slack_quadratic", "B >= A" if b_above_a else ""),
        ("-ELBO >= L_1", "elbo_slack_quadratic", elbo_why),
        ("NLL_ode >= L_2", "slack_divergence", ""),
        ("-ELBO >= L_2", "elbo_slack_divergence", ""),
        ("NLL_ode >= L_3", "slack_denoising", ""),
        ("-ELBO >= L_3", "elbo_slack_denoising", always),
        ("NLL_ode >= L_0", "slack_flow", "E|x1|^2 >= d" if spread_out else ""),
        ("NLL_ode >= L_0 - d(1 - ln 2)/4", "floor_slack_flow", always),
        ("-ELBO >= S0 + (√A - √B)^2 + KL", "certified_elbo_slack", "Cauchy-Schwarz"),
        ("-ELBO >= S0 + int (√a - √b)^2 + KL", "certified_elbo_rate_slack", "Cauchy-Schwarz"),
        ("NLL_ode >= S0 + KL(N(q1) || pi)", "certified_flow_slack", "Gaussian pi"),
        ("NLL_SDE >= S0", "nll_sde_minus_S0", always),
        ("NLL_K >= NLL_SDE", "paths_minus_nll_sde", always),
        ("-ELBO_N >= NLL_K", "elbo_steps_minus_paths", always),
    ]
    result = []
    for name, key, why in rows:
        # With a likelihood standing for S0 these would compare a number with itself.
        vacuous = not S0_known and key in _ABOUT_S0_ITSELF
        if key in v and not vacuous:
            standing = "guaranteed" if why else "observed"
            result.append(
                Inequality(
                    name, v[key], standing, why or "no theorem here", _verdict(v[key], S0_known, systematic)
                )
            )
    return tuple(result)
