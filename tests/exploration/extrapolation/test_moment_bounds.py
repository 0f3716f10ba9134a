"""Bounds beyond n: against linear programs of another form, by enumeration of all outcomes, and where they must end."""

import itertools
from fractions import Fraction
from math import comb, log, sqrt

import numpy as np
import pytest
from scipy.optimize import linprog

from thermodiff.exploration.extrapolation.linear_programs import SLACK, Met, can_be_met, least
from thermodiff.exploration.extrapolation.moment_bounds import (
    LARGEST_TILT,
    MOVE,
    TILTS,
    count_blocks,
    moment_bounds,
)


def exact_binomial(n: int, p: Fraction) -> list[Fraction]:
    return [comb(n, c) * p**c * (1 - p) ** (n - c) for c in range(n + 1)]


def exact_limit(inside: int, M: int, error: float) -> float:
    """Clopper and Pearson's upper limit by bisection of the exact tail: P(N <= inside | F) = error."""
    if inside == M:
        return 1.0
    low, high = 0.0, 1.0
    for _ in range(40):
        F = Fraction((low + high) / 2)
        tail = sum(exact_binomial(M, F)[: inside + 1])
        low, high = ((low + high) / 2, high) if tail > error else (low, (low + high) / 2)
    return high


def points(n: int, cells: int = 1500) -> tuple[np.ndarray, np.ndarray]:
    """Solve rates, and the probabilities of all counts at them by exact arithmetic, shape (n + 1, points)."""
    p = [Fraction(0), *(Fraction(x).limit_denominator(10**7) for x in np.geomspace(1e-6, 1, cells))]
    return np.array([float(x) for x in p]), np.array([[float(x) for x in exact_binomial(n, q)] for q in p]).T


def shares(n: int) -> list[float]:
    raw = [0.5**i for i in range(len(count_blocks(n)))]
    return [x / sum(raw) for x in raw]


def by_dual(cost: np.ndarray, rows: np.ndarray, right: np.ndarray) -> float:
    """min cost @ w, sum w = 1, rows @ w <= right, as its dual: max m - right @ y, m - rows^T y <= cost, y >= 0."""
    A = np.hstack([-rows.T, np.ones((rows.shape[1], 1))])
    bounds = [(0, None)] * len(right) + [(None, None)]
    return -linprog(np.append(right, -1.0), A, cost, bounds=bounds).fun


def test_blocks_hold_every_count_once():
    for n in range(1, 40):
        counts = [c for first, last in count_blocks(n) for c in range(first, last + 1)]
        assert counts == list(range(n + 1))
    assert count_blocks(10) == [(0, 0), (1, 1), (2, 3), (4, 7), (8, 10)]


@pytest.mark.parametrize(("n", "seed"), [(4, 0), (7, 1)])
def test_drawn_agrees_with_the_dual_program_on_points_from_exact_binomials(n, seed):
    rng = np.random.default_rng(seed)
    c = rng.binomial(n, rng.beta(0.5, 0.8, 40))
    p, probability = points(n)
    rows, right = [], []
    for (first, last), share in zip(count_blocks(n), shares(n), strict=True):
        inside = int(((c >= first) & (c <= last)).sum())
        of_block = probability[first : last + 1].sum(0)
        rows += [of_block, -of_block]
        right += [exact_limit(inside, 40, 0.025 * share), exact_limit(40 - inside, 40, 0.025 * share) - 1]
    k = np.array([n, 2 * n, 10 * n])
    lower, upper = moment_bounds(c, n, k, 0.95, fixed=False)
    for i, exponent in enumerate(k):
        fail = (1 - p) ** int(exponent)
        low = 1 + by_dual(-fail, np.array(rows), np.array(right))
        high = 1 - by_dual(fail, np.array(rows), np.array(right))
        # Points allow less than cells do, and both grids end within MOVE of the limit of fine ones.
        assert low - 2 * MOVE <= lower[i] <= low + 1e-6
        assert high - 1e-6 <= upper[i] <= high + 2 * MOVE


def test_fixed_lies_between_programs_of_dense_tilts_and_of_the_error_that_few_tilts_cost():
    rng = np.random.default_rng(2)
    n, M = 6, 50
    c = rng.binomial(n, rng.beta(0.5, 0.8, M))
    p, probability = points(n, 300)
    rows, right, looser = [], [], []
    for (first, last), share in zip(count_blocks(n), shares(n), strict=True):
        inside = ((c >= first) & (c <= last)).mean()
        of_block = np.minimum(probability[first : last + 1].sum(0), 1)
        budget = log(2 / (0.05 * share)) / M
        # In the Gaussian limit a tilt s times the best one needs ((s + 1/s)/2)^2 of the budget.
        s = (LARGEST_TILT / sqrt(8 * budget)) ** (0.5 / (TILTS - 1))
        for t in np.concatenate([np.geomspace(0.05, 12, 40), -np.geomspace(0.05, 12, 40)]):
            rows.append(-np.log1p(of_block * np.expm1(t)))
            right.append(budget - t * inside)
            looser.append(budget * ((s + 1 / s) / 2) ** 2 - t * inside)
    k = np.array([n, 3 * n])
    lower, upper = moment_bounds(c, n, k, 0.95, fixed=True)
    for i, exponent in enumerate(k):
        fail = (1 - p) ** int(exponent)
        low, lowest = (1 + by_dual(-fail, np.array(rows), np.array(b)) for b in (right, looser))
        high, highest = (1 - by_dual(fail, np.array(rows), np.array(b)) for b in (right, looser))
        assert lowest - 2 * MOVE <= lower[i] <= low + 1e-6
        assert high - 1e-6 <= upper[i] <= highest + 2 * MOVE


K = np.array([1, 3, 6, 40])


@pytest.mark.parametrize("fixed", [True, False])
def test_coverage_by_enumeration_of_all_outcomes_of_three_problems(fixed):
    n, M, confidence = 3, 3, 0.6
    all_counts = itertools.combinations_with_replacement(range(n + 1), M)
    bounds = {counts: moment_bounds(np.array(counts), n, K, confidence, fixed) for counts in all_counts}
    rates = (0.0, 0.03, 0.2, 0.5, 0.9, 1.0)
    if fixed:
        for p in itertools.combinations_with_replacement(rates, M):
            truth = np.mean([1 - (1 - x) ** K for x in map(np.float64, p)], axis=0)
            assert covered(bounds, [exact_binomial(n, Fraction(x)) for x in p], truth) >= confidence
    else:
        for (a, b), w in itertools.product(itertools.combinations(rates, 2), (0.1, 0.5, 0.8)):
            truth = 1 - w * (1 - np.float64(a)) ** K - (1 - w) * (1 - np.float64(b)) ** K
            mixed = [
                Fraction(w) * x + (1 - Fraction(w)) * y
                for x, y in zip(exact_binomial(n, Fraction(a)), exact_binomial(n, Fraction(b)), strict=True)
            ]
            assert covered(bounds, [mixed] * M, truth) >= confidence


def covered(bounds: dict, laws: list[list[Fraction]], truth: np.ndarray) -> float:
    """Probability of outcomes whose bounds contain the truth at all k, counts independent with these laws."""
    total = Fraction(0)
    for outcome, (low, high) in bounds.items():
        # Exact up to rounding, where a truth is 0 or 1 and a bound is too.
        if np.all((low <= truth + 1e-12) & (truth <= high + 1e-12)):
            for order in set(itertools.permutations(outcome)):
                product = Fraction(1)
                for c, law in zip(order, laws, strict=True):
                    product *= law[c]
                total += product
    return float(total)


@pytest.mark.parametrize("fixed", [True, False])
def test_ends_that_cannot_be_excluded(fixed):
    k = np.array([9, 10_000])
    lower, upper = moment_bounds(np.zeros(20, dtype=int), 8, k, 0.95, fixed)
    assert np.all(lower < 1e-4)
    assert upper[0] < 1
    assert upper[1] > 0.999
    lower, upper = moment_bounds(np.full(20, 8), 8, k, 0.95, fixed)
    assert np.all(upper > 1 - 1e-4)
    assert np.all(lower > 0.5)
    lower, upper = moment_bounds(np.array([0]), 1, k, 0.95, fixed)
    assert np.all(lower < 1e-4)
    assert np.all(upper > 0.97)


@pytest.mark.parametrize("fixed", [True, False])
def test_all_problems_with_the_same_middling_count_cannot_be(fixed):
    lower, upper = moment_bounds(np.full(400, 3), 6, np.array([12]), 0.95, fixed)
    assert np.isnan(lower).all()
    assert np.isnan(upper).all()


def test_more_confidence_and_larger_k_widen():
    c = np.random.default_rng(3).binomial(16, 0.2 * np.random.default_rng(4).random(100))
    for fixed in (True, False):
        low, high = moment_bounds(c, 16, np.array([16, 32, 64]), 0.9, fixed)
        lower, higher = moment_bounds(c, 16, np.array([16, 32, 64]), 0.99, fixed)
        assert np.all(lower < low)
        assert np.all(higher > high)
        # The bounds are as accurate as they say; pass@k itself cannot fall.
        assert np.all(np.diff(low) > -MOVE)
        assert np.all(np.diff(high) > -MOVE)


def test_column_generation_agrees_with_all_columns_at_once():
    rng = np.random.default_rng(5)
    x = np.linspace(0, 1, 500)
    rows = np.array([np.cos(j * np.pi * x) for j in range(1, 8)])
    for _ in range(10):
        w = rng.dirichlet(np.full(500, 0.02))
        right = rows @ w + 0.05 * rng.random(7)
        cost = np.sin(rng.uniform(1, 20) * x) + x
        met = can_be_met(rows, right, np.arange(0, 500, 40))
        assert met is not None
        found = least(cost, rows, met)
        exact = linprog(cost, rows, right, np.ones((1, 500)), [1.0]).fun
        assert exact - SLACK - 1e-7 <= found.value <= exact + 1e-7
        assert found.weights.sum() == pytest.approx(1)
        assert len(found.pool) < 100


def test_what_cannot_be_met_is_said():
    x = np.linspace(0, 1, 50)
    assert can_be_met(x[None], np.array([-0.1]), np.arange(5)) is None
    met = can_be_met(np.array([x, -x]), np.array([0.5, -0.5]), np.arange(3))
    assert isinstance(met, Met)
