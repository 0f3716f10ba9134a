"""The tail's shape against laws whose shape is known, and scipy's own fit of the generalised Pareto law."""

import numpy as np
import pytest
from scipy.stats import genpareto

from thermodiff.numerics.pareto_tail import PRIOR_SHAPE, PRIOR_WEIGHT, largest_shape, pareto_shape

N = 40000
M = int(3 * np.sqrt(N))


@pytest.mark.parametrize("k", [0.2, 0.5, 1.0, 2.0])
def test_weights_of_a_known_tail(k):
    """w = U^-k: the fit's standard error is (1 + k)/sqrt(m), and the prior draws it to 1/2."""
    found = pareto_shape(-k * np.log(np.random.default_rng(0).uniform(size=N)))
    expected = (M * k + PRIOR_WEIGHT * PRIOR_SHAPE) / (M + PRIOR_WEIGHT)
    assert abs(found - expected) < 4 * (1 + k) / np.sqrt(M)


def test_the_fit_is_that_of_the_largest_likelihood():
    """Of lognormal weights, which have no power: within a fraction of the error of scipy's maximum, prior taken off."""
    log_w = 1.5 * np.random.default_rng(1).normal(size=N)
    top = np.sort(np.exp(log_w))[-M - 1 :]
    shape, _, _ = genpareto.fit(top[1:] - top[0], floc=0)
    own = (pareto_shape(log_w) * (M + PRIOR_WEIGHT) - PRIOR_WEIGHT * PRIOR_SHAPE) / M
    assert abs(own - shape) < 0.2 * (1 + shape) / np.sqrt(M)
    assert pareto_shape(log_w + 700.0) == pytest.approx(pareto_shape(log_w))


def test_equal_and_few_weights_have_no_tail():
    assert pareto_shape(np.zeros(1000)) == -np.inf
    assert pareto_shape(np.log([1.0, 2.0, 3.0])) == -np.inf
    assert pareto_shape(np.full(100, -np.inf)) == -np.inf


def test_what_is_believed_grows_with_the_sample():
    assert largest_shape(100) == pytest.approx(0.5)
    assert largest_shape(10**6) == 0.7
