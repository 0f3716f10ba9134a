"""The beta-binomial fit: against exact products, a search by brute force, and simulation."""

from fractions import Fraction
from math import lgamma

import numpy as np
import pytest

from thermodiff.exploration.extrapolation.beta_binomial import fit_beta_binomial

K = np.array([1, 10, 40])


def test_pass_at_k_of_the_fit_is_the_exact_product():
    rng = np.random.default_rng(0)
    fit = fit_beta_binomial(rng.binomial(12, rng.beta(0.5, 1.5, 80)), np.full(80, 12), K)
    a, b = Fraction(fit.a), Fraction(fit.b)
    for k, value in zip(K, fit.pass_at_k.mean, strict=True):
        fail = Fraction(1)
        for i in range(int(k)):
            fail *= (b + i) / (a + b + i)
        assert value == pytest.approx(float(1 - fail), abs=1e-12)


def test_no_neighbour_and_no_grid_point_is_likelier():
    rng = np.random.default_rng(1)
    n = rng.integers(4, 20, 60)
    c = rng.binomial(n, rng.beta(0.7, 1.1, 60))

    def log_likelihood(a: float, b: float) -> float:
        terms = [
            lgamma(a + x) + lgamma(b + y - x) - lgamma(a + b + y)
            for x, y in zip(c.tolist(), n.tolist(), strict=True)
        ]
        return sum(terms) - 60 * (lgamma(a) + lgamma(b) - lgamma(a + b))

    fit = fit_beta_binomial(c, n, K)
    best = log_likelihood(fit.a, fit.b)
    for factor in (0.99, 1.01):
        assert log_likelihood(fit.a * factor, fit.b) < best
        assert log_likelihood(fit.a, fit.b * factor) < best
    grid = np.geomspace(0.05, 20, 60)
    assert max(log_likelihood(a, b) for a in grid for b in grid) <= best


def test_standard_error_is_the_spread_over_data_sets():
    rng = np.random.default_rng(2)
    n, M, sets = np.full(100, 12), 100, 150
    fits = [fit_beta_binomial(rng.binomial(n, rng.beta(0.5, 1.2, M)), n, K).pass_at_k for _ in range(sets)]
    spread = np.std([f.mean for f in fits], axis=0, ddof=1)
    mean_error = np.mean([f.stderr for f in fits], axis=0)
    # Four standard errors of a standard deviation, and the terms of order 1/M that the delta method leaves out.
    assert np.all(np.abs(mean_error / spread - 1) < 4 / np.sqrt(2 * sets) + 1 / np.sqrt(M))


@pytest.mark.parametrize(
    ("c", "n", "why"),
    [
        ([0] * 5, 8, "no rollout is correct"),
        ([8] * 5, 8, "every rollout is correct"),
        ([0, 1, 1], 1, "one rollout a problem"),
    ],
)
def test_nothing_to_fit_is_said(c, n, why):
    fit = fit_beta_binomial(np.array(c), np.full(len(c), n), K)
    assert np.isnan(fit.pass_at_k.mean).all()
    assert np.isnan(fit.pass_at_k.stderr).all()
    assert why in fit.remark


def test_all_or_nothing_problems_stay_so():
    fit = fit_beta_binomial(np.array([0, 8, 8, 8]), np.full(4, 8), K)
    assert "degenerated" in fit.remark
    # E (1-p)^k of the most degenerate beta allowed: a share of order a + b, times ln k, is neither.
    assert fit.pass_at_k.mean == pytest.approx(np.full(3, 0.75), abs=5 * (fit.a + fit.b))
    assert fit.pass_at_k.stderr == pytest.approx(np.full(3, np.sqrt(0.75 * 0.25 / 4)), rel=1e-2)


def test_alike_problems_have_no_standard_error():
    fit = fit_beta_binomial(np.full(30, 4), np.full(30, 8), K)
    assert fit.pass_at_k.mean == pytest.approx(1 - 0.5**K, abs=1e-3)
    assert np.isnan(fit.pass_at_k.stderr).all()
    assert "no standard error" in fit.remark
