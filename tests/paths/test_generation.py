"""Generation against its reversed protocol: heat step by step, the integral theorem, and a flow without noise."""

import itertools

import jax
import numpy as np
import oracles_diffusion as oracle
import oracles_paths as algebra
import pytest
from problems_diffusion import PROCESSES, close, unit_gaussian
from scipy.linalg import cholesky_banded

import thermodiff as td
from thermodiff.sampling.kernels import PosteriorKernel, StochasticKernel, steps_of_ratios

T_MIN, STEPS, FACTOR, N = 1e-3, 60, 0.9, 4000


def heat(name, kernel, final=None, n=N):
    process, schedule = PROCESSES[name]
    plan = td.schedule("log_snr", process, STEPS, t_min=T_MIN)
    score = td.scaled(td.exact_score(unit_gaussian, process), FACTOR)
    drawn = td.generated_paths(jax.random.key(2), score, process, n, plan, kernel)
    return td.generation_heat(drawn, score, process, final), drawn, plan, schedule


def affine(plan, schedule, zeta):
    """x_{k-1} = m_k x_k + sd_k xi in units of x, from the kernels of the theory."""
    s, alpha = plan.noise_ratio[::-1], schedule.alpha(plan.time[::-1])
    rho = s[:-1] / s[1:]
    slope = algebra.shrink_error(s[1:], FACTOR)[0]
    gain = rho ** (1 + zeta) + (1 - rho ** (1 + zeta)) * slope
    return gain * alpha[:-1] / alpha[1:], alpha[:-1] * s[:-1] * np.sqrt(1 - rho ** (2 * zeta))


@pytest.mark.parametrize(
    ("name", "zeta"),
    [("VE", 0.5), *(pytest.param(n, z, marks=pytest.mark.slow) for n, z in (("VP", 1.0), ("cosine", 2.0)))],
)
def test_heat_of_linear_generation(name, zeta):
    """Every path's heat as the formula has it, its mean by propagated variances, and <e^-Sigma> = 1."""
    kernel = PosteriorKernel() if zeta == 1 else StochasticKernel(zeta)
    found, drawn, plan, schedule = heat(name, kernel)
    m, sd = affine(plan, schedule, zeta)
    x = drawn.x[:, :, 0]
    back, on = x[:, 1:] - m * x[:, :-1], x[:, :-1] - m * x[:, 1:]
    naive = ((back**2 - on**2) / (2 * sd**2)).sum(axis=1)
    np.testing.assert_allclose(found.heat, naive, atol=0.02 + 2e-3 * np.abs(naive).max())
    v = schedule.alpha(1.0) ** 2 + schedule.variance(1.0)
    mean = 0.0
    for k in range(STEPS - 1, -1, -1):
        below = m[k] ** 2 * v + sd[k] ** 2
        mean += 0.5 * ((v - 2 * m[k] ** 2 * v + m[k] ** 2 * below) / sd[k] ** 2 - 1)
        v = below
    close(found.mean.heat, mean, 1e-3, z=4)
    # rho_0 is N(0, 1) noised; with the model's own law it would be tighter.
    v0 = schedule.alpha(T_MIN) ** 2 + schedule.variance(T_MIN)
    first = oracle.gaussian_log_prob(
        drawn.x[:, -1], np.zeros(1), np.array([[schedule.alpha(1.0) ** 2 + schedule.variance(1.0)]])
    )
    system = first - oracle.gaussian_log_prob(drawn.x[:, 0], np.zeros(1), np.array([[v0]]))
    np.testing.assert_allclose(found.system, system, atol=1e-3)
    theorem = td.fluctuation_theorem(found.total)
    if theorem.converged:
        close(theorem.mean_exponential, 1.0, z=4)
    assert found.work is None
    assert drawn.direction == "generation"


def algebra_of_heat(zeta, steps):
    """ln <e^-Sigma> and <Sigma> of ratio (b) for N(0, 1) under VE 25, exact score, rho_0 the model's own law.

    Sigma = (z.A z)/2 + c and the path is Gaussian with precision P, both tridiagonal: <e^-Sigma> = e^-c sqrt(det
    P/det(P + A)).
    """
    s, _ = algebra.even_ratios(oracle.exploding(25.0), steps)
    of = steps_of_ratios(td.Schedule(np.linspace(1.0, 0.1, steps + 1), s[::-1]))
    at = StochasticKernel(zeta).at(of, 1)
    v, m = at.deviation(of) ** 2, 1 - at.gain * s[1:] ** 2 / (1 + s[1:] ** 2)
    var = np.full(steps + 1, 1 + s[-1] ** 2)
    for k in reversed(range(steps)):
        var[k] = m[k] ** 2 * var[k + 1] + v[k]
    P, A = np.zeros((2, steps + 1)), np.zeros((2, steps + 1))  # upper and main diagonal
    P[1, -1], A[1, 0], A[1, -1] = 1 / var[-1], 1 / var[0], -1 / var[-1]
    P[1, :-1] += 1 / v
    P[1, 1:] += m**2 / v
    P[0, 1:] = -m / v
    # [(z_k - m z_{k-1})^2 - (z_{k-1} - m z_k)^2]/(2 v): the products cancel.
    A[1, 1:] += (1 - m**2) / v
    A[1, :-1] -= (1 - m**2) / v
    c = 0.5 * np.log(var[0] / var[-1])
    log_det = lambda M: 2 * np.sum(np.log(cholesky_banded(M)[1]))  # noqa: E731
    return 0.5 * (log_det(P) - log_det(P + A)) - c, 0.5 * A[1] @ var + c


@pytest.mark.parametrize("zeta", [0.5, 1.0, 2.0, 4.0])
def test_the_integral_theorem_is_exact_at_any_number_of_steps(zeta):
    """400 and 1600 steps, to rounding; <Sigma> goes to Sig/zeta, Sig = 2.291616 from t = 1e-3 (T1)."""
    for steps in (400, 1600):
        assert abs(algebra_of_heat(zeta, steps)[0]) < 1e-9
    means = [algebra_of_heat(zeta, steps)[1] for steps in (1600, 3200, 6400)]
    for order in (1, 2):
        means = [(2**order * b - a) / (2**order - 1) for a, b in itertools.pairwise(means)]
    assert means[0] == pytest.approx(2.291616 / zeta, abs=2e-6 / zeta)


def test_a_flow_without_noise_gives_infinite_heat():
    found, *_ = heat("VE", StochasticKernel(0.0), n=5)
    assert np.all(np.isinf(found.heat))
    assert "cannot be undone: the heat is infinite" in str(found)


@pytest.mark.slow
def test_analytic_variances_are_measured_on_data():
    """E|x0 - D|^2 of N(0, 1) in closed form."""
    process, _ = PROCESSES["VE"]
    plan = td.schedule("log_snr", process, 8, t_min=T_MIN)
    score = td.exact_score(unit_gaussian, process)
    drawn = td.generated_paths(jax.random.key(2), score, process, 2000, plan, data=unit_gaussian)
    s = plan.noise_ratio[::-1][1:]
    np.testing.assert_allclose(drawn.kernel.error, s**2 / (1 + s**2), rtol=1e-3)
    # With them the exact model of Gaussian data is exact in 8 steps.
    v = 1 + plan.noise_ratio[-1] ** 2
    assert np.mean(drawn.x[:, 0] ** 2) == pytest.approx(v, rel=4 * np.sqrt(2 / 2000))


def test_final_is_needed_where_nothing_is_known():
    process, _ = PROCESSES["VE"]
    plan = td.schedule("log_snr", process, 3, t_min=T_MIN)
    score = lambda x, t: -x  # noqa: E731
    with pytest.raises(ValueError, match=r"^data: got nothing that tells the number of columns"):
        td.generated_paths(jax.random.key(0), score, process, 3, plan, "posterior")
    prior = td.noise_prior(process, 1)
    drawn = td.generated_paths(jax.random.key(0), score, process, 3, plan, "posterior", prior=prior)
    with pytest.raises(ValueError, match=r"^final: got None, with a score that knows of no data"):
        td.generation_heat(drawn, score, process)
    assert np.isfinite(td.generation_heat(drawn, score, process, unit_gaussian).total).all()
