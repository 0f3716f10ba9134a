"""The likeliest distribution of difficulty: its certificate in exact arithmetic, another algorithm, closed forms."""

from fractions import Fraction
from math import comb, log

import numpy as np
import pytest

from experiments.exploration.extrapolation_data import thinned_to
from thermodiff.exploration.extrapolation.difficulty import (
    AS_LIKELY,
    fit_difficulty,
    pass_at_k_of,
    range_over_maximisers,
)


def likelihood(c: int, n: int, p: float) -> float:
    """The binomial probability in units of its largest, from exact arithmetic."""
    c, n, at = int(c), int(n), Fraction(p)
    best = Fraction(c, n)
    return float(at**c * (1 - at) ** (n - c) / (best**c * (1 - best) ** (n - c)))


def data(kind: str) -> tuple[np.ndarray, np.ndarray]:
    rng = np.random.default_rng(0)
    p = rng.beta(0.5, 1.0, 60)
    n = {"equal": np.full(60, 12), "unequal": rng.integers(3, 20, 60), "few": np.full(60, 4)}[kind]
    return rng.binomial(n, p), n


@pytest.mark.parametrize("kind", ["equal", "unequal", "few"])
def test_dual_certificate_in_exact_arithmetic(kind):
    c, n = data(kind)
    fit = fit_difficulty(c, n)
    assert fit.weights.sum() == pytest.approx(1, abs=1e-12)
    f = [
        sum(w * likelihood(a, b, p) for w, p in zip(fit.weights, fit.rates, strict=True))
        for a, b in zip(c, n, strict=True)
    ]
    assert fit.log_likelihood == pytest.approx(sum(map(log, f)), abs=1e-9)
    for p in (1 - np.cos(np.linspace(0, np.pi, 101))) / 2:
        gradient = np.mean([likelihood(a, b, p) / x for a, b, x in zip(c, n, f, strict=True)])
        assert gradient <= 1 + fit.excess + 1e-9
    assert len(c) * fit.excess < 1e-4


@pytest.mark.parametrize("kind", ["equal", "unequal"])
def test_no_worse_than_expectation_maximisation_and_by_no_more_than_certified(kind):
    c, n = data(kind)
    fit = fit_difficulty(c, n)
    p = np.linspace(0, 1, 201)
    table = np.array([[likelihood(a, b, x) for x in p] for a, b in zip(c, n, strict=True)])
    w = np.full(201, 1 / 201)
    for _ in range(5000):
        w *= (table / (table @ w)[:, None]).mean(0)
    other = np.log(table @ w).sum()
    assert other <= fit.log_likelihood + len(c) * max(fit.excess, 0) + 1e-9
    # 5000 steps from a spread-out start come near: the algorithm's own bound is ln(points)/steps a problem.
    assert other >= fit.log_likelihood - len(c) * log(201) / 5000 - grid_loss(c, n, fit, p)


def grid_loss(c: np.ndarray, n: np.ndarray, fit, p: np.ndarray) -> float:
    """What ln L loses if every atom of the fit is shared out between its neighbours on the grid."""
    w = np.zeros(len(p))
    for rate, weight in zip(fit.rates, fit.weights, strict=True):
        i = min(int(rate * (len(p) - 1)), len(p) - 2)
        right = rate * (len(p) - 1) - i
        w[i] += weight * (1 - right)
        w[i + 1] += weight * right
    f = [
        sum(v * likelihood(a, b, x) for v, x in zip(w, p, strict=True) if v)
        for a, b in zip(c, n, strict=True)
    ]
    return fit.log_likelihood - sum(map(log, f))


def test_few_rollouts_are_fitted_without_remainder():
    """Counts whose shares are a mixture's own: f is these shares, whatever distribution is found."""
    n, p, w = 3, [0.1, 0.7], [0.5, 0.5]
    shares = np.array(
        [sum(v * comb(n, c) * q**c * (1 - q) ** (n - c) for v, q in zip(w, p, strict=True)) for c in range(4)]
    )
    times = np.round(shares * 10_000).astype(int)
    fit = fit_difficulty(np.repeat(np.arange(4), times), np.full(times.sum(), n))
    best = [
        log(m / times.sum() / comb(n, c) / ((c / n) ** c * (1 - c / n) ** (n - c)))
        for c, m in enumerate(times)
    ]
    assert fit.log_likelihood == pytest.approx(times @ best, abs=1e-6)


def test_range_from_one_rollout_a_problem_is_all_that_the_mean_allows():
    M = 2000
    c, n, k = np.repeat([0, 1], M // 2), np.ones(M, dtype=int), np.array([1, 2, 5, 30])
    low, high = range_over_maximisers(fit_difficulty(c, n), c, n, k)
    # |f'/f - 1| <= sqrt(nats/(2 M)), half of it in the mean, which all-or-nothing problems have at every k.
    loose = np.sqrt(AS_LIKELY / 2 / M) + 1e-6
    assert low == pytest.approx(np.full(4, 0.5), abs=loose)
    # The mean fixes p = 1/2 for all as the other end, with slope k 2^(1-k) <= 1 in it.
    assert high == pytest.approx(1 - 0.5**k, abs=loose)


def test_range_from_two_rollouts_a_problem_is_that_of_a_third_moment():
    """m1, m2 of q = 1 - p known: E q^3 is between m2^2/m1 and m2 - (m1 - m2)^2/(1 - m1)."""
    times = np.array([5000, 2000, 3000])
    c, n = np.repeat([0, 1, 2], times), np.full(10_000, 2)
    m2, m1 = 0.5, 0.5 + 0.2 / 2
    fit = fit_difficulty(c, n)
    low, high = range_over_maximisers(fit, c, n, np.array([3]))
    # Moments are loose by the same share as the f, and the two ends have slopes below 3 in them.
    loose = 3 * np.sqrt(AS_LIKELY / 2 / 10_000)
    assert 1 - low[0] == pytest.approx(m2 - (m1 - m2) ** 2 / (1 - m1), abs=loose + 1e-4)
    assert 1 - high[0] == pytest.approx(m2**2 / m1, abs=loose + 1e-4)
    assert low[0] <= pass_at_k_of(fit, np.array([3]))[0] <= high[0]


def test_range_of_a_unique_maximiser_is_a_point():
    c, n = thinned_to("base", 64, 0), np.full(1060, 64)
    fit = fit_difficulty(c, n)
    low, high = range_over_maximisers(fit, c, n, np.array([128]))
    # Within the loosening, of the order of sqrt(2 nats)/sqrt(M) of a standard deviation.
    assert high[0] - low[0] < np.sqrt(2 * AS_LIKELY / 1060)
    assert low[0] - 1e-6 <= pass_at_k_of(fit, np.array([128]))[0] <= high[0] + 1e-6


def test_four_rollouts_leave_pass_at_128_open():
    c, n = thinned_to("base", 4, 0), np.full(1060, 4)
    fit = fit_difficulty(c, n)
    low, high = range_over_maximisers(fit, c, n, np.array([128]))
    assert abs(fit.excess) < 1e-7
    assert low[0] < 0.79
    assert high[0] > 0.999


@pytest.mark.parametrize(("c", "rate"), [([0] * 5, 0.0), ([8] * 5, 1.0), ([3], 3 / 8), ([4] * 30, 0.5)])
def test_equal_counts_have_one_atom(c, rate):
    fit = fit_difficulty(np.array(c), np.full(len(c), 8))
    assert fit.rates == pytest.approx([rate], abs=1e-7)
    assert fit.weights == pytest.approx([1.0])
    assert fit.log_likelihood == pytest.approx(0, abs=1e-9)
