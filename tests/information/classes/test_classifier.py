"""What a classifier leaves of the entropy of classes: the fitted line, its known cost, and the network's part."""

import jax
import numpy as np
import pytest
from problems_information import SMALL

from thermodiff.information.classes.classifier import fit_classifier, fit_line, frequencies


def test_the_line_of_two_normal_classes_is_known():
    """x = 2 c + noise: ln p(1 | x)/p(0 | x) = 2 x - 2."""
    rng = np.random.default_rng(0)
    codes = rng.integers(0, 2, 20_000)
    x = 2.0 * codes[:, None] + rng.normal(size=(20_000, 1))
    line = fit_line(x, codes, 2)
    logits = line.logits(np.array([[0.0], [1.0], [3.0]]))
    # 1/sqrt(n E[q(1 - q) x^2]) is the error of a slope, below .03 here.
    np.testing.assert_allclose(logits[:, 1] - logits[:, 0], [-2.0, 0.0, 4.0], atol=4 * 0.03)


@pytest.mark.parametrize("rotation", [0.0, 0.7])
def test_units_and_rotations_do_not_move_the_line(rotation):
    rng = np.random.default_rng(1)
    codes = rng.integers(0, 3, 600)
    x = rng.normal(size=(600, 2)) + np.eye(3)[codes][:, :2]
    turn = np.array([[np.cos(rotation), -np.sin(rotation)], [np.sin(rotation), np.cos(rotation)]])
    moved = (x @ turn) * [1e3, 1e-4] + [5.0, -7.0]
    first, second = (fit_line(rows, codes, 3) for rows in (x, moved))
    np.testing.assert_allclose(first.logits(x), second.logits(moved), atol=1e-3)
    assert first.bias == pytest.approx(second.bias, rel=1e-3)


@pytest.mark.slow
def test_what_fitted_lines_cost_on_other_rows_is_known():
    """Over 100 samples of 400 rows: -ln q of a large sample, less that of the true law, is the bias."""
    rng = np.random.default_rng(2)
    slopes = np.array([[0.0, 0.8, -0.5], [0.0, -0.4, 0.9], [0.0, 0.3, 0.2]])

    def draw(n):
        x = rng.normal(size=(n, 3))
        logits = x @ slopes
        p = np.exp(logits) / np.exp(logits).sum(axis=1, keepdims=True)
        return x, (rng.random(n)[:, None] > np.cumsum(p, axis=1)).sum(axis=1), p

    test, _, p = draw(10_000)
    excess, told = [], []
    for _ in range(100):
        x, codes, _ = draw(400)
        line = fit_line(x, codes, 3)
        logits = line.logits(test)
        log_q = logits - np.log(np.exp(logits).sum(axis=1, keepdims=True))
        excess.append(np.mean(np.sum(p * (np.log(p) - log_q), axis=1)))
        told.append(line.bias)
    error = np.std(excess) / np.sqrt(100)
    # Of second order in 1/m: parameters squared over (2m)^2, 2e-4 here.
    assert abs(np.mean(excess) - np.mean(told)) < 3 * error + 2e-4
    assert np.mean(told) == pytest.approx(8 / 800, rel=0.1)


def test_frequencies_of_a_class_that_is_not_there():
    found = frequencies(np.array([0, 0, 2]), 3)
    assert np.exp(found).sum() == pytest.approx(1)
    np.testing.assert_allclose(np.exp(found), np.array([2.5, 0.5, 1.5]) / 4.5)


def test_a_column_that_does_not_vary_among_the_training_rows():
    """Nor do sums of others: the line is that of the other columns alone, also where it varies in other rows."""
    rng = np.random.default_rng(5)
    codes = rng.integers(0, 2, 300)
    x = rng.normal(size=(300, 1)) + codes[:, None]
    alone = fit_line(x, codes, 2)
    more = fit_line(np.column_stack([x, np.full(300, 3.0), 2 * x]), codes, 2)
    test = np.column_stack([x, 3.0 + rng.normal(size=300), 2 * x])
    np.testing.assert_allclose(more.logits(test), alone.logits(x), atol=1e-4)
    assert more.bias == pytest.approx(alone.bias, rel=1e-3)


def test_classes_that_a_plane_separates_end_somewhere():
    rng = np.random.default_rng(3)
    codes = np.repeat([0, 1], 100)
    x = rng.uniform(size=(200, 1)) + 10.0 * codes[:, None]
    line = fit_line(x, codes, 2)
    assert np.isfinite(line.coefficients).all()
    assert line.bias < 2 / 400


@pytest.mark.slow
def test_a_network_adds_what_no_line_knows():
    """Two classes of one mean and unlike widths: a line knows ln 2 of ln 2, the network what is left by quadrature."""
    rng = np.random.default_rng(4)
    codes = rng.integers(0, 2, 900)
    x = np.where(codes, 3.0, 1.0)[:, None] * rng.normal(size=(900, 1))
    found = fit_classifier(jax.random.key(0), x, codes, np.arange(600), np.arange(600, 700), SMALL.training)
    test = rng.integers(0, 2, 4000)
    rows = np.where(test, 3.0, 1.0)[:, None] * rng.normal(size=(4000, 1))
    grid = np.linspace(-30, 30, 60_001)
    normal = [np.exp(-0.5 * (grid / s) ** 2) / (s * np.sqrt(2 * np.pi)) for s in (1.0, 3.0)]
    both = np.maximum(0.5 * (normal[0] + normal[1]), 1e-300)
    truth = -sum(np.sum(0.5 * p * np.log(np.maximum(0.5 * p, 1e-300) / both)) for p in normal) * 1e-3
    values = -found.log_probability(rows, test)
    error = values.std() / np.sqrt(len(values))
    # From above by what 600 rows and 300 steps leave: less than a tenth of what there is to know.
    assert truth - 4 * error < values.mean() < truth + 0.1 * (np.log(2) - truth) + 4 * error
