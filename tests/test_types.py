"""Numbers are printed with the digits that their errors leave: one rule, whatever prints them."""

import math

import numpy as np
import pytest

import thermodiff as td
from thermodiff.types import aligned, of_any_size, to_error, to_error_of_any_size, with_error


@pytest.mark.parametrize(
    ("mean", "stderr", "text"),
    [
        (117.39037, 0.64, "117.39 ± 0.64"),
        (2.8378771, 0.0123, "2.838 ± 0.012"),
        (-0.0049, 0.034, "0.005 ± 0.034".replace("0.005", "-0.005")),
        (-0.0001, 0.034, "0.000 ± 0.034"),  # on which side of zero is not known
        (0.0996, 0.0996, "0.100 ± 0.100"),
        (1234.5, 321.0, "1234 ± 321"),
        (1.79920, 0.0, "1.79920"),  # exact
        (1.5, math.nan, "1.500 ± ?"),  # not known
        (1.8, 2e-7, "1.80000 ± <0.00001"),
        (math.inf, 0.1, "inf"),
        (math.nan, 0.1, "nan"),
    ],
)
def test_digits_follow_the_error(mean, stderr, text):
    assert with_error(mean, stderr) == text
    assert f"{td.Estimate(mean, stderr, 7)}" == text
    assert str(td.Estimate(np.float32(mean), np.float32(stderr), 7)) == text


def test_signs_formats_and_arrays():
    e = td.Estimate(1.25, 0.5, 10)
    assert (f"{e:+}", f"{e:.3f}") == ("+1.25 ± 0.50", "1.250 ± 0.500")
    assert str(td.Estimate(np.ones(2), np.ones(2), 3)).startswith("Estimate(mean=array(")


def test_columns_have_their_points_below_each_other():
    lines = [aligned(117.39037, 0.64), aligned(-2.5, 0.001, "+"), aligned(3.0, 0.0), aligned(120.0, 30.0)]
    assert lines == ["  117.39    ± 0.64", "   -2.5000  ± 0.0010", "    3.00000", "  120       ± 30"]
    assert to_error(1.23456, 0.012) == "1.235"


@pytest.mark.parametrize(
    ("mean", "stderr", "both", "alone"),
    [
        (3.4704e-21, 1.2e-23, "(3.470 ± 0.012)e-21", "3.470e-21"),
        (-3.4704e-21, 1.2e-21, "(-3.5 ± 1.2)e-21", "-3.5e-21"),
        (1e-9, 2.5e-7, "(0.0 ± 2.5)e-07", "0.0e-07"),
        (6.25e7, 4e5, "(6.250 ± 0.040)e+07", "6.250e+07"),
        (0.01234, 0.0012, "0.0123 ± 0.0012", "0.0123"),
        (1234.5, 32.1, "1234 ± 32", "1234"),
        (3.4704e-21, 0.0, "3.47e-21", "3.47e-21"),
        (3.4704e-21, math.nan, "3.47e-21 ± ?", "3.47e-21"),
        (0.0, 0.0, "0", "0"),
        (math.inf, 0.1, "inf", "inf"),
    ],
)
def test_digits_far_from_one(mean, stderr, both, alone):
    assert of_any_size(mean, stderr) == both
    assert to_error_of_any_size(mean, stderr) == alone


def test_bits_of_an_estimate():
    bits = td.Estimate(64 * math.log(2), math.log(2), 5).in_bits()
    assert bits == td.Estimate(pytest.approx(64.0), pytest.approx(1.0), 5)
    assert td.Estimate(64 * math.log(2), math.log(2), 5).in_bits(64).mean == pytest.approx(1.0)
