"""Single precision: value, score and its derivative of blurred edges and cusps, to 1e-4 at any blur and distance."""

import jax
import jax.numpy as jnp
import numpy as np
import oracles
import pytest

from thermodiff.distributions import Laplace, Uniform

LOW, HIGH = float(np.float32(0.3)), float(np.float32(2.3))
SCALE = float(np.float32(0.7))
IN_SIGMAS = np.array([0.01, 0.3, 1, 1.5, 2.5, 4, 6, 9, 30, 300, 3000, 1e4])


def three(family, x, sigma):
    score = family.noised_score(x, 1.0, sigma)
    return jnp.stack(
        [
            family.noised_log_prob(x, 1.0, sigma),
            score[0],
            jax.jacfwd(family.noised_score)(x, 1.0, sigma)[0, 0],
        ]
    )


mapped = jax.jit(jax.vmap(three, in_axes=(None, 0, None)))


def compare(family, oracle, x, sigma, rtol):
    """All three at x (n,), against the oracle at exactly the numbers that single precision holds."""
    x, sigma = np.unique(np.float32(x)), np.float32(sigma)
    padded = np.resize(x, 72)[:, None]
    got = np.asarray(mapped(family, padded, sigma), float)[: len(x)]
    want = np.array([oracle(float(v), float(sigma)) for v in x])
    # Below the smallest normal number single precision has no digits to keep.
    np.testing.assert_allclose(got, want, rtol=rtol, atol=1e-36)


@pytest.mark.parametrize(
    "ratio", [1e-6, 1e-5, 1e-4, 1e-3, 0.01, 0.1, 0.3, 0.5, 0.7, 1.0, 2.0, 10.0, 100.0, 1e3, 1e4]
)
def test_uniform(ratio):
    """Inside, at the edges, up to 10^4 sigma or ten widths outside."""
    width = HIGH - LOW
    sigma = ratio * width * 1.001  # in single precision not below the floor of 1e-6 widths
    inside = np.minimum(IN_SIGMAS * sigma, 0.45 * width)
    deep = LOW + width * np.array([0.05, 0.3, 0.47])
    beyond = width * np.array([0.01, 0.1, 1.0, 10.0])
    x = [[LOW, HIGH], LOW - IN_SIGMAS * sigma, HIGH + IN_SIGMAS * sigma, LOW + inside, HIGH - inside, deep]
    x += [LOW - beyond, HIGH + beyond]
    compare(
        Uniform([LOW], [HIGH]),
        lambda x, s: oracles.blurred_box(x, LOW, HIGH, s),
        np.concatenate(x),
        sigma,
        1e-4,
    )


@pytest.mark.parametrize(
    "ratio", [1e-6, 1e-5, 1e-4, 1e-3, 0.01, 0.1, 0.3, 0.5, 0.7, 1.0, 2.0, 10.0, 100.0, 1e3]
)
def test_laplace(ratio):
    """From the cusp to 3000 sigma or, for a wide blur, 30."""
    sigma = ratio * SCALE * 1.001
    in_scales = SCALE * np.array([1e-3, 0.01, 0.3, 1.0, 4.0, 10.0, 30.0])
    x = np.concatenate([IN_SIGMAS * sigma, in_scales])
    x = x[x <= max(3000 * sigma if ratio < 0.1 else 30 * sigma, 30 * SCALE)]
    compare(
        Laplace([0.0], [SCALE]),
        lambda x, s: oracles.blurred_laplace(x, SCALE, s),
        np.concatenate([x, -x]),
        sigma,
        1e-4,
    )


def test_a_narrow_box_is_a_gaussian():
    """U(0, h) + eps for h -> 0: the cumulants of a Gaussian of variance 1 + h^2/12, where Phi - Phi would be 0/0."""
    h = 1e-5
    got = mapped(Uniform([0.0], [h]), np.linspace(-8, 8, 72, dtype=np.float32)[:, None], np.float32(1))
    x = np.linspace(-8, 8, 72, dtype=np.float32).astype(float) - h / 2
    np.testing.assert_allclose(got[:, 0], -0.5 * x**2 - 0.5 * np.log(2 * np.pi), rtol=1e-5)
    np.testing.assert_allclose(got[:, 1], -x, rtol=1e-5)
    np.testing.assert_allclose(got[:, 2], -1, rtol=1e-5)


def test_at_sigma_zero_the_score_is_that_of_the_floor():
    score = jax.jit(Uniform([LOW], [HIGH]).noised_score)
    x, floor = jnp.float32([HIGH + 1e-5]), np.float32(1e-6) * np.float32(HIGH - LOW)
    np.testing.assert_allclose(score(x, 1.0, 0.0), score(x, 1.0, floor), rtol=1e-6)
    # ... and beyond the edge that is the pull of a half line, -(x - high)/sigma^2 to leading order.
    assert float(score(x, 1.0, 0.0)[0]) == pytest.approx(-(float(x[0]) - HIGH) / float(floor) ** 2, rel=0.05)


def test_coordinates_of_very_different_widths():
    low, high = jnp.float32([0.0, -1e3]), jnp.float32([1e-3, 1e3])
    x = jnp.float32([2e-3, 1001.0])
    score = Uniform(low, high).noised_score(x, 1.0, 0.5)
    for i in range(2):
        want = oracles.blurred_box(float(x[i]), float(low[i]), float(high[i]), 0.5)[1]
        assert float(score[i]) == pytest.approx(want, rel=1e-4)
