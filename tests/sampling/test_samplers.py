"""Samplers: on Gaussian data every step is linear, and mean and covariance follow a recursion written in NumPy."""

import warnings

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from scipy.integrate import quad, solve_ivp

import thermodiff as td
from thermodiff.sampling.kernels import StochasticKernel

MEAN, COV = np.array([1.5, -2.0]), np.array([[1.2, 0.7], [0.7, 0.8]])
VE, VP = td.VarianceExploding(25.0), td.VariancePreserving(0.1, 20.0)
N = 4096
SLOW = pytest.mark.slow


def linear(sampler, s, excess=None, zeta=1.0):
    """Matrices and vectors (A, b) of z' = A z + b + sqrt(v) xi for the exact score of N(MEAN, COV), and v, each step.

    From the definitions: n = s (COV + s^2)^-1 (z - m), D = z - s n. dpmpp_2m acts on (z, D of the step before).
    """
    eye = np.eye(2)
    for k in range(len(s) - 1):
        here, there = s[k], s[k + 1]
        noise = here * np.linalg.inv(COV + here**2 * eye)  # n = noise (z - m)
        q = there / here
        if sampler == "euler":
            A, v = eye + (there - here) * noise, 0.0
        elif sampler == "heun":
            end = there * np.linalg.inv(COV + there**2 * eye)
            predicted = eye + (there - here) * noise
            A, v = eye + 0.5 * (there - here) * (noise + end @ predicted), 0.0
        elif sampler == "ancestral":
            A = q**2 * eye + (1 - q**2) * (eye - here * noise)
            v = there**2 * (1 - q**2) * (1 + excess[k])
        elif sampler == "euler_maruyama":
            A = q ** (1 + zeta) * eye + (1 - q ** (1 + zeta)) * (eye - here * noise)
            v = there**2 * (1 - q ** (2 * zeta))
        yield A, v


def law(sampler, s, start, **options):
    """Mean and covariance of z at the end, from those at the start."""
    mean, cov = start
    if sampler in ("dpmpp_2m", "multistep"):
        return two_step(sampler, s, mean, cov)
    for A, v in linear(sampler, s, **options):
        mean, cov = MEAN + A @ (mean - MEAN), A @ cov @ A.T + v * np.eye(2)
    return mean, cov


def two_step(sampler, s, mean, cov):
    """The linear map of the first z, about MEAN: D is extrapolated to the middle of h, or integrated as linear in s."""
    h = np.log(s[:-1] / s[1:])
    Z, last = np.eye(2), np.zeros((2, 2))
    for k in range(len(h)):
        D = COV @ np.linalg.inv(COV + s[k] ** 2 * np.eye(2)) @ Z
        slope = 0 * D if k == 0 else D - last
        if sampler == "dpmpp_2m":
            change = (1 - np.exp(-h[k])) * (D + (slope * h[k] / (2 * h[k - 1]) if k else 0))
        else:  # dz/ds = (z - D(s))/s: z' = q z + s' int D(u)/u^2 du from s' to s
            a, b = s[k + 1], s[k]
            slope = slope / (s[k] - s[k - 1]) if k else slope
            change = D * (1 - a / b) + slope * a * quad(lambda u, b=b: (u - b) / u**2, a, b, epsrel=1e-10)[0]
        Z, last = s[k + 1] / s[k] * Z + change, D
    return MEAN + Z @ (mean - MEAN), Z @ cov @ Z.T


def check_law(x, mean, cov):
    """Mean and covariance of the rows x within 4 standard errors of what they should be, in their own axes."""
    n = len(x)
    axes = np.linalg.cholesky(np.linalg.inv(cov))
    y = (np.asarray(x, dtype=np.float64) - mean) @ axes
    assert np.all(np.abs(y.mean(axis=0)) < 4 / np.sqrt(n))
    off = np.cov(y.T) - np.eye(2)
    assert np.all(np.abs(off) < 4 * np.sqrt((1 + np.eye(2)) / n))


CASES = [
    ("heun", {}),
    ("dpmpp_2m", {}),
    ("multistep", {}),
    ("ancestral", {"kernel": "posterior"}),
    ("euler_maruyama", {"stochasticity": 0.5}),
    pytest.param("euler", {}, marks=SLOW),
    pytest.param("ancestral", {"kernel": "forward"}, marks=SLOW),
    pytest.param("euler_maruyama", {"stochasticity": 3.0}, marks=SLOW),
]


@pytest.mark.parametrize(("sampler", "options"), CASES)
def test_mean_and_covariance_follow_the_recursion(key, sampler, options):
    process = VP if sampler in ("euler", "ancestral") else VE
    score = td.exact_score(td.Gaussian(MEAN, COV), process)
    made = td.schedule("cosine", process, 6, t_min=0.05, reference=td.Gaussian(MEAN, COV))
    prior = td.Gaussian([1.0, 0.5], [[5.0, 1.0], [1.0, 3.0]])
    drawn = td.sample(key, score, process, N, sampler=sampler, schedule=made, prior=prior, **options)
    alpha = np.asarray(process.alpha(np.array([1.0, 0.05])), dtype=np.float64)
    s = made.noise_ratio
    excess = {"posterior": np.zeros(6), "forward": (s[:-1] / s[1:]) ** 2 - 1}.get(options.get("kernel"))
    start = np.array([1.0, 0.5]) / alpha[0], np.array([[5.0, 1.0], [1.0, 3.0]]) / alpha[0] ** 2
    mean, cov = law(sampler, s, start, excess=excess, zeta=options.get("stochasticity", 1.0))
    check_law(drawn.x, alpha[1] * mean, alpha[1] ** 2 * cov)
    assert drawn.evaluations == (12 if sampler == "heun" else 6)


def linear_process():
    return td.CustomProcess(lambda t: jnp.ones_like(t), lambda t: 80.0 * t)


@pytest.mark.parametrize(
    ("steps", "ratio"),
    [
        (8, 0.8586934149),
        pytest.param(16, 0.9269932103, marks=SLOW),
        pytest.param(32, 0.9628480956, marks=SLOW),
    ],
)
def test_ddim_on_the_cosine_clock_shrinks_a_gaussian_by_known_factors(key, steps, ratio):
    """std ratio cos(Theta/N)^N of N(0, 1) with sigma from 80 to .002: the same row by row, since all is linear."""
    with jax.enable_x64(True):
        process, data = linear_process(), td.Gaussian([0.0], [[1.0]])
        score = td.exact_score(data, process)
        made = td.schedule("cosine", process, steps, t_min=0.002 / 80)
        drawn = td.sample(key, score, process, 4, sampler="euler", schedule=made, paths=True)
        factor = (
            np.asarray(drawn.paths[:, 0] / drawn.paths[:, -1]) * np.sqrt(1 + 80.0**2) / np.sqrt(1 + 0.002**2)
        )
    np.testing.assert_allclose(factor, ratio, atol=6e-11)
    np.testing.assert_array_equal(drawn.x, drawn.paths[:, 0])


@pytest.mark.parametrize("process", [VP, pytest.param(VE, marks=SLOW)])
def test_the_analytic_variance_is_exact_for_isotropic_gaussians_at_any_number_of_steps(key, process):
    data = td.Gaussian([1.0, -1.0], [[0.5, 0.0], [0.0, 0.5]])
    score = td.exact_score(data, process)
    clock = td.clock(
        key, score, process, data, "conditional_entropy", t_min=0.02, nodes=17, points=16, replicates=2
    )
    drawn = td.sample(key, score, process, N, sampler="ancestral", schedule=clock, steps=2)
    alpha, sigma = (float(f(0.02)) for f in (process.alpha, process.sigma))
    y = (np.asarray(drawn.x) - alpha * np.array([1.0, -1.0])) / np.sqrt(0.5 * alpha**2 + sigma**2)
    # Two variances of N - 1 squares each, and two means.
    assert np.all(np.abs(y.var(axis=0, ddof=1) - 1) < 4 * np.sqrt(2 / N))
    assert np.all(np.abs(y.mean(axis=0)) < 4 / np.sqrt(N))


@SLOW
def test_no_stochasticity_is_euler_one_the_posterior_kernel_and_any_a_kernel_of_its_own(key):
    score = td.exact_score(td.Gaussian(MEAN, COV), VE)
    both = {"schedule": "log_snr", "steps": 3}

    def x(**options):
        return np.asarray(td.sample(key, score, VE, 64, **both, **options).x)

    np.testing.assert_allclose(x(sampler="euler_maruyama", stochasticity=0.0), x(sampler="euler"), rtol=1e-4)
    posterior = x(sampler="ancestral", kernel="posterior")
    np.testing.assert_allclose(
        x(sampler="euler_maruyama", stochasticity=1.0), posterior, rtol=2e-4, atol=1e-4
    )
    between = x(sampler="ancestral", kernel=StochasticKernel(0.5))
    np.testing.assert_allclose(x(sampler="euler_maruyama", stochasticity=0.5), between, rtol=2e-4, atol=1e-4)


def test_a_sample_does_not_depend_on_how_many_there_are(key, monkeypatch):
    from thermodiff.sampling import generation

    score = td.exact_score(td.Gaussian(MEAN, COV), VE)
    made = td.schedule("edm", VE, 3)
    few = td.sample(key, score, VE, 5, schedule=made).x
    monkeypatch.setattr(generation, "SAMPLES_AT_ONCE", 4)
    monkeypatch.setattr(generation, "CALLS_AT_ONCE", 12)
    many = td.sample(key, score, VE, 11, schedule=made).x
    assert many.shape == (11, 2)
    np.testing.assert_allclose(many[:5], few, rtol=1e-5, atol=1e-5)


def test_a_callable_of_the_users_with_a_condition_and_a_sampler_of_the_users(key):
    """d comes from the prior; the condition from the closure; the sampler is an object with three parts."""
    data = td.Gaussian([0.0, 0.0], np.eye(2))
    exact = td.exact_score(data, VE)

    label = jnp.array([3.0, -3.0])

    class Twice:
        calls = 2

        def start(self, z):
            return z * 0

        def step(self, noise, z, memory, at, key):
            middle = jnp.sqrt(at.s * at.next_s)
            z = z + (middle - at.s) * noise(z, at.time)
            return z + (at.next_s - middle) * noise(z, at.time), memory

    prior = td.noise_prior(VE, 2)
    schedule = td.schedule("cosine", VE, 32)
    for sampler in ("dpmpp_2m", Twice()):
        drawn = td.sample(
            key, lambda x, t: exact(x - label, t), VE, 512, schedule=schedule, prior=prior, sampler=sampler
        )
        # The flow carries the prior's mean 0 to label (1 - ratio of deviations), and its deviation to 1.
        mean = np.array([3.0, -3.0]) * (1 - 1 / np.sqrt(1 + schedule.noise_ratio[0] ** 2))
        np.testing.assert_allclose(drawn.x.mean(axis=0), mean, atol=4 / np.sqrt(512))


def test_a_large_batch_of_a_mixture_in_eight_dimensions_is_right_in_all_its_parts(key):
    """A compiler's fault once gave half of 4096 samples a wrong score: they left the data, at most 7 wide, by 40."""
    means, cov = np.stack([2 * np.eye(8)[0], -2 * np.eye(8)[0]]), np.diag(1.0 / np.arange(1, 9) ** 2)
    data = td.distributions.GaussianMixture([0.5, 0.5], means, np.stack([cov, cov]))
    drawn = td.sample(key, td.exact_score(data, VE), VE, 4096, sampler="euler", steps=2, schedule="log_snr")
    assert np.all(np.abs(drawn.x) < 10)


def test_heun_warns_of_steps_it_cannot_take(key):
    score = td.exact_score(td.Gaussian(MEAN, COV), VE)
    with pytest.warns(UserWarning, match="heun: a step over a factor 99.2 of sigma/alpha, more than 10"):
        td.sample(key, score, VE, 2, sampler="heun", schedule=td.schedule("log_snr", VE, 2))
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        td.sample(key, score, VE, 2, sampler="heun", schedule=td.schedule("log_snr", VE, 8))


def bad(x, t):
    return jnp.where(t < 0.5, jnp.nan, -x)


GAUSSIAN = td.Gaussian(MEAN, COV)


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (
            {"sampler": "ddim"},
            "sampler: got 'ddim', need one of dpmpp_2m, multistep, euler, heun, ancestral, euler_maruyama, or",
        ),
        ({"sampler": int}, "sampler: got int, need one of"),
        (
            {"sampler": "ancestral", "kernel": "beta"},
            "kernel: got 'beta', need one of posterior, forward, analytic, or a",
        ),
        (
            {"sampler": "euler_maruyama", "stochasticity": -1},
            "stochasticity: got -1, need a number of at least 0",
        ),
        ({"sampler": "euler_maruyama", "stochasticity": [1.0]}, r"stochasticity: got \[1.0\], need a number"),
        ({"n": 0}, "n: got 0, need a positive whole number"),
        ({"steps": 0}, "steps: got 0, need a positive whole number"),
        ({"schedule": 3.0}, "schedule: got float, need a td.Schedule, a clock, None, or one of log_snr"),
        ({"schedule": "karras"}, "^schedule: got 'karras', need one of log_snr"),
        (
            {"schedule": td.Schedule([0.9, 0.5], [9, 1])},
            "schedule: got a first time of 0.9, need 1, where the prior",
        ),
        (
            {"schedule": td.Schedule([1.0, 0.5], [9.8, 1])},
            r"schedule: got sigma/alpha = 1 at t = 0.5, .* process has 1.9",
        ),
        ({"prior": "best"}, "prior: got 'best', need 'moments', 'noise' or a td.Gaussian"),
        ({"prior": td.Gaussian([0.0], [[1.0]])}, "prior: got a Gaussian in 1 dimensions, need one in 2"),
        (
            {"score": bad},
            "prior: got None for a score that knows of no data, need a Gaussian, which says how many",
        ),
        ({"process": "VE"}, "process: got str, need a diffusion process"),
    ],
)
def test_what_cannot_be_sampled(key, change, message):
    asked = {"key": key, "score": td.exact_score(GAUSSIAN, VE), "process": VE, "n": 4, "schedule": "log_snr"}
    with pytest.raises(ValueError, match=message):
        td.sample(**{**asked, **change})


def test_a_schedule_that_ends_below_the_scores_own_time(key):
    inside = td.exact_score(GAUSSIAN, VE)

    class Score:
        reference, t_min = GAUSSIAN, 0.1

        def __call__(self, x, t):
            return inside(x, t)

    with pytest.raises(ValueError, match=r"schedule: got a last time of 0.01, need at least t_min = 0.1"):
        td.sample(key, Score(), VE, 4, schedule=td.schedule("log_snr", VE, 4, t_min=0.01))


def test_nan_is_told(key):
    with pytest.raises(RuntimeError, match="score: NaN or infinite values made 4 of 4 samples so"):
        td.sample(key, bad, VE, 4, schedule=td.schedule("log_snr", VE, 4), prior=td.noise_prior(VE, 2))


@SLOW
def test_the_sampler_solves_the_flow_of_a_trained_network(key):
    """From the same starts as scipy's solver of dz/ds = n_th(alpha z, t): second order in the number of steps."""
    data = td.GaussianMixture([0.3, 0.7], [[-1.0, 0.0], [1.0, 0.5]], [0.1 * np.eye(2), 0.2 * np.eye(2)])
    score = td.fit(key, data, VP, steps=200, width=32).score
    low, high = np.exp(-0.5 * np.asarray(VP.log_snr(np.array([0.01, 1.0])), dtype=np.float64))

    @jax.jit
    def noise(z, s):
        t = VP.time_of_log_snr(-2 * jnp.log(s))
        return jax.vmap(lambda row: -VP.sigma(t) * score(VP.alpha(t) * row, t))(z)

    def missed(steps):
        made = td.sample(
            key, score, VP, 64, schedule=td.schedule("log_snr", VP, steps, t_min=0.01), paths=True
        )
        start = np.asarray(made.paths[:, -1], dtype=np.float64) / float(VP.alpha(1.0))
        slope = lambda s, z: np.asarray(noise(z.reshape(64, 2), s), dtype=np.float64).ravel()  # noqa: E731
        found = solve_ivp(slope, (high, low), start.ravel(), method="LSODA", rtol=1e-6, atol=1e-6).y[:, -1]
        end = float(VP.alpha(0.01)) * found.reshape(64, 2)
        return np.sqrt(np.mean((np.asarray(made.x) - end) ** 2))

    coarse, fine = missed(32), missed(128)
    assert fine < coarse / 6
    assert fine < 0.01


@pytest.mark.parametrize("process", [VP, VE], ids=["VP", "VE"])
def test_the_default_makes_the_simplest_data_and_a_step_far_longer_than_the_last_does_not_spoil_it(process):
    """N(0, 1/4) on the flow-curvature clock, 16 steps: the map is affine, its variance slope^2 that of the prior."""
    score = td.exact_score(td.Gaussian([0.0], [[0.25]]), process)

    def variance(**chosen):
        made = td.deterministic_sampler(score, process, steps=16, **chosen)
        slope = float(made([1.0])[0] - made([0.0])[0])
        return slope**2 * float(made.prepared.prior.variances[0])

    assert variance() == pytest.approx(0.25, rel=0.01)
    assert variance(sampler="dpmpp_2m") > 0.27  # why it is not the default
