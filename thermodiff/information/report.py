"""The answer to a question about data: a number, its error bar, its bracket, its terms and its health; nats or bits."""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping
from typing import Any, NamedTuple

import numpy as np
from scipy.special import ndtri

from thermodiff.numerics.estimates import estimate_rows
from thermodiff.types import Estimate, to_error
from thermodiff.units import BITS_PER_DIMENSION, NATS, Unit, convert, unit_of
from thermodiff.validation import complain

TAKEN_OFF = ("negentropy", "entropy")
"""Terms that enter with a minus: S = S(G) + ... - negentropy, KL(p || q) = CE(p, q) - S(p)."""


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
    """An entropy, divergence or dependence in nats, or what ``in_bits`` makes of it.

    mean, stderr  the estimate and its standard error: sampling, sqrt(var/n), and the bracket's width over sqrt(12) for
                  what the networks have not learned (a uniform distribution over the bracket), added in squares
    bracket       (low, high): the estimate by the least and the most that networks leave unlearned, as far as what half
                  the rows and steps lose tells (``cross_fitting.missing``)
    n             rows
    terms         what it is made of, each in nats; ``summands`` has them with the signs that they enter it with
    readings      the held-out estimate by the quadratic, divergence and denoising readings: their spread is a warning
    warnings      one sentence for each thing to distrust; empty for a healthy estimate (they speak of nats)
    block         rows a block where they depend on one another in time, 1 where they are independent
    pointwise     what each row contributes (``Pointwise``); in no record, because it is as long as the data
    unit          of all these numbers: nats, bits or bits/dim
    """

    quantity: str
    mean: float
    stderr: float
    n: int
    bracket: tuple[float, float]
    terms: Mapping[str, float]
    readings: Mapping[str, Estimate]
    warnings: tuple[str, ...]
    unit: str = NATS.name
    block: int = 1
    pointwise: Pointwise | None = dataclasses.field(default=None, repr=False, compare=False)

    @property
    def estimate(self) -> Estimate:
        """(mean, stderr, n)."""
        return Estimate(self.mean, self.stderr, self.n)

    @property
    def summands(self) -> dict[str, float]:
        """The terms as they are printed, "less negentropy" with its sign turned: ``mean`` is their sum."""
        return {
            f"less {name}" if name in TAKEN_OFF else name: -value if name in TAKEN_OFF else value
            for name, value in self.terms.items()
        }

    def interval(self, level: float = 0.9) -> tuple[float, float]:
        """mean -+ z stderr with the normal quantile z of ``level``. Raises ValueError unless 0 < level < 1."""
        if not 0 < level < 1:
            raise complain("level", f"{level}", "a probability in (0, 1)")
        z = float(ndtri(0.5 + 0.5 * level))
        return self.mean - z * self.stderr, self.mean + z * self.stderr

    def in_bits(self, dim: int | None = None) -> Information:
        """The same in bits per sample; given the number of columns ``dim``, in bits per dimension.

        Raises ValueError for what is in bits already.
        """
        return self.in_unit(unit_of("bits") if dim is None else unit_of(BITS_PER_DIMENSION, dim))

    def in_unit(self, unit: Unit) -> Information:
        """The same in another unit (``thermodiff.units.unit_of``). Raises ValueError unless this one is in nats."""
        if self.unit != NATS.name:
            raise complain("unit", f"an answer in {self.unit}", "one in nats")
        (low, high), own = self.bracket, self.pointwise
        whole = convert(self.estimate, unit)
        return dataclasses.replace(
            self,
            mean=whole.mean,
            stderr=whole.stderr,
            bracket=(low / unit.nats, high / unit.nats),
            terms={name: value / unit.nats for name, value in self.terms.items()},
            readings={name: convert(e, unit) for name, e in self.readings.items()},
            unit=unit.name,
            pointwise=None if own is None else Pointwise(own.values / unit.nats, own.correction / unit.nats),
        )

    def to_dict(self) -> dict[str, Any]:
        """Everything, in plain numbers, strings, lists and dictionaries."""
        readings = {
            name: {"mean": float(e.mean), "stderr": float(e.stderr)} for name, e in self.readings.items()
        }
        return {
            "quantity": self.quantity,
            "unit": self.unit,
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
        low, high = (to_error(end, self.stderr) for end in self.interval())
        rows = {
            "bracket: by how learning goes on": " to ".join(
                to_error(end, self.stderr) for end in self.bracket
            ),
            **{name: to_error(value, self.stderr, "+") for name, value in self.summands.items()},
            **{f"held out, {name} reading": f"{e}" for name, e in self.readings.items()},
        }
        lines = [
            f"{self.quantity}: {self.estimate} {self.unit}   (n = {self.n}, 90 % from {low} to {high})",
            *(row(name, value) for name, value in rows.items()),
            *(f"  warning: {warning}" for warning in self.warnings),
        ]
        return "\n".join(lines)


def row(label: str, number: str) -> str:
    """A line of the table: the numbers of all lines begin in one column, signs before them."""
    return f"  {label:<36}{'' if number.startswith(('-', '+')) else ' '}{number}"


def total_error(values: np.ndarray, bracket: tuple[float, float], other: float = 0.0) -> float:
    """Sampling error of the rows' values, the bracket's uniform spread and any ``other`` error, added in squares."""
    parts = (estimate_rows(values).stderr, (bracket[1] - bracket[0]) / np.sqrt(12), other)
    return float(np.sqrt(sum(np.square(part) for part in parts)))
