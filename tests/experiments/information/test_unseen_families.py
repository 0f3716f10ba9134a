"""Densities and entropies of the unseen families: other libraries' conditional laws, counted mass, sample means."""

import numpy as np
import pytest
from scipy import stats

from experiments.information import known_answers, known_densities
from experiments.information.unseen_families import FAMILIES, entropy

N = 200_000


@pytest.mark.parametrize("name", FAMILIES)
def test_mean_log_density_is_the_entropy(name):
    x, log_p = FAMILIES[name](np.random.default_rng(0), N)
    assert x.shape == (N, int(name.split("-")[1]))
    assert np.isfinite(x).all()
    assert abs(-log_p.mean() - entropy(name)) < 4 * log_p.std() / np.sqrt(N)


def chain(x, mean, width):
    """ln p of x_1 normal and every x_{i+1} normal given x_i."""
    steps = stats.norm.logpdf(x[:, 1:], mean(x[:, :-1]), width(x[:, :-1]))
    return stats.norm.logpdf(x[:, 0]) + steps.sum(axis=1)


def product(x, factors):
    pairs = [x[:, i] * x[:, j] for i in range(factors) for j in range(i + 1, factors)]
    return stats.norm.logpdf(x[:, :factors]).sum(axis=1) + sum(
        stats.norm.logpdf(x[:, factors + k], pair, 0.2) for k, pair in enumerate(pairs)
    )


def ratio_3(x):
    known = stats.norm.logpdf(x[:, 0]) + stats.lognorm(0.7).logpdf(x[:, 1])
    return known + stats.norm.logpdf(x[:, 2], x[:, 0] / x[:, 1], 0.1)


def ratio_4(x):
    scale = 1 / x[:, 3:]
    return stats.norm.logpdf(x[:, :3], 0, scale).sum(axis=1) + stats.gamma(2).logpdf(x[:, 3])


def spike(x):
    d = x.shape[1]
    broad, narrow = (stats.multivariate_normal(np.zeros(d), w**2 * np.eye(d)).pdf(x) for w in (1, 0.01))
    return np.log(0.7 * broad + 0.3 * narrow)


def cauchy(x):
    """Quantiles by scipy from the levels, on the side where they keep their digits."""
    d, margin = x.shape[1], stats.t(2)
    z = np.sign(x) * margin.isf(stats.cauchy.sf(np.abs(x)))
    joint = stats.multivariate_t(np.zeros(d), 0.4 * np.eye(d) + 0.6, df=2).logpdf(z)
    return joint + (stats.cauchy.logpdf(x) - margin.logpdf(z)).sum(axis=1)


def one(x):
    return np.ones_like(x)


OTHERS = {
    "squares-4": lambda x: chain(x, lambda a: 0.6 * a + 0.3 * a**2, lambda a: 0.5 * one(a)),
    "squares-10": lambda x: chain(
        x, lambda a: 0.5 * a + 0.4 * a**2 / (1 + 0.1 * a**2), lambda a: 0.5 * one(a)
    ),
    "cascade-3": lambda x: chain(x, lambda a: 0.6 * a**2, lambda a: 0.3 * one(a)),
    "cascade-5": lambda x: chain(x, lambda a: 0.35 * a**2, lambda a: 0.3 * one(a)),
    "product-3": lambda x: product(x, 2),
    "product-6": lambda x: product(x, 3),
    "ratio-3": ratio_3,
    "ratio-4": ratio_4,
    "spike-2": spike,
    "spike-5": spike,
    "cauchy-2": cauchy,
    "cauchy-4": cauchy,
    "volatility-4": lambda x: chain(x, lambda a: 0 * a, lambda a: np.exp(1.5 * np.tanh(a))),
    "volatility-8": lambda x: chain(x, lambda a: 0 * a, lambda a: np.exp(1.5 * np.tanh(a))),
}


@pytest.mark.parametrize("name", OTHERS)
def test_other_libraries_say_the_same(name):
    x, log_p = FAMILIES[name](np.random.default_rng(1), 2_000)
    np.testing.assert_allclose(log_p, OTHERS[name](x), rtol=1e-6, atol=1e-6)


@pytest.mark.parametrize("name", ["product-3", "ratio-3", "cascade-3", "cauchy-2", "spike-2", "parity-3"])
def test_density_is_that_of_the_sample(name):
    """E[q(x)/p(x)] = 1 for a normal q near one of the rows (parity: inside one of its octants)."""
    place = {
        "product-3": ([0.5, 0.6, 0.3], 0.1),
        "ratio-3": ([0.3, 1.0, 0.3], 0.05),
        "cascade-3": ([0.5, 0.15, 0.0], 0.15),
        "cauchy-2": ([0.5, 0.5], 0.2),
        "spike-2": ([0.005, 0.0], 0.006),
        "parity-3": ([-0.8, -0.8, 0.8], 0.15),
    }
    centre, width = place[name]
    x, log_p = FAMILIES[name](np.random.default_rng(2), N)
    ratio = np.exp(stats.norm.logpdf(x, centre, width).sum(axis=1) - log_p)
    stderr = ratio.std() / np.sqrt(N)
    assert stderr < 0.05
    assert abs(ratio.mean() - 1) < 4 * stderr


def test_no_family_is_among_those_that_settings_are_chosen_on():
    kinds = {name.split("-")[0] for name in FAMILIES}
    assert not kinds & {*known_densities.FAMILIES, *known_answers.FAMILIES}
