"""pass@k and unsolvable problems of known chances, in fractions and by the average of the estimate over all counts."""

from fractions import Fraction
from math import comb

import numpy as np
import pytest

from thermodiff.exploration import exact_pass_at_k, pass_at_k, unsolvable


@pytest.mark.parametrize("k", [0, 1, 3, 64])
@pytest.mark.parametrize("p", [Fraction(0), Fraction(1, 500), Fraction(1, 2), Fraction(1)])
def test_in_fractions(p, k):
    exact = 1 - (1 - p) ** k
    assert exact_pass_at_k(float(p), k) == pytest.approx(float(exact), rel=1e-14, abs=1e-300)
    assert unsolvable(float(p), k) == (1 - exact > Fraction(1, 2))


def test_the_estimate_is_right_in_the_mean():
    p, n, k = 0.2, 9, 4
    chances = [comb(n, c) * p**c * (1 - p) ** (n - c) for c in range(n + 1)]
    estimates = [pass_at_k(([c], [n]), k).mean for c in range(n + 1)]
    assert float(exact_pass_at_k(p, k)) == pytest.approx(np.dot(chances, estimates), abs=1e-12)


def test_shapes_and_tiny_chances():
    assert exact_pass_at_k(np.full((3, 2), 0.1), [1, 2, 4, 8]).shape == (3, 2, 4)
    assert unsolvable([0.1, 0.9], [1, 8]).tolist() == [[True, False], [False, False]]
    assert exact_pass_at_k(1e-18, 1000) == pytest.approx(1e-15, rel=1e-12)
    assert unsolvable(np.log(2) / 1e6, 10**6 - 1)


@pytest.mark.parametrize(
    ("p", "k", "message"),
    [
        (1.5, 2, "p: got 1.5, need probabilities"),
        (np.nan, 2, "p: got nan"),
        (0.5, -1, "k: got -1"),
        ("a", 1, "p: got ent"),
    ],
)
def test_refused(p, k, message):
    for function in (exact_pass_at_k, unsolvable):
        with pytest.raises(ValueError, match=message):
            function(p, k)
