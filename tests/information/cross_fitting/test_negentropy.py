"""The entropy by every reading with exact scores, against quadrature of blurred densities."""

import jax
import numpy as np
import oracles as oracle
import pytest

import thermodiff as td
from thermodiff.information.cross_fitting.conditional import unconditional
from thermodiff.information.cross_fitting.negentropy import (
    LEVELS,
    SIGMA_HIGH,
    SIGMA_LOW,
    Correction,
    canonical,
    evaluate,
    gaussian_only,
)

READINGS = ("quadratic", "divergence", "denoising")
N = 2048
WEIGHTS = np.array([0.7, 0.3])
MEANS, VARIANCES = np.array([[-0.3], [1.4]]), np.array([[[0.3]], [[0.05]]])
MEANS_2D = np.array([[0.6, -0.5], [-0.8, 0.9]])
COVS_2D = np.array([[[0.3, 0.2], [0.2, 0.2]], [[0.1, -0.05], [-0.05, 0.4]]])
LAWS = {
    "skewed mixture": td.GaussianMixture(WEIGHTS, MEANS, VARIANCES),
    "Laplace": td.Laplace([0.4], [0.7]),
    "uniform": td.Uniform([-1.0], [2.0]),
    "correlated mixture": td.GaussianMixture(WEIGHTS, MEANS_2D, COVS_2D),
}
PROCESSES = {"canonical": canonical(), "VP": td.VariancePreserving()}


def entropy_of(log_p, marks):
    """-int p ln p on a line."""
    return oracle.line_integral(lambda x: -np.exp(log_p(x)) * log_p(x), marks)


def blurred_entropy(name):
    """Entropy of the law with N(0, SIGMA_LOW^2) added, by quadrature."""
    if name == "skewed mixture":
        covs = VARIANCES + SIGMA_LOW**2
        return entropy_of(
            lambda x: oracle.mixture_log_density(np.array([[x]]), WEIGHTS, MEANS, covs)[0],
            np.linspace(-7, 7, 29),
        )
    if name == "Laplace":
        # Symmetric, and smooth but for the blurred kink at 0.
        half = entropy_of(
            lambda x: oracle.blurred_laplace(x, 0.7, SIGMA_LOW)[0], [0, SIGMA_LOW, 5 * SIGMA_LOW, 0.7, 5, 35]
        )
        return 2 * half
    if name == "uniform":
        s = SIGMA_LOW
        marks = [-1 - 30 * s, -1 - 6 * s, -1, -1 + 6 * s, 0.5]
        return 2 * entropy_of(lambda x: oracle.blurred_box(x, -1.0, 2.0, s)[0], marks)
    covs = COVS_2D + SIGMA_LOW**2 * np.eye(2)

    def integrand(x):
        log_p = oracle.mixture_log_density(x, WEIGHTS, MEANS_2D, covs)
        return -np.exp(log_p) * log_p

    marks = np.linspace(-6, 6, 17)
    return oracle.plane_integral(integrand, marks, marks)


@pytest.fixture(scope="module")
def samples():
    return {name: np.asarray(law.sample(jax.random.key(7), N)) for name, law in LAWS.items()}


def by_hand(law):
    """The Gaussian of the law's exact moments."""
    return td.Gaussian(*law.moments())


def measured(name, samples, process="canonical", reference=None, n=N, seed=0):
    law = LAWS[name]
    score = td.exact_score(law, PROCESSES[process])
    reference = by_hand(law) if reference is None else reference
    rows, d = samples[name][:n], law.dim
    return evaluate(
        jax.random.key(seed), score, unconditional(reference), rows, tuple(range(d)), d, PROCESSES[process]
    )


def mean_and_error(values):
    return values.mean(), values.std(ddof=1) / np.sqrt(len(values))


@pytest.mark.parametrize("process", PROCESSES)
@pytest.mark.parametrize("name", LAWS)
def test_every_reading_gives_the_entropy_of_the_blurred_law(name, process, samples):
    """-ln G - int of the rows in the mean; and int alone, which has less scatter, against CE(p, G) - S."""
    expected = blurred_entropy(name)
    c = measured(name, samples, process)
    assert c.square.shape == c.overlap.shape == (N, LEVELS)
    for reading in READINGS:
        mean, error = mean_and_error(c.entropy(reading))
        assert abs(mean - expected) < 4 * error, (reading, mean, error, expected)
    cross = blurred_gaussian_cross_entropy(LAWS[name])
    for reading in READINGS:
        mean, error = mean_and_error(c.reading(reading))
        assert abs(mean - (cross - expected)) < 4 * error, (reading, mean, error, cross - expected)


def blurred_gaussian_cross_entropy(law, reference=None):
    """E[-ln G_low] of the blurred law in closed form: only two moments enter."""
    g = by_hand(law) if reference is None else reference
    mean, cov = (np.asarray(a, dtype=float) for a in law.moments())
    d = len(mean)
    low = np.asarray(g.cov, dtype=float) + SIGMA_LOW**2 * np.eye(d)
    apart = mean - np.asarray(g.mean, dtype=float)
    second = cov + SIGMA_LOW**2 * np.eye(d) + np.outer(apart, apart)
    return 0.5 * (np.trace(np.linalg.solve(low, second)) + np.linalg.slogdet(2 * np.pi * low)[1])


@pytest.mark.parametrize("name", ["skewed mixture", "uniform"])
def test_to_a_thousandth_of_a_nat(name):
    """Rows at quantiles and not at random: what scatter is left shows in the differences of neighbours."""
    law, n = LAWS[name], 8192
    u = (np.arange(n) + 0.5) / n
    if name == "uniform":
        rows = (-1 + 3 * u)[:, None]
    else:
        x = np.linspace(-7, 7, 400_001)
        p = np.exp(oracle.mixture_log_density(x[:, None], WEIGHTS, MEANS, VARIANCES))
        rows = np.interp(u, np.cumsum(p) / p.sum(), x)[:, None]
    c = evaluate(
        jax.random.key(1), td.exact_score(law, canonical()), unconditional(by_hand(law)), rows, (0,), 1
    )
    expected = blurred_entropy(name)
    for reading in READINGS:
        values = c.entropy(reading)
        error = np.sqrt(np.mean(np.diff(values) ** 2) / (2 * n))
        assert abs(values.mean() - expected) < 4 * error, (reading, values.mean(), error, expected)
    assert c.entropy("quadratic").mean() == pytest.approx(expected, abs=1e-3)


def test_a_reference_of_other_moments_costs_its_divergence_at_the_highest_noise(samples):
    """S = E[-ln G_low] - int - KL(p_high || G_high): the last term, in closed form for nearly Gaussian p_high."""
    law = LAWS["skewed mixture"]
    mean, cov = (float(np.ravel(a)[0]) for a in law.moments())
    wrong = td.Gaussian([mean + 0.8], [[2.5 * cov]])
    high = cov + SIGMA_HIGH**2, 2.5 * cov + SIGMA_HIGH**2
    left_out = 0.5 * (high[0] / high[1] + 0.8**2 / high[1] - 1 + np.log(high[1] / high[0]))
    c = measured("skewed mixture", samples, reference=wrong)
    expected = blurred_entropy("skewed mixture")
    for reading in READINGS:
        values = c.entropy(reading)
        mean, error = mean_and_error(values)
        assert abs(mean - left_out - expected) < 4 * error
        # Against the right reference on the same rows and noise most of the scatter goes.
        right = measured("skewed mixture", samples).entropy(reading)
        mean, error = mean_and_error(values - right)
        assert abs(mean - left_out) < 4 * error


def test_gaussian_data_leave_nothing_to_average():
    """Off-centre and correlated; the network's square is then the rate of the entropy in closed form."""
    cov = np.array([[1.2, 0.7], [0.7, 0.8]])
    law = td.Gaussian([30.0, -5.0], cov)
    rows = np.asarray(law.sample(jax.random.key(2), N))
    c = evaluate(jax.random.key(3), td.exact_score(law, canonical()), unconditional(law), rows, (0, 1), 2)
    assert np.abs(c.square).max() < 1e-8
    assert np.abs(c.overlap).max() < 1e-3
    np.testing.assert_allclose(c.entropy("denoising"), c.gaussian, atol=1e-3)
    edges = np.log(SIGMA_LOW) + c.step * np.arange(LEVELS + 1)
    log_det = [np.linalg.slogdet(cov + np.exp(2 * e) * np.eye(2))[1] for e in edges]
    expected = 0.5 * np.diff(log_det)
    np.testing.assert_allclose(c.total * c.step, expected, rtol=0.15)
    assert c.total.sum() * c.step == pytest.approx(expected.sum(), rel=0.01)


@pytest.mark.parametrize("factor", [0.7, 1.0, 1.2])
def test_readings_of_a_rescaled_correction(factor):
    rng = np.random.default_rng(0)
    square, overlap = rng.gamma(1.0, size=(2, 5, LEVELS))
    scale = factor * np.linspace(0.5, 1.5, LEVELS)
    c = Correction(np.arange(5.0), square, overlap, np.zeros(LEVELS), 0.25)
    expected = {
        "quadratic": 0.25 * square @ scale**2,
        "divergence": 0.25 * overlap @ scale,
        "denoising": 0.25 * (2 * overlap @ scale - square @ scale**2),
    }
    for name, values in expected.items():
        np.testing.assert_allclose(c.reading(name, scale), values, rtol=1e-12)
        np.testing.assert_allclose(c.entropy(name, scale), np.arange(5.0) - values, rtol=1e-12)


def test_gaussian_cost_in_closed_form():
    """-ln N(x + sigma eps) averaged over eps, on a correlated, off-centre Gaussian; by solves, not by axes."""
    mean, cov = np.array([4.0, -9.0]), np.array([[2.0, -1.1], [-1.1, 0.7]])
    rows = np.array([[4.0, -9.0], [7.0, -9.5], [0.0, 0.0]], dtype=np.float32)
    low = cov + SIGMA_LOW**2 * np.eye(2)
    expected = [
        0.5
        * (
            (r - mean) @ np.linalg.solve(low, r - mean)
            + SIGMA_LOW**2 * np.trace(np.linalg.inv(low))
            + np.linalg.slogdet(2 * np.pi * low)[1]
        )
        for r in rows.astype(float)
    ]
    np.testing.assert_allclose(
        unconditional(td.Gaussian(mean, cov)).cost(rows, SIGMA_LOW), expected, rtol=1e-5
    )


def test_gaussian_only_adds_nothing_and_knows_its_rate():
    """d/d ell of (1/2) ln det(C + sigma^2) is sum sigma^2/(v + sigma^2); its integral the growth of the entropy."""
    cov = np.array([[2.0, -1.1], [-1.1, 0.7]])
    g = td.Gaussian([1.0, 2.0], cov)
    rows = np.asarray(g.sample(jax.random.key(4), 50))
    c = gaussian_only(unconditional(g), rows)
    np.testing.assert_array_equal(c.gaussian, unconditional(g).cost(rows, SIGMA_LOW))
    for name in READINGS:
        np.testing.assert_array_equal(c.entropy(name, np.zeros(LEVELS)), c.gaussian)
    high, low = (np.linalg.slogdet(cov + s**2 * np.eye(2))[1] for s in (SIGMA_HIGH, SIGMA_LOW))
    assert c.total.sum() * c.step == pytest.approx(0.5 * (high - low), rel=2e-3)


def test_the_same_key_gives_the_same_noise_whatever_the_columns():
    """Independent columns: what the pair's correction is, those of its columns alone add up to, row by row."""
    parts = [td.Uniform([-1.0], [2.0]), td.Uniform([3.0], [3.5])]
    pair = td.Uniform([-1.0, 3.0], [2.0, 3.5])
    rows = np.asarray(pair.sample(jax.random.key(8), 64))
    key = jax.random.key(9)
    both = evaluate(key, td.exact_score(pair, canonical()), unconditional(by_hand(pair)), rows, (0, 1), 2)
    alone = [
        evaluate(key, td.exact_score(law, canonical()), unconditional(by_hand(law)), rows[:, [j]], (j,), 2)
        for j, law in enumerate(parts)
    ]
    for name in ("square", "overlap"):
        added = sum(getattr(c, name) for c in alone)
        np.testing.assert_allclose(getattr(both, name), added, atol=2e-3 * np.abs(added).max())
    np.testing.assert_allclose(both.gaussian, sum(c.gaussian for c in alone), rtol=1e-5)
    again = evaluate(key, td.exact_score(pair, canonical()), unconditional(by_hand(pair)), rows, (0, 1), 2)
    np.testing.assert_array_equal(again.square, both.square)
    other = evaluate(
        jax.random.key(10), td.exact_score(pair, canonical()), unconditional(by_hand(pair)), rows, (0, 1), 2
    )
    assert np.abs(other.square - both.square).max() > 1e-2
