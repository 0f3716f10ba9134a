"""Maps of single coordinates: slopes by finite differences, when they bend, and what they do to an entropy."""

import itertools

import numpy as np
import pytest
from scipy.integrate import quad
from scipy.stats import laplace, norm, skewnorm, t

import thermodiff as td

N = 4000
QUANTILES = (np.arange(N) + 0.5) / N
LAWS = {
    "Gaussian": norm(3.0, 0.02),
    "skewed": skewnorm(6.0, -1.0, 4.0),
    "Laplace": laplace(-50.0, 2.0),
    "Student-t(3)": t(3, 1.0, 10.0),
    "Student-t(2)": t(2, -7.0, 0.5),
}


def columns(*names):
    """Each law's quantiles: samples without noise, in an order that leaves columns unrelated."""
    rng = np.random.default_rng(0)
    return np.column_stack([rng.permutation(LAWS[name].ppf(QUANTILES)) for name in names])


@pytest.mark.parametrize("kind", [td.Standardise, td.Asinh])
def test_log_derivative_is_the_log_of_the_slope(kind):
    x = columns(*LAWS)
    fitted = kind(x)
    rows = x[:200]
    step = 1e-5 * x.std(axis=0)
    slope = (fitted.forward(rows + step) - fitted.forward(rows - step)) / (2 * step)
    assert np.all(slope > 0)
    np.testing.assert_allclose(fitted.log_derivative(rows), np.log(slope).sum(axis=1), atol=1e-5)


@pytest.mark.parametrize("kind", [td.Standardise, td.Asinh, td.Gaussianise])
def test_every_map_keeps_the_order_and_ends_at_mean_zero_and_variance_one(kind):
    x = columns(*LAWS)
    z = kind(x).forward(x)
    assert z.shape == x.shape
    np.testing.assert_array_equal(np.argsort(z, axis=0), np.argsort(x, axis=0))
    np.testing.assert_allclose(z.mean(axis=0), 0, atol=1e-10)
    np.testing.assert_allclose(z.std(axis=0), 1, atol=2e-3)


def test_long_tails_are_bent_and_short_ones_are_not():
    bend = dict(zip(LAWS, td.Asinh(columns(*LAWS)).bend, strict=True))
    assert np.isinf(bend["Gaussian"])
    assert np.isinf(td.Asinh(np.linspace(2, 3, 500)[:, None]).bend[0])
    for name in ("Laplace", "Student-t(3)", "Student-t(2)"):
        assert np.isfinite(bend[name]), name
    assert bend["Student-t(2)"] <= bend["Student-t(3)"]
    x = columns("Student-t(2)")
    assert np.abs(td.Asinh(x).forward(x)).max() < 7
    assert np.abs(td.Standardise(x).forward(x)).max() > 20


def test_gaussian_samples_stay_linear_whatever_the_draw():
    """200 columns of 1000 rows, far off-centre: the gain that bending needs is far above the noise."""
    rng = np.random.default_rng(1)
    x = 1e4 + 0.01 * rng.normal(size=(1000, 200))
    fitted = td.Asinh(x)
    assert np.all(np.isinf(fitted.bend))
    np.testing.assert_allclose(fitted.forward(x), td.Standardise(x).forward(x), atol=1e-6)
    np.testing.assert_allclose(fitted.log_derivative(x), td.Standardise(x).log_derivative(x), rtol=1e-9)


@pytest.mark.parametrize("name", LAWS)
def test_entropy_by_change_of_variables(name):
    """S(x) = S(z) - E ln z': the density of z by the chain rule, all by quadrature, against scipy's entropy."""
    law = LAWS[name]
    x = columns(name)
    fitted = td.Asinh(x)

    def log_slope(value):
        return float(fitted.log_derivative(np.array([[value]]))[0])

    # Quadrature over the probability u, x = Q(u): E f(x) = int f(Q(u)) du.
    def mean(f):
        marks = [0, 1e-9, 1e-6, 1e-3, 0.5, 1 - 1e-3, 1 - 1e-6, 1 - 1e-9, 1]
        return sum(quad(lambda u: f(law.ppf(u)), a, b, limit=200)[0] for a, b in itertools.pairwise(marks))

    map_part = mean(log_slope)
    # The law of z by its own quantiles and a numerical derivative: no slope of the class.
    u = (np.arange(100_000) + 0.5) / 100_000
    z = fitted.forward(law.ppf(u)[:, None])[:, 0]
    entropy_z = np.mean(np.log(np.gradient(z, u)))
    assert entropy_z - map_part == pytest.approx(float(law.entropy()), abs=2e-3)
    # The average over the samples is the one by quadrature, less the tails that 4000 quantiles leave out.
    assert fitted.log_derivative(x).mean() == pytest.approx(map_part, abs=5e-3)
    assert entropy_z <= 0.5 * np.log(2 * np.pi * np.e) + 1e-2


def test_units_pass_through_the_map():
    x = columns("Student-t(2)", "skewed")
    factor = np.array([1e-3, 50.0])
    a, b = td.Asinh(x), td.Asinh(factor * x - 4.0)
    np.testing.assert_allclose(b.forward(factor * x - 4.0), a.forward(x), atol=1e-8)
    np.testing.assert_allclose(
        b.log_derivative(factor * x - 4.0), a.log_derivative(x) - np.log(factor).sum(), atol=1e-8
    )


def test_mostly_one_value():
    """Quantiles that coincide: the standard deviation stands in for their distance."""
    x = np.concatenate([np.full(900, 2.0), np.random.default_rng(2).normal(size=100)])[:, None]
    fitted = td.Asinh(x)
    assert np.all(np.isfinite(fitted.forward(x)))
    assert np.all(np.isfinite(fitted.log_derivative(x)))


def test_gaussianise_gives_normal_scores():
    x = np.array([[3.0], [-1.0], [100.0], [0.5]])
    np.testing.assert_allclose(
        td.Gaussianise(x).forward(x)[:, 0], norm.ppf([0.625, 0.125, 0.875, 0.375]), atol=1e-12
    )
    tied = np.array([[1.0], [1.0], [2.0], [2.0], [2.0]])
    np.testing.assert_allclose(
        td.Gaussianise(tied).forward(tied)[:, 0], norm.ppf([0.2, 0.2, 0.7, 0.7, 0.7]), atol=1e-12
    )
    law = columns("Student-t(2)")
    np.testing.assert_array_equal(
        td.Gaussianise(law).forward(law), td.Gaussianise(law**3).forward(np.exp(law / 100))
    )


def test_gaussianise_has_no_slope():
    with pytest.raises(td.NotKnownError, match="marginals: got Gaussianise for an entropy, need"):
        td.Gaussianise(np.eye(3)).log_derivative(np.eye(3))
