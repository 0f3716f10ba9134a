"""The answer to a question about data: a number in nats, its error bar, its bracket, its terms and its health."""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping
from typing import Any, NamedTuple

import numpy as np
from scipy.special import ndtri

from thermodiff.numerics.estimates import estimate_rows
from thermodiff.types import Estimate
from thermodiff.validation import complain


class Pointwise(NamedTuple):
    """What each row contributes to an ``Information``, nats: ``values`` (n,) in the order of the rows.

    A value is the held-out one, by networks that never saw the row, such as ln p(x, y)/p(x)p(y) or -ln p(x) at that
    row, with the noise of one draw at each noise level. ``correction`` is what the estimate adds to all of them for
    what the networks have not learned: values.mean() + correction is the estimate.
    """

    values: np.ndarray
    correction: float


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
    block         rows a block where they depend on one another in time, 1 where they are independent
    pointwise     what each row contributes (``Pointwise``); in no record, because it is as long as the data
    """

    quantity: str
    mean: float
    stderr: float
    n: int
    bracket: tuple[float, float]
    terms: Mapping[str, float]
    readings: Mapping[str, Estimate]
    warnings: tuple[str, ...]
    block: int = 1
    pointwise: Pointwise | None = dataclasses.field(default=None, repr=False, compare=False)

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
            "block": self.block,
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
