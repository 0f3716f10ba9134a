"""Clocks on Gaussian data, where every one is a formula, and the waste of their schedules against numbers."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest

import thermodiff as td

SIZES = {"points": 8, "replicates": 4}
"""Few: on Gaussian data the control variates leave nothing to chance."""


def process_to(most):
    """sigma = most t, alpha = 1."""
    return td.CustomProcess(lambda t: jnp.ones_like(t), lambda t: most * t)


LINEAR = process_to(80.0)
T_MIN = 0.002 / 80


def gaussian_clock(variances, kind, nodes=65):
    data = td.Gaussian(np.zeros(len(variances)), np.diag(variances))
    return td.clock(
        jax.random.key(3), td.exact_score(data, LINEAR), LINEAR, data, kind, t_min=T_MIN, nodes=nodes, **SIZES
    )


def waste(s, c, kernel="posterior"):
    """<R> of N(0, diag c) for an exact score and prior: the sum over steps minus the integral, nats."""
    g = 1 / s**2
    mmse = (c[:, None] / (1 + c[:, None] * g[:-1])).sum(axis=0)
    dgamma = np.diff(g)
    integral = 0.5 * np.log((1 + c * g[-1]) / (1 + c * g[0])).sum()
    steps = {"posterior": 0.5 * dgamma * mmse, "analytic": 0.5 * len(c) * np.log1p(dgamma * mmse / len(c))}
    return steps[kernel].sum() - integral


@pytest.fixture(scope="module")
def entropic(double_precision):
    return gaussian_clock([1.0], "conditional_entropy")


def test_flow_curvature_of_an_isotropic_gaussian_is_the_cosine_clock(double_precision):
    clock = gaussian_clock([0.25, 0.25], "flow_curvature")
    s = np.exp(clock.ell)
    np.testing.assert_allclose(clock.density.mean, 2**0.25 * 0.5 * s / (0.25 + s**2), rtol=1e-9)
    assert np.all(clock.density.stderr < 1e-9)
    cosine = td.schedule("cosine", LINEAR, 16, t_min=T_MIN, reference=td.Gaussian([0.0], [[0.25]]))
    np.testing.assert_allclose(clock.schedule(16).noise_ratio, cosine.noise_ratio, rtol=2e-6)
    assert clock.length.mean == pytest.approx(2**0.25 * (np.arctan(160) - np.arctan(0.004)), rel=1e-6)


def test_conditional_entropy_of_a_gaussian_is_equal_steps_in_its_capacity(entropic):
    s = entropic.schedule(8).noise_ratio
    steps = np.diff(np.log1p(1 / s**2))
    np.testing.assert_allclose(steps, steps.mean(), rtol=1e-5)
    assert waste(s, np.ones(1)) == pytest.approx(8.699940, abs=1e-6)
    assert waste(entropic.schedule(32).noise_ratio, np.ones(1)) == pytest.approx(1.379575, abs=1e-6)
    # The clock's length is twice the entropy that is lost between the ends.
    assert entropic.length.mean == pytest.approx(0.5 * np.log((1 + 500.0**2) / (1 + 80.0**-2)), rel=1e-6)


def test_named_schedules_waste_what_they_should():
    ones = np.ones(1)
    assert waste(td.schedule("log_snr", LINEAR, 8, T_MIN).noise_ratio, ones) == pytest.approx(
        21.312858, abs=2e-4
    )
    assert waste(td.schedule("edm", LINEAR, 8, T_MIN).noise_ratio, ones) == pytest.approx(
        104.873789, abs=2e-3
    )


def test_least_waste_by_dynamic_programming_is_the_optimum(entropic):
    made = td.least_waste_schedule(entropic, 8, "posterior")
    assert waste(made.noise_ratio, np.ones(1)) == pytest.approx(8.699940, abs=1e-6)
    assert made.name == "least waste, posterior"
    assert waste(td.least_waste_schedule(entropic, 1).noise_ratio, np.ones(1), "analytic") == pytest.approx(
        0, abs=1e-9
    )


def test_two_scales(double_precision):
    c = np.array([1.0, 0.01])
    clock = gaussian_clock(c, "least_waste_posterior", nodes=257)
    by_entropy = clock._replace(density=clock.moments.loss)
    assert waste(by_entropy.schedule(8).noise_ratio, c) == pytest.approx(14.137889, abs=1e-6)
    assert waste(clock.schedule(8).noise_ratio, c) == pytest.approx(13.055843, abs=2e-5)
    optimum = waste(td.least_waste_schedule(clock, 8, "posterior").noise_ratio, c)
    assert optimum == pytest.approx(12.959785, abs=1e-6)


def formula(kind, s, c, m):
    """The densities of N(m, diag c) under sigma = 80 t, from their definitions."""
    v = c[:, None] + s**2
    b, loss = (s**2 / v).sum(axis=0), (c[:, None] / v).sum(axis=0)
    if kind == "intrinsic":
        return b
    if kind == "rescaled_entropic":
        return s * loss
    if kind == "wasserstein":
        rho2 = c.mean() + s**2
        return np.sqrt(s**2 / rho2 * ((s / v - s / rho2) ** 2 * v).sum(axis=0))
    w = (c[:, None] ** 2 * s**4 / v**2).sum(axis=0) - (s**2 * loss) ** 2 / len(c)
    return 2 / s**2 * np.sqrt(w)


@pytest.mark.parametrize(
    "kind",
    ["intrinsic", "rescaled_entropic", pytest.param("wasserstein", marks=pytest.mark.slow), "least_waste"],
)
def test_the_other_kinds(double_precision, kind):
    mean, c = np.array([2.0, -1.0]), np.array([2.0, 0.5])
    data = td.Gaussian(mean, np.diag(c))
    sizes = {"points": 128, "replicates": 32} if kind == "wasserstein" else SIZES
    clock = td.clock(jax.random.key(3), td.exact_score(data, LINEAR), LINEAR, data, kind, t_min=1e-3, **sizes)
    expected = formula(kind, np.exp(clock.ell), c, mean)
    if kind == "wasserstein":  # the one without a control variate
        assert np.all(np.abs(clock.density.mean - expected) < 5.5 * clock.density.stderr)
    elif kind == "least_waste":  # the derivative of a spline, whose error falls by 4 a node from the ends
        np.testing.assert_allclose(clock.density.mean[6:-6], expected[6:-6], rtol=1e-3)
    else:
        np.testing.assert_allclose(clock.density.mean, expected, rtol=1e-9)


@pytest.mark.slow
def test_rows_have_errors_that_tell_the_truth(key):
    """Of a Gaussian's rows: the density of flow curvature within 4.5 of its own errors of the exact one, everywhere."""
    data, process = td.Gaussian([0.0], [[1.0]]), td.VariancePreserving(0.1, 20.0)
    score = td.exact_score(data, process)
    clock = td.clock(key, score, process, data.sample(key, 600), max_points=500, nodes=9)
    s = np.exp(clock.ell)
    off = np.abs(clock.density.mean - s / (1 + s**2)) / clock.density.stderr
    assert clock.density.n == 500
    assert np.all(off < 4.5)
    assert abs(clock.length.mean - np.diff(np.arctan(s[[0, -1]]))[0]) < 4.5 * clock.length.stderr + 0.02
    np.testing.assert_allclose(clock.mmse_at(s), clock.moments.mmse.mean, rtol=1e-9)


@pytest.mark.slow
def test_least_waste_length_of_a_mixture(double_precision, key):
    """ell = 10.115441 (posterior) and 1.552209 (analytic), by quadrature, sigma from .005 to 40."""
    scale = 1.5
    mixture = td.GaussianMixture(
        [0.3, 0.7], np.array([[-2.0], [1.0]]) / scale, (np.array([0.4, 0.6]) / scale)[:, None, None] ** 2
    )
    process = process_to(40.0)
    score = td.exact_score(mixture, process)
    for kind, length in (("least_waste_posterior", 10.115441), ("least_waste", 1.552209)):
        made = td.clock(key, score, process, mixture, kind, t_min=0.005 / 40, nodes=129, points=2048)
        assert abs(made.length.mean - length) < 3 * made.length.stderr + 2e-3 * length, (made.length, length)


def test_a_schedule_of_none_is_the_scores_own_clock_measured_once(key, monkeypatch):
    from thermodiff.sampling import own_clock

    measured = []
    monkeypatch.setattr(own_clock, "POINTS", 64)
    monkeypatch.setattr(own_clock, "_measure", lambda *a, f=own_clock._measure: measured.append(1) or f(*a))
    data, process = td.Gaussian([0.0], [[1.0]]), td.VarianceExploding(25.0)
    score = td.exact_score(data, process)
    first = td.sample(key, score, process, 8, steps=4)
    again = td.sample(key, score, process, 8, steps=4, sampler="ancestral")
    assert (first.schedule.name, first.evaluations, len(measured)) == ("flow_curvature", 4, 1)
    np.testing.assert_array_equal(first.schedule.time, again.schedule.time)
    assert id(score) in own_clock._KEPT
    name = id(score)
    del score
    import gc

    gc.collect()
    assert name not in own_clock._KEPT
    cosine = td.schedule("cosine", process, 4)
    np.testing.assert_allclose(np.log(first.schedule.noise_ratio), np.log(cosine.noise_ratio), atol=0.3)


UNIT, VP = td.Gaussian([0.0], [[1.0]]), td.VariancePreserving(0.1, 20.0)


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"kind": "entropic"}, "kind: got 'entropic', need one of flow_curvature, conditional_entropy"),
        (
            {"kind": "wasserstein"},
            "kind: got 'wasserstein', a clock that stands still at .*, need another kind",
        ),
        ({"kind": "intrinsic"}, "kind: got 'intrinsic', a clock that stands still at .*, need another kind"),
        ({"data": [[1.0]]}, "data: got one row, need at least 2"),
        ({"nodes": 3}, "nodes: got 3, need at least 5"),
        ({"t_min": 2.0}, "t_min: got 2.0, need a time strictly between 0 and 1"),
        ({"score": lambda x, t: x * jnp.nan}, "score: NaN or infinite at t = "),
    ],
)
def test_what_makes_no_clock(key, change, message):
    asked = {"score": td.exact_score(UNIT, VP), "process": VP, "data": UNIT, "nodes": 9, **SIZES, **change}
    with pytest.raises((ValueError, RuntimeError), match=message):
        td.clock(key, **asked)


def test_what_a_clock_cannot_give(entropic):
    with pytest.raises(
        ValueError, match=r"noise_ratio: got sigma/alpha from 0.001 to 0.001, need the clock's range"
    ):
        entropic.mmse_at(1e-3)
    with pytest.raises(ValueError, match="kernel: got 'forward', need one of posterior, analytic"):
        td.least_waste_schedule(entropic, 8, "forward")
    with pytest.raises(ValueError, match="steps: got 0, need a positive whole number"):
        entropic.schedule(0)
