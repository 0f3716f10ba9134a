"""Whitening and likelihoods against matrices written out."""

import re

import numpy as np
import pytest
from scipy.stats import multivariate_normal

from thermodiff.exploration.exchange.curves import (
    curve_of,
    fit_design,
    likelihoods,
    log_determinant,
    simulate,
    whiten,
)

STEPS = np.array([0.0, 1, 2, 4, 5, 6, 9, 10, 11, 12, 13, 15])
GAPS = np.diff(STEPS)


def correlations(phi):
    return phi ** np.abs(STEPS[:, None] - STEPS)


@pytest.mark.parametrize("phi", [0.0, 0.3, 0.9])
def test_whitening_inverts_the_correlations(phi):
    w = whiten(np.eye(12), GAPS, phi)
    np.testing.assert_allclose(w.T @ w, np.linalg.inv(correlations(phi)), atol=1e-9)
    assert log_determinant(GAPS, phi) == pytest.approx(np.linalg.slogdet(correlations(phi))[1], abs=1e-9)


def test_likelihoods_are_those_of_a_normal_distribution():
    """The density at the least squares of each phi in turn, by generalised least squares with whole matrices."""
    rng = np.random.default_rng(0)
    y, fixed, candidates = rng.normal(size=12), np.stack([np.ones(12), STEPS], 1), rng.normal(size=(12, 3))
    alone, each = likelihoods(y[:, None], fixed, candidates, GAPS)

    def least(design):
        best = np.inf
        for phi in (*np.arange(0, 0.9, 0.05), 0.9, 0.92, 0.94, 0.96, 0.97, 0.98, 0.99):
            inverse = np.linalg.inv(correlations(phi))
            fit = np.linalg.solve(design.T @ inverse @ design, design.T @ inverse @ y)
            left = y - design @ fit
            sigma = np.sqrt(left @ inverse @ left / 12)
            best = min(best, -2 * multivariate_normal.logpdf(left, cov=sigma**2 * correlations(phi)))
        return best - 12 * (1 + np.log(2 * np.pi))

    assert alone[0] == pytest.approx(least(fixed), abs=1e-7)
    for k in range(3):
        assert each[k, 0] == pytest.approx(least(np.column_stack([fixed, candidates[:, k]])), abs=1e-7)


def test_a_fit_and_its_errors_by_whole_matrices():
    rng = np.random.default_rng(1)
    design = np.stack([np.ones(12), STEPS], 1)
    y = design @ [1, 0.5] + rng.normal(size=12)
    fit = fit_design(y, design, GAPS)
    inverse = np.linalg.inv(correlations(fit.phi))
    own = np.linalg.inv(design.T @ inverse @ design)
    np.testing.assert_allclose(fit.coefficients, own @ design.T @ inverse @ y, atol=1e-9)
    left = y - fit.mean
    np.testing.assert_allclose(fit.covariance, own * (left @ inverse @ left) / 10, rtol=1e-9)


def test_new_draws_have_the_correlations_of_the_fit():
    """Variances, neighbours and what two series share: 40,000 draws, within five errors of each."""
    rng = np.random.default_rng(2)
    design = np.ones((12, 1))
    fits = [fit_design(rng.normal(size=12), design, GAPS)._replace(phi=0.6) for _ in range(2)]
    shared = np.corrcoef(fits[0].innovations, fits[1].innovations)[0, 1]
    first, second = simulate(fits, GAPS, 40_000, rng)
    x = (first - fits[0].mean[:, None]) / fits[0].sigma
    y = (second - fits[1].mean[:, None]) / fits[1].sigma
    assert np.abs(x @ x.T / 40_000 - correlations(0.6)).max() < 5 * np.sqrt(2 / 40_000)
    assert np.abs(np.mean(x * y, axis=1) - shared).max() < 5 * np.sqrt(2 / 40_000)


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"reward": np.ones(11)}, "reward: got shape (11,), need one number a step, as step has, (12,)"),
        ({"entropy": np.full(12, np.nan)}, "entropy: got 12 NaN or infinite value(s)"),
        ({"step": np.zeros(12)}, "step: got step 0 twice, need each step once"),
        (
            {"step": np.ones(3), "reward": np.ones(3), "entropy": np.ones(3)},
            "step: got 3 steps, need at least 12",
        ),
    ],
)
def test_what_is_refused(change, message):
    with pytest.raises(ValueError, match=re.escape(message)):
        curve_of(**{"step": STEPS, "reward": np.ones(12), "entropy": np.ones(12), **change})


def test_steps_are_put_in_order():
    order = np.random.default_rng(0).permutation(12)
    curve = curve_of(STEPS[order], 2 * STEPS[order], 3 * STEPS[order])
    np.testing.assert_array_equal(curve.step, STEPS)
    np.testing.assert_array_equal(curve.entropy, 3 * STEPS)
    np.testing.assert_array_equal(curve.gaps, GAPS)
