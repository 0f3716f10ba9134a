"""What steps cost, from the curve of denoising errors alone: closed forms, and the identity against simulated paths."""

from typing import NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
import oracles_diffusion as oracle
import oracles_paths as algebra
import pytest
from problems_diffusion import PROCESSES, close, unit_gaussian

import thermodiff as td
from thermodiff.paths.denoising import DenoisingCurve, denoising_curve
from thermodiff.paths.kernels import StochasticKernel

FEW = {"replicates": 8, "points": 16}
LOW, HIGH = 0.002, 80.0
ELL = np.linspace(np.log(LOW), np.log(HIGH), 257)


def curve(*variances):
    """Of a Gaussian with these principal variances: m = sum c/(c + s^2)."""
    s2 = np.exp(2 * ELL)
    m = sum(c / (c + s2) for c in variances)
    return DenoisingCurve(
        ELL, np.broadcast_to(m, (2, len(ELL))), len(variances), np.broadcast_to(m, (2, len(ELL))), 0.0
    )


def plan(ratios):
    return td.Schedule(np.linspace(1.0, 0.01, len(ratios)), ratios[::-1])


def even(steps, clock, back):
    return plan(back(np.linspace(clock(LOW), clock(HIGH), steps + 1)))


def entropic(steps, *variances):
    """Equal steps in sum ln(1 + c gamma), by inversion on a fine grid."""
    fine = np.geomspace(LOW, HIGH, 200001)
    tau = -sum(np.log1p(c / fine**2) for c in variances)
    ratios = np.interp(np.linspace(tau[0], tau[-1], steps + 1), tau, fine)
    return plan(ratios)


def test_isotropic_data_by_closed_form():
    """sigma .002 to 80, c = 1: 21.312858 and 104.873789 nats in 8 steps, 8.699940 at best, 1.379575 in 32."""
    one = curve(1.0)
    waste = lambda schedule: td.discretisation_waste(one, schedule, "posterior").total.mean  # noqa: E731
    assert waste(even(8, np.log, np.exp)) == pytest.approx(21.312858, abs=2e-5)
    assert waste(even(8, lambda s: s ** (1 / 7), lambda t: t**7)) == pytest.approx(104.873789, abs=2e-5)
    assert waste(entropic(8, 1.0)) == pytest.approx(8.699940, abs=2e-5)
    # (N d/2)(e^(l/N) - 1 - l/N), l = ln[(1 + gamma_0)/(1 + gamma_N)].
    length = np.log((1 + LOW**-2) / (1 + HIGH**-2))
    assert waste(entropic(32, 1.0)) == pytest.approx(16 * (np.exp(length / 32) - 1 - length / 32), abs=2e-5)
    both = curve(1.0, 0.01)
    two = td.discretisation_waste(both, entropic(8, 1.0, 0.01), "posterior")
    assert two.total.mean == pytest.approx(14.137889, abs=2e-5)
    assert two.per_step.mean.shape == (8,)
    assert two.per_step.mean.sum() == pytest.approx(two.total.mean)
    assert two.divergence.mean == pytest.approx(two.total.mean)
    assert two.quadrature_error < 1e-4
    assert "waste of the steps" in str(two)


def test_analytic_variances_make_isotropic_data_free():
    assert abs(td.discretisation_waste(curve(1.0), even(8, np.log, np.exp)).total.mean) < 2e-5
    forward = td.discretisation_waste(curve(1.0), even(8, np.log, np.exp), "forward")
    assert forward.total.mean > 1


@pytest.mark.parametrize(
    ("name", "steps", "factor", "kernel", "expected"),
    [
        ("VE", 8, 1.0, "posterior", 3.446287),
        pytest.param("VE", 16, 0.9, "analytic", 0.030798, marks=pytest.mark.slow),
        pytest.param("VE", 16, 0.9, "posterior", 1.370563, marks=pytest.mark.slow),
        pytest.param("VP", 8, 1.0, "posterior", 11.920765, marks=pytest.mark.slow),
        pytest.param("VP", 16, 0.9, "analytic", 0.090317, marks=pytest.mark.slow),
    ],
)
def test_divergence_of_paths_from_a_measured_curve(name, steps, factor, kernel, expected):
    """<R> of scaled scores of N(0, 1), J and all: the theory's table, without a path."""
    process, _ = PROCESSES[name]
    score = td.scaled(td.exact_score(unit_gaussian, process), factor)
    measured = denoising_curve(jax.random.key(0), score, process, unit_gaussian, t_min=1e-3, nodes=129, **FEW)
    schedule = td.schedule("log_snr", process, steps, t_min=1e-3)
    found = td.discretisation_waste(measured, schedule, kernel)
    close(found.divergence, expected, 5e-5 * max(1, expected) + found.quadrature_error, z=4)


W, MU, SD = np.array([0.3, 0.7]), np.array([-2.0, 1.0]) / 1.5, np.array([0.4, 0.6]) / 1.5


def wide_problem():
    process = td.CustomProcess(
        lambda t: jnp.ones_like(jnp.asarray(t, float)), lambda t: 40.0 * jnp.asarray(t, float)
    )
    data = td.GaussianMixture(W, MU[:, None], (SD**2)[:, None, None])
    return process, data, 0.005 / 40


@pytest.mark.slow
def test_a_mixture_by_formula():
    """sigma .005 to 40, log-SNR steps, the exact score: 11.3031, .90300 and .19992, .01848 nats."""
    process, data, t_min = wide_problem()
    score = td.exact_score(data, process)
    sizes = {"replicates": 16, "points": 128, "nodes": 97}
    measured = denoising_curve(jax.random.key(0), score, process, data, t_min=t_min, **sizes)
    exact = oracle.Mixture1d(W, MU, SD**2)
    s = np.exp(measured.ell[::8])
    true = [1 - r**2 * exact.fisher(1.0, r**2) for r in s]
    units = measured.units[:, ::8]
    close(td.Estimate(units.mean(axis=0), units.std(axis=0, ddof=1) / 4, 16), np.array(true), 1e-5)
    for kernel, steps, expected in (
        ("posterior", 8, 11.3031),
        ("posterior", 32, 0.90300),
        ("analytic", 8, 0.19992),
        ("analytic", 32, 0.01848),
    ):
        schedule = plan(np.geomspace(0.005, 40.0, steps + 1))
        found = td.discretisation_waste(measured, schedule, kernel)
        close(found.total, expected, 5e-6 + 5e-5 * expected + found.quadrature_error, z=4)


@pytest.mark.slow
@pytest.mark.parametrize(("kernel", "steps"), [("posterior", 8), ("posterior", 32), ("analytic", 8)])
def test_the_formula_is_what_paths_waste(kernel, steps):
    process, data, t_min = wide_problem()
    score = td.exact_score(data, process)
    schedule = td.schedule("log_snr", process, steps, t_min=t_min)
    measured = denoising_curve(jax.random.key(0), score, process, data, t_min=t_min, nodes=129)
    formula = td.discretisation_waste(measured, schedule, kernel)
    rows = data.sample(jax.random.key(1), 40000)
    paths = td.noising_paths(jax.random.key(2), process, rows, schedule)
    simulated = td.path_waste(paths, score, process, kernel, data).mean
    error = np.hypot(formula.divergence.stderr, simulated.stderr)
    assert abs(formula.divergence.mean - simulated.mean) < 4 * error + formula.quadrature_error
    assert formula.divergence.stderr < simulated.stderr


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (
            lambda: td.discretisation_waste(3, even(4, np.log, np.exp)),
            "clock: got int, need a measured clock or curve",
        ),
        (
            lambda: td.discretisation_waste(curve(1.0), plan(np.geomspace(1e-4, 1.0, 4))),
            "schedule: got sigma/alpha from 0.0001 to 1, need one inside 0.002 to 80",
        ),
        (
            lambda: td.discretisation_waste(curve(1.0), even(4, np.log, np.exp), StochasticKernel(2.0)),
            "kernel: got StochasticKernel, need one with the posterior's mean",
        ),
    ],
)
def test_refused(call, message):
    with pytest.raises(ValueError, match=f"^{message}"):
        call()


def test_algebra_agrees_with_the_formula_in_closed_form():
    """The sum less the integral of N(0, 1), by hand, is <R> of whole paths by their Gaussians."""
    s, _ = algebra.even_ratios(oracle.exploding(25.0), 8)
    error = algebra.shrink_error(s[1:], 1.0)[1]
    summed = 0.5 * np.sum((1 / s[:-1] ** 2 - 1 / s[1:] ** 2) * error)
    integral = 0.5 * np.log((1 + 1 / s[0] ** 2) / (1 + 1 / s[-1] ** 2))
    assert summed - integral == pytest.approx(algebra.linear_paths(s).ratio_moments()[0], abs=1e-9)


class Measured(NamedTuple):
    """What a clock keeps of its moments."""

    loss: td.Estimate


class Clock(NamedTuple):
    """What is asked of a clock."""

    ell: np.ndarray
    moments: Measured
    dim: int


def test_a_clock_has_means_and_errors_at_its_nodes():
    """The total is linear in the curve: its error is that of the weights, nodes being independent."""
    coarse, steps = ELL[::8], even(8, np.log, np.exp)
    m = curve(1.0).units[:, ::8]
    error = 1e-3 * (1 + np.arange(len(coarse)) / len(coarse))
    of = lambda units: td.discretisation_waste(DenoisingCurve(coarse, units, 1), steps, "posterior").total  # noqa: E731
    clock = Clock(coarse, Measured(td.Estimate(m[0], error, 64)), 1)
    found = td.discretisation_waste(clock, steps, "posterior")
    assert found.total.mean == pytest.approx(of(m).mean)
    moved = [
        of(m + error[j] * (np.arange(len(coarse)) == j)).mean - found.total.mean for j in range(len(coarse))
    ]
    assert found.total.stderr == pytest.approx(np.linalg.norm(moved))
    assert found.divergence is None
