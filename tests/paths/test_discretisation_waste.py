"""What steps cost, from the curve of denoising errors alone: closed forms, and the identity against simulated paths."""

from typing import NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
import oracles_diffusion as oracle
import oracles_paths as algebra
import pytest
from problems_diffusion import PROCESSES, close, unit_gaussian
from scipy.interpolate import CubicSpline

import thermodiff as td
from thermodiff.paths.denoising import DenoisingCurve, denoising_curve
from thermodiff.sampling.clocks import Clock as MeasuredClock
from thermodiff.sampling.clocks import ClockMoments
from thermodiff.sampling.kernels import StochasticKernel

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
    """sigma .005 to 40, exact score: 11.3031 and .19992 nats in 8 log-SNR steps, 5.3473, .90300 in entropic ones."""
    process, data, t_min = wide_problem()
    score = td.exact_score(data, process)
    sizes = {"replicates": 16, "points": 128, "nodes": 97}
    measured = denoising_curve(jax.random.key(0), score, process, data, t_min=t_min, **sizes)
    exact = oracle.Mixture1d(W, MU, SD**2)
    true = np.array([1 - s**2 * exact.fisher(1.0, s**2) for s in np.exp(measured.ell)])
    units = measured.units
    close(td.Estimate(units.mean(axis=0), units.std(axis=0, ddof=1) / 4, 16), true, 1e-5)
    fine = np.linspace(measured.ell[0], measured.ell[-1], 20001)
    spent = CubicSpline(measured.ell, true).antiderivative()(fine)
    by_entropy = lambda N: np.exp(np.interp(np.linspace(0, spent[-1], N + 1), spent, fine))  # noqa: E731
    for kernel, ratios, expected in (
        ("posterior", np.geomspace(0.005, 40.0, 9), 11.3031),
        ("analytic", np.geomspace(0.005, 40.0, 9), 0.19992),
        ("analytic", np.geomspace(0.005, 40.0, 33), 0.06368),
        ("posterior", by_entropy(8), 5.3473),
        ("posterior", by_entropy(32), 0.90300),
    ):
        found = td.discretisation_waste(measured, plan(ratios), kernel)
        close(found.total, expected, 5e-6 + 5e-5 * expected + found.quadrature_error, z=4)


def exact_loss(s):
    """E|x0 - D|^2/s^2 of the mixture, by the trapezoid rule."""
    v = SD**2 + s**2
    x = np.linspace((MU - 12 * np.sqrt(v)).min(), (MU + 12 * np.sqrt(v)).max(), 3001)[:, None]
    p = W * np.exp(-0.5 * (x - MU) ** 2 / v) / np.sqrt(2 * np.pi * v)
    score = (p * (MU - x) / v).sum(axis=1) / p.sum(axis=1)
    return 1 - s**2 * np.sum(p.sum(axis=1) * score**2) * (x[1, 0] - x[0, 0])


def exact_clock():
    """Of equal steps in ell_a, with its curve: no chance in them."""
    ell = np.linspace(np.log(0.005), np.log(40.0), 257)
    loss = np.array([exact_loss(s) for s in np.exp(ell)])
    mmse = np.exp(2 * ell) * loss
    spline, fine = CubicSpline(ell, np.log(mmse)), np.linspace(ell[0], ell[-1], 20001)

    def density(at, mmse):
        w = 0.5 * np.exp(2 * at) * mmse * spline(at, 1) - mmse**2
        return 2 * np.exp(-2 * at) * np.sqrt(np.maximum(w, 0))

    length = float(np.trapezoid(density(fine, np.exp(spline(fine))), fine))
    rho = density(ell, mmse)
    rho = np.maximum(rho, 1e-4 * rho.mean())  # at its ends the spline's slope is rounding
    of = lambda mean: td.Estimate(mean, np.zeros_like(mean), 2)  # noqa: E731
    moments = ClockMoments(of(mmse), *(of(loss) for _ in ClockMoments._fields[1:]))
    clock = MeasuredClock(
        ell,
        of(rho),
        "least_waste",
        moments,
        td.Estimate(length, 0.0, 2),
        1,
        wide_problem()[0],
        0.005 / 40,
    )
    return clock, DenoisingCurve(ell, np.stack([loss, loss]), 1)


def test_equal_steps_in_length_waste_its_square_over_four_times_their_number():
    """ell_a = 1.552209: .0717, .0185, .0047 nats in 8, 32, 128 steps, ell_a^2/4N = .0753, .0188, .00471."""
    clock, exact = exact_clock()
    assert clock.length.mean == pytest.approx(1.552209, abs=6e-7)
    wasted = {N: td.discretisation_waste(exact, clock.schedule(N)).total.mean for N in (8, 32, 128)}
    assert [round(w, 4) for w in wasted.values()] == [0.0717, 0.0185, 0.0047]
    law = clock.length.mean**2 / 4
    assert [abs(N * w / law - 1) for N, w in wasted.items()] == sorted(
        (abs(N * w / law - 1) for N, w in wasted.items()), reverse=True
    )
    assert td.discretisation_waste(exact, td.least_waste_schedule(clock, 8)).total.mean < wasted[8]


@pytest.mark.slow
def test_the_best_of_many_steps_are_no_worse_than_equal_ones():
    clock, exact = exact_clock()
    equal = td.discretisation_waste(exact, clock.schedule(128)).total.mean
    assert td.discretisation_waste(exact, td.least_waste_schedule(clock, 128)).total.mean < equal


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
        (
            lambda: td.discretisation_waste(
                exact_clock()[0], td.schedule("log_snr", td.VariancePreserving(0.1, 20.0), 4)
            ),
            "schedule: got sigma/alpha = .* at t = .*, need a schedule made for this process",
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


@pytest.mark.slow
def test_on_its_own_entropic_clock_a_gaussian_wastes_what_theory_says():
    """(N/2)(e^(l/N) - 1 - l/N), l the clock's length: the least of any schedule, measured and read off one clock."""
    process = td.VarianceExploding(25.0)
    score = td.exact_score(unit_gaussian, process)
    clock = td.clock(jax.random.key(0), score, process, unit_gaussian, kind="conditional_entropy", nodes=129)
    s = np.exp(clock.ell[[0, -1]])
    length = np.log((1 + s[0] ** -2) / (1 + s[1] ** -2))
    for N in (8, 32):
        found = td.discretisation_waste(clock, clock.schedule(N), "posterior")
        expected = 0.5 * N * (np.exp(length / N) - 1 - length / N)
        close(found.total, expected, 1e-4 * expected + found.quadrature_error, z=4)
        even_steps = td.schedule("log_snr", process, N, t_min=clock.t_min)
        assert td.discretisation_waste(clock, even_steps, "posterior").total.mean > expected
