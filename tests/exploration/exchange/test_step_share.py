"""The share that a step buys against the ledger of small steps, plain sums, and bounds from merged responses."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from tables import random_tables

from thermodiff.exploration import exact_cost_of_accuracy, share_bought


def test_the_share_that_a_step_buys_is_that_of_the_ledger():
    base, other, correct, real = random_tables(11, M=30)
    u = np.where(real, other, 0)
    found = share_bought(base, u, correct, real=real)
    share = found.share
    errors = []
    for eta in (0.04, 0.02):
        ends = [base + step * u for step in (eta, -eta)]  # the error is then even in the step
        ends = [end - np.log(np.exp(end).sum(1, keepdims=True)) for end in ends]
        costs = [exact_cost_of_accuracy(base, end, correct, real=real) for end in ends]
        errors.append(sum(c.paid.mean for c in costs) / sum(c.divergence.mean for c in costs) - share.mean)
    assert abs(errors[1]) < 1e-3
    assert errors[0] / errors[1] == pytest.approx(4, rel=0.02)
    assert 0 < share.mean < 1
    assert share.stderr > 0
    shifted = share_bought(base, u + np.arange(30)[:, None], correct, real=real).share
    assert shifted == pytest.approx(share, rel=1e-9)
    assert share_bought(base, correct, correct, real=real).share == pytest.approx((1, 0, 30), abs=1e-12)


def plain(pi, u, correct):
    """Cov(u, r), Cov^2/(p q) and Var(u) of one problem, by loops."""
    mean = sum(a * b for a, b in zip(pi, u, strict=True))
    p = sum(a for a, r in zip(pi, correct, strict=True) if r)
    covariance = sum(a * (b - mean) * (r - p) for a, b, r in zip(pi, u, correct, strict=True))
    variance = sum(a * (b - mean) ** 2 for a, b in zip(pi, u, strict=True))
    return covariance, covariance**2 / (p * (1 - p)), variance


@given(seed=st.integers(0, 1000))
def test_parts_by_plain_sums_and_bounds_where_responses_are_merged(seed):
    base, other, correct, real = random_tables(seed)
    pi = np.exp(base)
    u = np.where(real, other, 0)
    u = np.where(real, u - (pi * u).sum(1, keepdims=True), 0)  # d ln pi: of mean 0
    rows = np.array([plain(*row) for row in zip(pi, u, correct, strict=True)]).mean(0)
    whole = share_bought(base, u, correct, real=real)
    assert (whole.gained.mean, whole.bought.mean, whole.spent.mean) == pytest.approx(rows, abs=1e-12)
    assert whole.share.mean == pytest.approx(rows[1] / rows[2], abs=1e-12)
    listed = real & (correct | (np.arange(real.shape[1]) % 2 == 1))
    part = share_bought(base, u, correct, real=listed, remainder=True)
    assert part.spent.mean <= whole.spent.mean + 1e-12
    assert part.share.mean >= whole.share.mean - 1e-12
    assert (part.gained.mean, part.bought.mean) == pytest.approx(rows[:2], abs=1e-12)
    assert "at most" in str(part)
    assert "at most" not in str(whole)


def test_one_response_that_is_not_listed_is_no_loss():
    base, u, correct = np.log([[0.2, 0.5, 0.3]]), np.array([[1.0, 0.4, -4 / 3]]), [[1, 0, 0]]
    whole = share_bought(base, u, correct)
    part = share_bought(base[:, :2], u[:, :2], [[1, 0]], remainder=True)
    assert part.share.mean == pytest.approx(whole.share.mean, abs=1e-12)
    assert part.spent.mean == pytest.approx(whole.spent.mean, abs=1e-12)


GOOD = np.log([[0.5, 0.5]])


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ([0.0, 1.0], r"change: got shape \(2,\), need that of log_probs, \(1, 2\)"),
        ([[np.inf, 1.0]], "change: got entries that are not finite"),
        ([[2.0, 2.0]], "change: got a step that changes no probability, need one that does"),
    ],
)
def test_a_step_that_is_none_is_refused(change, message):
    with pytest.raises(ValueError, match=message):
        share_bought(GOOD, change, [[1, 0]])
