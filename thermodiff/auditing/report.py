"""The audit as a record: numbers, inequalities with their standing, identities with their residuals."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Any, NamedTuple

import numpy as np

from thermodiff.auditing.inequalities import SIGMAS, Inequality, inequalities_of, says_nothing_without_S0
from thermodiff.auditing.table import table
from thermodiff.numerics.delta_method import estimate_functions
from thermodiff.thermodynamics.rates import EntropyRates
from thermodiff.thermodynamics.time_grid import TimeGrid
from thermodiff.types import Estimate
from thermodiff.units import BITS_PER_DIMENSION, NATS, Unit, convert, unit_of
from thermodiff.validation import complain

PURE_NUMBERS = ("exchange_ratio", "terminal_excess")
"""What an audit measures that has no unit."""
SYSTEMATIC = 2e-5
"""Nats per dimension that single precision and the flow's default tolerance may cost (exact scores: half of it)."""


class Identity(NamedTuple):
    """A slack, the terms that it splits into, and the residual (zero up to its error if all is right)."""

    name: str
    slack: Estimate
    terms: dict[str, Estimate]
    residual: Estimate


@dataclass(frozen=True)
class Audit:
    """What ``td.audit`` returns, in nats per sample; ``values`` holds all numbers by the names of ``ledger``.

    known says how S0 and S1 are known and where the prior is from;
    where S0 is not, numbers that compare it with itself are left out;
    truncation is S(p(t_min)) - S(p_0); rates are in the generation orientation with the system rate read by
    divergence, always in nats per unit of t; quadrature_error that of the integral of R1;
    unit of all else: nats, or what ``in_bits`` makes of them.
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
    unit: Unit = NATS

    def __getitem__(self, name: str) -> Estimate:
        """``audit["nll"]``: one Estimate by name."""
        return self.values[name]

    @property
    def healthy(self) -> bool:
        """Whether the readings agree, |int R1 - int R3| below 3 standard errors or 1 % of d nats."""
        spread = self.values["readings_spread"]
        return abs(spread.mean) < max(SIGMAS * spread.stderr, 0.01 * self.dim / self.unit.nats)

    def in_bits(self, per_dimension: bool = False) -> Audit:
        """The same in bits per sample or per dimension; the rates stay in nats per unit of t.

        Raises ValueError for what is in bits already.
        """
        return self.in_unit(unit_of(BITS_PER_DIMENSION if per_dimension else "bits", self.dim))

    def in_unit(self, unit: Unit) -> Audit:
        """The same in another unit (``thermodiff.units.unit_of``). Raises ValueError unless this one is in nats."""
        if self.unit != NATS:
            raise complain("unit", f"an audit in {self.unit.name}", "one in nats")
        inequalities = (i._replace(gap=convert(i.gap, unit)) for i in self.inequalities)
        identities = (
            Identity(
                i.name,
                convert(i.slack, unit),
                {name: convert(term, unit) for name, term in i.terms.items()},
                convert(i.residual, unit),
            )
            for i in self.identities
        )
        return replace(
            self,
            values={k: v if k in PURE_NUMBERS else convert(v, unit) for k, v in self.values.items()},
            inequalities=tuple(inequalities),
            identities=tuple(identities),
            truncation=None if self.truncation is None else self.truncation / unit.nats,
            quadrature_error=self.quadrature_error / unit.nats,
            unit=unit,
        )

    def to_dict(self) -> dict[str, Any]:
        """Plain numbers, strings and lists, ready for JSON."""
        flat: dict[str, Any] = {
            "unit": self.unit.name,
            "dim": self.dim,
            "t_min": self.t_min,
            "truncation_entropy": self.truncation,
        }
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
        flat["rates"] = {"unit": "nats per unit of t", **self.rates.to_dict()}
        return flat

    def __str__(self) -> str:
        """The table."""
        return "\n".join(table(self, SYSTEMATIC * self.dim))


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
        values=values if S0_known else {k: e for k, e in values.items() if not says_nothing_without_S0(k)},
        inequalities=inequalities_of(values, S0_known, quadrature_error + SYSTEMATIC * rates.dim),
        identities=_identities(values) if S0_known else (),
        known=known,
        t_min=float(grid.time[0]),
        truncation=truncation,
        quadrature_error=quadrature_error,
        rates=rates,
        dim=rates.dim,
    )
