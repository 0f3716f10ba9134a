"""The answer to a question about data: a number in nats, its error bar, its bracket, its terms and its health."""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping
from typing import Any

import numpy as np
from scipy.special import ndtri

from thermodiff.numerics import estimate_rows
from thermodiff.types import Estimate
from thermodiff.validation import complain

SPREAD_SIGMAS = 3.0
SPREAD_NATS = 0.1
WIDE_PER_DIM = 0.05
RANKS_LOSE, STRONG_NATS = 3.0, 0.03
"""Ranks of n rows take 3 exp(I)/n nats from a Gaussian dependence I (simulated), and above 0.03 a warning says so."""
FAR_OUT = 15.0
"""Standard deviations from the mean at which a value is called far out."""


@dataclasses.dataclass(frozen=True)
class Information:
    """An entropy, divergence or dependence in nats.

    mean, stderr  the estimate and its standard error: sampling, sqrt(var/n), and the bracket's width over sqrt(12) for
                  what the networks have not learned (a uniform distribution over the bracket), added in squares
    bracket       (low, high): the held-out number less 3 times and once what half the rows and steps lose
    n             rows
    terms         what it is made of, each in nats
    readings      the held-out estimate by the quadratic, divergence and denoising readings: their spread is a warning
    warnings      one sentence for each thing to distrust; empty for a healthy estimate
    """

    quantity: str
    mean: float
    stderr: float
    n: int
    bracket: tuple[float, float]
    terms: Mapping[str, float]
    readings: Mapping[str, Estimate]
    warnings: tuple[str, ...]

    @property
    def estimate(self) -> Estimate:
        """(mean, stderr, n)."""
        return Estimate(self.mean, self.stderr, self.n)

    def interval(self, level: float = 0.9) -> tuple[float, float]:
        """mean -+ z stderr with the normal quantile z of ``level``. Raises ValueError unless 0 < level < 1."""
        if not 0 < level < 1:
            raise complain("level", f"{level}", "a probability in (0, 1)")
        z = float(ndtri(0.5 + 0.5 * level))
        return self.mean - z * self.stderr, self.mean + z * self.stderr

    def to_dict(self) -> dict[str, Any]:
        """Everything, in plain numbers, strings, lists and dictionaries."""
        readings = {
            name: {"mean": float(e.mean), "stderr": float(e.stderr)} for name, e in self.readings.items()
        }
        return {
            "quantity": self.quantity,
            "mean": self.mean,
            "stderr": self.stderr,
            "n": self.n,
            "interval_90": list(self.interval()),
            "bracket": list(self.bracket),
            "terms": dict(self.terms),
            "readings": readings,
            "warnings": list(self.warnings),
        }

    def __str__(self) -> str:
        low, high = self.interval()
        value = f"{self.mean:.4f} ± {self.stderr:.4f} nats"
        lines = [
            f"{self.quantity}: {value}   (n = {self.n}, 90 % from {low:.4f} to {high:.4f})",
            f"  {'bracket: by how learning goes on':<36}{self.bracket[0]:>11.4f} {self.bracket[1]:>11.4f}",
            *(f"  {name:<36}{value:>11.4f}" for name, value in self.terms.items()),
            *(
                f"  {f'held out, {name} reading':<36}{e.mean:>11.4f} ± {e.stderr:.4f}"
                for name, e in self.readings.items()
            ),
            *(f"  warning: {warning}" for warning in self.warnings),
        ]
        return "\n".join(lines)


def total_error(values: np.ndarray, bracket: tuple[float, float], other: float = 0.0) -> float:
    """Sampling error of the rows' values, the bracket's uniform spread and any ``other`` error, added in squares."""
    parts = (estimate_rows(values).stderr, (bracket[1] - bracket[0]) / np.sqrt(12), other)
    return float(np.sqrt(sum(np.square(part) for part in parts)))


# --- health ---------------------------------------------------------------------------------------


def spread_warning(quadratic: np.ndarray, denoising: np.ndarray) -> list[str]:
    """The readings of a true score agree; these, row by row, do not."""
    gap = estimate_rows(quadratic - denoising)
    if abs(gap.mean) < max(SPREAD_NATS, SPREAD_SIGMAS * gap.stderr):
        return []
    return [
        f"the quadratic and denoising readings differ by {gap:.3f} nats: the networks are far from the score"
    ]


def bracket_warning(bracket: tuple[float, float], dim: int) -> list[str]:
    """Half the effort tells another story than all of it: too few rows or steps for what there is to learn."""
    width = abs(bracket[1] - bracket[0])
    if width < WIDE_PER_DIM * dim:
        return []
    return [
        f"still to be learned: {width / 2:.2f} to {1.5 * width:.2f} nats, more rows or steps would bring it nearer"
    ]


def training_warning(best_steps: list[int], most: int) -> list[str]:
    """Networks that were still getting better when their steps ran out."""
    unfinished = sum(step >= most for step in best_steps)
    if not unfinished:
        return []
    return [
        f"{unfinished} of {len(best_steps)} trainings were still improving at step {most}: allow more steps"
    ]


def strong_warning(per_column: float, n: int) -> list[str]:
    """A dependence so strong, nats a column, that the ranks of n rows do not resolve it: they lose 3 exp(I)/n of it."""
    lost = RANKS_LOSE * np.exp(per_column) / n
    if lost < STRONG_NATS:
        return []
    return [
        f"{per_column:.1f} nats a column: the ranks of {n} rows lose {lost:.2f} or more of each, so it is too small"
    ]


def tail_warning(z: np.ndarray) -> list[str]:
    """Values so far out that they decide the averages alone."""
    farthest = np.abs(z).max(axis=0)
    if farthest.max() < FAR_OUT:
        return []
    column = int(farthest.argmax())
    return [
        f"column {column} has a value {farthest[column]:.0f} standard deviations out: an outlier, or a long tail"
    ]


def few_rows_warning(n: int, dim: int) -> list[str]:
    """Fewer than ten rows a dimension."""
    return [f"{n} rows for {dim} dimensions: fewer than ten each"] if n < 10 * dim else []
