"""td.whiten: round rows, a constant on every entropy, and the way back."""

import numpy as np
import pytest
from scipy.stats import multivariate_normal

import thermodiff as td


def test_whitening_shifts_the_nll_by_the_log_jacobian():
    cov = np.array([[1.0, 0.999, 0.2], [0.999, 1.0, 0.2], [0.2, 0.2, 1.0]]) * np.outer(
        *[[1.0, 10.0, 0.1]] * 2
    )
    x = np.random.default_rng(0).multivariate_normal([3.0, 0.0, 5.0], cov, 2000)
    white = td.whiten(x)
    assert white.rows.dtype == np.float32
    np.testing.assert_allclose(np.cov(white.rows, rowvar=False), np.eye(3), atol=1e-3)
    jacobian = white.map.forward(np.eye(3)) - white.map.forward(np.zeros((3, 3)))
    assert white.log_jacobian == pytest.approx(-np.linalg.slogdet(jacobian)[1], abs=1e-9)
    # The density of z is that of x times |dx/dz|: of a Gaussian in closed form.
    mean = np.array([3.0, 0.0, 5.0])
    law = multivariate_normal(mean, cov)
    of_z = multivariate_normal(white.map.forward(mean[None])[0], jacobian.T @ cov @ jacobian)
    np.testing.assert_allclose(
        -law.logpdf(x[:5]), -of_z.logpdf(white.map.forward(x[:5])) + white.log_jacobian, rtol=1e-6
    )
    other = np.random.default_rng(1).multivariate_normal([3.0, 0.0, 5.0], cov, 5)
    np.testing.assert_allclose(white.back(white.forward(other)), other, rtol=1e-5, atol=1e-5)


def test_what_cannot_be_whitened():
    x = np.random.default_rng(0).normal(size=(100, 2))
    with pytest.raises(ValueError, match=r"^samples: got linearly dependent columns \[0, 1, 2\]"):
        td.whiten(np.column_stack([x, x.sum(axis=1)]))
    with pytest.raises(ValueError, match=r"^x: got shape \(100, 2\), need an array of shape \(n, 1\)"):
        td.whiten(x[:, :1]).forward(x)
