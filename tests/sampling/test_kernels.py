"""Kernels as coefficients, and schedules and kernels that are none."""

import itertools

import numpy as np
import oracles_diffusion as oracle
import oracles_paths as algebra
import pytest

import thermodiff as td
from thermodiff.sampling.kernels import (
    AnalyticKernel,
    ForwardKernel,
    PosteriorKernel,
    StochasticKernel,
    named_kernel,
    steps_of,
    steps_of_ratios,
)

VE = td.VarianceExploding(25.0)
RATIOS, _ = algebra.even_ratios(oracle.exploding(25.0), 9)
PLAN = td.Schedule(np.linspace(1.0, 0.1, 10), RATIOS[::-1])
STEPS = steps_of_ratios(PLAN)


def test_variances_are_those_of_their_papers():
    s, a = RATIOS, (RATIOS[:-1] / RATIOS[1:]) ** 2
    np.testing.assert_allclose(PosteriorKernel().at(STEPS, 2).deviation(STEPS) ** 2, s[:-1] ** 2 * (1 - a))
    np.testing.assert_allclose(ForwardKernel().at(STEPS, 2).deviation(STEPS) ** 2, s[1:] ** 2 - s[:-1] ** 2)
    # Of N(0, 1) the reverse step of any length is Gaussian: Var(z_{k-1} | z_k) = s^2 (1 - a)(1 + s^2)/(...) by Bayes.
    error = algebra.shrink_error(s[1:], 1.0)[1]
    exact = 1 / (1 / (1 + s[:-1] ** 2) + 1 / (s[1:] ** 2 - s[:-1] ** 2))
    found = AnalyticKernel(s[1:], 3 * error).at(STEPS, 3)
    np.testing.assert_allclose(found.deviation(STEPS) ** 2, exact)


def test_any_stochasticity_keeps_the_marginals_where_the_data_are_a_point():
    for zeta in (0.0, 0.5, 1.0, 4.0):
        found = StochasticKernel(zeta).at(STEPS, 1)
        s = RATIOS
        np.testing.assert_allclose(
            (1 - found.gain) ** 2 * s[1:] ** 2 + found.deviation(STEPS) ** 2, s[:-1] ** 2
        )
    one, posterior = StochasticKernel(1.0).at(STEPS, 1), PosteriorKernel().at(STEPS, 1)
    np.testing.assert_allclose(one.gain, posterior.gain)
    np.testing.assert_allclose(one.inflation, posterior.inflation)


def generated_variance(zeta, error, steps):
    """Var of what ``steps`` steps of stochasticity zeta make with the score of N(0, 1) times 1 - error, sigma to 0."""
    s, _ = algebra.even_ratios(oracle.exploding(25.0), steps, 1e-9)
    of = steps_of_ratios(td.Schedule(np.linspace(1.0, 0.1, steps + 1), s[::-1]))
    at = StochasticKernel(zeta).at(of, 1)
    shrink, added = 1 - at.gain * (1 - error) * s[1:] ** 2 / (1 + s[1:] ** 2), at.deviation(of) ** 2
    v = 1 + s[-1] ** 2
    for k in reversed(range(steps)):
        v = shrink[k] ** 2 * v + added[k]
    return v


FAMILY = [
    (0.01, 0.0, 0.000517),
    (0.01, 1.0, 0.000099),
    (0.01, 4.0, 0.000039),
    (0.1, 0.0, 0.045352),
    (0.1, 0.5, 0.019700),
    (0.1, 1.0, 0.011065),
    (0.1, 2.0, 0.006255),
    (0.1, 4.0, 0.004266),
    (0.1, 16.0, 0.003040),
    (0.3, 0.0, 0.314021),
    (0.3, 1.0, 0.128954),
]


@pytest.mark.parametrize(("error", "zeta", "divergence"), FAMILY)
def test_many_steps_are_the_continuous_generator(error, zeta, divergence):
    """KL(N(0, 1) || p_th) of a score 1 - error times too small, VE to 25: v_th = k + (1 - k) e^-p Lam in closed form.

    p = (1 + zeta)(1 - error) - 1, k = zeta/p, Lam = ln(1 + sigma(1)^2); steps are of first order, thrice extrapolated.
    """
    fine = [generated_variance(zeta, error, 2000 * 2**i) for i in range(4)]
    for order in (1, 2, 3):
        fine = [(2**order * b - a) / (2**order - 1) for a, b in itertools.pairwise(fine)]
    p = (1 + zeta) * (1 - error) - 1
    closed = zeta / p + (1 - zeta / p) * (1 + oracle.exploding(25.0).variance(1.0)) ** -p
    assert fine[0] == pytest.approx(closed, rel=2e-7)
    assert algebra.gaussian_divergence(1.0, fine[0]) == pytest.approx(divergence, abs=6e-7)


def test_between_its_nodes_the_error_is_interpolated():
    s = np.geomspace(RATIOS[0], RATIOS[-1], 200)
    power = AnalyticKernel(s, 0.1 * s**1.5).at(STEPS, 1)
    np.testing.assert_allclose(power.inflation, 1 + STEPS.dgamma * 0.1 * RATIOS[1:] ** 1.5)


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda: named_kernel("beta"), "kernel: got 'beta', need one of posterior, forward, analytic, or a"),
        (lambda: named_kernel(3), "kernel: got int, need one of posterior"),
        (lambda: StochasticKernel(-0.1), "stochasticity: got -0.1, need a number of at least 0"),
        (lambda: StochasticKernel(np.nan), "stochasticity: got nan"),
        (lambda: AnalyticKernel([1.0, 1.0], [1.0, 1.0]), r"noise_ratio, error: got shapes \(2,\), \(2,\)"),
        (lambda: AnalyticKernel([1.0], [1.0, 2.0]), "noise_ratio, error: got shapes"),
        (lambda: AnalyticKernel([1.0, 2.0], [1.0, -2.0]), "error: got -2, need mean squares"),
        (lambda: AnalyticKernel([1.0, 2.0], [1.0, np.nan]), "error: got 1 NaN"),
        (lambda: steps_of(VE, [1.0, 0.5]), "schedule: got list, need a td.Schedule"),
        (lambda: steps_of_ratios(3), "schedule: got int, need a td.Schedule"),
        (
            lambda: steps_of(VE, td.Schedule([0.8, 0.1], [2.0, 0.1])),
            "schedule: got a first time of 0.8, need 1, where the prior stands",
        ),
        (
            lambda: steps_of(VE, PLAN, 0.2),
            "schedule: got a last time of 0.1, need at least t_min = 0.2",
        ),
    ],
)
def test_refused(call, message):
    with pytest.raises(ValueError, match=f"^{message}"):
        call()
