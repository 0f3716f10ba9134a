"""The entropy that a score implies: estimates as theory has them, and a Gaussian's against its closed form."""

import jax
import numpy as np
import pytest
from problems_diffusion import FLOW, close

import thermodiff as td
from thermodiff.thermodynamics.implied_entropies import (
    Constants,
    Means,
    entropies_of_means,
    implied_entropies,
)

S0, S1, DRIFT = 1.3, 5.0, -2.0


def means_of(factor, nll=S0):
    """The averages of c times the true score: B = c^2 A and C = c A, with A = S1 - S0 - drift."""
    A = S1 - S0 - DRIFT
    b, c = factor**2 * A, factor * A
    readings = {"quadratic": b, "divergence": c, "denoising": 2 * c - b}
    return Means(
        **{k: S1 - DRIFT - v for k, v in readings.items()}, growth=S1 - S0, nll=nll, cross_entropy=S1
    )


def test_an_exact_score_gives_one_entropy_by_every_estimate():
    found = entropies_of_means(Constants(S1, DRIFT), means_of(1.0))
    assert set(np.round(list(found.values()), 12)) == {S0}


def test_rescaling_never_lies_above_the_elbo():
    """The score 1.2 times too large: rescaled it is exact."""
    mean = means_of(1.2, nll=S0 + 0.1)
    found = entropies_of_means(Constants(S1, DRIFT), mean)
    assert found["rescaled"] == pytest.approx(S0)
    assert found["denoising"] == pytest.approx(S0 + 0.04 * (S1 - S0 - DRIFT))
    assert found["bound"] == pytest.approx(2 * mean.nll - mean.quadratic)


def test_a_gaussians_entropy_under_a_drift(key):
    """Variance preserving, correlated and off-centre: S(p(t_min)) by its determinant; A from there and S(p_1)."""
    mean, cov = np.array([1.5, -2.0]), np.array([[1.2, 0.7], [0.7, 0.8]])
    data, process, t_min, factor = td.Gaussian(mean, cov), td.VariancePreserving(), 1e-3, 0.8
    score = td.scaled(td.exact_score(data, process), factor)
    rows = data.sample(jax.random.key(1), 400)
    found = implied_entropies(key, score, process, rows, t_min=t_min, nodes=33)

    def entropy(t):
        alpha, sigma = float(process.alpha(t)), float(process.sigma(t))
        return 0.5 * np.linalg.slogdet(2 * np.pi * np.e * (alpha**2 * cov + sigma**2 * np.eye(2)))[1]

    drift = 2 * np.log(float(process.alpha(1.0)) / float(process.alpha(t_min)))
    at_start, A = entropy(t_min), entropy(1.0) - entropy(t_min) - drift
    for name, B in {
        "quadratic": factor**2,
        "divergence": factor,
        "denoising": 2 * factor - factor**2,
    }.items():
        close(getattr(found, name), at_start + (1 - B) * A, 2 * FLOW)
    close(found.rescaled, at_start, 2 * FLOW)
    assert found.nll.mean > at_start - 5 * found.nll.stderr
    np.testing.assert_allclose(found.bound.mean, 2 * found.nll.mean - found.quadratic.mean, rtol=1e-6)


def test_one_row_has_no_error_bar(key):
    score = td.exact_score(td.Gaussian([0.0], [[1.0]]), td.VarianceExploding(25.0))
    with pytest.raises(ValueError, match="samples: got one row, need at least 2"):
        implied_entropies(key, score, td.VarianceExploding(25.0), np.zeros((1, 1)))
