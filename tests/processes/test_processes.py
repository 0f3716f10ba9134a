"""Every process against its stochastic differential equation, solved independently, and against differentiation."""

import inspect

import jax
import jax.numpy as jnp
import numpy as np
import oracles_diffusion as oracle
import pytest
from problems_diffusion import sub_vp_alpha, sub_vp_sigma

import thermodiff as td
from thermodiff.array_types import Process

CASES = {
    "VE 25": (lambda: td.VarianceExploding(25.0), oracle.exploding(25.0)),
    "VE 1.5": (lambda: td.VarianceExploding(1.5), oracle.exploding(1.5)),
    "geometric": (lambda: td.GeometricVarianceExploding(0.01, 50.0), oracle.geometric(0.01, 50.0)),
    "VP": (lambda: td.VariancePreserving(), oracle.preserving(0.1, 20.0)),
    "VP constant": (lambda: td.VariancePreserving(3.0, 3.0), oracle.preserving(3.0, 3.0)),
    "OU": (lambda: td.OrnsteinUhlenbeck(7.0), oracle.preserving(7.0, 7.0)),
    "cosine": (lambda: td.CosineVariancePreserving(0.02), oracle.cosine(0.02)),
    "sub-VP": (lambda: td.SubVariancePreserving(0.3, 8.0), oracle.sub_preserving()),
    "custom": (lambda: td.CustomProcess(sub_vp_alpha, sub_vp_sigma), oracle.sub_preserving()),
    "interpolant": (lambda: td.LinearInterpolant(0.999), oracle.interpolating()),
    "EDM": (lambda: td.EDM(0.002, 80.0), oracle.linear_noise(80.0)),
}
T = np.array([1e-4, 0.01, 0.1, 0.35, 0.8, 1.0])
LAST = {"interpolant": 0.999}
"""Where a process ends before t = 1."""
METHODS = ("alpha", "sigma", "drift_rate", "diffusivity", "log_snr")


@pytest.fixture(params=CASES, scope="module")
def case(request):
    """The process in single and in double precision, its oracle, and times up to its last."""
    make, schedule = CASES[request.param]
    with jax.enable_x64(True):
        double = make()
    return make(), double, schedule, np.minimum(T, LAST.get(request.param, 1.0))


def in_float64(process, method, t):
    with jax.enable_x64(True):
        return np.asarray(getattr(process, method)(jnp.asarray(t)), dtype=np.float64)


def test_is_a_process(case):
    assert isinstance(case[0], Process)


def test_moments_follow_the_stochastic_differential_equation(case):
    """alpha m and alpha^2 C + sigma^2 I against dm = a m dt, dV = (2 a V + 2 D) dt, solved from correlated data."""
    _, process, schedule, times = case
    mean, cov = np.array([3.0, -1.0]), np.array([[2.0, 0.9], [0.9, 0.7]])
    for t in (0.05, 0.6, 0.9 * times[-1]):
        m, V = oracle.moments_by_ode(schedule, mean, cov, t)
        alpha, sigma = in_float64(process, "alpha", t), in_float64(process, "sigma", t)
        np.testing.assert_allclose(alpha * mean, m, rtol=1e-8, atol=1e-9)
        np.testing.assert_allclose(alpha**2 * cov + sigma**2 * np.eye(2), V, rtol=1e-8, atol=1e-9)


def test_drift_and_diffusivity_are_those_of_the_equation(case):
    _, process, schedule, t = case
    np.testing.assert_allclose(in_float64(process, "alpha", t), schedule.alpha(t), rtol=1e-12)
    np.testing.assert_allclose(in_float64(process, "sigma", t) ** 2, schedule.variance(t), rtol=1e-9)
    np.testing.assert_allclose(in_float64(process, "drift_rate", t), schedule.a(t), rtol=1e-9)
    np.testing.assert_allclose(in_float64(process, "diffusivity", t), schedule.D(t), rtol=1e-9)


def test_rates_follow_from_alpha_and_sigma_by_differentiation(case):
    """a = d ln alpha/dt, 2 D = d sigma^2/dt - 2 a sigma^2, D = sigma^2 d ln(sigma/alpha)/dt, by autodiff."""
    _, process, _, times = case
    with jax.enable_x64(True):
        t = jnp.asarray(times)
        log_alpha = jax.vmap(jax.grad(lambda u: jnp.log(process.alpha(u))))(t)
        growth = jax.vmap(jax.grad(lambda u: process.sigma(u) ** 2))(t)
        log_ratio = jax.vmap(jax.grad(lambda u: -0.5 * process.log_snr(u)))(t)
        a, D, sigma = process.drift_rate(t), process.diffusivity(t), process.sigma(t)
        np.testing.assert_allclose(a, log_alpha, rtol=1e-9, atol=1e-12)
        np.testing.assert_allclose(2 * D, growth - 2 * a * sigma**2, rtol=1e-9)
        np.testing.assert_allclose(D, sigma**2 * log_ratio, rtol=1e-9)


def test_rates_by_finite_differences(case):
    """The same without any autodiff; the step's own error is below 1e-6."""
    _, process, _, _ = case
    t, h = T[1:-1], 1e-4 * T[1:-1]
    slope = {}
    for name in ("alpha", "sigma"):
        up, down = in_float64(process, name, t + h), in_float64(process, name, t - h)
        slope[name] = (np.log(up) - np.log(down)) / (2 * h)
    sigma = in_float64(process, "sigma", t)
    np.testing.assert_allclose(in_float64(process, "drift_rate", t), slope["alpha"], rtol=1e-6, atol=1e-9)
    np.testing.assert_allclose(
        in_float64(process, "diffusivity", t), sigma**2 * (slope["sigma"] - slope["alpha"]), rtol=1e-6
    )


def test_log_snr_and_its_inverse(case):
    single, double, schedule, t = case
    expected = np.log(schedule.alpha(t) ** 2 / schedule.variance(t))
    np.testing.assert_allclose(in_float64(double, "log_snr", t), expected, rtol=1e-9, atol=1e-12)
    np.testing.assert_allclose(in_float64(double, "time_of_log_snr", expected), t, rtol=1e-9)
    # In single precision ln SNR of magnitude 18 is rounded by 1e-6, and t there is sensitive in proportion.
    np.testing.assert_allclose(single.time_of_log_snr(single.log_snr(t)), t, rtol=5e-6)


def test_single_precision_keeps_its_digits_at_small_times(case):
    """Written with 1 - e^-B or sigma^(2t) - 1 the noise would have no correct digit left at t = 1e-6."""
    single, _, schedule, _ = case
    t = np.float32([1e-6, 1e-5, 1e-3])
    exact = np.sqrt(schedule.variance(t.astype(np.float64)))
    np.testing.assert_allclose(single.sigma(t), exact, rtol=1e-6)
    np.testing.assert_allclose(single.diffusivity(t), schedule.D(t.astype(np.float64)), rtol=2e-6)


def test_methods_map_over_arrays_and_trace(case):
    single, _, _, _ = case
    grid = jnp.asarray([[0.1, 0.2, 0.3], [0.4, 0.5, 0.6]])
    for name in (*METHODS, "time_of_log_snr"):
        method = getattr(single, name)
        values = method(grid)
        assert values.shape == (2, 3), name
        assert method(0.5).shape == (), name
        np.testing.assert_allclose(jax.jit(jax.vmap(method))(grid[0]), values[0], rtol=1e-5)


def test_starts_at_the_data(case):
    single, _, _, _ = case
    assert single.alpha(0.0) == 1
    assert abs(float(single.sigma(0.0))) < 1e-7
    assert np.isposinf(single.log_snr(0.0))


@pytest.mark.parametrize("t", [-0.01, 1.5, np.nan, np.array([0.2, 2.0])])
@pytest.mark.parametrize("method", METHODS)
def test_times_outside_the_unit_interval_are_refused(case, method, t):
    with pytest.raises(ValueError, match=r"t: got (-0\.01|1\.5|nan|2), need times in \[0, 1\]"):
        getattr(case[0], method)(t)


def test_a_process_is_a_pytree_whose_numbers_can_change(case):
    """A new sigma is a new leaf, not a new compilation, and rebuilding from leaves does not validate tracers."""
    single, _, _, _ = case
    leaves, tree = jax.tree.flatten(single)
    again = jax.tree.unflatten(tree, leaves)
    np.testing.assert_array_equal(again.sigma(0.7), single.sigma(0.7))
    np.testing.assert_allclose(jax.jit(lambda p: p.sigma(0.7))(single), single.sigma(0.7), rtol=1e-6)


# --- numbers to remember ------------------------------------------------------------------------


def test_the_tutorial_variance_exploding_process():
    """sigma(1)^2 = (25^2 - 1)/(2 ln 25) = 96.93, not 625."""
    process = td.VarianceExploding(25.0)
    assert float(process.sigma(1.0)) ** 2 == pytest.approx(96.93, abs=5e-3)
    assert float(process.diffusivity(0.0)) == pytest.approx(0.5)


def test_the_geometric_ladder_starts_at_zero_noise():
    """Leaving sigma_min^2 in would make the variance at t = 1e-3 59 times too large (theory section 7)."""
    process = td.GeometricVarianceExploding(0.01, 50.0)
    variance = float(process.sigma(1e-3)) ** 2
    assert variance == pytest.approx(1e-4 * np.expm1(2e-3 * np.log(5000)), rel=1e-5)
    assert (variance + 1e-4) / variance == pytest.approx(59.2, abs=0.1)
    assert float(process.sigma(1.0)) ** 2 == pytest.approx(2500 - 1e-4, rel=1e-6)


def test_the_rates_of_a_preserving_process_by_place_and_by_name():
    assert str(inspect.signature(td.VariancePreserving)).startswith("(beta_min: 'Any' = 0.1, beta_max")
    for process in (td.VariancePreserving(0.1, 5.0), td.VariancePreserving(0.1, beta_max=5.0)):
        np.testing.assert_allclose([process.beta_min, process.beta_max], [0.1, 5.0])
    named = td.VariancePreserving(beta_min=0.5)
    np.testing.assert_allclose([named.beta_min, named.beta_max], [0.5, 20.0])
    with pytest.raises(TypeError, match="positional"):
        td.VariancePreserving(0.1, 5.0, 7.0)


# --- what is refused ----------------------------------------------------------------------------


@pytest.mark.parametrize("sigma", [1.0, 0.5, 0.0, -3.0, np.inf, np.nan])
def test_variance_exploding_needs_sigma_above_one(sigma):
    with pytest.raises(ValueError, match=r"sigma: got .*, need sigma > 1 in dx = sigma\^t dw"):
        td.VarianceExploding(sigma)


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (
            lambda: td.VariancePreserving(20.0, 0.1),
            r"beta_max: got 0\.1 with beta_min = 20\.0, need beta_max >= beta_min",
        ),
        (
            lambda: td.VariancePreserving(20.0),
            r"beta_min: got 20\.0 alone and without its name, need beta_max=\.\.\., the rate at t = 1",
        ),
        (lambda: td.VariancePreserving(0.0, 20.0), r"beta_min: got 0\.0, need a positive, finite number"),
        (lambda: td.VariancePreserving(0.1, np.nan), r"beta_max: got nan"),
        (lambda: td.OrnsteinUhlenbeck(-1.0), r"rate: got -1\.0, need a positive, finite number"),
        (lambda: td.OrnsteinUhlenbeck(np.inf), r"rate: got inf"),
        (
            lambda: td.CosineVariancePreserving(0.0),
            r"alpha_final: got 0\.0, need a number strictly between 0 and 1",
        ),
        (lambda: td.CosineVariancePreserving(1.0), r"alpha_final: got 1\.0"),
        (lambda: td.GeometricVarianceExploding(0.0, 50.0), r"sigma_min: got 0\.0, need a positive"),
        (lambda: td.GeometricVarianceExploding(2.0, 1.0), r"sigma_max: got 1\.0 with sigma_min = 2\.0"),
        (lambda: td.GeometricVarianceExploding(0.1, np.inf), r"sigma_max: got inf"),
        (lambda: td.VariancePreserving(0.1, np.inf), r"beta_max: got inf"),
        (
            lambda: td.SubVariancePreserving(20.0),
            r"beta_min: got 20\.0 alone.*SubVariancePreserving\(0\.1, 20\.0\)",
        ),
        (lambda: td.EDM(0.0, 80.0), r"sigma_min: got 0\.0, need a positive, finite number"),
        (lambda: td.EDM(2.0, 1.0), r"sigma_max: got 1\.0 with sigma_min = 2\.0, need sigma_max > sigma_min"),
        (
            lambda: td.LinearInterpolant(1.0),
            r"t_max: got 1\.0, need a time strictly between 0 and 1: the drift diverges at 1",
        ),
        (lambda: td.LinearInterpolant("late"), r"t_max: got entries of type <U4, need real numbers"),
    ],
)
def test_parameters_that_make_no_process(make, message):
    with pytest.raises(ValueError, match=message):
        make()


@pytest.mark.parametrize(
    ("alpha", "sigma", "message"),
    [
        (lambda t: 0.9 - 0.1 * t, lambda t: t, r"alpha_of_t: got alpha\(0\) = 0\.9.*need alpha\(0\) = 1"),
        (
            lambda t: 1 - 2 * t,
            lambda t: t,
            r"alpha_of_t: got alpha\(0\.5\) = 0, need alpha finite and above 0 on all of \[0, 1\]",
        ),
        (
            lambda t: 1 - t,
            lambda t: t,
            r"alpha_of_t: got alpha\(1\) = 0, need alpha finite and above 0.*end at 0\.01.*td\.LinearInterpolant",
        ),
        (lambda t: 1 / (1 - t), lambda t: t, r"alpha_of_t: got alpha\(1\) = inf, need alpha finite"),
        (lambda t: 1.0 + 0 * t, lambda t: 0.1 + t, r"sigma_of_t: got sigma\(0\) = 0\.1, need sigma\(0\) = 0"),
        (lambda t: 1.0 + 0 * t, lambda t: jnp.log(t), r"sigma_of_t: got sigma\(0\) = -inf"),
        (
            lambda t: 1.0 + 0 * t,
            lambda t: t * (1 - t),
            r"does not increase: 0\.25 at t = 0\.5, .*log-SNR goes from 2\.773 to 2\.773, need .* log-SNR must fall",
        ),
        (
            lambda t: jnp.exp(t),
            lambda t: t * (2 - t) / 2,
            r"sigma_of_t: got sigma/alpha that does not increase",
        ),
        (lambda t: np.exp(-t), lambda t: t, r"alpha_of_t: got a function that JAX cannot trace"),
        (lambda t: 1.0 + 0 * t, lambda t: np.sqrt(t), r"sigma_of_t: got a function that JAX cannot trace"),
    ],
)
def test_custom_processes_that_are_none(alpha, sigma, message):
    with pytest.raises(ValueError, match=message):
        td.CustomProcess(alpha, sigma)


def test_a_custom_process_may_have_constant_alpha():
    process = td.CustomProcess(lambda t: 1.0, lambda t: 3 * t)
    assert float(process.drift_rate(0.5)) == 0
    np.testing.assert_allclose(process.diffusivity(jnp.array([0.2, 0.5])), [1.8, 4.5], rtol=1e-5)
    np.testing.assert_array_equal(process.alpha(jnp.array([0.2, 0.5])), [1.0, 1.0])
