"""What an affine map of the coordinates does to any Gaussian and any mixture: to log p, the score and the entropy."""

import jax.numpy as jnp
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

import thermodiff as td

pytestmark = pytest.mark.usefixtures("double_precision")

SEEDS = st.integers(0, 2**32 - 1)


def matrix(rng, dim, condition):
    """A random matrix whose singular values go from 1 down to 1/condition."""
    left, right = (np.linalg.qr(rng.normal(size=(dim, dim)))[0] for _ in range(2))
    return left * np.geomspace(1, 1 / condition, dim) @ right


def mixture(rng, dim):
    weights = rng.dirichlet(np.ones(2)) * 0.9 + 0.05
    factors = [matrix(rng, dim, 3.0) for _ in weights]
    return weights, 2 * rng.normal(size=(2, dim)), np.stack([f @ f.T for f in factors])


@given(SEEDS)
def test_log_prob_and_score_of_a_mapped_mixture(seed):
    rng = np.random.default_rng(seed)
    weights, means, covs = mixture(rng, 2)
    A, b, x = matrix(rng, 2, 10.0), rng.normal(size=2), rng.normal(size=2)
    before = td.GaussianMixture(weights, means, covs)
    after = td.GaussianMixture(weights, means @ A.T + b, A @ covs @ A.T)
    y = jnp.asarray(A @ x + b)
    log_det = np.log(abs(np.linalg.det(A)))
    np.testing.assert_allclose(after.log_prob(y) + log_det, before.log_prob(jnp.asarray(x)), rtol=1e-9)
    process = td.VarianceExploding(sigma=25.0)
    # At t = 0 there is no noise, and the score of y = A x + b is A^-T times that of x.
    score_after, score_before = (td.exact_score(p, process) for p in (after, before))
    np.testing.assert_allclose(
        A.T @ score_after(y, jnp.asarray(0.0)), score_before(jnp.asarray(x), jnp.asarray(0.0)), rtol=1e-8
    )


@given(SEEDS, st.integers(1, 5))
def test_entropy_of_a_mapped_gaussian_moves_by_the_log_determinant(seed, dim):
    rng = np.random.default_rng(seed)
    factor, A = matrix(rng, dim, 5.0), matrix(rng, dim, 50.0)
    cov = factor @ factor.T
    before = td.Gaussian(rng.normal(size=dim), cov)
    after = td.Gaussian(np.zeros(dim), A @ cov @ A.T)
    assert after.entropy() == pytest.approx(before.entropy() + np.linalg.slogdet(A)[1], rel=1e-9)


@given(SEEDS, st.floats(1e-3, 1e3))
def test_entropy_of_a_mixture_in_other_units(seed, unit):
    weights, means, covs = mixture(np.random.default_rng(seed), 1)
    before, after = (td.GaussianMixture(weights, u * means, u**2 * covs).entropy() for u in (1.0, unit))
    assert after == pytest.approx(before + np.log(unit), abs=1e-6)


@given(SEEDS)
def test_a_part_has_no_less_than_what_is_left_when_the_rest_is_known(seed):
    """S(x_1) + S(x_2) >= S(x_1, x_2), with equality for a diagonal covariance."""
    factor = matrix(np.random.default_rng(seed), 2, 20.0)
    cov = factor @ factor.T
    apart = sum(td.Gaussian([0.0], [[cov[i, i]]]).entropy() for i in range(2))
    together = td.Gaussian([0.0, 0.0], cov).entropy()
    assert apart >= together - 1e-9
    assert apart == pytest.approx(td.Gaussian([0.0, 0.0], np.diag(np.diag(cov))).entropy(), rel=1e-9)
