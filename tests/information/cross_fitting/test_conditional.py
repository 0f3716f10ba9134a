"""Gaussians given columns, rows with columns that get no noise, and scores that start from them."""

import dataclasses

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from problems_information import SMALL, gaussian_rows
from scipy.stats import norm

import thermodiff as td
from thermodiff.information.cross_fitting.conditional import (
    ConditionalRows,
    ConditionalScore,
    regression,
    unconditional,
)
from thermodiff.information.cross_fitting.negentropy import LEVELS, SIGMA_LOW, canonical, evaluate
from thermodiff.information.cross_fitting.one_fold import gaussian_of
from thermodiff.information.cross_fitting.rescaling import RescaledScore
from thermodiff.scores.base import noise_prediction
from thermodiff.scores.callables import as_score
from thermodiff.scores.networks import residual_mlp
from thermodiff.training.losses import LikelihoodWeighting, draw_batch
from thermodiff.training.times import Span, UniformLogSNR

MEAN = np.array([3.0, -7.0, 0.5, 11.0])
ROOT = np.array([[1.0, 0, 0, 0], [0.6, 0.5, 0, 0], [-0.7, 0.3, 0.9, 0], [0.2, -0.4, 0.5, 2.0]])
COV = ROOT @ ROOT.T
ROW = np.array([2.5, -6.0, 1.0, 10.0])
PROCESSES = {"canonical": canonical(), "VP": td.VariancePreserving()}


def conditional_moments(row, dim=2):
    """Mean and covariance of the first ``dim`` given the rest, by the inverse of the whole covariance."""
    precision = np.linalg.inv(COV)
    cov = np.linalg.inv(precision[:dim, :dim])
    return MEAN[:dim] - cov @ precision[:dim, dim:] @ (row[dim:] - MEAN[dim:]), cov


def exact(dim=2, rows=10**9):
    return regression(MEAN, COV, dim, rows)


def test_regression_is_conditioning():
    g = exact()
    mean, cov = conditional_moments(ROW)
    np.testing.assert_allclose(g.centre(jnp.asarray(ROW[2:])), mean, rtol=1e-5)
    np.testing.assert_allclose(g.axes @ np.diag(g.variances) @ g.axes.T, cov, rtol=1e-5)
    np.testing.assert_allclose(g.whitening @ COV[2:, 2:] @ g.whitening.T, np.eye(2), atol=1e-5)


def test_regression_of_a_sample_is_least_squares():
    x = gaussian_rows(3, MEAN, COV, 200)
    g = gaussian_of(x, 2)[0]
    design = np.hstack([np.ones((200, 1)), x[:, 2:]])
    found, *_ = np.linalg.lstsq(design, x[:, :2], rcond=None)
    apart = x[:, :2] - design @ found
    np.testing.assert_allclose(g.slope, found[1:].T, rtol=1e-4)
    np.testing.assert_allclose(g.axes @ np.diag(g.variances) @ g.axes.T, apart.T @ apart / 197, rtol=1e-4)


def test_cost_is_the_blurred_gaussian_on_average():
    """E over the blur of -ln N by many draws of it; nats."""
    g, sigma = exact(), 0.5
    mean, cov = conditional_moments(ROW)
    v = cov + sigma**2 * np.eye(2)
    y = ROW[:2] + sigma * np.random.default_rng(0).normal(size=(200_000, 2)) - mean
    values = 0.5 * (np.einsum("ni,ij,nj->n", y, np.linalg.inv(v), y) + np.linalg.slogdet(2 * np.pi * v)[1])
    got = g.cost(ROW[None], sigma)[0]
    assert abs(values.mean() - got) < 4 * values.std() / np.sqrt(len(values))


@pytest.mark.parametrize("process", PROCESSES.values(), ids=PROCESSES)
@pytest.mark.parametrize("t", [0.2, 0.7])
def test_an_untrained_score_is_that_of_the_gaussian(process, t):
    g = exact()
    score = ConditionalScore(residual_mlp(jax.random.key(0), 4, 16, 1), process, g, 1e-3)
    alpha, sigma = float(process.alpha(t)), float(process.sigma(t))
    mean, cov = conditional_moments(ROW)
    v = alpha**2 * cov + sigma**2 * np.eye(2)
    expected = -np.linalg.solve(v, ROW[:2] - alpha * mean)
    got = score(jnp.asarray(ROW, dtype=jnp.float32), jnp.asarray(t))
    np.testing.assert_allclose(got[:2], expected, rtol=1e-3, atol=1e-5)
    np.testing.assert_array_equal(got[2:], 0.0)
    np.testing.assert_allclose(
        g.noise(jnp.asarray(ROW), alpha, sigma), -sigma * expected, rtol=1e-3, atol=1e-5
    )


def test_nothing_given_is_a_plain_gaussian():
    law = td.Gaussian(MEAN, COV)
    row, t = jnp.asarray(ROW, dtype=jnp.float32), jnp.asarray(0.4)
    got = unconditional(law).noise(row, canonical().alpha(t), canonical().sigma(t))
    np.testing.assert_allclose(
        got, noise_prediction(td.exact_score(law, canonical()), canonical(), row, t), rtol=1e-4
    )


@pytest.mark.parametrize("process", PROCESSES.values(), ids=PROCESSES)
def test_given_columns_get_no_noise(process):
    x = gaussian_rows(4, MEAN, COV, 50).astype(np.float32)
    data = ConditionalRows(x, gaussian_of(x, 3)[0], 1, len(x))
    span = Span(process, 0.01, 1.0)
    batch = draw_batch(jax.random.key(1), data, span, UniformLogSNR(), LikelihoodWeighting(), 64)
    assert np.isin(np.asarray(batch.x[:, 3]), x[:, 3]).all()
    np.testing.assert_array_equal(batch.noise[:, 3], 0.0)
    # The others are rows of the table, moved by as much noise as it says.
    alpha, sigma = process.alpha(batch.t)[:, None], process.sigma(batch.t)[:, None]
    back = (batch.x[:, :3] - sigma * batch.noise[:, :3]) / alpha
    nearest = np.abs(np.asarray(back)[:, None] - x[:, :3]).max(axis=2).min(axis=1)
    assert np.median(nearest) < 1e-3
    assert np.std(batch.noise[:, :3]) == pytest.approx(1, abs=0.2)


def test_a_trained_score_knows_what_it_is_given():
    """y = |w| + 0.3 noise has no slope in w: the Gaussian is wide, S(y | w) is that of the noise."""
    rng = np.random.default_rng(5)
    w, noise = rng.normal(size=900), 0.3 * rng.normal(size=900)
    settings = dataclasses.replace(SMALL, training=dataclasses.replace(SMALL.training, steps=600))
    got = td.conditional_entropy(
        jax.random.key(5), (np.abs(w) + noise)[:, None], w[:, None], settings=settings
    )
    expected = 0.5 * np.log(2 * np.pi * np.e * 0.09)
    assert abs(got.mean - expected) < 4 * got.stderr
    assert got.terms["negentropy"] > 0.5


def test_a_rescaled_score_gives_the_rescaled_readings():
    """The same rows and noise: the correction of the score times c, and the score of c times the correction."""
    x = gaussian_rows(6, MEAN, COV, 64).astype(np.float32)
    network = residual_mlp(jax.random.key(2), 4, 16, 1)
    rough = jax.tree.map(
        lambda a: a + 0.1 * jax.random.normal(jax.random.key(a.size), a.shape), network.params
    )
    score = ConditionalScore(
        dataclasses.replace(network, params=rough), canonical(), gaussian_of(x, 2)[0], 1e-3
    )
    scale = np.linspace(0.2, 1.2, LEVELS)
    plain, rescaled = (
        evaluate(jax.random.key(3), s, score.reference, x, (0, 1), 2)
        for s in (score, RescaledScore(score, jnp.asarray(scale)))
    )
    assert np.abs(plain.square).max() > 1e-2
    np.testing.assert_allclose(rescaled.square, scale**2 * plain.square, rtol=1e-3, atol=1e-5)
    np.testing.assert_allclose(rescaled.overlap, scale * plain.overlap, rtol=1e-3, atol=1e-4)
    assert plain.gaussian.mean() == pytest.approx(score.reference.cost(x, SIGMA_LOW).mean())


@pytest.mark.parametrize("bent", [1.0, 0.5])
def test_what_a_bend_in_the_given_columns_tells_at_large_noise(bent):
    """y = a f(w) + b e, f uncorrelated with w: S(y | w) = 1/2 ln 2 pi e b^2, of which a^2/2 sigma_high^2 lies above it.

    That is 0.005 nats for a = 1: w and e are at quantiles, so that noise is all that scatters.
    """
    noise = np.sqrt(1.01 - bent**2)
    u = (np.arange(80) + 0.5) / 80
    w, e = (part.ravel() for part in np.meshgrid(norm.ppf(u), norm.ppf(u)))
    e /= e.std()
    middle = bent * (w**2 - np.mean(w**2)) / np.std(w**2)
    rows = np.stack([middle + noise * e, w], axis=1)
    scale = bent / np.std(w**2), np.mean(w**2)

    def exact(row, t):
        """The score of y given w."""
        process = canonical()
        v = process.alpha(t) ** 2 * noise**2 + process.sigma(t) ** 2
        known = process.alpha(t) * scale[0] * (row[1] ** 2 - scale[1])
        return jnp.array([-(row[0] - known) / v, 0.0])

    reference = regression(rows.mean(axis=0), np.cov(rows, rowvar=False, ddof=0), 1, 10**9)
    found = [
        evaluate(jax.random.key(i), as_score(exact, 2), reference, rows, (0,), 1, limits=(SIGMA_LOW, 10.0))
        for i in range(16)
    ]
    # Moments of second order are all that enters, and the rows have them exactly.
    truth = 0.5 * np.log(2 * np.pi * np.e * (noise**2 + SIGMA_LOW**2))
    for reading in ("quadratic", "divergence", "denoising"):
        means = np.array([one.entropy(reading).mean() for one in found])
        assert abs(means.mean() - truth) < 4 * means.std(ddof=1) / 4, reading
    above = np.mean([one.beyond * one.square[:, -1].mean() for one in found])
    assert above == pytest.approx(bent**2 / (2 * 10.0**2), rel=0.05)
