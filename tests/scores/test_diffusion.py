"""The learned diffusion: one object says what score, process and divergence said apart, also to compiled functions."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from problems_diffusion import COV, MEAN, gaussian

import thermodiff as td
from thermodiff.numerics.divergence import ExactDivergence, HutchinsonDivergence
from thermodiff.scores.diffusion import learned_diffusion

PROCESS, FACTOR = td.VariancePreserving(), 0.8
SCORE = td.scaled(td.exact_score(gaussian, PROCESS), FACTOR)
X, T = np.array([0.3, -1.1]), 0.4


def gaussian_noise():
    """n_th and sigma div n_th of the scaled score by linear algebra."""
    alpha, sigma = float(PROCESS.alpha(T)), float(PROCESS.sigma(T))
    precision = np.linalg.inv(alpha**2 * COV + sigma**2 * np.eye(2))
    return FACTOR * sigma * precision @ (X - alpha * MEAN), FACTOR * sigma**2 * np.trace(precision)


def test_noise_and_divergence_are_those_of_the_score():
    diffusion = learned_diffusion(SCORE, PROCESS, 2)
    noise, divergence = gaussian_noise()
    found = jax.jit(lambda d, x, t: (d.noise(x, t), d.noise_with_divergence(x, t)))(
        diffusion, jnp.asarray(X, dtype=float), jnp.asarray(T, dtype=float)
    )
    np.testing.assert_allclose(found[0], noise, rtol=1e-5)
    np.testing.assert_allclose(found[1][0], noise, rtol=1e-5)
    np.testing.assert_allclose(found[1][1], divergence, rtol=1e-5)


def test_a_divergence_that_is_not_taken_is_none():
    diffusion = learned_diffusion(SCORE, PROCESS, 2).taking(None)
    assert (
        diffusion.noise_with_divergence(jnp.asarray(X, dtype=float), jnp.asarray(T, dtype=float))[1] is None
    )


def test_the_exact_score_of_a_gaussian_stands_still():
    """w = 0 in the coordinates of its own flow; (c - 1) (r/rho)^2 z for c times that score."""
    for factor in (1.0, FACTOR):
        diffusion = learned_diffusion(td.scaled(td.exact_score(gaussian, PROCESS), factor), PROCESS, 2)
        r = float(PROCESS.sigma(T) / PROCESS.alpha(T))
        share = r**2 / (np.linalg.eigvalsh(COV) + r**2)
        w, divergence = diffusion.relative_velocity(jnp.asarray([0.7, -1.2]), jnp.asarray(T, dtype=float))
        np.testing.assert_allclose(w, (factor - 1) * share * [0.7, -1.2], rtol=1e-4, atol=1e-6)
        np.testing.assert_allclose(divergence, (factor - 1) * share.sum(), rtol=1e-4, atol=1e-6)


def plain(x, t):
    return -x


def test_what_a_users_function_does_not_say_has_a_default():
    """No reference: the standard Gaussian; more than 16 dimensions: probes; its own starting time: 1e-3 of the data."""
    small, large = (learned_diffusion(plain, PROCESS, d) for d in (3, 17))
    assert isinstance(small.divergence, ExactDivergence)
    assert isinstance(large.divergence, HutchinsonDivergence)
    np.testing.assert_array_equal(small.reference.cov, np.eye(3))
    assert small.dim == 3
    assert small.starting_time(0.2) == 0.2
    t = small.starting_time()
    assert float(PROCESS.sigma(t) / PROCESS.alpha(t)) == pytest.approx(1e-3, rel=1e-3)


def test_what_is_no_score_or_no_process_is_refused():
    with pytest.raises(ValueError, match="process: got str, need a diffusion process"):
        learned_diffusion(SCORE, "VP", 2)
    with pytest.raises(ValueError, match="score: got one of 2 dimensions for data of 3"):
        learned_diffusion(SCORE, PROCESS, 3)


def test_an_exact_score_of_another_process_is_refused():
    """Also inside other scores; the same process made anew is the same, and other data are a model like any other."""
    exploding = td.VarianceExploding(25.0)
    alien = td.exact_score(gaussian, exploding)
    for score in (alien, td.scaled(td.shifted(alien, np.ones(2)), 0.9)):
        with pytest.raises(
            ValueError,
            match=r"^score: got the exact score of alpha = 1 at t = 0.1, .*, need td.exact_score\(",
        ):
            learned_diffusion(score, PROCESS, 2)
    with pytest.raises(ValueError, match=r"^score: got the exact score of sigma = .* at t = 0.1, where"):
        learned_diffusion(alien, td.VarianceExploding(10.0), 2)
    assert learned_diffusion(alien, td.VarianceExploding(25.0), 2).dim == 2
    other = td.exact_score(td.Gaussian(MEAN + 1, COV), PROCESS)
    assert learned_diffusion(other, PROCESS, 2).dim == 2

    def at(base):
        process = td.VarianceExploding(base)
        return (
            learned_diffusion(td.exact_score(gaussian, process), process, 2)
            .noise(jnp.ones(2), jnp.asarray(T))
            .sum()
        )

    assert np.isfinite(jax.grad(at)(25.0))
