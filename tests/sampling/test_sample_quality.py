"""Quality: energy distance and divergence of Gaussians against closed forms, floors at zero, and what is refused."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from scipy.stats import norm

import thermodiff as td

LINEAR = td.CustomProcess(lambda t: jnp.ones_like(t), lambda t: 80.0 * t)
UNIT = td.Gaussian([0.0], [[1.0]])


def mean_distance(shift):
    """E|X - Y| for X ~ N(0, 1), Y ~ N(shift, 1)."""
    z = shift / np.sqrt(2)
    return np.sqrt(2) * (2 * norm.pdf(z) + z * (2 * norm.cdf(z) - 1))


def test_energy_distance_of_shifted_gaussians(key):
    x = np.random.default_rng(5).normal(0.7, 1.0, (8192, 1))
    quality = td.sample_quality(key, x, UNIT)
    exact = 2 * mean_distance(0.7) - 2 * mean_distance(0.0)
    assert abs(quality.energy_distance.mean - exact) < 4 * quality.energy_distance.stderr
    assert abs(quality.floor.mean) < 4 * quality.floor.stderr
    assert quality.energy_distance.stderr < 0.05 * exact
    assert (quality.kl, quality.evaluations) == (None, None)


def test_rows_as_truth(key):
    rng = np.random.default_rng(6)
    quality = td.sample_quality(key, rng.normal(size=(256, 2)), rng.normal(size=(400, 2)))
    assert abs(quality.energy_distance.mean) < 5 * quality.energy_distance.stderr
    assert quality.floor.n == 8


@pytest.mark.parametrize(
    ("steps", "kl"),
    [
        (8, 0.021021),
        pytest.param(16, 0.005467, marks=pytest.mark.slow),
        pytest.param(32, 0.001398, marks=pytest.mark.slow),
    ],
)
def test_divergence_of_ddim_on_the_cosine_clock(key, steps, kl):
    with jax.enable_x64(True):
        made = td.schedule("cosine", LINEAR, steps, t_min=0.002 / 80)
        sampler = td.deterministic_sampler(
            td.exact_score(UNIT, LINEAR), LINEAR, sampler="euler", schedule=made
        )
        quality = td.sample_quality(key, sampler, UNIT, n=64, points=1024)
    assert abs(quality.kl.mean - kl) < 4 * quality.kl.stderr
    assert quality.kl.stderr < 0.1 * kl
    assert quality.evaluations == steps


@pytest.mark.slow
def test_divergence_of_dpm_in_two_dimensions_is_that_of_its_gaussian(key):
    """Mean and covariance of the samples from the map itself, which is affine; the divergence in closed form."""
    process, data = td.VariancePreserving(0.1, 20.0), td.Gaussian([1.0, 2.0], [[1.0, 0.5], [0.5, 0.6]])
    made = td.schedule("log_snr", process, 5, t_min=0.05, reference=data)
    with jax.enable_x64(True):
        sampler = td.deterministic_sampler(td.exact_score(data, process), process, schedule=made)
        quality = td.sample_quality(key, sampler, data, n=64, points=256, replicates=8)
        A, b = np.asarray(jax.jacfwd(sampler)(np.zeros(2))), np.asarray(sampler(np.zeros(2)))
        prior, alpha, sigma = (
            sampler.prepared.prior,
            *(float(f(0.05)) for f in (process.alpha, process.sigma)),
        )
        mean, cov = A @ np.asarray(prior.mean) + b, A @ np.asarray(prior.cov) @ A.T
    true = alpha**2 * np.array([[1.0, 0.5], [0.5, 0.6]]) + sigma**2 * np.eye(2)
    off = mean - alpha * np.array([1.0, 2.0])
    inverse = np.linalg.inv(true)
    log_ratio = np.log(np.linalg.det(cov @ inverse))
    exact = 0.5 * (np.trace(inverse @ cov) - 2 + off @ inverse @ off - log_ratio)
    assert abs(quality.kl.mean - exact) < 4 * quality.kl.stderr + 1e-6
    assert exact > 1e-3


def test_what_has_no_quality(key):
    x = np.zeros((64, 1)) + np.arange(64)[:, None]
    with pytest.raises(ValueError, match="samples: got 8 rows beside as many of the truth, need at least 16"):
        td.sample_quality(key, x[:8], UNIT)
    with pytest.raises(
        ValueError, match=r"^samples: got 2 columns beside a truth of 1, need as many in both"
    ):
        td.sample_quality(key, np.random.default_rng(0).normal(size=(64, 2)), UNIT)
    with pytest.raises(
        ValueError, match=r"^samples: got 1 columns beside a truth of 2, need as many in both"
    ):
        td.sample_quality(key, x, np.random.default_rng(0).normal(size=(64, 2)))
    with pytest.raises(ValueError, match="truth: got str, need a distribution or an array"):
        td.sample_quality(key, x, "digits")
    score = td.exact_score(UNIT, LINEAR)
    with pytest.raises(ValueError, match="sampler: got 'euler_maruyama', need one that draws nothing"):
        td.deterministic_sampler(score, LINEAR, sampler="euler_maruyama", schedule="log_snr")
    sampler = td.deterministic_sampler(score, LINEAR, schedule="log_snr", steps=2)
    with pytest.raises(
        ValueError, match=r"^samples: got 1 columns beside a truth of 2, need as many in both"
    ):
        td.sample_quality(key, sampler, td.Gaussian(np.zeros(2), np.eye(2)))
    with pytest.raises(ValueError, match="points: got 100, need a power of two"):
        td.sample_quality(key, sampler, UNIT, points=100)
    assert td.sample_quality(key, sampler, np.asarray(x), n=32).kl is None
