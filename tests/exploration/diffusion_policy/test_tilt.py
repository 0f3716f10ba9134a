"""Tilts of mixtures against numpy's and scipy's quadrature."""

import itertools
import re

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from scipy.integrate import quad
from scipy.stats import multivariate_normal, norm

import thermodiff as td
from thermodiff import exploration as explore

WEIGHTS, MEANS, SPREADS = np.array([0.5, 0.2, 0.3]), np.array([-1.5, 0.2, 1.8]), np.array([0.5, 0.3, 0.6])
MIXTURE = td.GaussianMixture(WEIGHTS, MEANS[:, None], (SPREADS**2)[:, None, None])
PLANE = td.GaussianMixture(
    [0.6, 0.4], [[-1.0, 0.5], [1.2, -0.3]], [[[0.5, 0.2], [0.2, 0.4]], [[0.3, -0.1], [-0.1, 0.6]]]
)
BETA = 0.35
REWARDS = {
    "half space": (explore.HalfSpace([-2.0], -1.4), lambda x: float(x < 0.7)),
    "balls": (explore.Balls([[-1.4], [1.3]], 0.6), lambda x: float(abs(x + 1.4) < 0.6 or abs(x - 1.3) < 0.6)),
    "quadratic": (explore.Quadratic([0.8], 0.7), lambda x: -0.35 * (x - 0.8) ** 2),
}  # fmt: skip
BREAKS = [-2.0, -0.8, 0.7, 1.9]


def density(x):
    return float(WEIGHTS @ norm.pdf(x, MEANS, SPREADS))


def integral(f):
    ends = [-9.0, *BREAKS, 9.0]
    return sum(quad(f, a, b, epsabs=1e-12)[0] for a, b in itertools.pairwise(ends))


@pytest.mark.parametrize("name", REWARDS)
def test_a_tilt_on_the_line(name):
    reward, r = REWARDS[name]
    Z = integral(lambda x: density(x) * np.exp(r(x) / BETA))
    reached = integral(lambda x: r(x) * density(x) * np.exp(r(x) / BETA)) / Z
    truth = (
        integral(lambda x: r(x) * density(x)),
        reached,
        np.log(Z),
        reached / BETA - np.log(Z),
        BETA * np.log(Z),
    )
    found = explore.reward_tilt(MIXTURE, reward, BETA)
    assert found == pytest.approx(truth, abs=2e-6)  # fields of MIXTURE and rewards are of single precision
    if name != "quadratic":
        assert found.divergence == pytest.approx(
            float(explore.binary_divergence(found.reward, found.base_reward))
        )


def test_nothing_beats_the_tilt():
    """The free energy is the largest of E r - beta KL: other weights between correct and wrong reach less."""
    tilt = explore.reward_tilt(MIXTURE, REWARDS["half space"][0], BETA)
    others = np.linspace(0.01, 0.99, 99)
    assert np.all(
        others - BETA * explore.binary_divergence(others, tilt.base_reward) <= tilt.free_energy + 1e-12
    )


def grid(n=601, end=5.0):
    axis, step = np.linspace(-end, end, n, retstep=True)
    return np.stack(np.meshgrid(axis, axis, indexing="ij"), axis=-1), step**2


def plane_density(x):
    parts = zip(np.asarray(PLANE.weights), np.asarray(PLANE.means), np.asarray(PLANE.covs), strict=True)
    return sum(w * multivariate_normal(m, C).pdf(x) for w, m, C in parts)


def test_a_quadratic_reward_in_the_plane():
    x, cell = grid()
    r = -0.5 * 1.3 * np.sum((x - [0.4, -0.8]) ** 2, axis=-1)
    tilted = plane_density(x) * np.exp(r / BETA)
    Z = tilted.sum() * cell
    found = explore.reward_tilt(PLANE, explore.Quadratic([0.4, -0.8], 1.3), BETA)
    assert found.log_partition == pytest.approx(np.log(Z), abs=1e-5)
    assert found.reward == pytest.approx((r * tilted).sum() * cell / Z, abs=1e-5)
    law = explore.tilted_distribution(PLANE, explore.Quadratic([0.4, -0.8], 1.3), BETA)
    places = x[200:400:50, 200:400:50]
    assert np.exp(law.log_prob(jnp.asarray(places))) == pytest.approx(
        tilted[200:400:50, 200:400:50] / Z, abs=1e-5
    )


def test_balls_in_the_plane():
    """Isotropic Gaussians against quadrature in polar coordinates; others say that they are not known."""
    weights, means, covs = [0.7, 0.3], np.array([[0.0, 0.5], [1.5, -1.0]]), [0.4 * np.eye(2), 0.9 * np.eye(2)]
    balls = explore.Balls([[0.2, 0.1], [2.0, -1.5]], 0.8)
    found = explore.reward_tilt(td.GaussianMixture(weights, means, covs), balls, 1.0)
    radius, weight = (
        0.8 * (1 + np.polynomial.legendre.leggauss(40)[0]) / 2,
        0.4 * np.polynomial.legendre.leggauss(40)[1],
    )
    angle = 2 * np.pi * np.arange(64) / 64
    round_about = np.stack([np.cos(angle), np.sin(angle)], axis=-1)
    inside = 0.0
    for centre in np.asarray(balls.centres):
        x = centre + radius[:, None, None] * round_about
        law = sum(w * multivariate_normal(m, C).pdf(x) for w, m, C in zip(weights, means, covs, strict=True))
        inside += (weight * radius) @ law.mean(axis=1) * 2 * np.pi
    assert found.base_reward == pytest.approx(inside, abs=2e-6)
    with pytest.raises(td.NotKnownError, match="not isotropic: estimate it from samples"):
        explore.reward_tilt(PLANE, balls, 1.0)
    with pytest.raises(td.NotKnownError, match="not known inside a compiled function"):
        explore.tilted_score(td.GaussianMixture(weights, means, covs), td.OrnsteinUhlenbeck(4.0), balls, 1.0)


@pytest.mark.parametrize(
    "name", [*(pytest.param(name, marks=pytest.mark.slow) for name in ("half space", "balls")), "quadratic"]
)
def test_the_score_of_a_tilt(name):
    """Against the noised tilt by quadrature, its logarithm differentiated numerically."""
    reward, r = REWARDS[name]
    process, t = td.VariancePreserving(0.1, 20.0), 0.2
    alpha, sigma = float(process.alpha(t)), float(process.sigma(t))

    def log_noised(x):
        return np.log(integral(lambda y: density(y) * np.exp(r(y) / BETA) * norm.pdf(x, alpha * y, sigma)))

    score = explore.tilted_score(MIXTURE, process, reward, BETA)
    for x in (-1.3, 0.4, 1.6):
        slope = (log_noised(x + 1e-3) - log_noised(x - 1e-3)) / 2e-3
        assert float(score(jnp.array([x]), jnp.asarray(t))[0]) == pytest.approx(slope, abs=2e-4)


@pytest.mark.slow
def test_the_score_of_a_tilt_in_the_plane():
    """The chance of a half space in the plane is that of a line across it: a rotation turns one into the other."""
    process, t, x = td.OrnsteinUhlenbeck(5.0), jnp.asarray(0.3), jnp.array([0.3, -0.6])
    turn = np.array([[0.6, -0.8], [0.8, 0.6]])
    score = explore.tilted_score(PLANE, process, explore.HalfSpace([1.0, 0.0], 0.2), BETA)
    turned = td.GaussianMixture(
        PLANE.weights, np.asarray(PLANE.means) @ turn.T, turn @ np.asarray(PLANE.covs) @ turn.T
    )
    other = explore.tilted_score(turned, process, explore.HalfSpace(turn[:, 0], 0.2), BETA)
    assert turn @ score(x, t) == pytest.approx(np.asarray(other(jnp.asarray(turn @ x), t)), abs=2e-5)
    assert jax.tree.structure(score) == jax.tree.structure(jax.tree.map(lambda leaf: leaf, score))


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda: explore.reward_tilt(MIXTURE, jnp.sum, 1.0), "reward: got "),
        (lambda: explore.reward_tilt(MIXTURE, REWARDS["balls"][0], 0.0), "beta: got 0.0, need a positive"),
        (
            lambda: explore.reward_tilt(td.Laplace([0.0], 1.0), REWARDS["balls"][0], 1.0),
            "distribution: got Laplace",
        ),
        (
            lambda: explore.tilted_distribution(MIXTURE, REWARDS["balls"][0], 1.0),
            "reward: got Balls, need a Quadratic",
        ),
        (
            lambda: explore.reward_tilt(MIXTURE, explore.Quadratic([0.0, 0.0], 1.0), 1.0),
            "reward: got a centre of shape (2,), need shape (1,)",
        ),
    ],
)
def test_messages(call, message):
    with pytest.raises(ValueError, match=re.escape(message)):
        call()
