"""The averages a, b, c and the local rate, their control variate, and the independence of their units."""

import jax
import jax.numpy as jnp
import numpy as np
import oracles_diffusion as oracle
import pytest
from problems_diffusion import COV, MEAN, PROCESSES, Errors, close, gaussian, mixture, mixture_oracle

import thermodiff as td
from thermodiff.numerics.delta_method import estimate
from thermodiff.numerics.divergence import ExactDivergence, HutchinsonDivergence
from thermodiff.scores.diffusion import learned_diffusion
from thermodiff.thermodynamics.ensembles import ensemble, row_ensemble
from thermodiff.thermodynamics.moments import noise_moments

TIMES = np.array([0.01, 0.2, 0.5, 0.8, 1.0])


def moments_of(key, score, process, points, times, divergence=None, exact=None):
    diffusion = learned_diffusion(score, process, points.dim).taking(divergence)
    return noise_moments(key, diffusion, points, times, exact)


WRONG = Errors(factor=0.9, shift=(0.2, -0.3), angle=0.5)


def expected_moments(model, times=TIMES):
    """a, b, c, j and the local rate per unit of ell = ln(sigma/alpha): sigma^2 E|s|^2 and so on."""
    variance, D = model.schedule.variance(times), model.schedule.D(times)
    a, b, c, local = (np.array([f(t) for t in times]) for f in (model.a, model.b, model.c, model.intrinsic))
    return {
        "true_square": variance * a,
        "square": variance * b,
        "overlap": variance * c,
        "divergence": variance * c,
        "error": variance * (a + b - 2 * c),
        "projection": variance * (c - a),
        "local": variance / D * local,
    }


@pytest.fixture(scope="module", params=["VE", "VP", "sub-VP"])
def gaussian_case(request):
    """A wrong score of correlated, off-centre Gaussian data: moments and their closed forms."""
    process, schedule = PROCESSES[request.param]
    points = ensemble(jax.random.key(1), gaussian, len(TIMES), 16, 64)
    moments = moments_of(
        jax.random.key(2),
        WRONG.score(gaussian, process),
        process,
        points,
        jnp.asarray(TIMES),
        ExactDivergence(),
        td.exact_score(gaussian, process),
    )
    return moments, expected_moments(WRONG.affine(schedule, MEAN, COV))


@pytest.mark.parametrize(
    "name", ["true_square", "square", "overlap", "divergence", "error", "projection", "local"]
)
def test_averages_of_a_wrong_gaussian_score(gaussian_case, name):
    moments, expected = gaussian_case
    # Rounding of terms that are larger than their sum by up to |m|^2/v = 10.
    close(estimate(getattr(moments, name)), expected[name], 1e-5 * (1 + np.abs(expected[name])))


def test_the_parts_add_up(gaussian_case):
    """b = a + 2 projection + j and c = a + projection, on average."""
    m, _ = gaussian_case
    close(estimate(m.square - m.true_square - 2 * m.projection - m.error), 0.0, 1e-5)
    close(estimate(m.overlap - m.true_square - m.projection), 0.0, 1e-5)


@pytest.mark.parametrize("process", ["VE", "VP"])
def test_nothing_is_random_for_the_exact_score_of_a_gaussian(process):
    """The control variate is then the quantity itself."""
    p, schedule = PROCESSES[process]
    points = ensemble(jax.random.key(1), gaussian, len(TIMES), 16, 64)
    moments = moments_of(
        jax.random.key(2), Errors().score(gaussian, p), p, points, jnp.asarray(TIMES), None, None
    )
    expected = expected_moments(oracle.AffineModel(schedule, MEAN, COV))
    for name in ("square", "overlap", "local"):
        np.testing.assert_allclose(
            getattr(moments, name), np.tile(expected[name], (16, 1)), rtol=2e-5, atol=2e-5
        )
    assert moments.divergence is None
    assert moments.true_square is None


def test_averages_of_a_mixture_against_quadrature():
    """Unequal weights, off-centre, skewed: the Gaussian control variate is far from the truth and must not bias."""
    p, schedule = PROCESSES["sub-VP"]
    score = td.scaled(td.exact_score(mixture, p), 1.2)
    points = ensemble(jax.random.key(3), mixture, len(TIMES), 16, 256)
    moments = moments_of(jax.random.key(4), score, p, points, jnp.asarray(TIMES), ExactDivergence(), None)
    variance = schedule.variance(TIMES)
    fisher = np.array([mixture_oracle.fisher(schedule.alpha(t), schedule.variance(t)) for t in TIMES])
    close(estimate(moments.square), 1.44 * variance * fisher, 1e-5)
    close(estimate(moments.overlap), 1.2 * variance * fisher, 1e-5)
    close(estimate(moments.divergence), 1.2 * variance * fisher, 1e-5)


def test_one_hutchinson_probe_is_enough_on_average():
    p, schedule = PROCESSES["VE"]
    points = ensemble(jax.random.key(1), gaussian, len(TIMES), 16, 64)
    moments = moments_of(
        jax.random.key(2), WRONG.score(gaussian, p), p, points, jnp.asarray(TIMES), HutchinsonDivergence(1)
    )
    divergence = estimate(moments.divergence)
    assert np.all(
        np.asarray(divergence.stderr[:3]) > 1e-4
    )  # the probes are random and differ from point to point
    close(divergence, expected_moments(WRONG.affine(schedule, MEAN, COV))["divergence"], 1e-5)


# --- samples ------------------------------------------------------------------------------------

X0 = np.array([4.0, -0.5])
REPEATS = 2048


@pytest.fixture(scope="module")
def given_one_point():
    """One data point as 2048 units, each with its own noise, and a reference that is not its Gaussian."""
    p, _ = PROCESSES["VP"]
    reference = td.Gaussian([1.0, 0.0], [[2.0, -0.5], [-0.5, 1.0]])
    points = row_ensemble(jax.random.key(6), np.tile(X0, (REPEATS, 1)), len(TIMES), reference)
    return moments_of(jax.random.key(7), WRONG.score(gaussian, p), p, points, jnp.asarray(TIMES), None, None)


def test_averages_over_the_noise_given_a_data_point(given_one_point):
    """The control variate of samples has mean zero given each point, so that the sample's own scatter is kept."""
    _, schedule = PROCESSES["VP"]
    expected = {"square": [], "overlap": [], "local": []}
    model = WRONG.affine(schedule, MEAN, COV)
    for t in TIMES:
        alpha, sigma = schedule.alpha(t), np.sqrt(schedule.variance(t))
        M, k = model.matrix(t)
        centre = M @ (alpha * X0 - model.marginal(t)[0]) + k  # s_th = centre + sigma M eps
        kappa = schedule.a(t) * sigma / schedule.D(t)
        slope = (kappa * np.eye(2) - sigma * M) * sigma
        offset = kappa * alpha * X0 - sigma * centre
        expected["square"].append(sigma**2 * (centre @ centre + sigma**2 * np.trace(M @ M.T)))
        expected["overlap"].append(-(sigma**2) * np.trace(M))
        expected["local"].append(offset @ offset + np.trace(slope @ slope.T))
    for name, values in expected.items():
        close(estimate(getattr(given_one_point, name)), values, 1e-4)


def test_units_are_independent_and_times_do_not_conspire(given_one_point):
    """Neighbouring units are uncorrelated; neighbouring times are, if anything, anticorrelated (one sequence)."""
    u = np.asarray(given_one_point.square)[:, 1:4]
    u = (u - u.mean(axis=0)) / u.std(axis=0)
    assert np.abs((u[1:] * u[:-1]).mean(axis=0)).max() < 5 / np.sqrt(REPEATS)
    assert (u[:, 1:] * u[:, :-1]).mean(axis=0).max() < 5 / np.sqrt(REPEATS)


def test_units_beyond_one_batch():
    """More units than are evaluated at once, and not a multiple of that: nothing is lost or repeated."""
    p, schedule = PROCESSES["VE"]
    n, t = 4099, jnp.asarray([0.5])
    x = np.random.default_rng(0).normal(size=(n, 1))
    score = jax.tree_util.Partial(lambda process, x, t: -x / (1 + process.sigma(t) ** 2), p)
    points = row_ensemble(jax.random.key(8), x, 1, td.Gaussian([0.0], [[1.0]]))
    square = np.asarray(moments_of(jax.random.key(9), score, p, points, t, None, None).square)[:, 0]
    v = schedule.variance(0.5)
    # With its own reference as control variate each unit is exactly its mean given x_0.
    np.testing.assert_allclose(square, v * (x[:, 0] ** 2 + v) / (1 + v) ** 2, rtol=1e-4)
