"""Densities of the families: entropies in closed form or by quadrature, and other libraries' densities."""

import jax.numpy as jnp
import numpy as np
import pytest
from scipy import integrate, stats
from scipy.special import gammaln

import thermodiff as td
from experiments.information.known_densities import FAMILIES

N = 40_000
CUT = (stats.truncnorm(-1, 0.5), stats.truncnorm(-0.3, 2), stats.beta(1, 3), stats.beta(2, 1.2))
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


def lattice_law():
    """The nine Gaussians of ``lattice``, from the same draws of its law."""
    law = np.random.default_rng(9)
    weights, turn = law.dirichlet(3 * np.ones(9)), law.uniform(0, np.pi, size=9)
    widths = law.uniform(0.1, 0.4, size=(9, 2))
    covs = []
    for angle, width in zip(turn, widths, strict=True):
        r = np.array([[np.cos(angle), -np.sin(angle)], [np.sin(angle), np.cos(angle)]])
        covs.append(r @ np.diag(width**2) @ r.T)
    return weights, [(i // 3, i % 3) for i in range(9)], covs


ENTROPIES = {
    "simplex": -np.log(24.0),
    "exponential": 6.0,
    "sine": 6 * NORMAL + 3 * np.log(0.1),
    "scales": 8 * NORMAL + 4 * normal_mean(lambda x: np.log(0.1 + abs(x))),
    "long_tails": stats.multivariate_t(np.zeros(8), np.eye(8), df=5).entropy(),
    "annulus": np.log(3 * np.pi),
    "checkers": np.log(8.0),
    "shell": shell_entropy(),
    "edges": NORMAL - np.log(2) + sum(law.entropy() for law in CUT),
    "turned_cube": 0.0,
    "swelling": 2 * NORMAL + np.log(0.3),
    "shares": stats.dirichlet([3, 1, 2, 1.5]).entropy(),
    "stretched_tails": stats.multivariate_t(np.zeros(3), np.eye(3), df=4).entropy(),
    "arm": 3
    * (NORMAL + np.log(0.1) + np.log(2) + normal_mean(lambda e: np.log(1 + 0.1 * min(max(e, -9.9), 99)))),
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


AR = 0.6 ** np.abs(np.subtract.outer(np.arange(3), np.arange(3)))
COPULA = 0.7 ** np.abs(np.subtract.outer(np.arange(4), np.arange(4)))
LAPLACE = 0.5 ** np.abs(np.subtract.outer(np.arange(4), np.arange(4)))


def copula(x):
    margins = (stats.beta(2, 5), stats.beta(1.5, 1.5), stats.expon(), stats.expon())
    z = np.stack([stats.norm.isf(law.sf(x[:, j])) for j, law in enumerate(margins)], 1)
    joint = stats.multivariate_normal(np.zeros(4), COPULA).logpdf(z) - stats.norm.logpdf(z).sum(axis=1)
    return joint + sum(law.logpdf(x[:, j]) for j, law in enumerate(margins))


def edges(x):
    return stats.halfnorm.logpdf(x[:, 0]) + sum(law.logpdf(x[:, j + 1]) for j, law in enumerate(CUT))


def skew(x):
    z = np.column_stack([x[:, :2], np.log(x[:, 2])])
    joint = stats.multivariate_normal(np.zeros(3), AR).logpdf(z)
    return np.log(2) + joint + stats.norm.logcdf(z @ [4, -2, 1]) - z[:, 2]


def gamma_scaled(x):
    """The integral over the variance w = e^u, which the Bessel function stands for."""

    def mixed(square):
        def at(u):
            return np.exp(-np.exp(u) - square / 2 * np.exp(-u) - u)

        return integrate.quad(at, -20, 8, epsabs=0, limit=500)[0]

    q = np.einsum("ni,ij,nj->n", x, np.linalg.inv(LAPLACE), x)
    return np.log([mixed(square) for square in q]) - 0.5 * np.log(np.linalg.det(2 * np.pi * LAPLACE))


def swelling(x):
    return stats.norm.logpdf(x[:, 0]) + stats.norm.logpdf(x[:, 1], np.sin(3 * x[:, 0]), 0.3 * np.exp(x[:, 0]))


def lattice(x):
    parts = [w * stats.multivariate_normal(m, c).pdf(x) for w, m, c in zip(*lattice_law(), strict=True)]
    return np.log(sum(parts))


def shares(x):
    return stats.dirichlet([3, 1, 2, 1.5]).logpdf(np.column_stack([x, 1 - x.sum(axis=1)]).T)


OTHERS = (copula, edges, skew, gamma_scaled, swelling, lattice, shares)


@pytest.mark.parametrize("other", OTHERS, ids=lambda f: f.__name__)
def test_other_libraries_say_the_same(other):
    x, log_p = FAMILIES[other.__name__](np.random.default_rng(3), 40)
    np.testing.assert_allclose(log_p, other(x), rtol=1e-8, atol=1e-8)


def arm_at(*angles):
    """Three links of length 1 at these angles."""
    return np.cumsum([[np.cos(a), np.sin(a)] for a in angles], axis=0).ravel()


PLACES = {
    "copula": ([0.35, 0.5, 0.8, 0.8], 0.08),
    "turned_cube": (None, 0.08),
    "skew": ([0.5, 0.2, 1.0], 0.2),
    "gamma_scaled": ([0.6, 0.3, 0.0, 0.3], 0.25),
    "swelling": ([-0.3, -0.8], 0.1),
    "stretched_tails": ([0.1, 0.1, 0.1], 0.2),
    "half_moons": ([0.9, 0.2], 0.05),
    "helix": ([np.cos(2), np.sin(2), 0.5 + np.pi / 2], 0.07),
    "lattice": ([1.0, 1.2], 0.06),
    "hole": ([0.3, 0.2], 0.15),
    "arm": (arm_at(0.3, 0.4, 0.2), 0.08),
    "closed_curve": ([f(k) for k in (1, 2, 3) for f in (np.cos, np.sin)], 0.18),
}
"""A place where the density is not small, and a width smaller than its details."""


@pytest.mark.parametrize("name", PLACES)
def test_density_is_that_of_the_sample(name):
    """E[q(x)/p(x)] = 1 for a Gaussian q where p > 0: a density too large or small by a factor would show."""
    place, width = PLACES[name]
    n = 10 * N if name == "arm" else N
    x, log_p = FAMILIES[name](np.random.default_rng(4), n)
    place = x.mean(axis=0) if place is None else np.asarray(place)
    ratio = np.exp(stats.norm.logpdf(x, place, width).sum(axis=1) - log_p)
    stderr = ratio.std() / np.sqrt(n)
    assert stderr < 0.07
    assert abs(ratio.mean() - 1) < 4 * stderr


@pytest.mark.parametrize("name", ["annulus", "checkers"])
def test_samples_fill_where_the_density_is(name):
    """Nearest neighbours know the volume in two dimensions, whatever the formula says."""
    x, _ = FAMILIES[name](np.random.default_rng(2), N)
    found = td.nearest_neighbour_entropy(x)
    assert found.mean == pytest.approx(ENTROPIES[name], abs=0.02)
