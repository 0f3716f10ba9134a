"""System, intrinsic and exchange rates of exact and wrong scores, their laws, integrals and error bars."""

import json

import jax
import jax.numpy as jnp
import numpy as np
import oracles_diffusion as oracle
import pytest
from problems_diffusion import (
    COV,
    MEAN,
    PROCESSES,
    SIZES,
    Errors,
    close,
    gaussian,
    mixture,
    mixture_oracle,
)
from scipy import stats

import thermodiff as td
from thermodiff.distributions import Samples
from thermodiff.thermodynamics.readings import FLOW, READINGS
from thermodiff.thermodynamics.time_grid import time_grid

# What single precision leaves of a rate, relative to its largest term: twenty roundings.
ROUNDING = 20 * np.finfo(np.float32).eps

EXACT = Errors()
WRONG = Errors(factor=0.9, shift=(0.2, -0.3), angle=0.4)


def rates_of(errors, data, process, reading="quadratic", seed=0, **options):
    p, _ = PROCESSES[process]
    score = errors.score(data, p)
    return td.entropy_rates(jax.random.key(seed), score, p, data, reading=reading, **{**SIZES, **options})


def largest_term(rates, schedule, model):
    """The size of what is added up in a rate: d a and D E|s|^2."""
    t = np.asarray(rates.time, float)
    return rates.dim * np.abs(schedule.a(t)) + schedule.D(t) * np.array([model.a(u) for u in t])


@pytest.fixture(scope="module", params=["VE", "VP"])
def exact_gaussian(request):
    """The readings of an exact score on one grid, and the oracle; the flow's, slow to compile, for VP alone."""
    schedule = PROCESSES[request.param][1]
    wanted = (*READINGS, FLOW) if request.param == "VP" else READINGS
    readings = {r: rates_of(EXACT, gaussian, request.param, r) for r in wanted}
    return readings, oracle.AffineModel(schedule, MEAN, COV), request.param


@pytest.fixture(scope="module", params=["VE", "VP"])
def wrong_gaussian(request):
    schedule = PROCESSES[request.param][1]
    readings = {r: rates_of(WRONG, gaussian, request.param, r) for r in READINGS}
    return readings, WRONG.affine(schedule, MEAN, COV), request.param


# --- exact scores -------------------------------------------------------------------------------


def test_every_reading_of_an_exact_score_is_the_closed_form(exact_gaussian):
    """Sdot = d a + D tr V^-1 at each time."""
    readings, model, _ = exact_gaussian
    for reading, rates in readings.items():
        t = np.asarray(rates.time, float)
        expected = [model.dim * model.schedule.a(u) + model.schedule.D(u) * model.a(u) for u in t]
        # The flow reading is taken on points that an adaptive solver moved, relative error 1e-5.
        relative = ROUNDING if reading != "flow" else 3e-5
        close(rates.system, expected, relative * largest_term(rates, model.schedule, model))


def test_intrinsic_rate_of_off_centre_data(exact_gaussian):
    """E|a x - D s|^2/D with E|x|^2 = alpha^2 |m|^2 + tr V: wrong by 10 at t = 1/2 if the mean were left out of VP's."""
    readings, model, process = exact_gaussian
    rates = readings["quadratic"]
    t = np.asarray(rates.time, float)
    expected = np.array([model.intrinsic(u) for u in t])
    close(rates.intrinsic, expected, ROUNDING * (expected + largest_term(rates, model.schedule, model)))
    if process == "VP":
        half = model.schedule
        without_mean = oracle.AffineModel(half, 0 * MEAN, COV)
        middle = np.argmin(np.abs(t - 0.3))
        assert expected[middle] > 1.3 * without_mean.intrinsic(t[middle])


def test_integral_of_the_system_rate_is_the_entropy_gained(exact_gaussian):
    readings, model, _ = exact_gaussian
    for reading, rates in readings.items():
        total = rates.integral().system
        t_min = float(rates.time[0])
        gain = oracle.gaussian_entropy(model.marginal(1.0)[1]) - oracle.gaussian_entropy(
            model.marginal(t_min)[1]
        )
        allowance = 2 * float(total.quadrature_error) + (1e-5 if reading != "flow" else 1e-4)
        close(total, gain, allowance)
        assert total.quadrature_error < 1e-4


def test_four_readings_agree_on_a_mixture():
    """Skewed, unequal weights, a process that is neither VE nor VP: by quadrature of the Fisher information."""
    schedule = PROCESSES["sub-VP"][1]
    for reading in (*READINGS, FLOW):
        rates = rates_of(EXACT, mixture, "sub-VP", reading)
        t = np.asarray(rates.time, float)
        expected = np.array([mixture_oracle.system_rate(schedule, u) for u in t])
        scale = np.abs(schedule.a(t)) + np.abs(expected)
        close(rates.system, expected, (ROUNDING if reading != "flow" else 1e-4) * scale)
        total = rates.integral().system
        v = schedule.variance(t[0])
        gain = mixture_oracle.entropy(schedule.alpha(1.0), schedule.variance(1.0)) - mixture_oracle.entropy(
            schedule.alpha(t[0]), v
        )
        close(total, gain, 2 * float(total.quadrature_error) + 1e-4)
    expected = np.array([mixture_oracle.intrinsic_rate(schedule, u) for u in t])
    close(rates.intrinsic, expected, ROUNDING * (expected + scale))


# --- wrong scores -------------------------------------------------------------------------------


def test_readings_of_a_wrong_score(wrong_gaussian):
    """R1, R2 and R3 each against its own closed form: they differ by up to the size of the rate itself."""
    readings, model, _ = wrong_gaussian
    for reading, rates in readings.items():
        t = np.asarray(rates.time, float)
        expected = np.array([model.rate(u, reading) for u in t])
        close(rates.system, expected, 3 * ROUNDING * largest_term(rates, model.schedule, model))
        intrinsic = np.array([model.intrinsic(u) for u in t])
        close(
            rates.intrinsic,
            intrinsic,
            3 * ROUNDING * (intrinsic + largest_term(rates, model.schedule, model)),
        )
        total = rates.integral()
        drift = model.dim * np.log(model.schedule.alpha(1.0) / model.schedule.alpha(t[0]))
        I = model.integrals(t[0])  # noqa: E741
        moment = {"quadratic": I["B"], "divergence": I["C"], "denoising": 2 * I["C"] - I["B"]}[reading]
        close(total.system, drift + moment, 2 * float(total.system.quadrature_error) + 2e-5)
        local = model.integral(model.intrinsic, t[0])
        close(total.intrinsic, local, 2 * float(total.intrinsic.quadrature_error) + 1e-5 * (1 + local))
        close(
            total.exchange,
            drift + moment - local,
            2 * float(total.exchange.quadrature_error) + 1e-5 * (1 + local),
        )


def test_the_divergence_reading_is_midway(wrong_gaussian):
    """R2 = (R1 + R3)/2 identically; read by the divergence and by the noise they are different random numbers."""
    readings = wrong_gaussian[0]
    r1, r2, r3 = (readings[r] for r in ("quadratic", "divergence", "denoising"))
    middle = 0.5 * (np.asarray(r1.system_units) + np.asarray(r3.system_units))
    gap = td.Estimate(
        (np.asarray(r2.system_units) - middle).mean(axis=0),
        (np.asarray(r2.system_units) - middle).std(axis=0, ddof=1) / 4,
        16,
    )
    close(gap, 0.0, 1e-5)
    assert float(gap.stderr.max()) < 0.05


def test_system_is_intrinsic_plus_exchange(wrong_gaussian):
    for rates in wrong_gaussian[0].values():
        total = rates.integral()
        for system, intrinsic, exchange in ((rates.system, rates.intrinsic, rates.exchange), total):
            parts = np.asarray(intrinsic.mean), np.asarray(exchange.mean)
            scale = np.abs(parts[0]) + np.abs(parts[1])
            assert np.all(np.abs(system.mean - parts[0] - parts[1]) <= ROUNDING * scale)
        assert np.all(np.asarray(rates.intrinsic.mean) >= 0)


# --- orientation and the 2:1 ratio --------------------------------------------------------------


@pytest.mark.parametrize("reading", ["quadratic", "divergence", "denoising"])
def test_two_to_one_in_the_variance_exploding_process(reading):
    """Diffusion exchanges nothing; generation exchanges -2 for every 1 produced, in each reading for the true score."""
    forward = rates_of(EXACT, gaussian, "VE", reading)
    scale = np.asarray(forward.intrinsic.mean)
    close(forward.exchange, 0.0, ROUNDING * scale)
    backward = rates_of(EXACT, gaussian, "VE", reading, orientation="generation")
    close(backward.exchange_ratio(), -2.0, ROUNDING)
    close(backward.system, -scale, ROUNDING * scale)
    np.testing.assert_allclose(backward.intrinsic.mean, scale, rtol=1e-6)
    total = backward.integral()
    close(total.exchange, -2 * float(total.intrinsic.mean), 1e-5)


def test_the_ratio_is_algebra_in_the_quadratic_reading_and_evidence_in_the_others():
    """A wrong score keeps -2 exactly in the first and not in the second."""
    quadratic = rates_of(WRONG, gaussian, "VE", "quadratic", orientation="generation").exchange_ratio()
    np.testing.assert_allclose(quadratic.mean, -2.0, rtol=1e-5)
    divergence = rates_of(WRONG, gaussian, "VE", "divergence", orientation="generation")
    model = WRONG.affine(PROCESSES["VE"][1], MEAN, COV)
    t = np.asarray(divergence.time, float)
    expected = -1 - np.array([model.rate(u, "divergence") / model.intrinsic(u) for u in t])
    close(divergence.exchange_ratio(), expected, 2e-5)
    assert np.abs(expected + 2).max() > 0.1


def test_generation_of_a_variance_preserving_process_has_no_fixed_ratio():
    """Exchange/intrinsic = -(1 + Sdot/Sdot_i): of either sign along one process that starts wider than N(0, I)."""
    wide = 9.0 * np.eye(2)
    rates = rates_of(EXACT, td.Gaussian([0.0, 0.0], wide), "VP", orientation="generation")
    schedule = PROCESSES["VP"][1]
    model = oracle.AffineModel(schedule, np.zeros(2), wide)
    t = np.asarray(rates.time, float)
    system = np.array([model.rate(u, "quadratic") for u in t])
    intrinsic = np.array([model.intrinsic(u) for u in t])
    scale = largest_term(rates, schedule, model) + intrinsic
    close(rates.system, -system, ROUNDING * scale)
    close(rates.exchange, -system - intrinsic, ROUNDING * scale)
    ratio = -(1 + system / intrinsic)
    close(rates.exchange_ratio(), ratio, 3 * ROUNDING * scale / intrinsic * (1 + np.abs(ratio)))
    assert ratio.min() == pytest.approx(-0.875, abs=1e-3)
    assert ratio.max() > 1


def test_relative_to_equilibrium_the_variance_preserving_process_is_two_to_one_too():
    """f = -D x: Sdot_i = -d/dt KL(p_t || N(0, I)), and forward exchange is that of equilibrium."""
    rates = rates_of(EXACT, gaussian, "VP")
    schedule = PROCESSES["VP"][1]
    model = oracle.AffineModel(schedule, MEAN, COV)

    def kl(t):
        return oracle.gaussian_kl(*model.marginal(t), np.zeros(2), np.eye(2))

    t = np.asarray(rates.time, float)[8:-1:8]
    h = 1e-4 * t
    loss = np.array([(kl(u - e) - kl(u + e)) / (2 * e) for u, e in zip(t, h, strict=True)])
    intrinsic = td.Estimate(rates.intrinsic.mean[8:-1:8], rates.intrinsic.stderr[8:-1:8], 16)
    # The oracle's derivative loses digits where KL does not change any more.
    close(intrinsic, loss, 1e-5 * np.abs(loss) + 1e-4)
    total = rates.integral().intrinsic
    close(total, kl(float(rates.time[0])) - kl(1.0), 2 * float(total.quadrature_error) + 1e-4)


def test_equilibrium_has_no_rates():
    """N(0, I) is stationary under VP: every rate is the difference of terms of size beta, here up to 20."""
    rates = rates_of(EXACT, td.Gaussian([0.0, 0.0], np.eye(2)), "VP", "divergence")
    beta = 2 * np.asarray(PROCESSES["VP"][0].diffusivity(rates.time))
    for rate in (rates.system, rates.intrinsic, rates.exchange):
        close(rate, 0.0, ROUNDING * beta)
    total = rates.integral()
    for rate in total:
        close(rate, 0.0, 1e-5)


# --- grids --------------------------------------------------------------------------------------


def test_grid_is_uniform_in_log_snr_and_starts_at_a_thousandth():
    p, schedule = PROCESSES["VE"]
    grid = time_grid(p, 1e-4, 65)
    assert grid.time.shape == (65,)
    np.testing.assert_allclose(grid.time[jnp.array([0, -1])], [1e-4, 1.0], rtol=1e-5)
    t = np.asarray(grid.time, float)
    ell = 0.5 * np.log(schedule.variance(t))
    np.testing.assert_allclose(np.diff(ell), np.diff(ell).mean(), rtol=1e-3)
    np.testing.assert_allclose(grid.rate, schedule.D(t) / schedule.variance(t), rtol=1e-5)
    assert grid.rule.order == 4


def test_given_times():
    times = np.linspace(0.02, 1.0, 65)
    rates = rates_of(EXACT, gaussian, "VP", times=times)
    np.testing.assert_allclose(rates.time, times, rtol=1e-6)
    schedule = PROCESSES["VP"][1]
    model = oracle.AffineModel(schedule, MEAN, COV)
    close(
        rates.system,
        [model.rate(u, "quadratic") for u in times],
        ROUNDING * largest_term(rates, schedule, model),
    )
    # Not even in log-SNR they get the trapezoid rule, and the record says how poor that is.
    total = rates.integral().system
    gain = oracle.gaussian_entropy(model.marginal(1.0)[1]) - oracle.gaussian_entropy(model.marginal(0.02)[1])
    assert rates.grid.rule.order == 2
    assert 1e-4 < abs(float(total.mean) - gain) < 2 * float(total.quadrature_error)


def test_t_min_is_where_integrals_start():
    rates = rates_of(EXACT, gaussian, "VE", t_min=0.3)
    assert float(rates.time[0]) == pytest.approx(0.3, rel=1e-6)
    model = oracle.AffineModel(PROCESSES["VE"][1], MEAN, COV)
    total = rates.integral().system
    gain = oracle.gaussian_entropy(model.marginal(1.0)[1]) - oracle.gaussian_entropy(model.marginal(0.3)[1])
    close(total, gain, 2 * float(total.quadrature_error) + 1e-5)


# --- samples ------------------------------------------------------------------------------------


@pytest.mark.parametrize("reading", ["quadratic", "divergence"])
def test_rates_from_samples(reading):
    """Every row a unit: the averages of the law itself, within errors that count the sample's scatter."""
    x = np.asarray(gaussian.sample(jax.random.key(11), 1024))
    schedule = PROCESSES["VP"][1]
    model = WRONG.affine(schedule, MEAN, COV)
    p, _ = PROCESSES["VP"]
    rates = td.entropy_rates(jax.random.key(1), WRONG.score(gaussian, p), p, x, reading=reading)
    assert rates.system.n == 1024
    t = np.asarray(rates.time, float)
    expected = np.array([model.rate(u, reading) for u in t])
    close(rates.system, expected, 1e-4 * largest_term(rates, schedule, model))
    intrinsic = np.array([model.intrinsic(u) for u in t])
    close(rates.intrinsic, intrinsic, 1e-4 * intrinsic)


def test_a_distribution_of_samples_is_the_same_as_their_array(key):
    x = np.asarray(gaussian.sample(jax.random.key(11), 1024))
    p, _ = PROCESSES["VP"]
    score = WRONG.score(gaussian, p)
    a, b = (td.entropy_rates(key, score, p, data) for data in (x, Samples(x)))
    np.testing.assert_array_equal(a.system.mean, b.system.mean)


# --- error bars ---------------------------------------------------------------------------------


def z_scores(estimates, expected):
    return np.array([(float(e.mean) - expected) / float(e.stderr) for e in estimates])


def check_honest(z, units):
    """Mean and variance of z-scores, t distributed with units - 1 degrees of freedom if errors are honest.

    40 of them fix the variance to 25 %; five times that and the heavier tails leave the band (0.3, 2.8).
    """
    assert abs(z.mean()) < 5 * np.sqrt(stats.t(units - 1).var() / len(z))
    assert 0.3 < z.var(ddof=1) < 2.8


def test_standard_errors_of_a_distribution_are_honest():
    """40 runs with other keys; the mixture's rates by quadrature, of a score scaled by 1.2."""
    p, schedule = PROCESSES["sub-VP"]
    score = td.scaled(td.exact_score(mixture, p), 1.2)
    times = np.array([0.1, 0.3, 0.6])
    runs = [
        td.entropy_rates(jax.random.key(k), score, p, mixture, times=times, replicates=16, points=32)
        for k in range(40)
    ]
    for i, t in enumerate(times):
        fisher = mixture_oracle.fisher(schedule.alpha(t), schedule.variance(t))
        expected = schedule.a(t) + schedule.D(t) * 1.44 * fisher
        estimates = [td.Estimate(r.system.mean[i], r.system.stderr[i], 16) for r in runs]
        check_honest(z_scores(estimates, expected), 16)


def test_standard_errors_of_samples_are_honest():
    """40 samples of 64 points each; the score is right, so the integral is the entropy gained."""
    p, schedule = PROCESSES["sub-VP"]
    score = td.exact_score(mixture, p)
    times = np.array([0.1, 0.3, 0.6])
    runs = [
        td.entropy_rates(
            jax.random.key(k), score, p, mixture.sample(jax.random.key(1000 + k), 64), times=times
        )
        for k in range(40)
    ]
    for i, t in enumerate(times):
        expected = mixture_oracle.system_rate(schedule, t)
        estimates = [td.Estimate(r.system.mean[i], r.system.stderr[i], 64) for r in runs]
        check_honest(z_scores(estimates, expected), 64)


def test_the_integral_is_as_exact_as_its_error_says():
    """The error of an integral comes from the units' integrals, not from independent errors of the rates."""
    rates = rates_of(WRONG, gaussian, "VP", "denoising")
    total = rates.integral().system
    weights = np.asarray(rates.grid.rule.weights)
    units = np.asarray(rates.system_units, float) @ weights
    np.testing.assert_allclose(total.stderr, units.std(ddof=1) / 4, rtol=1e-3)


# --- records and refusals -----------------------------------------------------------------------


def test_record_is_plain():
    rates = rates_of(EXACT, gaussian, "VE", "divergence", orientation="generation")
    record = json.loads(json.dumps(rates.to_dict(), allow_nan=False))
    assert record["reading"] == "divergence"
    assert record["orientation"] == "generation"
    np.testing.assert_allclose(record["system"], rates.system.mean, rtol=1e-6)
    np.testing.assert_allclose(record["exchange_ratio"], -2.0, atol=1e-3)
    assert len(record["time"]) == len(record["intrinsic_stderr"]) == 65


@pytest.mark.parametrize("times", [0.3, [0.3], np.float32(0.3), jnp.asarray([0.3])])
def test_a_single_time(times):
    rates = rates_of(EXACT, gaussian, "VP", times=times)
    (value,) = np.asarray(rates.system.mean)
    schedule = PROCESSES["VP"][1]
    model = oracle.AffineModel(schedule, MEAN, COV)
    # E[div f] + D E|s|^2, whose averages are not sampled to more than this error
    expected = 2 * schedule.a(0.3) + schedule.D(0.3) * model.a(0.3)
    assert abs(value - expected) < 5 * float(rates.system.stderr[0]) + 1e-5 * abs(expected)
    assert len(rates.to_dict()["time"]) == 1
    with pytest.raises(ValueError, match=r"^times: got 1 of them, need at least 3 for an integral$"):
        rates.integral()


@pytest.mark.slow
def test_the_flow_sets_out_from_the_data_whatever_the_times():
    """A score that is not linear: where the flow has carried the data decides what it reads there."""
    process = td.VariancePreserving(beta_max=20.0)
    score = td.scaled(td.exact_score(mixture, process), 2.0)
    options = {"reading": "flow", "points": 64, "replicates": 8}
    t = 0.25
    alone = td.entropy_rates(jax.random.key(0), score, process, mixture, times=t, **options)
    after = td.entropy_rates(jax.random.key(1), score, process, mixture, times=[1e-3, t], **options)
    diffused = td.entropy_rates(jax.random.key(2), score, process, mixture, times=t, t_min=t, **options)
    first, second, third = (float(r.system.mean[-1]) for r in (alone, after, diffused))
    errors = [float(r.system.stderr[-1]) for r in (alone, after, diffused)]
    assert abs(first - second) < 4 * np.hypot(*errors[:2])
    assert abs(first - third) > 10 * np.hypot(errors[0], errors[2])  # which is what it used to be


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"reading": "fisher"}, r"reading: got 'fisher', need one of quadratic, divergence, denoising, flow"),
        ({"orientation": "reverse"}, r"orientation: got 'reverse', need one of diffusion, generation"),
        (
            {"times": [0.5, 0.1]},
            r"times: got \[0\.5 0\.1\], need a time or increasing times in \(0, 1\]",
        ),
        ({"times": [0.5, 0.1, 0.9]}, r"times: got .*need a time or increasing times"),
        ({"times": [0.0, 0.1, 0.9]}, r"times: got .*need a time or increasing times"),
        ({"times": [0.1, 0.5, 1.5]}, r"times: got 1\.5, need times in \[0, 1\]"),
        ({"times": [[0.1, 0.5, 0.9]]}, r"times: got .*need a time or increasing times"),
        ({"nodes": 3}, r"nodes: got 3, need at least 5"),
        ({"points": 100}, r"points: got 100, need a power of two"),
        ({"points": 0}, r"points: got 0, need a power of two"),
        ({"replicates": 1}, r"replicates: got 1, need at least 2, since the error bar is their spread"),
        ({"t_min": 1.0}, r"t_min: got 1\.0, need a time strictly between 0 and 1"),
    ],
)
def test_refusals(key, options, message):
    p, _ = PROCESSES["VE"]
    with pytest.raises(ValueError, match=rf"^{message}"):
        td.entropy_rates(key, EXACT.score(gaussian, p), p, gaussian, **options)


@pytest.mark.parametrize(
    ("data", "message"),
    [
        (np.ones(5), r"data: got shape \(5,\), need an array of shape \(n, d\)"),
        (np.array([[np.nan, 0.0], [1.0, 2.0]]), r"data: got 1 NaN or infinite value"),
        (np.ones((1, 2)), r"data: got one row, need at least 2, since the error bar is their spread"),
        ([["a", "b"], ["c", "d"]], r"data: got entries of type <U1, need real numbers"),
        ("samples.csv", r"data: got str, need a distribution or an array of samples \(n, d\)"),
        (None, r"data: got NoneType, need a distribution or an array"),
    ],
)
def test_data_that_is_none(key, data, message):
    p, _ = PROCESSES["VE"]
    with pytest.raises(ValueError, match=rf"^{message}"):
        td.entropy_rates(key, EXACT.score(gaussian, p), p, data)
