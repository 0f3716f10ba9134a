"""Errors of means of dependent values: autoregressions, whose long-run variance is known."""

import numpy as np
import pytest
from scipy.signal import lfilter

from thermodiff.numerics.block_errors import block_length, estimate_dependent
from thermodiff.numerics.estimates import estimate_rows


def autoregression(rng, phi, n):
    """v_t = phi v_(t-1) + eps_t, stationary: sqrt(n) times the mean has the variance 1/(1 - phi)^2."""
    return lfilter([1.0], [1.0, -phi], rng.normal(size=n + 500))[500:]


@pytest.mark.parametrize(("phi", "least"), [(0.0, 0.85), (0.5, 0.85), (0.8, 0.8), (-0.5, 0.85)])
def test_intervals_of_90_percent(phi, least):
    """Over 400 series of 1500 values; their coverage is known to 0.015. Strong memory costs some of it."""
    rng = np.random.default_rng(0)
    hits, errors = [], []
    for _ in range(400):
        e = estimate_dependent(autoregression(rng, phi, 1500))
        hits.append(abs(e.mean) < 1.645 * e.stderr)
        errors.append(e.stderr)
    assert least < np.mean(hits) < 0.95
    assert np.mean(errors) == pytest.approx(1 / ((1 - phi) * np.sqrt(1500)), rel=0.12)


def test_independent_values_get_nearly_the_usual_error():
    v = np.random.default_rng(1).normal(size=1500)
    assert block_length(v) <= 3
    assert estimate_dependent(v).stderr == pytest.approx(estimate_rows(v).stderr, rel=0.1)
    assert estimate_dependent(v, 1).stderr == pytest.approx(estimate_rows(v).stderr, rel=1e-12)


def test_a_block_around_the_end():
    """Four values in blocks of two: the four means by hand."""
    v = np.array([1.0, 2.0, 4.0, 9.0])
    means = np.array([1.5, 3.0, 6.5, 5.0]) - 4.0
    assert estimate_dependent(v, 2).stderr == pytest.approx(np.sqrt(2 / 2 * np.mean(means**2)))


def test_blocks_grow_with_memory_and_never_past_a_third():
    rng = np.random.default_rng(2)
    lengths = [block_length(autoregression(rng, phi, 3000)) for phi in (0.0, 0.6, 0.95)]
    assert lengths == sorted(lengths)
    assert lengths[-1] > 30
    assert block_length(np.arange(30.0)) <= 10
    assert block_length(np.ones(100)) == 1
