"""Noising against the generator: W exact on every path where theory says so, its stable form, the theorems of R."""

import functools

import jax
import jax.numpy as jnp
import numpy as np
import oracles_diffusion as oracle
import oracles_paths as algebra
import pytest
from problems_diffusion import PROCESSES

import thermodiff as td
from thermodiff.numerics.path_ratio import log_mean_exp
from thermodiff.sampling.kernels import AnalyticKernel, PosteriorKernel, StochasticKernel

pytestmark = pytest.mark.usefixtures("double_precision")
T_MIN = 1e-3


@functools.cache
def problem(name, dim=1):
    """Process, its oracle, and N(0, I) as data; made here, in double precision."""
    process = {
        "VE": lambda: td.VarianceExploding(25.0),
        "VP": lambda: td.VariancePreserving(0.1, 20.0),
        "cosine": lambda: td.CosineVariancePreserving(0.01),
    }[name]()
    return process, PROCESSES[name][1], td.Gaussian(np.zeros(dim), np.eye(dim))


def even(process, steps):
    return td.schedule("log_snr", process, steps, t_min=T_MIN)


def exact_kernel(schedule, factor=1.0):
    """E|x0 - D|^2 a column in closed form, for data N(0, 1)."""
    s = schedule.noise_ratio[::-1]
    return lambda dim=1: AnalyticKernel(s, dim * algebra.shrink_error(s, factor)[1])


@pytest.mark.parametrize("name", ["VP", *(pytest.param(n, marks=pytest.mark.slow) for n in ("VE", "cosine"))])
def test_work_of_a_perfect_model_is_the_same_on_every_path(name):
    """Exact score of N(0, I), analytic variances, 12 steps: W = -ln p(x_0) whatever the noise did."""
    process, schedule, data = problem(name, 2)
    plan = even(process, 12)
    rows = np.array([[0.0, 0.0], [2.0, -1.0], [5.0, 3.0]])
    paths = td.noising_paths(jax.random.key(0), process, rows, plan, per_point=40)
    score = td.exact_score(data, process)
    found = td.path_waste(paths, score, process, exact_kernel(plan)(2), data)
    alpha, variance = schedule.alpha(T_MIN), schedule.variance(T_MIN)
    start = paths.x.reshape(3, 40, 13, 2)[:, :, 0]
    # One point a row, which its paths share.
    assert np.ptp(start, axis=1).max() == 0
    expected = -oracle.gaussian_log_prob(start, np.zeros(2), (alpha**2 + variance) * np.eye(2))
    np.testing.assert_allclose(found.work, expected, atol=1e-10)
    np.testing.assert_allclose(found.waste, 0.0, atol=1e-10)
    np.testing.assert_allclose(found.log_weight, -expected[:, 0], atol=1e-10)
    np.testing.assert_allclose(found.ess, 40, rtol=1e-12)


def random_network(dim, seed=3):
    rng = np.random.default_rng(seed)
    first, second = rng.normal(size=(32, dim + 1)), rng.normal(size=(dim, 32)) / 6

    def score(x, t):
        return -x + jnp.asarray(second) @ jnp.tanh(jnp.asarray(first) @ jnp.append(x, 3 * t))

    return score


@pytest.mark.parametrize(
    ("name", "kernel"), [pytest.param("VE", "forward", marks=pytest.mark.slow), ("VP", "analytic")]
)
def test_the_stable_form_is_the_ratio_of_the_gaussians(name, kernel):
    """Of a random network: nothing is lost beside the densities as they stand, where large terms cancel."""
    process, schedule, _ = problem(name, 3)
    plan, score = even(process, 10), random_network(3)
    rows = 0.3 + np.random.default_rng(0).normal(size=(50, 3))
    paths = td.noising_paths(jax.random.key(1), process, rows, plan, per_point=2)
    prior = td.Gaussian([1.0, 0.0, 0.0], 4.0 * np.eye(3))
    found = td.path_waste(paths, score, process, kernel, prior=prior)
    s = plan.noise_ratio[::-1]
    time = plan.time[::-1]
    alpha, sigma = schedule.alpha(time), np.sqrt(schedule.variance(time))
    values = jax.vmap(jax.vmap(score))(paths.x[:, 1:], np.broadcast_to(time[1:], (100, 10)))
    noise = -sigma[1:, None] * np.asarray(values)
    z = paths.x / alpha[:, None]
    error = np.mean(np.sum((np.repeat(rows, 2, 0)[:, None] - z[:, 1:] + s[1:, None] * noise) ** 2, 2), 0)
    inflation = algebra.excess(kernel, s, error / 3)
    log_prior = oracle.gaussian_log_prob(paths.x[:, -1], np.array([1.0, 0, 0]), 4.0 * np.eye(3))
    naive = algebra.naive_log_ratio(z, alpha[[0, -1]], s, noise, inflation, log_prior)
    np.testing.assert_allclose(found.work.ravel(), naive, atol=1e-11 * np.abs(naive).max() + 1e-9)


def ratios(name, kernel, steps, factor, n):
    """R on n paths of noising and on n of the generator, data N(0, 1), score times ``factor``."""
    process, _, data = problem(name)
    plan = even(process, steps)
    score = td.scaled(td.exact_score(data, process), factor)
    prior = td.moment_prior(data, process)
    key = jax.random.split(jax.random.key(4), 3)
    paths = td.noising_paths(key[0], process, data.sample(key[1], n), plan)
    drawn = td.generated_paths(key[2], score, process, n, plan, kernel, prior=prior)
    return (
        td.path_waste(paths, score, process, kernel, data, prior=prior),
        td.path_waste(drawn, score, process, data=data),
        drawn,
    )


@pytest.mark.parametrize(
    ("name", "steps"),
    [("VE", 16), *(pytest.param(n, 32, marks=pytest.mark.slow) for n in ("VP", "cosine"))],
)
def test_means_and_theorems_of_a_wrong_score(name, steps):
    """Score 10 % too small: <R> and Var R by Gaussian algebra, both integral theorems, Crooks, the model's variance."""
    _, schedule, _ = problem(name)
    s, alpha = algebra.even_ratios(schedule, steps, T_MIN)
    exact = algebra.linear_paths(s, 0.9)
    mean, variance = exact.ratio_moments()
    up, down, drawn = ratios(name, PosteriorKernel(), steps, 0.9, 4000)
    R = up.waste[:, 0]
    assert abs(up.mean.mean - mean) < 4 * np.sqrt(variance / 4000)
    assert abs(R.var() - variance) < 5 * np.std((R - R.mean()) ** 2) / np.sqrt(4000)
    theorem = td.fluctuation_theorem(R, down.waste)
    assert abs(theorem.bar.mean) < 4 * theorem.bar.stderr
    assert abs(theorem.crooks_slope.mean - 1) < 4 * theorem.crooks_slope.stderr
    if name == "VE":
        assert abs(theorem.mean_exponential.mean - 1) < 4 * theorem.mean_exponential.stderr
    drawn_variance = np.mean(drawn.x[:, 0, 0] ** 2) / alpha[0] ** 2
    assert drawn_variance == pytest.approx(exact.model_variance(), abs=4 * drawn_variance * np.sqrt(2 / 4000))


TABLE = [
    ("VE", 8, 1.0, 3.446287, 18.509917, 0.124842),
    ("VE", 8, 0.9, 3.505303, 18.701453, 0.023888),
    ("VE", 64, 1.0, 0.279939, 0.625792, 0.002005),
    ("VE", 64, 0.9, 0.305525, 0.672462, 0.004725),
    ("VP", 8, 1.0, 11.920765, None, 0.330850),
    ("VP", 64, 1.0, 0.668702, None, 0.005597),
]


@pytest.mark.parametrize(("name", "steps", "factor", "mean", "variance", "divergence"), TABLE)
def test_the_oracle_is_that_of_the_theory(name, steps, factor, mean, variance, divergence):
    s, _ = algebra.even_ratios(PROCESSES[name][1], steps)
    exact = algebra.linear_paths(s, factor)
    found = exact.ratio_moments()
    assert found[0] == pytest.approx(mean, abs=6e-7)
    assert variance is None or found[1] == pytest.approx(variance, abs=6e-7)
    own = algebra.gaussian_divergence(1 + s[0] ** 2, exact.model_variance())
    assert own == pytest.approx(divergence, abs=6e-7)


@pytest.mark.slow
def test_generated_paths_have_their_own_work():
    """The same W by the residuals xi as by eps, told from the x that they led to."""
    process, schedule, data = problem("VP")
    plan = even(process, 6)
    score = td.scaled(td.exact_score(data, process), 0.8)
    drawn = td.generated_paths(jax.random.key(5), score, process, 30, plan, exact_kernel(plan, 0.8)())
    found = td.path_waste(drawn, score, process)
    s, time = plan.noise_ratio[::-1], plan.time[::-1]
    alpha = schedule.alpha(time)
    z = drawn.x / alpha[:, None]
    slope, error = algebra.shrink_error(s[1:], 0.8)
    noise = z[:, 1:] * ((1 - slope) / s[1:])[:, None]
    v = alpha[-1] ** 2 + schedule.variance(1.0)
    log_prior = oracle.gaussian_log_prob(drawn.x[:, -1], np.zeros(1), np.array([[v]]))
    inflation = algebra.excess("analytic", s, error)
    naive = algebra.naive_log_ratio(z, alpha[[0, -1]], s, noise, inflation, log_prior)
    np.testing.assert_allclose(found.work[:, 0], naive, atol=1e-8)


@pytest.mark.slow
def test_single_precision_loses_nothing_that_matters():
    """The perfect model again, in float32 down to sigma/alpha = 1e-3."""
    with jax.enable_x64(False):
        process = td.VariancePreserving(0.1, 20.0)
        data = td.Gaussian(np.zeros(2), np.eye(2))
        plan = td.schedule("log_snr", process, 64)
        paths = td.noising_paths(jax.random.key(0), process, np.array([[0.5, -1.0]]), plan, per_point=64)
        found = td.path_waste(paths, td.exact_score(data, process), process, exact_kernel(plan)(2), data)
        assert np.abs(found.waste).max() < 2e-3
        assert abs(found.waste.mean()) < 2e-4


def test_data_without_a_density_leave_the_work():
    process, _, data = problem("VE")
    plan = even(process, 4)
    rows = np.asarray(data.sample(jax.random.key(0), 20))
    paths = td.noising_paths(jax.random.key(1), process, rows, plan, per_point=3)
    score = td.exact_score(data, process)
    found = td.path_waste(paths, score, process)
    assert found.waste is None
    assert found.work.shape == (20, 3)
    assert "<W> =" in str(found)
    assert np.isfinite(found.variance).all()
    for ask in (
        lambda: td.path_waste(paths, score, process, data=td.Samples(rows)),
        lambda: td.noising_entropy_production(paths, process, td.Samples(rows)),
    ):
        with pytest.raises(td.NotKnownError, match=r"^data: .*td\.path_log_likelihood needs no density"):
            ask()


def wrong(**changes):
    process, _, data = problem("VE")
    plan = even(process, 4)
    score = td.exact_score(data, process)
    paths = td.noising_paths(jax.random.key(1), process, np.zeros((3, 1)), plan)
    return td.path_waste(**{"paths": paths, "score": score, "process": process, **changes})


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"kernel": "beta"}, "kernel: got 'beta', need one of posterior, forward, analytic, or a kernel"),
        ({"kernel": StochasticKernel(0.0)}, "kernel: got stochasticity 0, need a generator with noise"),
        (
            {"kernel": AnalyticKernel([0.1, 1.0], [0.1, 0.1])},
            r"kernel: got E\|x0 - D\|\^2 for sigma/alpha from 0.1",
        ),
    ],
)
def test_refused(changes, message):
    with pytest.raises(ValueError, match=f"^{message}"):
        wrong(**changes)


def test_generated_paths_take_no_other_kernel():
    process, _, data = problem("VE")
    plan, score = even(process, 4), td.exact_score(data, process)
    drawn = td.generated_paths(jax.random.key(5), score, process, 3, plan, "posterior")
    with pytest.raises(ValueError, match=r"^kernel: got another than the paths were drawn with"):
        td.path_waste(drawn, score, process, "forward")
    with pytest.raises(ValueError, match=r"^kernel: got another than"):
        td.path_waste(drawn, score, process, "analytic")
    with pytest.raises(ValueError, match=r"^prior: got another than the paths were drawn from"):
        td.path_waste(drawn, score, process, prior="noise")
    with pytest.raises(ValueError, match=r"^data: got None for the analytic kernel"):
        td.generated_paths(jax.random.key(5), score, process, 3, plan)


MIX_W, MIX_MU, MIX_SD = np.array([0.3, 0.7]), np.array([-2.0, 1.0]) / 1.5, np.array([0.4, 0.6]) / 1.5


def bent(process, score):
    """s + .15 cos(2 x/scale + .7)/scale, wrong by a wave."""

    def wrong_score(x, t):
        scale = jnp.sqrt(process.alpha(t) ** 2 + process.sigma(t) ** 2)
        return score(x, t) + 0.15 * jnp.cos(2 * x / scale + 0.7) / scale

    return wrong_score


@pytest.mark.slow
@pytest.mark.parametrize(
    ("name", "steps", "cross_entropy", "divergence", "gaps", "error"),
    [
        ("VE", 8, 1.162963, None, {1: 2.786, 4: 0.640, 16: 0.153}, 0.014),
        ("VE", 32, None, 0.019371, {1: 0.515, 4: 0.131, 16: 0.033}, 0.005),
        ("VP", 32, None, 0.039525, {1: 1.352}, 0.014),
    ],
)
def test_a_mixture_whose_model_is_propagated_on_a_grid(name, steps, cross_entropy, divergence, gaps, error):
    """VE25 or VP20, posterior variances, a wrong score: the model's density, the gaps of NLL_K, both theorems."""
    process, schedule, _ = problem(name)
    data = td.GaussianMixture(MIX_W, MIX_MU[:, None], (MIX_SD**2)[:, None, None])
    exact = oracle.Mixture1d(MIX_W, MIX_MU, MIX_SD**2)
    plan, score = even(process, steps), bent(process, td.exact_score(data, process))
    prior = td.moment_prior(td.Gaussian(*data.moments()), process)
    s = plan.noise_ratio[::-1]

    def D(z, k):
        scale = np.sqrt(1 + s[k] ** 2)
        value = exact.score(z, 1.0, s[k] ** 2) + 0.15 * np.cos(2 * z / scale + 0.7) / scale
        return z + s[k] ** 2 * value

    first, last = schedule.alpha(T_MIN), schedule.alpha(1.0)
    sd = float(np.sqrt(prior.cov[0, 0])) / last
    z, p_th = algebra.propagated_density(s, D, np.ones(steps), sd, float(prior.mean[0]) / last)
    assert np.sum(p_th) * (z[1] - z[0]) == pytest.approx(1, abs=1e-6)
    p = np.exp(exact.log_prob(z, 1.0, s[0] ** 2))
    with np.errstate(divide="ignore", invalid="ignore"):
        cross = -np.nansum(p * np.log(p_th)) * (z[1] - z[0])
        own = np.nansum(p * np.log(p / p_th)) * (z[1] - z[0])
    assert cross_entropy is None or cross == pytest.approx(cross_entropy, abs=2e-6)
    assert divergence is None or own == pytest.approx(divergence, abs=2e-6)
    key = jax.random.split(jax.random.key(7), 4)
    rows = data.sample(key[0], 4000)
    paths = td.noising_paths(key[1], process, rows, plan, per_point=16)
    up = td.path_waste(paths, score, process, "posterior", data, prior=prior)
    drawn = td.generated_paths(key[2], score, process, 20000, plan, "posterior", prior=prior)
    down = td.path_waste(drawn, score, process, data=data)
    theorem = td.fluctuation_theorem(up.waste, down.waste)
    assert abs(theorem.mean_exponential.mean - 1) < 4 * theorem.mean_exponential.stderr
    assert abs(theorem.crooks_slope.mean - 1) < 4 * theorem.crooks_slope.stderr
    assert abs(theorem.bar.mean) < 4 * theorem.bar.stderr
    # ln p_th at the starts is known from the grid: the gaps of NLL_K have no scatter of rows.
    at_start = np.log(np.interp(paths.x[::16, 0, 0] / first, z, p_th) / first)
    for K, gap in gaps.items():
        found = at_start[:, None] - log_mean_exp(-up.work.reshape(4000, -1, K))
        found = found.mean(axis=1)
        assert abs(found.mean() - gap) < 3 * np.hypot(found.std() / np.sqrt(4000), error)


def test_schedules_of_another_process_are_refused():
    """Each door that takes a schedule, or paths that carry one, compares its sigma/alpha with the process's."""
    process, _, data = problem("VE")
    other, _, _ = problem("VP")
    plan, alien = even(process, 3), even(other, 3)
    score, wrong_score = td.exact_score(data, process), td.exact_score(data, other)
    key, rows = jax.random.key(1), np.zeros((3, 1))
    noised = td.noising_paths(key, process, rows, plan)
    drawn = td.generated_paths(key, score, process, 3, plan, "posterior")
    for ask in (
        lambda: td.noising_paths(key, process, rows, alien),
        lambda: td.generated_paths(key, score, process, 3, alien, "posterior"),
        lambda: td.path_log_likelihood(key, score, process, rows, alien, "posterior"),
        lambda: td.path_waste(noised, wrong_score, other, "posterior"),
        lambda: td.noising_entropy_production(noised, other, data),
        lambda: td.generation_heat(drawn, wrong_score, other),
    ):
        need = "where the process has .*, need a schedule made for this process$"
        with pytest.raises(ValueError, match=f"^schedule: got sigma/alpha = .* at t = .*, {need}"):
            ask()


def test_paths_of_the_other_direction_are_refused():
    process, _, data = problem("VE")
    plan, score = even(process, 3), td.exact_score(data, process)
    noised = td.noising_paths(jax.random.key(1), process, np.zeros((3, 1)), plan)
    drawn = td.generated_paths(jax.random.key(5), score, process, 3, plan, "posterior")
    for message, ask in (
        (
            r"GeneratedPaths, need paths of noising, as td.noising_paths makes",
            lambda: td.noising_entropy_production(drawn, process, data),
        ),
        (
            r"NoisingPaths, need paths of generation, as td.generated_paths makes",
            lambda: td.generation_heat(noised, score, process, data),
        ),
        (
            r"ndarray, need what td.noising_paths or td.generated_paths makes",
            lambda: td.path_waste(noised.x, score, process),
        ),
    ):
        with pytest.raises(ValueError, match=f"^paths: got {message}"):
            ask()


def test_data_and_paths_have_as_many_dimensions():
    """Two of data beside one of the paths would broadcast into numbers."""
    process, _, data = problem("VE")
    plan, score = even(process, 3), td.exact_score(data, process)
    noised = td.noising_paths(jax.random.key(1), process, np.zeros((3, 1)), plan)
    drawn = td.generated_paths(jax.random.key(5), score, process, 3, plan, "posterior")
    wide = td.Gaussian(np.zeros(2), np.eye(2))
    for name, ask in (
        ("data", lambda: td.path_waste(noised, score, process, "posterior", wide)),
        ("data", lambda: td.noising_entropy_production(noised, process, wide)),
        ("final", lambda: td.generation_heat(drawn, score, process, wide)),
    ):
        with pytest.raises(
            ValueError, match=f"^{name}: got 2 dimensions for paths of 1, need as many in both$"
        ):
            ask()
