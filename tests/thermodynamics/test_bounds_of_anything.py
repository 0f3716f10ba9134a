"""Inequalities that the bounds keep for any averages at all, and Kullback-Leibler divergences for any Gaussians."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from thermodiff.thermodynamics.bounds import (
    certified_elbo_bound,
    certified_elbo_rate_bound,
    gaussian_kl,
    paper_bound,
    slack_terms,
)

pytestmark = pytest.mark.usefixtures("double_precision")

RATES = st.lists(
    st.tuples(st.floats(1e-12, 1e3), st.floats(1e-12, 1e3), st.floats(1e-3, 1.0)), min_size=2, max_size=8
)
SEEDS = st.integers(0, 2**32 - 1)


@given(RATES, st.floats(-100, 100))
def test_the_bound_of_rates_is_never_below_that_of_their_integrals(rates, S0):
    """Cauchy-Schwarz: int (sqrt a - sqrt b)^2 >= (sqrt int a - sqrt int b)^2, whatever the two rates."""
    a, b, weights = np.array(rates).T
    by_rate = certified_elbo_rate_bound(S0, a, b, weights)
    by_integral = certified_elbo_bound(S0, weights @ a, weights @ b)
    # Smaller rates than 1e-12 are taken for that; what is left is rounding.
    assert by_rate >= by_integral - 1e-9 * (1 + weights @ (a + b))


@given(SEEDS)
def test_divergence_of_any_gaussians(seed):
    """Against traces and determinants of numpy; at least 0; the same after any affine map of both."""
    rng = np.random.default_rng(seed)
    m, p = rng.normal(size=(2, 3))
    C, P = (f @ f.T + 0.1 * np.eye(3) for f in rng.normal(size=(2, 3, 3)))
    A, shift = rng.normal(size=(3, 3)) + 3 * np.eye(3), rng.normal(size=3)
    got = float(gaussian_kl(m, C, p, P))
    inverse = np.linalg.inv(P)
    want = (np.trace(inverse @ C) - 3 + (m - p) @ inverse @ (m - p)) / 2
    want -= (np.linalg.slogdet(C)[1] - np.linalg.slogdet(P)[1]) / 2
    assert got == pytest.approx(want, rel=1e-8, abs=1e-10)
    assert got >= 0
    mapped = gaussian_kl(A @ m + shift, A @ C @ A.T, A @ p + shift, A @ P @ A.T)
    assert float(mapped) == pytest.approx(got, rel=1e-6, abs=1e-9)
    assert float(gaussian_kl(m, C, m, C)) == pytest.approx(0, abs=1e-10)


@given(st.tuples(*[st.floats(0, 50)] * 3), st.floats(-10, 10))
def test_slack_identities_are_the_definitions_put_together(averages, S1):
    """With int R1 = B, int R3 = 2C - B, -ELBO = S0 + J + KL and S0 = S1 - A the slack is the sum of its terms."""
    A, B, share = averages
    C = np.sqrt(A * B) * (share / 25 - 1)
    J, KL, S0 = A + B - 2 * C, 0.3, S1 - A
    terms = slack_terms(A, B, C, J, KL, 0.0, 1.0, 1)
    neg_elbo = S0 + J + KL
    assert neg_elbo - paper_bound(S0, S1, B) == pytest.approx(sum(terms.elbo_quadratic.values()), abs=1e-9)
    assert neg_elbo - paper_bound(S0, S1, 2 * C - B) == pytest.approx(
        sum(terms.elbo_denoising.values()), abs=1e-9
    )
    # N_th = S1 - int R2, int R2 = C.
    assert S1 - C - paper_bound(S0, S1, B) == pytest.approx(sum(terms.cross_quadratic.values()), abs=1e-9)
