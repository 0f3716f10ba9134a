"""The divergence in closed form against finite differences in double precision, and where it is used."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest

import thermodiff as td
from thermodiff.numerics.divergence import ExactDivergence, HutchinsonDivergence
from thermodiff.scores.diffusion import learned_diffusion
from thermodiff.scores.divergence import (
    EXACT_DIVERGENCE_MAX_DIM,
    default_divergence,
    without_products,
)
from thermodiff.scores.networks import potential_mlp, residual_mlp
from thermodiff.trajectories.probability_flow import Tolerance

PROCESSES = {"VE": td.VarianceExploding(25.0), "VP": td.VariancePreserving(0.1, 12.0)}


def off_centre(dim):
    """A Gaussian with a mean, correlations and very unequal variances."""
    rng = np.random.default_rng(dim)
    mixing = rng.normal(size=(dim, dim)) * 2.0 ** -np.arange(dim)
    return td.Gaussian(rng.normal(size=dim), mixing @ mixing.T + 0.05 * np.eye(dim))


def rough_score(dim, process, depth=2, width=12, network=residual_mlp):
    """A preconditioned score with weights that nobody trained: every path through the network counts."""
    net = network(jax.random.key(1), dim, width, depth)
    leaves, structure = jax.tree.flatten(net)
    keys = jax.random.split(jax.random.key(2), len(leaves))
    drawn = [0.4 * jax.random.normal(k, leaf.shape, leaf.dtype) for k, leaf in zip(keys, leaves, strict=True)]
    return td.PreconditionedScore(
        jax.tree.unflatten(structure, drawn), process, off_centre(dim), jnp.asarray(1e-3)
    )


def silu(u):
    return u / (1 + np.exp(-u))


def numpy_network(net, x, ell):
    """The network of ``networks``' docstring in numpy, double precision: F(x, ell)."""
    from thermodiff.scores.networks import FREQUENCIES

    p = jax.tree.map(lambda leaf: np.asarray(leaf, np.float64), net.params)
    linear = lambda layer, h: h @ layer["kernel"] + layer["bias"]  # noqa: E731
    trunk, phase = p["trunk"], ell * np.asarray(FREQUENCIES)
    c = silu(linear(trunk["embed"], np.concatenate([np.sin(phase), np.cos(phase)])))
    *blocks, last = np.split(linear(trunk["modulate"], c), 2 * net.depth + 1)
    h = linear(trunk["enter"], x)
    for b in range(net.depth):
        h = h + linear(
            trunk["outer"][b], silu((1 + blocks[2 * b]) * linear(trunk["inner"][b], h) + blocks[2 * b + 1])
        )
    return linear(p["leave"], (1 + last) * h)


def differences(field, x, step=1e-5):
    """The diagonal of the Jacobian by central differences."""
    return np.array(
        [(field(x + e)[i] - field(x - e)[i]) / (2 * step) for i, e in enumerate(step * np.eye(len(x)))]
    )


@pytest.mark.parametrize("depth", [1, 2])
@pytest.mark.parametrize("dim", [1, 3, 20])
def test_the_weighted_trace_of_a_network_is_that_of_finite_differences(dim, depth):
    net = rough_score(dim, PROCESSES["VE"], depth).network
    rng = np.random.default_rng(0)
    x, weights, ell = rng.normal(size=dim), rng.uniform(-1.0, 2.0, size=dim), 0.7
    F, divergence = net.with_divergence(
        jnp.asarray(x, jnp.float32), jnp.float32(ell), jnp.asarray(weights, jnp.float32)
    )
    np.testing.assert_allclose(F, numpy_network(net, x, ell), rtol=2e-4, atol=2e-4)
    slopes = differences(lambda y: numpy_network(net, y, ell), x)
    np.testing.assert_allclose(divergence, weights @ slopes, rtol=2e-4, atol=2e-4 * np.abs(slopes).sum())


@pytest.mark.parametrize("process", PROCESSES.values(), ids=PROCESSES)
@pytest.mark.parametrize("t", [0.02, 0.4, 0.9])
def test_closed_form_and_products_agree(process, t):
    """The same score scaled by one has no formula; off-centre, correlated, unequal variances, calibrated too."""
    score, t = rough_score(4, process), jnp.asarray(t)
    calibrated = td.CalibratedScore(score, process, jnp.array([-3.0, 0.0, 2.0]), jnp.array([0.8, 1.1, 0.9]))
    x = process.alpha(t) * jnp.array([0.5, -1.0, 2.0, 0.3]) + process.sigma(t) * jnp.array(
        [1.0, 0.2, -0.7, 1.5]
    )
    for one in (score, calibrated):
        plain = td.scaled(one, 1.0)
        with_formula, by_products = (
            learned_diffusion(s, process, 4, ExactDivergence()) for s in (one, plain)
        )
        assert with_formula.closed
        assert not by_products.closed
        found = with_formula.noise_with_divergence(x, t)
        expected = by_products.noise_with_divergence(x, t)
        for a, b in zip(found, expected, strict=True):
            np.testing.assert_allclose(a, b, rtol=1e-3, atol=1e-4)
        z = jnp.array([0.3, -0.8, 1.2, 0.1])
        found = with_formula.relative_velocity(z, t)
        expected = by_products.relative_velocity(z, t)
        for a, b in zip(found, expected, strict=True):
            np.testing.assert_allclose(a, b, rtol=1e-3, atol=1e-4)


def test_flow_likelihood_with_and_without_the_formula():
    """In 20 dimensions, against the exact divergence by products of a callable that hides what it knows."""
    process = PROCESSES["VP"]
    data = td.GaussianMixture([0.3, 0.7], [[-1.0] * 20, [0.5] * 20], [0.6 * np.eye(20), 0.2 * np.eye(20)])
    score = td.fit(jax.random.key(0), data, process, steps=60, width=16).score
    x = data.sample(jax.random.key(1), 8)
    prior = td.moment_prior(score.reference, process)
    tight = Tolerance(1e-6, 1e-6)
    found = td.flow_log_likelihood(score, process, x, tolerance=tight)
    expected = td.flow_log_likelihood(
        lambda x, t: score(x, t),
        process,
        x,
        prior=prior,
        t_min=float(score.t_min),
        divergence=ExactDivergence(),
        tolerance=tight,
    )
    np.testing.assert_allclose(found, expected, atol=1e-3)


def test_the_default_is_exact_where_it_costs_no_products():
    process = PROCESSES["VE"]
    many = EXACT_DIVERGENCE_MAX_DIM + 1
    assert EXACT_DIVERGENCE_MAX_DIM == 16
    exact, probes = ExactDivergence, HutchinsonDivergence
    for score, dim, expected in (
        (rough_score(many, process), many, exact),
        (rough_score(many, process, depth=3), many, probes),
        (rough_score(16, process, depth=3), 16, exact),
        (rough_score(many, process, network=potential_mlp), many, probes),
        (lambda x, t: -x, many, probes),
        (lambda x, t: -x, 16, exact),
    ):
        assert isinstance(default_divergence(score, dim), expected)
    assert not without_products(rough_score(2, process), HutchinsonDivergence(1)), "probes were asked for"
