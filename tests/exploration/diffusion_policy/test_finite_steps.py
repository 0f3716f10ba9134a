"""The best policies of finitely many steps against direct optimisation of short chains, by numpy and scipy."""

import numpy as np
import pytest
from oracles_chains import LinearChain
from scipy.optimize import minimize_scalar
from scipy.stats import norm

import thermodiff as td
from thermodiff import exploration as explore

MEAN, VARIANCE, EDGE, BETA = 0.3, 0.5, 0.8, 0.4
PROCESS = td.VariancePreserving(0.1, 20.0)
BASE = td.exact_score(td.Gaussian([MEAN], [[VARIANCE]]), PROCESS)
REWARD = explore.HalfSpace([1.0], EDGE)


@pytest.fixture(scope="module")
def one_step():
    return explore.finite_step_optima(BASE, explore.reverse_chain(PROCESS, 1), REWARD, BETA)


def normal_mean(f, mean, std):
    """E f under N(mean, std^2), by 400 Gauss-Hermite nodes' worth of a fine trapezoid."""
    z = np.linspace(-9, 9, 4001)
    weights = norm.pdf(z) * (z[1] - z[0])
    return float(weights @ np.array([f(mean + std * u) for u in z]))


def test_one_step(one_step):
    chain = LinearChain.of(1, MEAN, VARIANCE)
    A, c, s = chain.A[0], chain.c[0], chain.s[0]

    def best(m):
        """Value and chance of a correct sample for the best mean where the base's is m."""
        found = minimize_scalar(
            lambda u: (u - m) ** 2 / (2 * s**2) - norm.sf(EDGE, u, s) / BETA,
            bounds=(m - 1, m + 6),
            method="bounded",
            options={"xatol": 1e-10},
        )
        return -found.fun, norm.sf(EDGE, found.x, s)

    where = (c, abs(A) * chain.start)
    p = norm.sf(EDGE, c, np.hypot(A * chain.start, s))
    odds = np.expm1(1 / BETA)
    assert one_step.base == pytest.approx(p, abs=2e-5)
    assert one_step.gaussian_objective == pytest.approx(
        BETA * normal_mean(lambda m: best(m)[0], *where), abs=5e-5
    )
    assert one_step.gaussian == pytest.approx(normal_mean(lambda m: best(m)[1], *where), abs=1e-4)
    log_h = normal_mean(lambda m: np.log1p(odds * norm.sf(EDGE, m, s)), *where)
    assert one_step.any_shape_objective == pytest.approx(BETA * log_h, abs=5e-5)
    assert one_step.tilt == pytest.approx((1 + odds) * p / (1 + odds * p), abs=5e-5)
    assert one_step.tilt_objective == pytest.approx(BETA * np.log1p(odds * p), abs=5e-5)


@pytest.mark.slow
def test_what_is_freer_reaches_more():
    """Fixed variance below any shape below the tilt; more steps and a forgotten start close the two gaps."""

    def best(process, steps):
        base = td.exact_score(td.Gaussian([MEAN], [[VARIANCE]]), process)
        return explore.finite_step_optima(base, explore.reverse_chain(process, steps), REWARD, BETA)

    few, many, memory = best(PROCESS, 4), best(PROCESS, 24), best(td.OrnsteinUhlenbeck(2.0), 24)
    for each in (few, many, memory):
        assert each.base < each.gaussian < each.any_shape <= each.tilt + 1e-6
        assert each.gaussian_objective < each.any_shape_objective <= each.tilt_objective + 1e-6
    assert many.any_shape_objective - many.gaussian_objective < 0.5 * (
        few.any_shape_objective - few.gaussian_objective
    )
    assert many.tilt - many.any_shape < 1e-3 < 1e-2 < memory.tilt - memory.any_shape


@pytest.mark.slow
def test_the_control_of_continuous_time_is_no_better_than_the_best():
    chain = explore.reverse_chain(PROCESS, 8)
    mixture = td.Gaussian([MEAN], [[VARIANCE]])
    control = explore.line_ledger(explore.tilted_score(mixture, PROCESS, REWARD, BETA), BASE, chain, REWARD)
    best = explore.finite_step_optima(BASE, chain, REWARD, BETA)
    assert control.base_accuracy == pytest.approx(best.base, abs=1e-6)
    assert control.accuracy - BETA * control.path_divergence < best.gaussian_objective
