"""The tilt against a numerical maximum of reward less cost, and the least cost of a mean accuracy against scipy's."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.optimize import minimize
from tables import random_tables

from thermodiff.exploration import (
    binary_divergence,
    dissipated_work,
    exact_cost_by_problem,
    free_energy,
    least_cost_of_mean_accuracy,
)


def test_the_tilt_is_the_best_policy_that_an_optimiser_finds():
    pi, r, beta = np.array([0.05, 0.15, 0.5, 0.3]), np.array([1.0, 1, 0, 0]), 0.4

    def loss(z):
        new = np.exp(z - z.max()) / np.exp(z - z.max()).sum()
        return beta * (new * np.log(new / pi)).sum() - (new * r).sum()

    best = minimize(loss, np.zeros(4), method="BFGS", options={"gtol": 1e-9})
    tilt = free_energy(0.2, beta)
    assert tilt.free_energy == pytest.approx(-best.fun, abs=1e-9)
    new = np.exp(best.x - best.x.max())
    assert tilt.accuracy == pytest.approx((new * r).sum() / new.sum(), abs=1e-6)
    assert tilt.log_partition == pytest.approx(np.log(0.8 + 0.2 * np.exp(1 / beta)))


@given(p=st.floats(0, 1), beta=st.floats(1e-3, 1e3))
def test_identities_of_the_tilt(p, beta):
    tilt = free_energy(p, beta)
    assert np.isfinite(tilt).all()
    assert tilt.free_energy == pytest.approx(tilt.accuracy - beta * tilt.cost, rel=1e-9, abs=1e-9)
    assert 0 <= tilt.accuracy <= 1
    if 0 < tilt.accuracy < 1 and p > 1e-200:
        assert tilt.cost == pytest.approx(binary_divergence(tilt.accuracy, p), rel=1e-6, abs=1e-11)


def test_shapes_and_certain_problems():
    tilt = free_energy([0.0, 0.3, 1.0], [[0.5], [1e-5]])
    assert tilt.free_energy.shape == (2, 3)
    assert tilt.free_energy[0] == pytest.approx([0, 0.5 * np.log(0.7 + 0.3 * np.exp(2)), 1])
    assert tilt.cost[:, [0, 2]] == pytest.approx(0, abs=1e-9)
    assert tilt.cost[1, 1] == pytest.approx(-np.log(0.3))


@given(seed=st.integers(0, 10_000), beta=st.floats(0.05, 20))
def test_lost_work_is_what_is_missing_to_the_free_energy(seed, beta):
    base, new, correct, real = random_tables(seed)
    cost = exact_cost_by_problem(base, new, correct, real=real)
    lost = dissipated_work(base, new, correct, beta, real=real)
    assert (lost > -1e-12).all()
    missing = free_energy(cost.p, beta).free_energy - (cost.p_new - beta * cost.divergence)
    assert np.allclose(lost, missing, rtol=1e-12, atol=1e-12)
    tilt = base + correct / beta
    tilt -= np.log(np.exp(tilt).sum(1, keepdims=True))
    assert np.abs(dissipated_work(base, tilt, correct, beta, real=real)).max() < 1e-12 * max(1, beta)


@pytest.mark.parametrize("accuracy", [0.02, 0.4, 0.9])
def test_least_cost_is_what_a_constrained_optimiser_finds(accuracy):
    p = np.array([0.002, 0.05, 0.3, 0.5])
    found = least_cost_of_mean_accuracy(p, accuracy)
    mean = {"type": "eq", "fun": lambda x: x.mean() - accuracy}
    other = minimize(
        lambda x: (x * np.log(x / p) + (1 - x) * np.log((1 - x) / (1 - p))).mean(),
        np.full(4, accuracy),
        constraints=[mean],
        bounds=[(1e-9, 1 - 1e-9)] * 4,
        method="SLSQP",
        options={"ftol": 1e-14, "maxiter": 500},
    )
    assert other.success
    assert found.cost == pytest.approx(other.fun, abs=1e-8)
    assert found.accuracy == pytest.approx(other.x, abs=1e-4)  # the cost is flat: errors of x count squared
    assert found.accuracy.mean() == pytest.approx(accuracy, abs=1e-12)
    odds = np.log(found.accuracy / (1 - found.accuracy)) - np.log(p / (1 - p))
    assert odds == pytest.approx(found.tilt, abs=1e-9)


def test_least_cost_lies_between_that_of_the_means_and_other_allocations():
    p = np.array([0.01, 0.1, 0.4])
    found = least_cost_of_mean_accuracy(p, 0.5)
    assert binary_divergence(0.5, p.mean()) < found.cost < binary_divergence(np.full(3, 0.5), p).mean()
    assert least_cost_of_mean_accuracy(p, p.mean()).cost == pytest.approx(0, abs=1e-12)
    fixed = least_cost_of_mean_accuracy([0.0, 1.0, 0.2], 0.6)
    assert fixed.accuracy == pytest.approx([0, 1, 0.8])


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda: free_energy(1.2, 1.0), "p: got 1.2, need probabilities"),
        (lambda: free_energy(0.2, 0.0), "beta: got 0.0, need a positive"),
        (lambda: dissipated_work([[0.0]], [[0.0]], [[1]], -1.0), "beta: got -1.0"),
        (
            lambda: least_cost_of_mean_accuracy([0.0, 0.5], 0.5),
            r"accuracy: got 0.5, need a mean accuracy inside \(0, 0.5\)",
        ),
        (
            lambda: dissipated_work([[0.0]], [[0.0]], [[1]], np.ones(2)),
            r"beta: got shape \(2,\), need one temperature",
        ),
        (
            lambda: least_cost_of_mean_accuracy([0.2], np.array([0.4, 0.5])),
            r"accuracy: got shape \(2,\), need one mean accuracy",
        ),
        (lambda: least_cost_of_mean_accuracy([1.0, 0.5], 0.4), r"accuracy: got 0.4, .*inside \(0.5, 1\)"),
        (lambda: least_cost_of_mean_accuracy([[0.1]], 0.4), r"p: got shape \(1, 1\)"),
    ],
)
def test_refused(as_users_run_it, call, message):
    with pytest.raises(ValueError, match=message):
        call()
