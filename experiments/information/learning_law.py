"""The law by which what is missing follows what half the effort loses, fitted to families of known density.

    J = kappa D (1 + s xi),  ln kappa = a + b ln(D/d),  ln s = c + e ln(n/10^4),  xi ~ N(0, 1),

by maximum likelihood over the rows of ``learning_effort`` of seed 0, J and D with their own sampling errors. How often
intervals made by it hold the truth is measured on families that the fit has not seen, each left out in turn, and on all
seeds.
"""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np
from scipy.optimize import minimize
from scipy.stats import beta, norm

from experiments.harness.types import Row
from experiments.information.known_densities import FAMILIES

LEVEL = 0.9
FITTED_SEED = 0
"""The law is fitted to rows of this seed; those of others judge it alone."""
TRUTH_ROWS = 400_000
"""Rows whose -ln p is averaged for the truth of a family: to 0.002 nats a unit of its standard deviation."""


class Law(NamedTuple):
    """a, b, s at 10^4 rows, and e."""

    level: float
    slope: float
    spread: float
    rows_power: float

    def kappa(self, lost: Any, columns: Any) -> np.ndarray:
        """kappa at D = ``lost`` > 0 nats of so many columns."""
        return np.exp(self.level + self.slope * np.log(np.asarray(lost) / columns))

    def spread_of(self, n: Any) -> np.ndarray:
        """s of n rows."""
        return self.spread * (np.asarray(n) / 10_000) ** self.rows_power


def fitted(rows: list[Row]) -> Law:
    """The likeliest law for the rows of ``FITTED_SEED`` whose D is above zero."""
    rows = [row for row in rows if row["seed"] == FITTED_SEED and row["D"][0] > 0]
    numbers = ((row["J"][0], row["D"][0], row["columns"], row["n"]) for row in rows)
    missing, lost, columns, n = (np.array(v) for v in zip(*numbers, strict=True))
    sampling = np.array([row["ratio"][1] * row["D"][0] for row in rows])

    def law_of(parameters: np.ndarray) -> Law:
        a, b, log_s, e = (float(p) for p in parameters)
        return Law(a, b, float(np.exp(log_s)), e)

    def cost(parameters: np.ndarray) -> float:
        law = law_of(parameters)
        expected = law.kappa(lost, columns) * lost
        error = np.hypot(law.spread_of(n) * expected, sampling)
        return -float(norm.logpdf(missing, expected, error).sum())

    options = {"maxiter": 20_000, "maxfev": 20_000, "xatol": 1e-6, "fatol": 1e-8}
    return law_of(minimize(cost, [0.5, 0.0, -1.0, 0.0], method="Nelder-Mead", options=options).x)


class Interval(NamedTuple):
    """An estimate's error and standard error, nats."""

    error: float
    stderr: float

    @property
    def holds(self) -> bool:
        """Whether the interval at ``LEVEL`` has the truth in it."""
        return bool(abs(self.error) <= norm.ppf(0.5 + LEVEL / 2) * self.stderr)


def interval(law: Law, row: Row, truth: float) -> Interval:
    """What an estimate by this law would have said of a row's data."""
    lost, (value, _), cov = row["D"][0], row["held_out"], row["covariance"]
    kappa = float(law.kappa(lost, row["columns"])) if lost > 0 else 0.0
    sampling = cov[0][0] - 2 * kappa * cov[0][1] + kappa**2 * cov[1][1]
    return Interval(
        value - kappa * lost - truth,
        float(np.hypot(np.sqrt(sampling), law.spread_of(row["n"]) * kappa * lost)),
    )


def left_out(rows: list[Row], truths: dict[str, float]) -> list[Interval]:
    """The interval of each row by the law of all other families."""
    names = dict.fromkeys(row["family"] for row in rows)
    laws = {name: fitted([row for row in rows if row["family"] != name]) for name in names}
    return [interval(laws[row["family"]], row, truths[row["family"]]) for row in rows]


def entropies(names: list[str]) -> dict[str, float]:
    """E[-ln p] of families over ``TRUTH_ROWS`` rows each, nats."""
    return {name: float(-FAMILIES[name](np.random.default_rng(99), TRUTH_ROWS)[1].mean()) for name in names}


def binomial(holds: int, of: int) -> tuple[float, float]:
    """The 90 % interval of a share (Clopper & Pearson 1934)."""
    low = beta.ppf(0.05, holds, of - holds + 1) if holds else 0.0
    high = beta.ppf(0.95, holds + 1, of - holds) if holds < of else 1.0
    return float(low), float(high)


def needed(found: list[Interval]) -> float:
    """By what factor standard errors would have to be longer for exactly ``LEVEL`` of the intervals to hold."""
    z = np.sort([abs(one.error) / one.stderr for one in found])
    return float(np.quantile(z, LEVEL) / norm.ppf(0.5 + LEVEL / 2))


def summary(rows: list[Row]) -> str:
    """The law of all rows, and by number of rows how often the laws of the other families hold."""
    law = fitted(rows)
    lines = [
        f"  ln(J/D) = {law.level:.3f} {law.slope:+.3f} ln(D/d), "
        f"spread {law.spread:.3f} (n/10^4)^{law.rows_power:.3f}, by seed {FITTED_SEED} of {len(rows)} cells"
    ]
    found = left_out(rows, entropies(sorted({row["family"] for row in rows})))
    for n in sorted({row["n"] for row in rows}):
        those = [one for one, row in zip(found, rows, strict=True) if row["n"] == n]
        holds = sum(one.holds for one in those)
        low, high = binomial(holds, len(those))
        width = 2 * norm.ppf(0.5 + LEVEL / 2) * np.mean([one.stderr for one in those])
        error = np.mean([abs(one.error) for one in those])
        lines.append(
            f"  n = {n}: {LEVEL:.0%} intervals of families left out hold {holds} of {len(those)} "
            f"(90 % from {low:.2f} to {high:.2f}), mean width {width:.3f}, {1 / needed(those):.2f} of what would hold "
            f"{LEVEL:.0%} exactly; mean |error| {error:.3f}"
        )
    return "\n".join(lines)
