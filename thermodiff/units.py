"""What information is counted in: nats, bits, or bits a dimension. Computed in nats, converted where it is shown.

1 bit = ln 2 nats; bits/dim are bits per sample over the number of columns, as papers on images have it.
"""

from __future__ import annotations

import math
from typing import NamedTuple

from thermodiff.types import Estimate
from thermodiff.validation import complain


class Unit(NamedTuple):
    """A unit by its name, and how many nats one of it is."""

    name: str
    nats: float

    @property
    def per_sample(self) -> str:
        """In words: nats per sample, bits per sample, bits per dimension."""
        return "bits per dimension" if self.name == BITS_PER_DIMENSION else f"{self.name} per sample"


BITS_PER_DIMENSION = "bits/dim"
NATS = Unit("nats", 1.0)


def unit_of(name: str, dim: int = 1) -> Unit:
    """The unit of that name: nats, bits, or bits/dim of samples with ``dim`` columns. Raises ValueError for another."""
    known = {
        "nats": NATS,
        "bits": Unit("bits", math.log(2)),
        BITS_PER_DIMENSION: Unit(BITS_PER_DIMENSION, dim * math.log(2)),
    }
    if name not in known:
        raise complain("unit", repr(name), f"one of {', '.join(known)}")
    return known[name]


def convert(estimate: Estimate, unit: Unit) -> Estimate:
    """An estimate in nats as one in ``unit``."""
    return Estimate(estimate.mean / unit.nats, estimate.stderr / unit.nats, estimate.n)
