"""Rates, likelihoods and samples of a Gaussian under processes that begin or end elsewhere than others: linear algebra.

The interpolant ends at t = 0.999, where its drift is still finite; the table starts at its first step, EDM at its least
noise. Their alpha and sigma at both ends are stated here by hand.
"""

import itertools
from typing import NamedTuple

import jax.numpy as jnp
import numpy as np
import oracles_diffusion as oracle
import pytest
from problems_diffusion import COV, FLOW, MEAN, close, gaussian

import thermodiff as td
from thermodiff.scores.base import starting_time

BETAS = np.linspace(1e-4, 0.02, 1000)
PRODUCTS = np.cumprod(1 - BETAS)
X = np.random.default_rng(2).multivariate_normal(MEAN, COV, size=32)
D = 2
SINGLE = 2e-4
"""Of a rate in single precision: 6e-8 of t is 6e-5 of 1 - t where the interpolant ends, and rates are up to its inverse
squared."""


class Case(NamedTuple):
    """A process, alpha and sigma^2 where integrals start and end, and its equation where it has one."""

    process: object
    start: tuple[float, float]
    end: tuple[float, float]
    schedule: oracle.Schedule | None
    t_min: float | None = None


# Where the noise is 1e-3 of the geometric mean of the data's two widths.
RATIO = 1e-3 * np.linalg.det(COV) ** 0.25
CASES = {
    "interpolant": Case(
        td.LinearInterpolant(),
        (1 / (1 + RATIO), (RATIO / (1 + RATIO)) ** 2),
        (0.001, 0.999**2),
        oracle.interpolating(),
    ),
    "EDM": Case(td.EDM(0.01, 20.0), (1.0, 1e-4), (1.0, 400.0), oracle.linear_noise(20.0)),
    "table": Case(
        td.TabulatedProcess.from_betas(BETAS),
        (np.sqrt(PRODUCTS[0]), BETAS[0]),
        (np.sqrt(PRODUCTS[-1]), 1 - PRODUCTS[-1]),
        None,
    ),
    "sub-VP": Case(
        td.SubVariancePreserving(0.3, 8.0),
        (oracle.sub_preserving().alpha(0.01), oracle.sub_preserving().variance(0.01)),
        (oracle.sub_preserving().alpha(1.0), oracle.sub_preserving().variance(1.0)),
        oracle.sub_preserving(),
        0.01,
    ),
}
SLOW = [pytest.param(name, marks=pytest.mark.slow) for name in CASES if name != "interpolant"]
EACH = pytest.mark.parametrize("name", ["interpolant", *SLOW])


def noised(at):
    """Mean and covariance of the data where alpha and sigma^2 are these."""
    alpha, variance = at
    return alpha * MEAN, alpha**2 * COV + variance * np.eye(D)


@EACH
def test_rates(name, key):
    """System d a + D tr V^-1, intrinsic E|f - D s|^2/D at each time; the integral is the growth of the entropy."""
    case = CASES[name]
    rates = td.entropy_rates(
        key,
        td.exact_score(gaussian, case.process),
        case.process,
        gaussian,
        reading="divergence",
        t_min=case.t_min,
        nodes=33,
        replicates=4,
        points=16,
    )
    integral = rates.integral().system
    grown = oracle.gaussian_entropy(noised(case.end)[1]) - oracle.gaussian_entropy(noised(case.start)[1])
    close(integral, grown, allowance=D * FLOW + float(integral.quadrature_error))
    if case.schedule is not None:
        expected = [_rates(case.schedule, t) for t in np.asarray(rates.time, dtype=np.float64)]
        for estimate, exact in zip((rates.system, rates.intrinsic), np.transpose(expected), strict=True):
            assert np.all(
                np.abs(np.asarray(estimate.mean) - exact)
                < 5 * np.asarray(estimate.stderr) + SINGLE * np.abs(exact)
            )


def _rates(schedule, t):
    a, strength = schedule.a(t), schedule.D(t)
    mean, V = noised((schedule.alpha(t), schedule.variance(t)))
    velocity = a * np.eye(D) + strength * np.linalg.inv(V)
    intrinsic = (a**2 * mean @ mean + np.trace(velocity @ velocity @ V)) / strength
    return D * a + strength * np.trace(np.linalg.inv(V)), intrinsic


@EACH
def test_likelihood_under_a_prior_at_the_last_time(name):
    """The exact flow is linear: x_1 = m_1 + V_1^(1/2) V_0^(-1/2) (x - m_0), and pi stands where the process ends."""
    case = CASES[name]
    found = td.flow_likelihood(
        td.exact_score(gaussian, case.process), case.process, X, prior="noise", t_min=case.t_min
    )
    m0, V0 = noised(case.start)
    m1, V1 = noised(case.end)
    _, axes = np.linalg.eigh(COV)
    stretch = np.sqrt(np.diag(axes.T @ V1 @ axes) / np.diag(axes.T @ V0 @ axes))
    x1 = m1 + (case.start[0] * X - m0) @ axes * stretch @ axes.T
    growth = np.sum(np.log(stretch)) + D * np.log(case.start[0])
    log_pi = oracle.gaussian_log_prob(x1, np.zeros(D), case.end[1] * np.eye(D))
    np.testing.assert_allclose(found.log_likelihood, log_pi + growth, atol=5 * D * FLOW)
    np.testing.assert_allclose(found.terminal, x1, rtol=2e-4, atol=2e-4)


@EACH
def test_samples(name, key):
    """Euler's steps are linear in z = x/alpha: z' - m = (1 - (1 - s'/s) s^2/(c + s^2)) (z - m), per axis."""
    case = CASES[name]
    n = 4096
    score = td.exact_score(gaussian, case.process)
    t_min = case.t_min or float(getattr(case.process, "t_min", 0.0)) or None
    schedule = td.schedule("log_snr", case.process, 8, t_min, reference=gaussian)
    made = td.sample(key, score, case.process, n, sampler="euler", schedule=schedule)
    s = np.asarray(schedule.noise_ratio)
    np.testing.assert_allclose(s[0], np.sqrt(case.end[1]) / case.end[0], rtol=1e-4)
    values, axes = np.linalg.eigh(COV)
    spread = values + s[0] ** 2
    for one, other in itertools.pairwise(s):
        spread = spread * (1 - (1 - other / one) * one**2 / (values + one**2)) ** 2
    alpha = case.start[0]
    z = (np.asarray(made.x, dtype=np.float64) / alpha - MEAN) @ axes
    assert np.all(np.abs(z.mean(axis=0)) < 5 * np.sqrt(spread / n))
    assert np.all(np.abs(z.var(axis=0) / spread - 1) < 5 * np.sqrt(2 / n))


def test_nothing_meets_the_end_of_the_interpolant(key):
    """Drift, noise and log-SNR at t = 1 are infinite; schedules and priors stop at t_max, and refuse what lies on."""
    process = td.LinearInterpolant()
    assert np.isneginf(process.drift_rate(1.0))
    assert td.schedule("edm", process, 4).time[0] == pytest.approx(0.999)
    np.testing.assert_allclose(td.noise_prior(process, 1).cov, [[0.999**2]], rtol=1e-6)
    with pytest.raises(ValueError, match=r"^t_min: got 0\.9995, need a time strictly between 0 and 0\.999"):
        td.flow_likelihood(td.exact_score(gaussian, process), process, X, t_min=0.9995)
    late = td.Schedule(jnp.array([1.0, 0.5]), jnp.array([2.0, 1.0]))
    with pytest.raises(
        ValueError, match=r"^schedule: got a first time of 1, need 0\.999, where the prior stands"
    ):
        td.sample(key, td.exact_score(gaussian, process), process, 4, schedule=late)


def test_a_score_says_where_it_starts_before_its_process_does():
    edm = td.EDM(0.01, 10.0)
    own = td.score_from_denoiser(lambda x, t: x, edm, t_min=0.02)
    starts = [starting_time(score, edm) for score in (own, td.exact_score(gaussian, edm))]
    np.testing.assert_allclose(starts, [0.02, 0.001], rtol=1e-6)


@pytest.mark.slow
@pytest.mark.parametrize("name", CASES)
def test_networks_are_trained_under_it(name, key):
    """A short training: the preconditioned score is exact for a Gaussian before its first step, and stays near it."""
    process = CASES[name].process
    fit = td.fit(key, gaussian, process, steps=20, width=16, chunk=20)
    exact = td.exact_score(gaussian, process)
    x, t = jnp.asarray(X[0], jnp.float32), jnp.asarray(0.5)
    assert np.all(np.isfinite(fit.history.loss))
    np.testing.assert_allclose(fit.score(x, t), exact(x, t), atol=0.5 / float(process.sigma(t)))
