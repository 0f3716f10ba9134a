"""Density baselines against laws that are known, and the closed forms beside them."""

import numpy as np
import pytest
import scipy.stats

import thermodiff as td

pytest.importorskip("sklearn")

BASELINES = (td.GaussianBaseline, td.MixtureBaseline, td.KernelBaseline)
MEAN, COV = np.array([1.0, -200.0, 0.0]), np.array([[4.0, 30.0, 0.0], [30.0, 900.0, 0.2], [0.0, 0.2, 0.01]])
LAW = scipy.stats.multivariate_normal(MEAN, COV)


@pytest.fixture(scope="module")
def rows():
    return LAW.rvs(1500, random_state=np.random.default_rng(0))


@pytest.fixture(scope="module")
def others():
    return LAW.rvs(1500, random_state=np.random.default_rng(1))


@pytest.mark.parametrize(
    ("baseline", "gap"), [(td.GaussianBaseline, 0.02), (td.MixtureBaseline, 0.02), (td.KernelBaseline, 0.4)]
)
def test_a_gaussian_is_found_up_to_a_gap(baseline, gap, rows, others):
    model = baseline(rows)
    excess = LAW.logpdf(others) - model.log_prob(others)
    assert excess.shape == (1500,)
    assert -0.005 < excess.mean() < gap


@pytest.mark.parametrize("baseline", BASELINES)
def test_densities_integrate_to_one(baseline):
    rng = np.random.default_rng(2)
    data = np.column_stack([rng.laplace(size=300), rng.gamma(2.0, 3.0, size=300)])
    model = baseline(data)
    wide = scipy.stats.multivariate_t(data.mean(axis=0), 3 * np.cov(data.T), df=3)
    x = wide.rvs(20000, random_state=rng)
    weights = np.exp(model.log_prob(x) - wide.logpdf(x))
    assert weights.mean() == pytest.approx(1.0, abs=4 * weights.std() / np.sqrt(len(x)))
    assert weights.std() / np.sqrt(len(x)) < 0.02


@pytest.mark.parametrize("baseline", BASELINES)
def test_units_shift_the_log_density_and_nothing_else(baseline, rows, others):
    units = np.array([100.0, 1e-3, 8.0])
    here, there = baseline(rows[:400]), baseline(rows[:400] * units)
    np.testing.assert_allclose(
        there.log_prob(others[:50] * units), here.log_prob(others[:50]) - np.log(units).sum(), atol=1e-6
    )


def test_two_clusters_need_more_than_one_component(rows):
    rng = np.random.default_rng(3)
    data = rng.normal(size=(600, 2)) + 6 * rng.integers(0, 2, size=(600, 1))
    model = td.MixtureBaseline(data)
    assert model.components in (2, 4)
    density = 0.5 * sum(scipy.stats.multivariate_normal([m, m]).pdf(data) for m in (0, 6))
    assert np.mean(np.log(density) - model.log_prob(data)) == pytest.approx(0.0, abs=0.05)
    assert td.MixtureBaseline(rows).components <= 2


def test_a_kernel_is_an_average_of_gaussians(rows):
    model = td.KernelBaseline(rows[:100])
    std = rows[:100].std(axis=0)
    spot = scipy.stats.multivariate_normal(cov=np.diag((model.bandwidth * std) ** 2))
    expected = np.log(np.mean([spot.pdf(rows[100:110] - centre) for centre in rows[:100]], axis=0))
    np.testing.assert_allclose(model.log_prob(rows[100:110]), expected, rtol=1e-9)


def test_few_rows_shrink_and_many_do_not():
    rng = np.random.default_rng(4)
    data = rng.normal(size=(5000, 12)) @ np.tril(np.ones((12, 12)))
    few, many = td.GaussianBaseline(data[:25]), td.GaussianBaseline(data)
    assert many.shrinkage < 0.005 < 0.03 < few.shrinkage < 1
    sample = scipy.stats.multivariate_normal(data[:25].mean(axis=0), np.cov(data[:25].T))
    assert few.log_prob(data[25:]).mean() > sample.logpdf(data[25:]).mean() + 1.0


def test_held_out_entropy_never_evaluates_a_row_that_was_fitted():
    seen = []

    class Watched:
        def __init__(self, training):
            self.training = training

        def log_prob(self, x):
            assert not set(self.training[:, 0]) & set(x[:, 0])
            seen.extend(x[:, 0])
            return 2.0 * x[:, 0]

    x = np.random.default_rng(5).normal(size=(50, 1))
    estimate = td.held_out_entropy(Watched, x, folds=4, seed=1)
    assert sorted(seen) == sorted(x[:, 0])
    assert estimate.mean == pytest.approx(-2 * x.mean())
    assert estimate.stderr == pytest.approx(2 * x.std(ddof=1) / np.sqrt(50))
    assert estimate.n == 50


def test_held_out_entropy_of_a_gaussian(rows):
    estimate = td.held_out_entropy(td.GaussianBaseline, rows)
    assert abs(estimate.mean - LAW.entropy()) < 4 * estimate.stderr
    assert estimate.stderr == pytest.approx(np.sqrt(1.5 / 1500), rel=0.15)


def test_gaussian_mutual_information_is_unbiased_with_few_rows():
    rng = np.random.default_rng(6)
    cov = np.eye(4) + 0.5 * np.eye(4)[::-1]
    exact = -0.5 * np.log(np.linalg.det(cov))  # the blocks of x and of y are the identity
    draws = rng.multivariate_normal(np.zeros(4), cov, size=(1000, 12))
    answers = [td.gaussian_mutual_information(d[:, :2], 5.0 * d[:, 2:]) for d in draws]
    values = np.array([a.mean for a in answers])
    plug_in = np.mean([-0.5 * np.linalg.slogdet(np.corrcoef(d.T))[1] for d in draws])
    assert values.mean() == pytest.approx(exact, abs=4 * values.std() / np.sqrt(len(values)))
    assert plug_in > exact + 0.2  # more than just the blocks' own, and far off


def test_gaussian_mutual_information_knows_its_spread():
    rng = np.random.default_rng(7)
    rho = 0.8
    draws = rng.multivariate_normal([0, 0], [[1, rho], [rho, 1]], size=(400, 500))
    answers = [td.gaussian_mutual_information(d[:, :1], d[:, 1:]) for d in draws]
    spread = np.std([a.mean for a in answers])
    assert np.mean([a.stderr for a in answers]) == pytest.approx(spread, rel=0.12)
    assert spread == pytest.approx(rho / np.sqrt(500), rel=0.12)


BAD = {
    "a constant": (lambda x: td.GaussianBaseline(x * [1, 1, 0]), r"training: got constant column\(s\) \[2\]"),
    "NaN": (lambda x: td.KernelBaseline(np.where(x > 0, np.nan, x)), "training: got .* NaN"),
    "other columns": (
        lambda x: td.GaussianBaseline(x).log_prob(x[:, :2]),
        r"x: got shape \(1500, 2\), need an array of shape \(n, 3\)",
    ),
    "one fold": (lambda x: td.held_out_entropy(td.GaussianBaseline, x, folds=1), "folds: got 1, need from 2"),
    "rows": (lambda x: td.gaussian_mutual_information(x, x[:9]), "y: got 9 rows, need as many as x has"),
    "a copy": (lambda x: td.gaussian_mutual_information(x, x), "side by side: got linearly dependent"),
}


@pytest.mark.parametrize("name", BAD)
def test_bad_input(name, rows):
    call, message = BAD[name]
    with pytest.raises(ValueError, match=message) as info:
        call(rows)
    assert "\n" not in str(info.value)


def test_without_scikit_learn(rows, without_scikit_learn):
    with pytest.raises(ValueError, match=r"pip install 'thermodiff\[data\]'"):
        td.GaussianBaseline(rows)
    assert td.KernelBaseline(rows[:100]).bandwidth > 0
