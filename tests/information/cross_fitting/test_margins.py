"""Learned margins against densities in closed form: what they cost on rows never seen, and that they are densities."""

import numpy as np
import pytest
from scipy import integrate, stats

from thermodiff.information.cross_fitting.margins import Margins, chosen_bins, cost, margin_of, margins_of

LOG_ROOT = 0.5 * np.log(2 * np.pi)
LAWS = {
    "edges": stats.beta(1.0, 1.0),
    "divergence at an edge": stats.beta(0.5, 0.5),
    "a kink": stats.laplace(),
    "a corner": stats.expon(),
    "skew": stats.gamma(3.0),
}


def excess(law, bins, m, seed):
    """KL(p || q) nats of a map fitted to m rows, by quadrature over quantiles of p."""
    column = law.rvs(m, random_state=np.random.default_rng(seed))
    margin = margin_of(column, chosen_bins(column) if bins is None else bins)
    x = law.ppf((np.arange(20_000) + 0.5) / 20_000)
    return float(np.mean(cost(margin, x) + LOG_ROOT + law.logpdf(x)))


@pytest.mark.parametrize("name", LAWS)
def test_learns_what_single_columns_are(name):
    """With 20,000 rows to within 0.01 nats, of which the Gaussian of the moments leaves ten times as much and more."""
    found = [excess(LAWS[name], None, 20_000, seed) for seed in range(4)]
    assert np.mean(found) + 2 * np.std(found) / 2 < 0.01
    assert excess(LAWS[name], 0, 20_000, 0) > 0.06


def test_more_rows_leave_less():
    few, many = ([excess(stats.gamma(3.0), None, m, seed) for seed in range(8)] for m in (1000, 16_000))
    error = np.hypot(np.std(few), np.std(many)) / np.sqrt(8)
    assert np.mean(few) - np.mean(many) > 3 * error


@pytest.mark.parametrize("bins", [0, 4, 32])
def test_is_a_density(bins):
    """exp(-cost)/sqrt(2 pi) integrates to one, over the lines beyond the last knots too."""
    margin = margin_of(np.random.default_rng(0).gamma(2.0, size=3000), bins)
    parts = [(-np.inf, margin.knots[0]), *zip(margin.knots[:-1], margin.knots[1:], strict=True)]
    parts.append((margin.knots[-1], np.inf))
    density = lambda x: float(np.exp(-cost(margin, np.atleast_1d(x)))[0]) / np.sqrt(2 * np.pi)  # noqa: E731
    total = sum(integrate.quad(density, low, high, epsabs=1e-9)[0] for low, high in parts)
    assert total == pytest.approx(1.0, abs=1e-6)


def test_increases_and_its_slope_is_the_derivative():
    margin = margin_of(np.random.default_rng(1).exponential(size=5000), 16)
    x = np.linspace(-0.5, 12.0, 4001)
    u, log_slope = margin.forward(x)
    assert np.all(np.diff(u) > 0)
    step = 1e-6
    numeric = (margin.forward(x + step)[0] - margin.forward(x - step)[0]) / (2 * step)
    np.testing.assert_allclose(np.exp(log_slope), numeric, rtol=1e-4)


def test_gaussian_columns_are_left_to_their_moments():
    """More intervals than none cost half a knot a row, which the halves see."""
    rng = np.random.default_rng(2)
    assert sum(chosen_bins(rng.normal(size=4000)) == 0 for _ in range(10)) >= 8


def test_repeated_values_share_a_knot():
    margin = margin_of(np.repeat(np.arange(5.0), 400), 16)
    assert np.all(np.diff(margin.knots) > 0)
    assert np.all(np.isfinite(margin.forward(np.linspace(-1, 6, 50))[0]))


def test_given_columns_have_no_share_in_the_derivative():
    rows = np.random.default_rng(3).exponential(size=(2000, 3))
    margins = margins_of(rows)
    first = sum(margins.columns[j].forward(rows[:, j])[1] for j in range(2))
    np.testing.assert_allclose(margins.log_derivative(rows, 2), first)
    assert margins.forward(rows).shape == (2000, 3)
    unmapped = Margins()
    np.testing.assert_array_equal(unmapped.forward(rows), rows.astype(np.float32))
    np.testing.assert_array_equal(unmapped.log_derivative(rows, 2), np.zeros(2000))
