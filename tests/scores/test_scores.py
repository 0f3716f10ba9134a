"""Exact scores against derivatives of an oracle's log density; wrong ones are wrong by exactly what they say."""

from functools import partial

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
import oracles_diffusion as oracle
import pytest
from problems_diffusion import COV, FLOW, MEAN, PROCESSES, SIZES, N, close, gaussian, turn, unit_gaussian

import thermodiff as td
from thermodiff.distributions import GaussianMixture, Samples
from thermodiff.scores.base import noise_prediction, reference_of, starting_time
from thermodiff.scores.callables import as_score, traceable
from thermodiff.types import NotKnownError

WEIGHTS = np.array([0.5, 0.35, 0.15])
MEANS = np.array([[-1.0, 0.5], [2.0, 3.0], [0.0, -4.0]])
COVS = np.array([[[0.4, 0.25], [0.25, 0.5]], [[1.0, -0.6], [-0.6, 0.6]], [[0.1, 0.0], [0.0, 2.0]]])
POINTS = np.array([[0.0, 0.0], [-1.1, 0.4], [2.5, 2.0], [0.7, -3.0], [4.0, -6.0]])
TIMES = (1e-3, 0.1, 0.5, 1.0)


def oracle_log_prob(name, schedule, t):
    alpha, variance = schedule.alpha(t), schedule.variance(t)
    if name == "gaussian":
        return lambda x: oracle.gaussian_log_prob(x, alpha * MEAN, alpha**2 * COV + variance * np.eye(2))
    return lambda x: oracle.mixture_log_prob(x, WEIGHTS, MEANS, COVS, alpha, variance)


def law(name):
    return td.Gaussian(MEAN, COV) if name == "gaussian" else GaussianMixture(WEIGHTS, MEANS, COVS)


@pytest.mark.parametrize("process", PROCESSES)
@pytest.mark.parametrize("name", ["gaussian", "mixture"])
def test_exact_score_is_the_gradient_of_the_log_density(name, process):
    single, schedule = PROCESSES[process]
    with jax.enable_x64(True):
        double = jax.tree.map(lambda leaf: jnp.asarray(leaf, dtype=jnp.float64), single)
        evaluate = jax.jit(jax.vmap(td.exact_score(law(name), double), in_axes=(0, None)))
        values = {t: np.asarray(evaluate(jnp.asarray(POINTS), jnp.asarray(t))) for t in TIMES}
    in_float32 = jax.jit(jax.vmap(td.exact_score(law(name), single), in_axes=(0, None)))
    for t, value in values.items():
        log_p = oracle_log_prob(name, schedule, t)
        expected = np.stack([oracle.gradient(log_p, x) for x in POINTS])
        # The parameters of a process were rounded to single precision when it was made.
        np.testing.assert_allclose(value, expected, rtol=1e-5, atol=1e-6)
        np.testing.assert_allclose(in_float32(POINTS, t), expected, rtol=2e-4, atol=1e-4)


def test_a_score_that_is_not_known():
    with pytest.raises(NotKnownError, match=r"noised log density of Samples: not known"):
        td.exact_score(Samples(np.random.default_rng(0).normal(size=(20, 2))), td.VarianceExploding())


# --- noise prediction ---------------------------------------------------------------------------


class WithNoise:
    """A score that states its noise prediction, deliberately not -sigma s."""

    def noise(self, x, t):
        return 7.0 * x

    def __call__(self, x, t):
        return -x


@pytest.mark.parametrize("process", PROCESSES)
def test_noise_prediction_is_minus_sigma_times_the_score(process):
    p, schedule = PROCESSES[process]
    x, t = jnp.array([0.3, -1.2]), jnp.asarray(0.4)
    score = td.exact_score(gaussian, p)
    n = noise_prediction(score, p, x, t)
    np.testing.assert_allclose(n, -np.sqrt(schedule.variance(0.4)) * np.asarray(score(x, t)), rtol=1e-5)


def test_noise_prediction_of_a_score_that_has_its_own():
    n = noise_prediction(WithNoise(), PROCESSES["VE"][0], jnp.array([1.0, 2.0]), jnp.asarray(0.4))
    np.testing.assert_array_equal(n, [7.0, 14.0])


@pytest.mark.parametrize("process", ["VE", "sub-VP"])
def test_noise_prediction_is_the_mean_of_the_noise_given_x(process):
    """E[eps | x_t] by quadrature over x_0, for a skewed mixture on the line."""
    p, schedule = PROCESSES[process]
    w, m, v = np.array([0.8, 0.2]), np.array([0.0, 3.0]), np.array([0.3, 0.8])
    score = td.exact_score(GaussianMixture(w, m[:, None], v[:, None, None]), p)
    t = 0.3
    alpha, sigma = schedule.alpha(t), np.sqrt(schedule.variance(t))
    x0 = np.linspace(-8, 12, 8001)
    prior = np.exp(oracle.Mixture1d(w, m, v).log_prob(x0))
    for x in (-1.0, 0.8, 2.5):
        eps = (x - alpha * x0) / sigma
        posterior = prior * np.exp(-0.5 * eps**2)
        expected = (eps * posterior).sum() / posterior.sum()
        n = noise_prediction(score, p, jnp.array([x]), jnp.asarray(t))
        np.testing.assert_allclose(n, [expected], rtol=1e-4, atol=1e-5)


# --- wrong on purpose ---------------------------------------------------------------------------

VE, SCHEDULE = PROCESSES["VE"]
EXACT = td.exact_score(gaussian, VE)
X, T = jnp.array([0.3, -1.2]), jnp.asarray(0.4)
S = np.asarray(EXACT(X, T))


def test_scaled():
    np.testing.assert_allclose(td.scaled(EXACT, 0.7)(X, T), 0.7 * S, rtol=1e-6)
    np.testing.assert_allclose(td.scaled(EXACT, lambda t: 1 + t**2)(X, T), 1.16 * S, rtol=1e-6)


def test_shifted():
    np.testing.assert_allclose(td.shifted(EXACT, [0.5, -2.0])(X, T), np.add(S, [0.5, -2.0]), rtol=1e-6)
    moving = td.shifted(EXACT, lambda t: jnp.stack([t, -2 * t]))
    np.testing.assert_allclose(moving(X, T), np.add(S, [0.4, -0.8]), rtol=1e-6)


def test_rotated():
    Q = turn(0.8)
    np.testing.assert_allclose(td.rotated(EXACT, Q)(X, T), Q @ S, rtol=1e-6)
    mirror = np.diag([1.0, -1.0])
    np.testing.assert_allclose(td.rotated(EXACT, mirror)(X, T), mirror @ S, rtol=1e-6)


@pytest.mark.parametrize(
    ("rotation", "message"),
    [
        (np.diag([1.0, 1.01]), r"Q Q\^T that differs from 1 by 0\.0201, need an orthogonal matrix \(d, d\)"),
        (np.array([[1.0, 0.5], [0.0, 1.0]]), r"Q Q\^T that differs from 1"),
        (np.ones((2, 3)), r"shape \(2, 3\), need an orthogonal matrix"),
        (np.ones(2), r"shape \(2,\), need an orthogonal matrix"),
        (np.full((2, 2), np.nan), r"4 NaN or infinite value\(s\)"),
    ],
)
def test_rotated_refuses_what_is_not_orthogonal(rotation, message):
    with pytest.raises(ValueError, match=rf"^rotation: got {message}"):
        td.rotated(EXACT, rotation)


def test_numbers_of_wrong_scores_must_be_finite(key):
    with pytest.raises(ValueError, match=r"^factor: got 1 NaN or infinite"):
        td.scaled(EXACT, np.nan)
    with pytest.raises(ValueError, match=r"^shift: got 1 NaN or infinite"):
        td.shifted(EXACT, [0.0, np.inf])
    with pytest.raises(ValueError, match=r"^amplitude: got 1 NaN or infinite"):
        td.noisy(key, EXACT, VE, 2, np.nan)


def test_noisy_is_a_fixed_field_of_the_stated_size(key):
    """E|u|^2 = amplitude^2 d over fields and points, in units of the width of p_t; the field itself does not change."""
    fields, amplitude = 400, 0.3

    def relative_error(k, x):
        score = td.noisy(k, EXACT, VE, 2, amplitude)
        return (score(x, T) - EXACT(x, T)) * jnp.sqrt(jnp.mean(gaussian.variances) + VE.sigma(T) ** 2)

    keys, x = jax.random.split(key, fields), gaussian.sample(jax.random.key(5), fields)
    u = np.asarray(jax.jit(jax.vmap(relative_error))(keys, x))
    square = (u**2).sum(axis=1)
    assert abs(square.mean() - 2 * amplitude**2) < 5 * square.std() / np.sqrt(fields)
    assert np.all(np.abs(u.mean(axis=0)) < 5 * amplitude / np.sqrt(fields))
    score = td.noisy(key, EXACT, VE, 2, amplitude)
    np.testing.assert_array_equal(score(X, T), score(X, T))
    np.testing.assert_allclose(td.noisy(key, EXACT, VE, 2, 0.0)(X, T), S, rtol=1e-6)
    assert np.any(
        np.asarray(score(X, T)) != np.asarray(td.noisy(jax.random.key(9), EXACT, VE, 2, amplitude)(X, T))
    )


def test_wavenumber_makes_it_rough(key):
    """The mean square slope of the field grows as the square of the wavenumber."""

    def slope(wavenumber, k, x):
        score = td.noisy(k, EXACT, VE, 2, 1.0, wavenumber)
        along = lambda f: jax.jvp(lambda y: f(y, T), (x,), (jnp.array([1.0, 0.0]),))[1]  # noqa: E731
        return jnp.sum((along(score) - along(EXACT)) ** 2)

    arguments = jax.random.split(key, 300), gaussian.sample(jax.random.key(5), 300)
    both = jax.jit(jax.vmap(lambda k, x: (slope(1.0, k, x), slope(4.0, k, x))))
    slow, fast = (np.mean(values) for values in both(*arguments))
    assert 12 < fast / slow < 20


def test_wrong_scores_nest_and_keep_what_is_known_of_the_data(key):
    score = td.noisy(
        key, td.rotated(td.shifted(td.scaled(EXACT, 2.0), [1.0, 0.0]), turn(np.pi / 2)), VE, 2, 0.0
    )
    np.testing.assert_allclose(score(X, T), turn(np.pi / 2) @ (2 * S + [1.0, 0.0]), rtol=1e-5, atol=1e-6)
    np.testing.assert_allclose(reference_of(score).mean, MEAN)
    np.testing.assert_allclose(reference_of(score).cov, COV, rtol=1e-6)


# --- where integrals start ----------------------------------------------------------------------


@pytest.mark.parametrize("process", PROCESSES)
@pytest.mark.parametrize("scale", [0.01, 1.0, 30.0])
def test_starting_time_is_where_the_noise_is_a_thousandth_of_the_data(process, scale):
    p, schedule = PROCESSES[process]
    score = td.exact_score(td.Gaussian(scale * MEAN, scale**2 * COV), p)
    t = starting_time(score, p)
    assert isinstance(t, float)
    ratio = np.sqrt(schedule.variance(t)) / schedule.alpha(t)
    np.testing.assert_allclose(ratio, 1e-3 * scale * np.linalg.det(COV) ** 0.25, rtol=1e-4)


def test_starting_time_in_the_order_of_precedence():
    class Trained:
        t_min = 0.03

        def __call__(self, x, t):
            return -x

    assert starting_time(Trained(), VE) == 0.03
    assert starting_time(td.scaled(Trained(), 0.5), VE) == 0.03
    assert starting_time(Trained(), VE, 0.2) == 0.2
    plain = starting_time(lambda x, t: -x, VE)
    np.testing.assert_allclose(VE.sigma(plain), 1e-3, rtol=1e-4)


@pytest.mark.parametrize("t_min", [0.0, 1.0, -0.1, np.nan])
def test_starting_times_that_are_none(t_min):
    with pytest.raises(ValueError, match=r"^t_min: got .*, need a time strictly between 0 and 1"):
        starting_time(EXACT, VE, t_min)


# --- other people's -----------------------------------------------------------------------------

ONE = td.exact_score(unit_gaussian, VE)


class PlainClass:
    def __call__(self, x, t):
        return -x / (1 + (25 ** (2 * t) - 1) / (2 * np.log(25)))


class Module(eqx.Module):
    """Carries arrays and a function, as networks do."""

    scale: jax.Array
    activation: object

    def __call__(self, x, t):
        return -self.activation(self.scale * x) / (1 + (25 ** (2 * t) - 1) / (2 * np.log(25)))


def with_parameters(parameters, x, t):
    return -parameters["c"] * x / (1 + (25 ** (2 * t) - 1) / (2 * np.log(25)))


OTHERS = {
    "lambda": lambda x, t: PlainClass()(x, t),
    "class": PlainClass(),
    "equinox": Module(jnp.asarray(1.0), jnp.positive),
    "Partial": jax.tree_util.Partial(with_parameters, {"c": jnp.asarray(1.0)}),
    "partial": partial(with_parameters, {"c": np.ones(1)}),
}


def test_pytrees_of_arrays_stay_data_and_the_rest_is_compiled_in():
    assert traceable(OTHERS["Partial"]) is OTHERS["Partial"]
    assert traceable(ONE) is ONE
    for name in ("lambda", "class", "equinox", "partial"):
        assert jax.tree.leaves(traceable(OTHERS[name])) == []


OPTIONS = {"t_min": starting_time(ONE, VE)}
PRIOR = td.moment_prior(unit_gaussian, VE)
LINE = jnp.linspace(-3.0, 3.0, N)[:, None]


@pytest.mark.parametrize("name", ["lambda", "class", "equinox", "Partial"])
def test_any_callable_has_entropy_rates(name, key):
    rates = td.entropy_rates(key, OTHERS[name], VE, unit_gaussian, **OPTIONS, **SIZES)
    expected = oracle.AffineModel(SCHEDULE, np.zeros(1), np.eye(1))
    allowance = 1e-5 * np.asarray(rates.system.mean)
    close(rates.system, [expected.rate(t, "quadratic") for t in np.asarray(rates.time, float)], allowance)


@pytest.mark.slow
def test_any_callable_has_likelihoods_and_an_audit(key):
    """It knows nothing of the data, so prior and t_min are given; then it is the exact score's equal."""
    score = OTHERS["equinox"]
    expected = oracle.gaussian_log_prob(np.asarray(LINE), np.zeros(1), np.eye(1))
    log_p = td.flow_log_likelihood(score, VE, LINE, prior=PRIOR, **OPTIONS)
    np.testing.assert_allclose(log_p, expected, atol=10 * FLOW)
    # For N(0, 1) the control variate takes all the randomness away.
    log_p = td.elbo(key, score, VE, LINE, prior=PRIOR, **OPTIONS)
    np.testing.assert_allclose(log_p, expected, atol=10 * FLOW)
    audit = td.audit(key, score, VE, unit_gaussian, prior=PRIOR, **OPTIONS, **SIZES)
    for likelihood in ("nll", "neg_elbo", "cross"):
        close(audit[likelihood], audit["S0"].mean, FLOW)


@pytest.mark.parametrize(
    "batched",
    [
        lambda x, t: (
            -x / (1 + VE.sigma(t)[:, None] ** 2) + 0 * jnp.concatenate([x, t[:, None]], axis=1)[:, :1]
        ),
        lambda x, t: jnp.einsum("nd,de->ne", x, -jnp.eye(x.shape[1])) / (1 + VE.sigma(t) ** 2),
    ],
    ids=["a time a row", "one time"],
)
def test_a_score_of_batches_is_mapped(key, batched):
    """(n, d), (n,) -> (n, d) or (n, d), () -> (n, d): the same ELBO as the score of one sample."""
    score = as_score(batched, 1)
    np.testing.assert_allclose(
        score(jnp.array([0.7]), jnp.asarray(0.4)), ONE(jnp.array([0.7]), jnp.asarray(0.4)), rtol=1e-5
    )
    x = LINE[::64]
    values = td.elbo(key, batched, VE, x, prior=PRIOR, nodes=17, **OPTIONS)
    expected = td.elbo(key, lambda x, t: ONE(x, t), VE, x, prior=PRIOR, nodes=17, **OPTIONS)
    np.testing.assert_allclose(values, expected, rtol=1e-4)


def test_a_score_of_batches_may_state_its_noise():
    class Batched:
        def noise(self, x, t):
            return 7.0 * x + 0 * t[:, None]

        def __call__(self, x, t):
            return -x / t[:, None]

    n = noise_prediction(as_score(Batched(), 2), VE, jnp.array([1.0, 2.0]), jnp.asarray(0.4))
    np.testing.assert_array_equal(n, [7.0, 14.0])
    assert as_score(lambda x, t: -x / t[:, None], 2).noise is None


@pytest.mark.parametrize(
    "call",
    [
        lambda k, s: td.entropy_rates(k, s, VE, gaussian),
        lambda k, s: td.flow_log_likelihood(s, VE, jnp.zeros((3, 2))),
        lambda k, s: td.elbo(k, s, VE, jnp.zeros((3, 2))),
        lambda k, s: td.cross_log_likelihood(k, s, VE, jnp.zeros((3, 2))),
        lambda k, s: td.audit(k, s, VE, gaussian),
    ],
    ids=["entropy_rates", "flow_log_likelihood", "elbo", "cross_log_likelihood", "audit"],
)
def test_a_score_of_the_wrong_shape(key, call):
    with pytest.raises(
        ValueError, match=r"^score: got an output of shape \(1,\) for x of shape \(2,\), need shape \(2,\)"
    ):
        call(key, lambda x, t: x[:1])
