"""Noising against its reversed protocol: the intrinsic entropy production, exact at any number of steps."""

import jax
import numpy as np
import oracles_diffusion as oracle
import pytest
from problems_diffusion import PROCESSES, close, mixture, mixture_oracle, unit_gaussian

import thermodiff as td
from thermodiff.paths.noising import stiffness
from thermodiff.sampling.kernels import steps_of

T_MIN = 1e-3


def produced(name, data, steps, n, seed=0, process=None):
    process = process or PROCESSES[name][0]
    plan = td.schedule("log_snr", process, steps, t_min=T_MIN)
    rows = data.sample(jax.random.key(seed), n)
    paths = td.noising_paths(jax.random.key(seed + 1), process, rows, plan)
    return td.noising_entropy_production(paths, process, data), paths


def test_exploding_noise_gives_no_heat_and_produces_what_the_entropy_gains():
    """N(0, 1) under VE from t = 1e-3: 2.291616 nats with variance 0.9898, at any number of steps."""
    for steps in (3, 8):
        found, _ = produced("VE", unit_gaussian, steps, 4000)
        assert np.all(found.medium == 0)
        assert np.all(found.work == 0)
        close(found.mean.total, 2.291616, 1e-4, z=4)
        assert found.total.var() == pytest.approx(0.9898, abs=5 * 2 * 0.9898 / np.sqrt(4000))
    assert "entropy production" in str(found)


def test_equilibrium_produces_nothing_on_any_path():
    found, paths = produced("VP", unit_gaussian, 6, 50)
    np.testing.assert_allclose(found.total, 0.0, atol=2e-5)
    # Heat without work is what the energy |x|^2/2 loses.
    energy = 0.5 * np.sum(paths.x**2, axis=2)
    np.testing.assert_allclose(found.heat, energy[:, 0] - energy[:, -1], atol=1e-4 * energy.max())
    assert np.abs(found.work).max() < 1e-4 * energy.max()


@pytest.mark.slow
def test_a_mixture_produces_the_integral_of_its_rate():
    """Off-centre and skewed, under sub-VP, whose trap stiffens while the noise comes: first law, and many steps."""
    _, schedule = PROCESSES["sub-VP"]
    found, paths = produced("sub-VP", mixture, 200, 3000)
    times = np.geomspace(T_MIN, 1.0, 50)
    rate = np.array([mixture_oracle.intrinsic_rate(schedule, t) for t in times])
    expected = np.trapezoid(rate * times, np.log(times))
    close(found.mean.total, expected, 0.03 * expected, z=4)
    alpha = schedule.alpha(paths.schedule.time[::-1])
    v = schedule.variance(paths.schedule.time[::-1])
    r = alpha[1:] / alpha[:-1]
    kappa = (1 - r**2) / (v[1:] - r**2 * v[:-1])
    own = stiffness(steps_of(PROCESSES["sub-VP"][0], paths.schedule))
    np.testing.assert_allclose(own, kappa, rtol=1e-3)
    x = paths.x[:, :, 0]
    energy_gain = 0.5 * (own[-1] * x[:, -1] ** 2 - own[0] * x[:, 0] ** 2)
    np.testing.assert_allclose(found.work - found.heat, energy_gain, rtol=1e-9, atol=1e-6)


def test_the_integral_theorem_hangs_on_rare_starts_and_says_so():
    """Under VE, where the mean of e^-Sigma is 1 by algebra and far less in any sample."""
    hangs = td.fluctuation_theorem(produced("VE", unit_gaussian, 3, 4000)[0].total)
    assert not hangs.converged
    assert hangs.mean_exponential.mean < 0.5


@pytest.mark.slow
def test_the_integral_theorem_converges_for_bounded_starts():
    found = td.fluctuation_theorem(produced("VP", mixture, 4, 4000)[0].total)
    close(found.mean_exponential, 1.0, z=5)


def test_paths_of_one_point_share_it():
    process = PROCESSES["VE"][0]
    plan = td.schedule("log_snr", process, 5, t_min=T_MIN)
    rows = np.array([[0.0, 1.0], [3.0, -2.0]])
    paths = td.noising_paths(jax.random.key(0), process, rows, plan, per_point=400)
    assert paths.x.shape == (800, 6, 2)
    assert paths.direction == "noising"
    assert np.ptp(paths.x[:400, 0], axis=0).max() == 0
    v = oracle.exploding(25.0).variance(1.0)
    assert paths.x[:400, -1].var() == pytest.approx(v, rel=5 * np.sqrt(2 / 800))
    # Increments are independent of where they begin.
    steps = np.diff(paths.x, axis=1)[:400].reshape(400, -1)
    correlation = np.corrcoef(steps.T) - np.eye(10)
    assert np.abs(correlation).max() < 5 / np.sqrt(400)


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"x": np.zeros(3)}, r"x: got shape \(3,\)"),
        ({"per_point": 0}, "per_point: got 0, need a positive whole number"),
    ],
)
def test_refused(change, message):
    process = PROCESSES["VE"][0]
    given = {"process": process, "x": np.zeros((2, 1)), "schedule": td.schedule("log_snr", process, 3)}
    with pytest.raises(ValueError, match=f"^{message}"):
        td.noising_paths(jax.random.key(0), **{**given, **change})
