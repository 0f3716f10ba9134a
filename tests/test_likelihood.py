"""Probability flow, ELBO and cross likelihood against closed forms and scipy's solver; the choice of the prior."""

from functools import partial

import jax
import jax.numpy as jnp
import numpy as np
import oracles_diffusion as oracle
import pytest
from problems_diffusion import (
    COV,
    FLOW,
    MEAN,
    PROCESSES,
    Errors,
    N,
    close,
    gaussian,
    mixture,
    mixture_oracle,
)

import thermodiff as td
from thermodiff.distributions import (
    Checkerboard,
    GaussianMixture,
    Laplace,
    StudentT,
    Uniform,
    two_moons,
)
from thermodiff.likelihood import flow_likelihood, variational_terms
from thermodiff.numerics.delta_method import estimate
from thermodiff.numerics.divergence import HutchinsonDivergence
from thermodiff.thermodynamics.priors import prior_cross_entropy_given
from thermodiff.trajectories.probability_flow import Tolerance

EXACT = Errors()
WRONG = Errors(factor=0.9, shift=(0.2, -0.3), angle=0.4)

# One point's likelihood at the default tolerance, nats; a mean over points is ten times better (FLOW).
POINT = 1e-3


def spread_out(mean, cov, n=N, reach=5.0):
    """Points of a Gaussian out to ``reach`` standard deviations, further than a sample would go."""
    rng = np.random.default_rng(17)
    z = rng.normal(size=(n, len(mean)))
    z *= (reach * np.sqrt(rng.uniform(size=n)) / np.linalg.norm(z, axis=1))[:, None]
    return mean + z @ np.linalg.cholesky(cov).T


def no_reference(score):
    """The same score without what it knows of its data."""
    return lambda x, t: score(x, t)


# --- probability flow ---------------------------------------------------------------------------


@pytest.mark.parametrize("process", ["VE", "VP"])
def test_log_density_of_a_standard_normal_at_the_origin(process):
    """-(d/2) ln(2 pi): public code has shipped with 5 to 17 nats of error here, behind tests of the shape."""
    p, _ = PROCESSES[process]
    score = EXACT.score(td.Gaussian([0.0, 0.0], np.eye(2)), p)
    log_p = td.flow_log_likelihood(score, p, np.zeros((N, 2)))
    np.testing.assert_allclose(log_p, -np.log(2 * np.pi), atol=FLOW * 2)


@pytest.mark.parametrize("process", ["VE", "VP"])
def test_exact_gaussian_out_to_the_tails(process):
    p, schedule = PROCESSES[process]
    x = spread_out(MEAN, COV)
    result = flow_likelihood(EXACT.score(gaussian, p), p, x)
    model = oracle.AffineModel(schedule, MEAN, COV)
    expected = oracle.gaussian_log_prob(x, *model.marginal(result.t_min))
    np.testing.assert_allclose(result.log_likelihood, expected, atol=POINT)
    assert abs(np.mean(result.log_likelihood - expected)) < POINT / 10
    # p_th(x) of the data itself, which starting at t_min blurs by 1e-6.
    np.testing.assert_allclose(result.log_likelihood, oracle.gaussian_log_prob(x, MEAN, COV), atol=POINT)


@pytest.mark.parametrize("process", ["VE", "VP"])
@pytest.mark.parametrize("prior", ["noise", "moments"])
def test_linear_flow_of_a_wrong_score_against_scipy(process, prior):
    """Rotated, a score is no gradient; shifted, it moves the mean: the map x -> P x + p and its volume by solve_ivp."""
    p, schedule = PROCESSES[process]
    x = spread_out(MEAN, COV)
    pi = td.noise_prior(p, 2) if prior == "noise" else td.moment_prior(gaussian, p)
    result = flow_likelihood(WRONG.score(gaussian, p), p, x, prior=pi)
    model = WRONG.affine(schedule, MEAN, COV)
    P, shift, growth = model.flow(result.t_min)
    width = np.sqrt(np.diag(P @ COV @ P.T))
    np.testing.assert_allclose(result.terminal / width, (x @ P.T + shift) / width, atol=POINT)
    np.testing.assert_allclose(result.growth, growth, atol=POINT)
    if prior == "noise":
        pi_mean, pi_cov = np.zeros(2), schedule.variance(1.0) * np.eye(2)
    else:
        pi_mean, pi_cov = model.marginal(1.0)
    expected = model.flow_log_likelihood(x, result.t_min, pi_mean, pi_cov)
    np.testing.assert_allclose(result.log_likelihood, expected, atol=5 * POINT)
    np.testing.assert_allclose(result.log_likelihood, result.log_prior + result.growth, rtol=1e-6)
    assert np.abs(expected - oracle.gaussian_log_prob(x, MEAN, COV)).max() > 1


@pytest.mark.parametrize("process", ["VE", "sub-VP"])
def test_exact_mixture_out_to_the_tails(process):
    """Skewed, between and beyond its modes. ln p(x) = ln p_1(x_1) + growth; the Gaussian prior is another matter."""
    p, schedule = PROCESSES[process]
    x = np.linspace(-3.0, 9.0, N)[:, None]
    result = flow_likelihood(EXACT.score(mixture, p), p, x)
    alpha, variance = schedule.alpha(1.0), schedule.variance(1.0)
    t = result.t_min
    # Data with noise of standard deviation sigma/alpha at t_min: the process' contraction is not the data's.
    expected = mixture_oracle.log_prob(x[:, 0], 1.0, schedule.variance(t) / schedule.alpha(t) ** 2)
    end = mixture_oracle.log_prob(np.asarray(result.terminal[:, 0], float), alpha, variance)
    np.testing.assert_allclose(end + np.asarray(result.growth, float), expected, atol=POINT)
    m = mixture_oracle.mean_of(lambda y: y, alpha, variance)
    v = mixture_oracle.mean_of(lambda y: (y - m) ** 2, alpha, variance)
    log_prior = oracle.gaussian_log_prob(np.asarray(result.terminal, float), np.array([m]), np.array([[v]]))
    np.testing.assert_allclose(result.log_prior, log_prior, atol=1e-4)


def of_family(family, process, x):
    """Growth along the exact flow against the family's own log densities at both ends, nats."""
    p, _ = PROCESSES[process]
    result = flow_likelihood(td.exact_score(family, p), p, x, prior=td.noise_prior(p, family.dim))
    log_prob = jax.jit(jax.vmap(family.noised_log_prob, in_axes=(0, None, None)))
    blur = jnp.exp(-0.5 * p.log_snr(result.t_min))
    start = np.asarray(log_prob(jnp.asarray(x), jnp.ones(()), blur), float)
    end = np.asarray(log_prob(result.terminal, p.alpha(1.0), p.sigma(1.0)), float)
    return np.asarray(result.growth, float) + end - start


@pytest.mark.parametrize(
    ("family", "process"),
    [
        (Uniform([-1.0, 2.0], [1.0, 5.0]), "VE"),
        pytest.param(Uniform([-1.0, 2.0], [1.0, 5.0]), "VP", marks=pytest.mark.slow),
        pytest.param(Laplace([1.0, -2.0], [0.5, 2.0]), "VE", marks=pytest.mark.slow),
        pytest.param(StudentT(3.0, [1.0, 0.0], [[1.0, 0.6], [0.6, 2.0]]), "VP", marks=pytest.mark.slow),
        pytest.param(two_moons(), "cosine", marks=pytest.mark.slow),
        pytest.param(Checkerboard(), "VE", marks=pytest.mark.slow),
        pytest.param(
            GaussianMixture(
                [0.8, 0.2], [[0.0, 0.0], [3.0, 1.0]], [[[0.2, 0.1], [0.1, 0.4]], [[1.0, -0.5], [-0.5, 0.5]]]
            ),
            "cosine",
            marks=pytest.mark.slow,
        ),
    ],
    ids=lambda value: value if isinstance(value, str) else type(value).__name__,
)
def test_every_family_along_its_exact_flow(family, process):
    x = np.asarray(family.sample(jax.random.key(3), 256))
    if isinstance(family, Uniform):
        # A hundredth of the width away from the edges, where p(t_min) changes over its thousandth.
        low, high = np.asarray(family.low), np.asarray(family.high)
        x = low + (high - low) * (0.01 + 0.98 * (x - low) / (high - low))
    error = of_family(family, process, x)
    assert np.median(np.abs(error)) < POINT
    if isinstance(family, Checkerboard):  # points near an inner edge are not moved away from it
        assert np.quantile(np.abs(error), 0.9) < 5 * POINT
    else:
        assert np.abs(error).max() < 5 * POINT


@pytest.mark.parametrize("scale", [1e-3, 1e3])
def test_likelihoods_do_not_depend_on_units(scale, key):
    """ln p(c x) = ln p(x) - d ln c, although VP contracts data of scale 1000 visibly before its noise counts."""
    p, _ = PROCESSES["VP"]
    scaled = td.Gaussian(scale * MEAN, scale**2 * COV)
    x = spread_out(MEAN, COV)
    result = flow_likelihood(EXACT.score(scaled, p), p, scale * x)
    expected = oracle.gaussian_log_prob(x, MEAN, COV) - 2 * np.log(scale)
    np.testing.assert_allclose(result.log_likelihood, expected, atol=POINT)
    elbo = np.asarray(td.elbo(key, EXACT.score(scaled, p), p, scale * x), float)
    close(estimate(jnp.asarray(elbo - expected)), 0.0, 1e-4)


def test_twenty_dimensions_by_random_probes():
    """The error is known for a linear flow x -> P x: variance 4 sum_{i<j} G_ij^2/probes with G = ln P symmetric."""
    rng = np.random.default_rng(4)
    root = rng.normal(size=(20, 20)) / np.sqrt(20)
    cov = root @ root.T + 0.1 * np.eye(20)
    mean = rng.normal(size=20)
    p, schedule = PROCESSES["VE"]
    known = td.exact_score(td.Gaussian(mean, cov), p)
    # A score that knows nothing of its data has the Gaussian N(0, 1) taken out, and the probes see all the rest.
    score, prior = no_reference(known), td.moment_prior(known.reference, p)
    options = {"divergence": HutchinsonDivergence(8), "prior": prior}
    x = rng.multivariate_normal(mean, cov, size=256)
    result = flow_likelihood(score, p, x, key=jax.random.key(8), **options)
    values, vectors = np.linalg.eigh(cov)
    v0 = values + schedule.variance(result.t_min)
    log_map = vectors @ np.diag(0.5 * np.log((values + schedule.variance(1.0)) / v0)) @ vectors.T
    stderr = np.sqrt(4 * np.sum(np.triu(log_map, 1) ** 2) / 8)
    z = (np.asarray(result.growth, float) - np.trace(log_map)) / stderr
    assert abs(z.mean()) < 5 / 16
    assert abs(z.var() - 1) < 5 * np.sqrt(2 / 256) + 0.1
    expected = oracle.gaussian_log_prob(x, mean, cov + schedule.variance(result.t_min) * np.eye(20))
    assert np.abs(np.asarray(result.log_likelihood) - expected).max() < 5 * stderr
    again = flow_likelihood(score, p, x, key=jax.random.key(9), **options)
    assert np.abs(np.asarray(again.growth - result.growth)).min() > 0
    with pytest.raises(ValueError, match=r"^key: got None, need a PRNG key: the divergence in 20 dimensions"):
        td.flow_log_likelihood(score, p, x)
    # What the score knows to be Gaussian is not left to the probes, nor to the solver.
    exact = flow_likelihood(known, p, x, key=jax.random.key(8), divergence=HutchinsonDivergence(1))
    np.testing.assert_allclose(exact.growth, np.trace(log_map), atol=1e-3)
    assert int(exact.steps.max()) < 8


def test_the_tolerance_is_what_limits_it():
    p, _ = PROCESSES["VP"]
    score, prior = no_reference(EXACT.score(gaussian, p)), td.moment_prior(gaussian, p)
    x = spread_out(MEAN, COV)
    expected = oracle.gaussian_log_prob(x, MEAN, COV)
    errors = [
        np.abs(
            np.asarray(td.flow_log_likelihood(score, p, x, prior=prior, tolerance=Tolerance(r, r))) - expected
        ).max()
        for r in (1e-3, 1e-5)
    ]
    assert errors[0] > 5 * errors[1]


def test_a_flow_that_fails_says_so():
    """NaN on one side of the origin and a flow that explodes in no time on the other; the third point is left alone."""
    p, _ = PROCESSES["VE"]

    def score(x, t):
        return jnp.where(x[0] > 0, jnp.nan, jnp.where(x[0] < 0, -1e8 * x * jnp.sum(x**2), -x))

    message = (
        r"probability flow: 2 of 3 points did not reach t = 1 in 10000 steps or left the range of numbers"
    )
    with pytest.raises(RuntimeError, match=message):
        td.flow_log_likelihood(score, p, np.array([[1.0, 1.0], [-1.0, 0.5], [0.0, 0.0]]))


# --- variational --------------------------------------------------------------------------------


@pytest.fixture(scope="module", params=["VE", "VP"])
def variational(request):
    """Terms of 1024 points of the data, with a noise prior; x and the oracle."""
    p, schedule = PROCESSES[request.param]
    x = np.asarray(gaussian.sample(jax.random.key(21), N), dtype=float)
    prior = td.noise_prior(p, 2)
    terms = variational_terms(jax.random.key(2), WRONG.score(gaussian, p), p, x, prior=prior)
    model = WRONG.affine(schedule, MEAN, COV)
    summary = model.summary(terms.t_min, np.zeros(2), schedule.variance(1.0) * np.eye(2))
    log_p = oracle.gaussian_log_prob(x, *model.marginal(terms.t_min))
    return terms, summary, log_p


def test_elbo_is_entropy_plus_score_error_plus_prior_mismatch(variational):
    """E[-ELBO] = S0 + J + KL(p_1 || pi); ln p(x) as control variate leaves the score's error."""
    terms, summary, log_p = variational
    gap = estimate(jnp.asarray(-np.asarray(terms.elbo, float) + log_p))
    close(gap, summary["J"] + summary["KL"], 1e-4)
    assert summary["J"] > 0.1
    close(estimate(-terms.elbo), summary["neg_elbo"], 1e-4)


def test_cross_likelihood_is_the_flows_formula_on_the_wrong_points(variational):
    """E[-cross] = N_th + KL(p_1 || pi) = S(p_1) - int R2 + KL."""
    terms, summary, _ = variational
    close(estimate(-terms.cross_log_likelihood), summary["cross"] + summary["KL"], 1e-4)


def test_elbo_and_cross_likelihood_differ_by_the_readings(variational):
    """ELBO - cross = (int R3 - int R1)/2, paired, and the prior's part is what it says."""
    terms, summary, _ = variational
    difference = estimate(terms.elbo - terms.cross_log_likelihood)
    close(difference, 0.5 * (summary["integral_denoising"] - summary["integral_quadratic"]), 1e-4)
    close(estimate(terms.cross_entropy), summary["prior_cross_entropy"], 1e-4)


def test_elbo_of_the_exact_score_is_the_log_density(key):
    """Where the score and the prior are right the bound is tight at every point, given the noise's average."""
    p, schedule = PROCESSES["VP"]
    x = spread_out(MEAN, COV, reach=3.0)
    values = np.asarray(td.elbo(key, EXACT.score(gaussian, p), p, x), float)
    t_min = variational_terms(key, EXACT.score(gaussian, p), p, x).t_min
    # x is the point before the first noise: E ln p(x_t) given x is lower by half the trace of the curvature, here 1e-6.
    expected = oracle.gaussian_log_prob(x, *oracle.AffineModel(schedule, MEAN, COV).marginal(t_min))
    close(estimate(jnp.asarray(values - expected)), 0.0, 1e-4)


# --- priors -------------------------------------------------------------------------------------


def test_moment_prior_is_the_gaussian_of_the_noised_moments():
    p, schedule = PROCESSES["VP"]
    prior = td.moment_prior(gaussian, p)
    mean, cov = oracle.AffineModel(schedule, MEAN, COV).marginal(1.0)
    np.testing.assert_allclose(prior.mean, mean, rtol=1e-4, atol=1e-7)
    np.testing.assert_allclose(prior.cov, cov, rtol=1e-5, atol=1e-7)


@pytest.mark.parametrize(("mean", "divergence"), [(0.0, 2.6e-5), (5.0, 0.129)])
def test_three_entropies_of_the_noise(mean, divergence):
    """VE, sigma = 25, unit data: S(pi) - S(p_1) = -5.1e-3; KL 2.6e-5, or 0.129 for a mean of 5 (theory section 4)."""
    p, schedule = PROCESSES["VE"]
    v = schedule.variance(1.0)
    prior = td.noise_prior(p, 1)
    np.testing.assert_allclose(prior.cov, [[v]], rtol=1e-5)
    p_1 = td.moment_prior(td.Gaussian([mean], [[1.0]]), p)
    assert prior.entropy() - p_1.entropy() == pytest.approx(-5.1e-3, abs=5e-5)
    expected = oracle.gaussian_kl(np.array([mean]), np.array([[v + 1]]), np.zeros(1), np.array([[v]]))
    assert expected == pytest.approx(divergence, rel=0.02)
    # Two points have the mean and the variance that matter.
    cross = np.mean(prior_cross_entropy_given(prior, p, jnp.array([[mean - 1.0], [mean + 1.0]])))
    assert cross - p_1.entropy() == pytest.approx(expected, abs=2e-6)


def test_default_prior_is_that_of_the_moments_where_they_are_known():
    p, schedule = PROCESSES["VE"]
    x = np.zeros((N, 2))
    known = flow_likelihood(EXACT.score(gaussian, p), p, x)
    mean, cov = oracle.AffineModel(schedule, MEAN, COV).marginal(1.0)
    expected = oracle.gaussian_log_prob(np.asarray(known.terminal, float), mean, cov)
    np.testing.assert_allclose(known.log_prior, expected, atol=1e-4)


@pytest.mark.parametrize(
    ("x", "options", "message"),
    [
        (np.zeros(2), {}, r"x: got shape \(2,\), need an array of shape \(n, d\)"),
        (np.full((2, 2), np.nan), {}, r"x: got 4 NaN or infinite value"),
        (
            np.zeros((3, 2)),
            {"prior": td.Gaussian([0.0], [[1.0]])},
            r"prior: got a Gaussian in 1 dimensions, need one in 2",
        ),
        (np.zeros((3, 2)), {"t_min": 0.0}, r"t_min: got 0\.0, need a time strictly between 0 and 1"),
        (
            np.zeros((3, 1)),
            {},
            "score: got one of 2 dimensions for data of 1, need as many in both",
        ),
    ],
)
@pytest.mark.parametrize("function", ["flow", "elbo"])
def test_refusals(key, function, x, options, message):
    p, _ = PROCESSES["VE"]
    score = EXACT.score(gaussian, p)
    call = partial(td.flow_log_likelihood, score) if function == "flow" else partial(td.elbo, key, score)
    with pytest.raises(ValueError, match=rf"^({message})"):
        call(p, x, **options)


@pytest.mark.parametrize(
    ("dim", "got"), [(0, "0"), (1.5, "1.5"), (gaussian, "Gaussian"), (np.zeros((3, 2)), "ndarray")]
)
def test_a_noise_prior_asks_for_a_number_of_columns(dim, got):
    with pytest.raises(ValueError, match=f"^dim: got {got}, need the number of columns, at least 1$"):
        td.noise_prior(td.VarianceExploding(25.0), dim)
