"""Densities of the families: entropies in closed form or by quadrature, and other libraries' densities."""

import jax.numpy as jnp
import numpy as np
import pytest
from scipy import integrate, stats
from scipy.special import gammaln

import thermodiff as td
from experiments.information.known_densities import FAMILIES

N = 40_000
NORMAL = 0.5 * np.log(2 * np.pi * np.e)


def normal_mean(f):
    """E f(x) of a standard normal variable, which may have a corner at 0."""
    halves = [
        integrate.quad(lambda x: f(x) * stats.norm.pdf(x), a, b, epsabs=1e-12)[0]
        for a, b in ((-12, 0), (0, 12))
    ]
    return sum(halves)


def shell_entropy():
    """S(radius) + ln of the sphere's area + 9 E ln radius."""
    log_area = np.log(2) + 5 * np.log(np.pi) - gammaln(5)
    return NORMAL + np.log(0.2) + log_area + 9 * normal_mean(lambda e: np.log(abs(3 + 0.2 * e)))


ENTROPIES = {
    "simplex": -np.log(24.0),
    "exponential": 6.0,
    "sine": 6 * NORMAL + 3 * np.log(0.1),
    "scales": 8 * NORMAL + 4 * normal_mean(lambda x: np.log(0.1 + abs(x))),
    "long_tails": stats.multivariate_t(np.zeros(8), np.eye(8), df=5).entropy(),
    "annulus": np.log(3 * np.pi),
    "checkers": np.log(8.0),
    "shell": shell_entropy(),
}


@pytest.mark.parametrize("name", ENTROPIES)
def test_mean_log_density_is_the_entropy(name):
    _, log_p = FAMILIES[name](np.random.default_rng(0), N)
    assert abs(-log_p.mean() - ENTROPIES[name]) < 4 * log_p.std() / np.sqrt(N) + 1e-9


def test_densities_row_by_row():
    x, log_p = FAMILIES["long_tails"](np.random.default_rng(1), 50)
    np.testing.assert_allclose(log_p, stats.multivariate_t(np.zeros(8), np.eye(8), df=5).logpdf(x))
    x, log_p = FAMILIES["clusters"](np.random.default_rng(1), 50)
    means = 2 * np.random.default_rng(5).normal(size=(5, 8))
    covs = np.array([w**2 * np.eye(8) for w in (0.5, 0.3, 1.0, 0.7, 0.4)])
    law = td.GaussianMixture(np.array([0.4, 0.25, 0.2, 0.1, 0.05]), means, covs)
    np.testing.assert_allclose(log_p, np.asarray(law.log_prob(jnp.asarray(x))), rtol=1e-3)


@pytest.mark.parametrize("name", ["annulus", "checkers"])
def test_samples_fill_where_the_density_is(name):
    """Nearest neighbours know the volume in two dimensions, whatever the formula says."""
    x, _ = FAMILIES[name](np.random.default_rng(2), N)
    found = td.nearest_neighbour_entropy(x)
    assert found.mean == pytest.approx(ENTROPIES[name], abs=0.02)
