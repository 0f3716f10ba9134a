"""What Gaussians of few rows are wrong by, against simulation of the truth; and nothing told of nothing."""

import jax
import numpy as np
import pytest

import thermodiff as td
from thermodiff.information.cross_fitting.few_rows import fitted_bias, moments_of
from thermodiff.information.gaussian_bias import gaussian_bias


def correlations(name, width):
    i = np.arange(width)
    if name == "white":
        return np.eye(width)
    if name == "autoregressive":
        return 0.8 ** np.abs(np.subtract.outer(i, i))
    loads = np.random.default_rng(3).normal(size=(width, 3))
    cov = loads @ loads.T + 0.3 * np.eye(width)
    return cov / np.sqrt(np.outer(np.diag(cov), np.diag(cov)))


def conditional(cov, d):
    """Slope and residual covariance of the first d columns given the others."""
    slope = np.linalg.solve(cov[d:, d:], cov[d:, :d]).T
    return slope, cov[:d, :d] - slope @ cov[d:, :d]


def excess(cov, mean, fitted, d, m):
    """KL from N(0, cov) to the fitted Gaussian of y given w, in closed form."""
    slope, residual = conditional(cov, d)
    found, left = conditional(fitted, d)
    left = left * (m - 1) / (m - 1 - (len(cov) - d))
    shift, tilt = mean[:d] - found @ mean[d:], found - slope
    second = residual + tilt @ cov[d:, d:] @ tilt.T + np.outer(shift, shift)
    log_det = np.linalg.slogdet(left)[1] - np.linalg.slogdet(residual)[1]
    return 0.5 * (log_det + np.trace(np.linalg.solve(left, second)) - d)


@pytest.mark.parametrize("name", ["white", "autoregressive", "factors"])
@pytest.mark.parametrize(("m", "width", "d"), [(65, 13, 13), (100, 30, 30), (240, 40, 10), (65, 13, 1)])
def test_the_bias_of_moments_of_three_rows_a_column(name, m, width, d):
    """Exactly Wishart's, whatever the correlations: no correlation is shrunk."""
    rng, cov = np.random.default_rng(m + d), correlations(name, width)
    root, real = np.linalg.cholesky(cov), []
    for _ in range(400):
        moments = moments_of(rng.normal(size=(m, width)) @ root.T)
        real.append(excess(cov, *moments, d, m))
    assert abs(fitted_bias(moments, d, m) - np.mean(real)) < 4 * np.std(real) / np.sqrt(len(real))
    assert fitted_bias(moments, d, m) == gaussian_bias(m, d, width - d)


@pytest.mark.parametrize("name", ["white", "autoregressive"])
@pytest.mark.parametrize(("m", "width", "d"), [(80, 30, 30), (70, 40, 10)])
def test_the_bias_of_shrunk_moments(name, m, width, d):
    """Of fewer rows to a fifth of it, where Wishart's law is off by two times and more."""
    rng, cov = np.random.default_rng(m + d), correlations(name, width)
    root, real, told = np.linalg.cholesky(cov), [], []
    for i in range(100):
        moments = moments_of(rng.normal(size=(m, width)) @ root.T)
        real.append(excess(cov, *moments, d, m))
        if i < 10:
            told.append(fitted_bias(moments, d, m))
    assert np.mean(told) == pytest.approx(np.mean(real), rel=0.25)
    assert gaussian_bias(m, d, width - d) > 2 * np.mean(real)


@pytest.mark.parametrize(("n", "c"), [(180, 12), (400, 25)])
def test_no_dependence_is_found_where_there_is_none(n, c):
    """Of independent columns and few rows a column, where networks see them: I = 0 within its scatter."""
    settings = td.CrossFitting(
        training=td.TrainingConfig(
            steps=60, batch_size=64, learning_rate=1e-3, width=16, depth=1, chunk=20, patience=2
        ),
        rates=(1.0,),
    )
    found = []
    for seed in range(4):
        rng = np.random.default_rng(seed)
        x, y = rng.normal(size=(n, c)), rng.normal(size=(n, 1))
        found.append(td.mutual_information(jax.random.key(seed), x, y, settings=settings).mean)
    assert abs(np.mean(found)) < 3 * np.std(found, ddof=1) / 2 + 0.01
