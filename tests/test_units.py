"""Nats, bits, and bits a dimension: each number is converted once, and says what it is in."""

import math

import pytest

import thermodiff as td
from thermodiff.units import NATS, convert, unit_of


def test_units_by_name():
    assert unit_of("nats", 7) == NATS
    assert unit_of("bits", 7).nats == math.log(2)
    assert unit_of("bits/dim", 7).nats == 7 * math.log(2)
    words = [unit_of(name).per_sample for name in ("nats", "bits", "bits/dim")]
    assert words == ["nats per sample", "bits per sample", "bits per dimension"]
    assert convert(td.Estimate(1.0, 0.5, 3), unit_of("bits", 7)) == (1 / math.log(2), 0.5 / math.log(2), 3)
    with pytest.raises(ValueError, match=r"^unit: got 'dits', need one of nats, bits, bits/dim$"):
        unit_of("dits")
