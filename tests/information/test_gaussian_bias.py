"""Every known bias of a Gaussian fitted to few rows against simulation; numpy alone fits here."""

from types import SimpleNamespace

import numpy as np
import pytest
from problems_information import gaussian_entropy

from thermodiff.information.gaussian_bias import (
    cross_gaussian_bias,
    gaussian_bias,
    moment_error,
    seen_gaussian_bias,
    wishart_log_det_bias,
)


@pytest.mark.parametrize(("m", "d", "given"), [(30, 5, 0), (12, 1, 0), (200, 2, 0), (40, 3, 4), (25, 1, 2)])
def test_gaussian_bias_by_simulation(m, d, given):
    """Fit y | w to m rows and ask what it says of others; correlated, off-centre; least squares by numpy."""
    rng = np.random.default_rng(m)
    width = d + given
    root = rng.normal(size=(width, width)) + 2 * np.eye(width)
    cov, mean = root @ root.T, 5 + np.arange(width)
    slope = np.linalg.solve(cov[d:, d:], cov[d:, :d])
    residual = cov[:d, :d] - slope.T @ cov[d:, :d]
    values = []
    for _ in range(4000):
        x = mean + rng.normal(size=(m, width)) @ root.T
        design = np.hstack([np.ones((m, 1)), x[:, d:]])
        found, *_ = np.linalg.lstsq(design, x[:, :d], rcond=None)
        apart = x[:, :d] - design @ found
        fitted = apart.T @ apart / (m - 1 - given)
        # Rows not seen: E over y given w, and over w, in closed form.
        tilt = found[1:] - slope
        shift = found[0] + mean[d:] @ found[1:] - mean[:d]
        second = residual + np.outer(shift, shift) + tilt.T @ cov[d:, d:] @ tilt
        log_det = np.linalg.slogdet(2 * np.pi * fitted)[1]
        values.append(0.5 * (log_det + np.trace(np.linalg.solve(fitted, second))))
    bias = np.asarray(values) - gaussian_entropy(residual)
    assert abs(bias.mean() - gaussian_bias(m, d, given)) < 4 * bias.std(ddof=1) / np.sqrt(len(bias))
    assert gaussian_bias(m, d, given) > 0


def test_gaussian_bias_falls_as_one_over_m():
    for d, given in ((1, 0), (3, 0), (10, 0), (3, 5)):
        assert gaussian_bias(100_000, d, given) == pytest.approx(d * (d + 3 + 2 * given) / 4e5, rel=1e-3)
    assert gaussian_bias(7, 5) == 0.0
    assert gaussian_bias(9, 5, 2) == 0.0
    assert gaussian_bias(8, 5) > 1


@pytest.mark.parametrize(("m", "d"), [(30, 5), (12, 1), (60, 3)])
def test_biases_of_rows_seen_of_log_determinants_and_of_single_points(m, d):
    """Of N(0, 1) rows, whose law loses nothing, as all three are the same under affine maps."""
    rng = np.random.default_rng(m)
    points = 1.5 * rng.normal(size=(3, d)) + 0.5
    truth = 0.5 * np.sum(points**2 + np.log(2 * np.pi), axis=1)
    x = rng.normal(size=(4000, m, d))
    mean = x.mean(axis=1, keepdims=True)
    cov = np.einsum("kmi,kmj->kij", x - mean, x - mean) / (m - 1)
    inverse, variances = np.linalg.inv(cov), np.linalg.eigvalsh(cov)
    log_dets = np.log(variances).sum(axis=1)
    constant = 0.5 * (log_dets + d * np.log(2 * np.pi))[:, None]
    of_seen, of_points = (
        constant + 0.5 * np.einsum("kmi,kij,kmj->km", rows - mean, inverse, rows - mean, optimize=True)
        for rows in (x, points)
    )
    seen = of_seen.mean(axis=1) - gaussian_entropy(np.eye(d))
    single = [
        cost - cross_gaussian_bias(cost, SimpleNamespace(dim=d, variances=v), m) - truth
        for cost, v in zip(of_points, variances, strict=True)
    ]
    for values, expected in (
        (seen, seen_gaussian_bias(m, d)),
        (log_dets, wishart_log_det_bias(m, d)),
        *zip(np.transpose(single), np.zeros(3), strict=True),
    ):
        assert abs(np.mean(values) - expected) < 4 * np.std(values, ddof=1) / np.sqrt(len(values))


@pytest.mark.parametrize("wide", [1.0, 1.7])
def test_what_the_moments_of_q_are_off_by(wide):
    """E_p[-ln G_q] over 2000 samples of q: its scatter, with p known."""
    rng = np.random.default_rng(18)
    root = np.array([[1.0, 0.0], [0.8, 0.6]])
    p = rng.normal(size=(4000, 2)) @ (wide * root.T) + [0.5, -0.3]
    second, centre = np.cov(p, rowvar=False, ddof=0), p.mean(axis=0)
    costs, errors = [], []
    for _ in range(2000):
        q = rng.normal(size=(300, 2)) @ root.T
        mean, cov = q.mean(axis=0), np.cov(q, rowvar=False)
        apart = centre - mean
        inverse = np.linalg.inv(cov)
        quadratic = np.trace(inverse @ second) + apart @ inverse @ apart
        costs.append(0.5 * (quadratic + np.linalg.slogdet(cov)[1]))
        if len(errors) < 50:
            errors.append(moment_error(p, q))
    assert np.mean(errors) == pytest.approx(np.std(costs), rel=0.08)
