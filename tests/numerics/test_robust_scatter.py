"""Tyler's scatter finds what is narrow under any tails, and takes no outlier for it."""

import numpy as np
import pytest

from thermodiff.numerics.robust_scatter import correlation_of, robust_scaling

RNG = np.random.default_rng(0)
G, C = RNG.normal(size=(1500, 4)), RNG.standard_cauchy(size=(1500, 3))
E = RNG.exponential(size=(1500, 2))


def smallest(x):
    return np.linalg.eigvalsh(correlation_of(robust_scaling(x)))[0]


def with_giant(x):
    changed = x.copy()
    changed[3] = 1e9
    return changed


@pytest.mark.parametrize(
    ("x", "width"),
    [
        (np.column_stack([G[:, 0], G[:, 0] + 1e-3 * G[:, 1]]), 1e-3),
        (with_giant(np.column_stack([G[:, 0], G[:, 0] + 1e-3 * G[:, 1]])), 1e-3),
        (np.column_stack([C[:, 0], 1e3 * (C[:, 0] + 1e-4 * G[:, 0])]), 1e-4),
        (np.column_stack([E, E.sum(axis=1) + 1e-5 * G[:, 0], G[:, 1]]), 1e-5),
        (np.column_stack([G[:, 0], G[:, 0] + 4.5e-5 * G[:, 1]]), 4.5e-5),
    ],
    ids=["normal", "one giant row", "Cauchy", "sum of skewed columns", "to 1 - 1e-9"],
)
def test_what_is_narrow_is_found(x, width):
    assert 0.05 * width < np.sqrt(smallest(x)) < width


@pytest.mark.parametrize(
    "x", [G, with_giant(G), C, with_giant(C), E, C[:60, :2]], ids=["G", "G!", "C", "C!", "E", "few"]
)
def test_what_is_not_narrow_is_not(x):
    assert smallest(x) > 0.5


def test_scatter_of_a_gaussian_is_its_correlation():
    cov = np.array([[1.0, 0.7, 0.3], [0.7, 1.0, 0.5], [0.3, 0.5, 1.0]])
    x = np.random.default_rng(1).multivariate_normal(np.zeros(3), cov, 4000) * [1.0, 100.0, 0.01]
    # A correlation's error for Gaussian rows is (1 - rho^2)/sqrt(n), of Tyler's sqrt(1 + 2/d) times that and more
    # for the overlapping differences: five times the former.
    np.testing.assert_allclose(correlation_of(robust_scaling(x)), cov, atol=5 / np.sqrt(4000))
