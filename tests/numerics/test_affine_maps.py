"""Whitening and its log Jacobian, from easy columns to correlations of 1 - 1e-9."""

import numpy as np
import pytest

from thermodiff.numerics.affine_maps import narrower_than_chance, standardising, whitening


def narrow_rows(seed, correlation, n=1000):
    """Two columns so correlated, of unlike units, a third apart."""
    g = np.random.default_rng(seed).normal(size=(n, 3))
    other = correlation * g[:, 0] + np.sqrt((1 - correlation) * (1 + correlation)) * g[:, 1]
    return np.column_stack([g[:, 0], other, g[:, 2]]) * [1.0, 1e3, 1e-6] + [5.0, -2e3, 0.0]


@pytest.mark.parametrize("correlation", [0.0, 0.9, 1 - 1e-5, 1 - 1e-9])
def test_whitened_rows_are_round_and_come_back(correlation):
    x = narrow_rows(0, correlation)
    found = whitening(x)
    z = found.forward(x)
    np.testing.assert_allclose(np.cov(z, rowvar=False, ddof=0), np.eye(3), atol=1e-9)
    np.testing.assert_allclose((found.back(z) - x) / x.std(axis=0), 0.0, atol=1e-10)
    # Singular values keep the digits that a covariance loses.
    singular = np.linalg.svd((x - x.mean(axis=0)) / x.std(axis=0), compute_uv=False)
    expected = np.log(singular / np.sqrt(len(x))).sum() + np.log(x.std(axis=0)).sum()
    assert found.log_jacobian == pytest.approx(expected, abs=1e-6)


def test_columns_that_are_nearly_uncorrelated_stay_where_they_are():
    x = np.random.default_rng(1).normal(size=(5000, 4))
    z, scaled = whitening(x).forward(x), standardising(x).forward(x)
    assert np.abs(z - scaled).max() < 0.15
    assert np.diag(np.corrcoef(z, scaled, rowvar=False)[:4, 4:]).min() > 0.999


def test_few_rows_are_widened_only_where_chance_cannot_do_it():
    x = np.random.default_rng(2).normal(size=(100, 30))
    np.testing.assert_allclose(whitening(x).matrix, np.eye(30), atol=1e-12)
    x[:, 1] = x[:, 0] + 1e-4 * x[:, 1]
    z = whitening(x).forward(x)
    assert np.linalg.eigvalsh(np.cov(z, rowvar=False))[0] > 0.01
    assert narrower_than_chance(30, 30) == 0
    assert narrower_than_chance(300, 30) == np.inf
