"""Divergences, quadrature, scrambled points and errors of functions of means, which know no physics."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from scipy import stats

from thermodiff.numerics.delta_method import estimate, estimate_functions
from thermodiff.numerics.divergence import ExactDivergence, HutchinsonDivergence
from thermodiff.numerics.quadrature import quadrature
from thermodiff.numerics.quasi_random import owen_scramble, sobol

scrambles = jax.jit(jax.vmap(owen_scramble, in_axes=(None, 0)))

# --- divergence ---------------------------------------------------------------------------------


def swirl(x):
    """A field whose Jacobian is far from symmetric."""
    return jnp.stack(
        [jnp.sin(x[0] * x[1]) + 3 * x[2] ** 2, x[0] * jnp.exp(x[1]) - x[2], jnp.tanh(x[0] * x[2])]
    )


def swirl_divergence(x):
    a, b, c = x
    return b * np.cos(a * b) + a * np.exp(b) + a / np.cosh(a * c) ** 2


X = np.array([0.7, -1.3, 0.4])


def test_exact_divergence_is_the_trace_of_the_jacobian():
    value, divergence = ExactDivergence()(swirl, jnp.asarray(X))
    np.testing.assert_allclose(value, np.asarray(swirl(jnp.asarray(X))), rtol=1e-6)
    np.testing.assert_allclose(divergence, swirl_divergence(X), rtol=2e-6)


@pytest.mark.parametrize("probes", [1, 8])
def test_hutchinson_has_the_right_mean_and_variance(key, probes):
    """Var u.Ju = sum_{i<j} (J_ij + J_ji)^2 for one Rademacher probe, divided by the number of probes."""
    n = 4096
    J = np.asarray(jax.jacobian(swirl)(jnp.asarray(X)), dtype=float)
    one = jax.jit(jax.vmap(lambda k: HutchinsonDivergence(probes)(swirl, jnp.asarray(X), k)[1]))
    values = one(jax.random.split(key, n))
    values = np.asarray(values, dtype=float)
    variance = np.sum(np.triu(J + J.T, 1) ** 2) / probes
    assert abs(values.mean() - swirl_divergence(X)) < 5 * np.sqrt(variance / n)
    # The fourth moment of a sum of signs is at most three times that of a normal's.
    assert abs(values.var() / variance - 1) < 5 * np.sqrt(8 / n)


def test_hutchinson_is_exact_where_the_symmetric_part_is_diagonal(key):
    J = jnp.array([[2.0, 5.0, -3.0], [-5.0, -1.0, 4.0], [3.0, -4.0, 0.5]])
    _, divergence = HutchinsonDivergence(1)(lambda x: J @ x, jnp.asarray(X), key)
    np.testing.assert_allclose(divergence, 1.5, rtol=1e-5)


def test_hutchinson_needs_a_key():
    with pytest.raises(ValueError, match=r"key: got None, need a PRNG key"):
        HutchinsonDivergence()(swirl, jnp.asarray(X))


# --- quadrature ---------------------------------------------------------------------------------


def integrand(x):
    return np.exp(np.sin(2 * x)) / (1 + x**2)


def integral(nodes, f=integrand):
    rule = quadrature(nodes)
    return f(nodes) @ rule.weights


def fine(low, high):
    x, w = np.polynomial.legendre.leggauss(80)
    return 0.5 * (high - low) * integrand(low + 0.5 * (high - low) * (1 + x)) @ w


@pytest.mark.parametrize(
    ("nodes", "order"),
    [
        (lambda n: np.linspace(-1.0, 2.0, 4 * n + 1), 4),
        (lambda n: np.linspace(-1.0, 2.0, 4 * n + 3), 2),
        (lambda n: np.linspace(-1.0, 2.0, 4 * n + 2), 2),
        (lambda n: -1.0 + 3 * np.linspace(0, 1, 4 * n + 1) ** 1.5, 2),
    ],
    ids=["Simpson", "trapezoid 4k+3", "trapezoid even", "trapezoid uneven"],
)
def test_order_by_halving_and_the_error_estimate(nodes, order):
    errors, estimates, steps = [], [], []
    for n in (16, 32, 64):
        x = nodes(n)
        rule = quadrature(x)
        assert rule.order == order
        errors.append(abs(integral(x) - fine(-1.0, 2.0)))
        estimates.append(float(rule.error(integrand(x))))
        steps.append(1 / (len(x) - 1))
    measured = np.log(errors[0] / errors[2]) / np.log(steps[0] / steps[2])
    assert abs(measured - order) < 0.2
    # In the asymptotic regime Richardson's estimate is the error, up to the next order.
    np.testing.assert_allclose(estimates, errors, rtol=0.25)


@pytest.mark.parametrize("n", range(3, 14))
def test_both_rules_integrate_a_straight_line_exactly(n):
    for x in (np.linspace(-2.0, 1.0, n), np.cumsum(np.linspace(0.1, 1.0, n))):
        rule = quadrature(x)
        exact = 3 * (x[-1] - x[0]) - (x[-1] ** 2 - x[0] ** 2)
        np.testing.assert_allclose((3 - 2 * x) @ rule.weights, exact, rtol=1e-12)
        np.testing.assert_allclose((3 - 2 * x) @ rule.coarse_weights, exact, rtol=1e-12)


def test_error_of_many_integrals_at_once():
    x = np.linspace(0.0, 1.0, 9)
    values = np.stack([x**4, np.cos(3 * x)])
    rule = quadrature(x)
    np.testing.assert_allclose(rule.error(values), [rule.error(v) for v in values], rtol=1e-5)


# --- points -------------------------------------------------------------------------------------


def test_sobol_puts_one_point_in_every_interval():
    u = sobol(64, 5) / 2.0**32
    assert sobol(64, 5).dtype == np.uint32
    for column in u.T:
        assert sorted(np.floor(column * 64).astype(int)) == list(range(64))


def test_scrambled_points_stay_balanced_and_strictly_inside(key):
    seeds = jax.random.bits(key, (200, 3), dtype=jnp.uint32)
    points = jnp.asarray(sobol(64, 3))
    u = np.asarray(scrambles(points, seeds))
    assert u.min() > 0
    assert u.max() < 1
    boxes = np.sort(np.floor(u * 64).astype(int), axis=1)
    assert np.all(boxes == np.arange(64)[None, :, None])


def test_every_scrambled_point_is_uniform(key):
    """Over seeds each point alone must be uniform on the cube, or averages would be biased."""
    n = 4000
    seeds = jax.random.bits(key, (n, 2), dtype=jnp.uint32)
    points = jnp.asarray(sobol(8, 2))
    u = np.asarray(scrambles(points, seeds))
    p = [stats.kstest(u[:, i, j], "uniform").pvalue for i in range(8) for j in range(2)]
    assert min(p) > 1e-4
    correlation = [np.corrcoef(u[:, i, 0], u[:, i, 1])[0, 1] for i in range(8)]
    assert np.abs(correlation).max() < 5 / np.sqrt(n)


def test_scrambled_means_are_unbiased_and_better_than_plain(key):
    """E exp(u_0 - u_1) over the square; 400 randomisations of 64 points."""
    seeds = jax.random.bits(key, (400, 2), dtype=jnp.uint32)
    points = jnp.asarray(sobol(64, 2))
    u = np.asarray(scrambles(points, seeds), dtype=float)
    means = np.exp(u[..., 0] - u[..., 1]).mean(axis=1)
    exact = (np.e - 1) * (1 - 1 / np.e)
    stderr = means.std(ddof=1) / np.sqrt(400)
    assert abs(means.mean() - exact) < 5 * stderr
    plain = np.sqrt((0.25 * (np.e**2 - 1) * (1 - np.exp(-2.0)) - exact**2) / 64)
    assert means.std() < 0.2 * plain


# --- means --------------------------------------------------------------------------------------


def test_estimate_is_mean_and_standard_error():
    units = np.random.default_rng(1).gamma(2.0, size=(50, 3))
    e = estimate(jnp.asarray(units))
    assert e.n == 50
    np.testing.assert_allclose(e.mean, units.mean(axis=0), rtol=1e-6)
    np.testing.assert_allclose(e.stderr, units.std(axis=0, ddof=1) / np.sqrt(50), rtol=1e-5)
    assert f"{estimate(jnp.array([1.0, 2.0, 3.0])):.3f}" == "2.000 ± 0.577"
    assert str(estimate(jnp.array([1.0, 2.0, 3.0]))) == "2.00 ± 0.58"
    assert np.isnan(estimate(jnp.ones((1,))).stderr)


def functions(constants, means):
    x, y = means["x"], means["y"]
    return {
        "ratio": x / y,
        "square": x**2 - constants * y,
        "root": jnp.sqrt(y),
        "difference": (x + 1e6) - (x + 1e6) + y,
        "linear": 2 * x - y,
    }


@pytest.fixture(scope="module")
def paired():
    rng = np.random.default_rng(3)
    y = rng.gamma(4.0, size=300)
    return {"x": 0.8 * y + 0.2 * rng.normal(size=300) + 1.0, "y": y}


def test_functions_of_means_have_the_errors_of_the_delta_method(paired):
    x, y = paired["x"], paired["y"]
    result = estimate_functions(functions, 2.0, paired)
    mx, my = x.mean(), y.mean()
    influence = {
        "ratio": (x - mx) / my - mx * (y - my) / my**2,
        "square": 2 * mx * (x - mx) - 2 * (y - my),
        "root": (y - my) / (2 * np.sqrt(my)),
        "difference": y - my,
        "linear": 2 * x - y - (2 * mx - my),
    }
    for name, moves in influence.items():
        # To leading order; what a jackknife, say, would give differs by one in n.
        np.testing.assert_allclose(result[name].stderr, moves.std(ddof=1) / np.sqrt(300), rtol=0.02)
        assert result[name].n == 300
    np.testing.assert_allclose(result["linear"].mean, 2 * mx - my, rtol=1e-12)


def test_functions_of_means_agree_with_a_bootstrap(paired):
    rng = np.random.default_rng(5)
    picks = rng.integers(0, 300, size=(4000, 300))
    mx, my = paired["x"][picks].mean(axis=1), paired["y"][picks].mean(axis=1)
    result = estimate_functions(functions, 2.0, paired)
    for name, values in (("ratio", mx / my), ("square", mx**2 - 2 * my), ("root", np.sqrt(my))):
        # 4000 resamples fix a standard deviation to 1.1 %.
        np.testing.assert_allclose(result[name].stderr, values.std(), rtol=0.06)


def test_the_bias_of_a_square_is_removed():
    """E of mean^2 is var/n too large: over many small samples the estimate averages to the square of the mean."""
    rng = np.random.default_rng(7)
    estimates = [
        estimate_functions(_square, 0.0, {"x": rng.normal(0.3, 1.0, size=8)})["square"] for _ in range(400)
    ]
    means = np.array([e.mean for e in estimates])
    assert abs(means.mean() - 0.09) < 5 * means.std() / 20
    assert 5 * means.std() / 20 < 0.125  # what it would have caught


def _square(constants, means):
    return {"square": means["x"] ** 2}


def test_paired_fluctuations_cancel():
    x = np.random.default_rng(2).normal(size=100).astype(np.float32)
    result = estimate_functions(_difference, 0.0, {"x": x, "y": x + np.float32(2.0)})
    np.testing.assert_allclose(result["difference"].mean, 2.0, rtol=1e-6)
    assert result["difference"].stderr < 1e-7


def _difference(constants, means):
    return {"difference": means["y"] - means["x"]}


def test_one_unit_has_no_error_bar():
    result = estimate_functions(_square, 0.0, {"x": np.array([3.0])})["square"]
    assert result.mean == 9.0
    assert np.isnan(result.stderr)
