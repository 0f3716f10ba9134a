"""Rescaling in time: c(t) is what it should be, the loss falls by what it should, and the readings agree after it."""

import jax.numpy as jnp
import numpy as np
import pytest

import thermodiff as td
from thermodiff.thermodynamics.calibration import shrink

PROCESS = td.VariancePreserving()
DATA = td.Gaussian(np.array([0.5, -1.0]), np.array([[1.0, 0.6], [0.6, 2.0]]))
EXACT = td.exact_score(DATA, PROCESS)
SIZES = {"replicates": 8, "points": 64}


def drifting(t):
    return 1.3 - 0.5 * t


@pytest.fixture(scope="module")
def calibrated(key):
    return td.calibrate(key, td.scaled(EXACT, drifting), PROCESS, DATA, nodes=65, replicates=16, points=512)


def test_the_factor_undoes_a_known_scale(calibrated):
    t = np.asarray(PROCESS.time_of_log_snr(-2 * calibrated.ell))
    # E|s_th|^2 is sampled at 16 x 512 points, whose scatter of about 1 % a time at little noise is what is left.
    np.testing.assert_allclose(np.asarray(calibrated.factor), 1 / drifting(t), rtol=2e-2)


def test_the_calibrated_score_is_the_exact_one(calibrated):
    x = jnp.array([1.0, 0.3])
    for t in (0.01, 0.3, 0.9):
        exact = EXACT(x, jnp.asarray(t))
        np.testing.assert_allclose(calibrated(x, jnp.asarray(t)), exact, rtol=1e-2)
        np.testing.assert_allclose(
            calibrated.noise(x, jnp.asarray(t)), -PROCESS.sigma(t) * calibrated(x, jnp.asarray(t)), rtol=1e-5
        )


def test_readings_agree_and_the_loss_is_gone(key, calibrated):
    before = td.audit(key, td.scaled(EXACT, drifting), PROCESS, DATA, nodes=33, **SIZES)
    after = td.audit(key, calibrated, PROCESS, DATA, nodes=33, **SIZES)
    assert not before.healthy
    assert after.healthy
    assert after["J"].mean < 1e-3 * before["J"].mean
    assert after["neg_elbo"].mean < before["neg_elbo"].mean


def test_a_right_score_is_left_alone(key):
    factor = td.calibrate(key, EXACT, PROCESS, DATA, **SIZES).factor
    np.testing.assert_allclose(np.asarray(factor), 1.0, atol=1e-4)


def test_what_is_not_told_from_one_is_one():
    estimate = td.Estimate(jnp.array([1.02, 0.9, 2.0]), jnp.array([0.05, 0.01, 0.0]), 10)
    np.testing.assert_allclose(np.asarray(shrink(estimate)), [1.0, 1 - 0.1 * 0.99, 2.0], rtol=1e-6)
