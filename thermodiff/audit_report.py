"""The audit as a record: numbers, inequalities with their standing, identities with their residuals."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, NamedTuple

import numpy as np

from thermodiff.audit_table import table
from thermodiff.entropy_rates import EntropyRates, TimeGrid
from thermodiff.numerics import estimate_functions
from thermodiff.types import Estimate

SIGMAS = 3.0
"""How many standard errors a sign has to clear before the audit relies on it."""

SYSTEMATIC = 2e-5
"""Nats per dimension that single precision and the flow's default tolerance may cost (exact scores: half of it)."""


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


class Identity(NamedTuple):
    """A slack, the terms that it splits into, and the residual (zero up to its error if all is right)."""

    name: str
    slack: Estimate
    terms: dict[str, Estimate]
    residual: Estimate


@dataclass(frozen=True)
class Audit:
    """What ``td.audit`` returns. Numbers in nats per sample; ``values`` holds all of them by the names of ``ledger``.

    known says how S0 and S1 are known and where the prior is from;
    where S0 is not, numbers that compare it with itself are left out;
    truncation is S(p(t_min)) - S(p_0); rates are in the generation orientation with the system rate read by
    divergence; quadrature_error that of the integral of R1.
    """

    values: dict[str, Estimate]
    inequalities: tuple[Inequality, ...]
    identities: tuple[Identity, ...]
    known: dict[str, str]
    t_min: float
    truncation: float | None
    quadrature_error: float
    rates: EntropyRates
    dim: int

    def __getitem__(self, name: str) -> Estimate:
        """``audit["nll"]``: one Estimate by name."""
        return self.values[name]

    @property
    def healthy(self) -> bool:
        """Whether the readings agree: |int R1 - int R3| below 3 standard errors or 1 % of d nats."""
        spread = self.values["readings_spread"]
        return abs(spread.mean) < max(SIGMAS * spread.stderr, 0.01 * self.dim)

    def to_dict(self) -> dict[str, Any]:
        """Plain numbers, strings and lists, ready for JSON."""
        flat: dict[str, Any] = {"dim": self.dim, "t_min": self.t_min, "truncation_entropy": self.truncation}
        flat |= {"quadrature_error": self.quadrature_error, "known": self.known, "healthy": self.healthy}
        for name, value in self.values.items():
            if not name.startswith(("identity_", "residual_")):
                flat[name], flat[f"{name}_stderr"] = float(value.mean), float(value.stderr)
        flat["inequalities"] = [
            {**i._asdict(), "gap": float(i.gap.mean), "gap_stderr": float(i.gap.stderr)}
            for i in self.inequalities
        ]
        flat["identities"] = [
            {
                "name": i.name,
                "slack": float(i.slack.mean),
                "terms": {k: float(v.mean) for k, v in i.terms.items()},
                "residual": float(i.residual.mean),
                "residual_stderr": float(i.residual.stderr),
            }
            for i in self.identities
        ]
        flat["rates"] = self.rates.to_dict()
        return flat

    def __str__(self) -> str:
        """The table."""
        return "\n".join(table(self, SYSTEMATIC * self.dim))


# --- inequalities -------------------------------------------------------------------------------


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
    "certified_flow_slack",
    "elbo_minus_S0",
    "elbo_slack_denoising",
    "cross_slack_quadratic",
    "certified_elbo_slack",
    "certified_elbo_rate_slack",
}


def _says_nothing_without_S0(name: str) -> bool:
    """Numbers that are true by construction, or meaningless, where a likelihood stands for S0."""
    return name.startswith(("identity_", "residual_", "certified")) or name in {
        "A",
        "A_rate",
        "A_over_9_minus_B",
        "B_minus_A",
        "J",
        "elbo_minus_S0",
        "nll_minus_S0",
    }


def _inequalities(v: dict[str, Estimate], S0_known: bool, systematic: float) -> tuple[Inequality, ...]:
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


_IDENTITIES = {
    "cross_quadratic": "N_th - L_1",
    "elbo_quadratic": "-ELBO - L_1",
    "elbo_denoising": "-ELBO - L_3",
    "flow_flow": "NLL_ode - L_0",
}


def _identities(v: dict[str, Estimate]) -> tuple[Identity, ...]:
    result = []
    for key, name in _IDENTITIES.items():
        prefix = f"identity_{key}: "
        terms = {k.removeprefix(prefix): e for k, e in v.items() if k.startswith(prefix)}
        result.append(Identity(name, v[f"identity_{key}"], terms, v[f"residual_{key}"]))
    return tuple(result)


def build_report(
    ledger: Callable[[Any, Any], dict[str, Any]],
    constants: Any,
    means: Any,
    grid: TimeGrid,
    rates: EntropyRates,
    known: dict[str, str],
    truncation: float | None,
) -> Audit:
    """The Audit of what was measured: ``ledger(constants, means)`` is every number of it."""
    values = estimate_functions(ledger, constants, means)
    S0_known = known["S0"] != "upper bound"
    quadrature_error = float(grid.rule.error(np.asarray(means.moments.square).mean(axis=0)))
    return Audit(
        values=values if S0_known else {k: e for k, e in values.items() if not _says_nothing_without_S0(k)},
        inequalities=_inequalities(values, S0_known, quadrature_error + SYSTEMATIC * rates.dim),
        identities=_identities(values) if S0_known else (),
        known=known,
        t_min=float(grid.time[0]),
        truncation=truncation,
        quadrature_error=quadrature_error,
        rates=rates,
        dim=rates.dim,
    )
