"""Errors, intervals and bands of pass@k: exact means over all outcomes, published bands, data without spread."""

from itertools import product

import numpy as np
import pytest
from counts import deepscaler
from scipy import optimize, stats

from thermodiff.exploration.boundary.bounded_means import bounds_of_mean
from thermodiff.exploration.boundary.crossing import crossing
from thermodiff.exploration.boundary.pass_at_k import failure_table, pass_at_k
from thermodiff.exploration.boundary.pass_at_k_intervals import pass_at_k_difference, pass_at_k_interval
from thermodiff.exploration.boundary.simultaneous import sup_t
from thermodiff.exploration.rollouts import Counts, paired


def outcomes(p, n):
    """Every vector of counts with its probability."""
    for c in product(*(range(m + 1) for m in n)):
        yield np.array(c), np.prod(stats.binom.pmf(c, n, p))


P, N = np.array([0.2, 0.7, 0.45]), np.array([4, 5, 4])


def mean_square(problems, k, p=P, n=N):
    """The mean of stderr^2, with 0 where there is no estimate, and the variance of the mean of pass@k."""
    squares, means, weights = [], [], []
    for c, weight in outcomes(p, n):
        estimate = pass_at_k_interval((c, n), k, problems=problems).estimate
        squares.append(np.nan_to_num(estimate.stderr) ** 2)
        means.append(estimate.mean)
        weights.append(weight)
    mean = np.dot(weights, means)
    return np.dot(weights, squares), np.dot(weights, np.square(means)) - mean**2


@pytest.mark.parametrize("k", [1, 2])
def test_error_for_problems_fixed_by_every_outcome(k):
    # Unbiased but for outcomes whose squares are all 0, where the larger error for problems drawn takes their place.
    extra = sum(
        weight * np.nan_to_num(pass_at_k_interval((c, N), k, problems="fixed").estimate.stderr) ** 2
        for c, weight in outcomes(P, N)
        if np.isin(failure_table((c, N))[:, k], (0, 1)).all()
    )
    got, want = mean_square("fixed", k)
    assert got - extra == pytest.approx(want, rel=1e-12)


@pytest.mark.parametrize("k", [3, 4])
def test_beyond_half_the_rollouts_the_error_is_at_least_the_truth(k):
    got, want = mean_square("fixed", k)
    assert got >= want
    assert pass_at_k_interval(([1, 2, 2], N), k, problems="fixed").conservative


@pytest.mark.parametrize("short", [0, 1, 2])
@pytest.mark.parametrize("p", [P, np.array([0.4, 0.4, 0.4]), np.array([0.3, 0.95, 0.5])])
def test_where_one_problem_has_too_few_rollouts_the_error_is_at_least_the_truth(p, short):
    n = np.full(3, 6)
    n[short] = 4
    got, want = mean_square("fixed", 3, p, n)
    assert got >= want
    assert pass_at_k_interval(([1, 2, 2], n), 3, problems="fixed").conservative


@pytest.mark.parametrize("k", [1, 4, 8])
def test_difference_adds_what_a_policy_without_spread_has_alone(k):
    # At k = 8 no count of b is between 1 and n - k, so its squares are all 0; at the others some are.
    a, b = ([3, 9, 1, 7], 16), ([0, 16, 11, 0], 16)
    alone = [pass_at_k_interval(data, k, problems="fixed") for data in (a, b)]
    got = pass_at_k_difference(a, b, k, problems="fixed")
    assert got.estimate.stderr == pytest.approx(
        np.hypot(*(band.estimate.stderr for band in alone)), rel=1e-12
    )
    assert got.conservative == alone[1].conservative == (k == 8)
    assert any("no problem of a policy shows any spread" in remark for remark in got.remarks) == (k == 8)


def test_difference_from_a_policy_that_solves_all_has_the_error_of_the_other():
    a, b = ([3, 9, 1, 7], 16), ([16] * 4, 16)
    got, alone = pass_at_k_difference(a, b, 4, problems="fixed"), pass_at_k_interval(a, 4, problems="fixed")
    assert got.estimate.stderr == pytest.approx(alone.estimate.stderr)
    assert not got.conservative


def test_difference_for_problems_fixed_adds_the_variances():
    a, b = ([3, 9, 1, 7], 16), ([5, 6, 1, 12], 16)
    got = pass_at_k_difference(a, b, [1, 4, 8], problems="fixed").estimate
    parts = [pass_at_k_interval(data, [1, 4, 8], problems="fixed").estimate for data in (a, b)]
    np.testing.assert_allclose(got.stderr, np.hypot(parts[0].stderr, parts[1].stderr), rtol=1e-12)
    np.testing.assert_allclose(got.mean, parts[1].mean - parts[0].mean, atol=1e-15)


def test_difference_for_problems_drawn_is_paired():
    a, b = ([3, 9, 1, 7], 16), ([5, 6, 1, 12], 16)
    rows = failure_table(a) - failure_table(b)
    got = pass_at_k_difference(a, b, range(1, 14)).estimate
    np.testing.assert_allclose(got.mean, rows[:, 1:14].mean(0), atol=1e-15)
    np.testing.assert_allclose(got.stderr, rows[:, 1:14].std(0, ddof=1) / 2, atol=1e-15)


def test_interval_is_logit_with_student_quantile():
    data = (np.arange(1, 41), 64)
    band = pass_at_k_interval(data, 4, level=0.9)
    mean, stderr = pass_at_k(data, 4)[:2]
    squares = (failure_table(data)[:, 4] - 1 + mean) ** 2
    assert band.carriers == pytest.approx(squares.sum() ** 2 / (squares**2).sum())
    half = stats.t.ppf(0.95, 39) * stderr / (mean * (1 - mean))
    odds = np.log(mean / (1 - mean))
    assert [band.low, band.high] == pytest.approx(
        [1 / (1 + np.exp(-odds + half)), 1 / (1 + np.exp(-odds - half))]
    )


def test_few_carriers_widen_the_interval():
    # Two problems of 200 fail: by hand 2 carriers, 4 degrees of freedom, and at most r = .05^(1/199) from all alike.
    data = (np.repeat([0, 8], [2, 198]), 8)
    band = pass_at_k_interval(data, 4)
    squares = np.array([0.99**2] * 2 + [0.01**2] * 198)
    carriers = squares.sum() ** 2 / (squares**2).sum()
    half = stats.t.ppf(0.975, 2 * carriers) * np.sqrt(squares.sum() / 199 / 200) / (0.99 * 0.01)
    assert band.carriers == pytest.approx(carriers)
    # 0.933 by these, which the bound that always holds cuts.
    lowest = bounds_of_mean(np.array([0.99]), 200, 0.01)[0][0]
    assert band.low == pytest.approx(max(lowest, min(1 / (1 + np.exp(half) / 99), 0.99 * 0.05 ** (1 / 199))))
    assert band.low == pytest.approx(lowest)
    assert band.high == pytest.approx(max(1 / (1 + np.exp(-half) / 99), 1 - 0.01 * 0.05 ** (1 / 199)))


NEARLY_ALL_SOLVED = (np.repeat(np.arange(9), [1, 6, 12, 9, 11, 12, 2, 4, 3]), 16)
"""60 problems, of which one is never solved in 16: all of the error at k = 16."""


def test_where_one_problem_carries_the_error_the_interval_is_no_wider_than_the_bound_that_always_holds():
    band = pass_at_k_interval(NEARLY_ALL_SOLVED, 16)
    assert band.carriers < 2

    def beyond(u):
        return 60 * (np.log(1 / 60 / u) / 60 + 59 / 60 * np.log(59 / 60 / (1 - u))) - np.log(2 / 0.01)

    assert band.low == pytest.approx(1 - optimize.brentq(beyond, 1 / 60, 0.9), rel=1e-9)


@pytest.mark.parametrize("problems", ["drawn", "fixed"])
def test_band_of_a_curve_does_not_fall_and_is_of_use_where_nearly_all_is_solved(problems):
    band = pass_at_k_interval(NEARLY_ALL_SOLVED, problems=problems, simultaneous=True)
    assert (np.diff(band.low) >= 0).all()
    assert (np.diff(band.high) >= 0).all()
    assert (band.low <= band.estimate.mean).all()
    assert (band.estimate.mean <= band.high).all()
    assert band.low[-1] > 0.8


def test_band_at_ks_in_any_order():
    ks = np.array([16, 2, 11, 1])
    band, sorted_band = (
        pass_at_k_interval(NEARLY_ALL_SOLVED, k, simultaneous=True) for k in (ks, np.sort(ks))
    )
    # Another order of the ks is another draw of the Gaussians, which moves the quantile.
    order = np.argsort(ks)
    assert (np.diff(band.low[order]) >= 0).all()
    assert (np.diff(band.high[order]) >= 0).all()
    assert (np.diff(band.estimate.mean[order]) >= 0).all()
    np.testing.assert_array_equal(band.estimate.mean[order], sorted_band.estimate.mean)
    assert pass_at_k_interval(NEARLY_ALL_SOLVED, 16, simultaneous=True).low.shape == ()


@pytest.mark.parametrize("error", [0.05, 0.3])
def test_bounds_of_mean_hold_by_every_outcome(error):
    # Unequal values of 0, 1/2 and 1: q of 2 rollouts would be such. Hoeffding's bound does not ask that they be alike.
    values = np.array([0, 0.5, 1])
    chances = np.array(
        [[0.02, 0.18, 0.8], [0.3, 0.1, 0.6], [0.0, 0.05, 0.95], [0.6, 0.3, 0.1], [0.01, 0.0, 0.99]]
    )
    M, truth, missed = len(chances), (chances @ values).mean(), np.zeros(2)
    for outcome in product(range(3), repeat=M):
        low, high = bounds_of_mean(values[list(outcome)].mean(keepdims=True), M, error)
        missed += chances[range(M), outcome].prod() * np.array([low[0] > truth, high[0] < truth])
    assert (missed <= error / 2).all()


def test_bounds_of_mean_without_a_failure_are_those_of_clopper_and_pearson():
    low, high = bounds_of_mean(np.array([0.0, 1.0]), 60, 0.05)
    end = 0.025 ** (1 / 60)
    assert [*low, *high] == pytest.approx([0, end, 1 - end, 1])


def test_bounds_of_mean_against_a_root():
    m, M, error = 0.3, 25, 0.1
    low, high = bounds_of_mean(np.array([m]), M, error)

    def kl(u):
        return m * np.log(m / u) + (1 - m) * np.log((1 - m) / (1 - u)) - np.log(2 / error) / M

    assert low[0] == pytest.approx(optimize.brentq(kl, 1e-9, m))
    assert high[0] == pytest.approx(optimize.brentq(kl, m, 1 - 1e-9))


@pytest.mark.parametrize("rho", [0.0, 0.5, -0.9])
def test_sup_t_of_two(rho):
    draws, level = 100_000, 0.9
    quantile = sup_t([np.array([[4.0, 2 * rho], [2 * rho, 1.0]])], level, draws, 1)
    normal = stats.multivariate_normal(cov=[[1, rho], [rho, 1]])
    inside = normal.cdf([quantile] * 2, lower_limit=[-quantile] * 2)
    assert abs(inside - level) < 4 * np.sqrt(level * (1 - level) / draws)


def test_sup_t_of_blocks_is_of_independent_parts():
    draws, level = 100_000, 0.95
    quantile = sup_t([np.ones((3, 3)), np.array([[2.0]]), np.zeros((2, 2))], level, draws, 1)
    inside = (1 - 2 * stats.norm.sf(quantile)) ** 2
    assert abs(inside - level) < 4 * np.sqrt(level * (1 - level) / draws)


def test_sup_t_of_one_is_exact_and_of_none_zero():
    assert sup_t([np.array([[3.0]])], 0.95, 10, 0) == pytest.approx(stats.norm.ppf(0.975))
    assert sup_t([np.zeros((2, 2))], 0.95, 10, 0) == 0.0


def test_band_of_deepscaler_is_the_published_one():
    bands = [
        pass_at_k_difference(deepscaler("base"), deepscaler("rl"), simultaneous=True, draws=4000, seed=seed)
        for seed in range(20)
    ]
    band, quantiles = bands[0], [band.quantile for band in bands]
    # passk-inference 0.3.1 has 2.5566 from as many draws: one more of these.
    assert abs(2.5566 - np.mean(quantiles)) < 4 * np.std(quantiles, ddof=1) * np.sqrt(1 + 1 / 20)
    assert list(band.estimate.stderr[[0, 15]]) == pytest.approx([0.004103778183680334, 0.003840803797811791])
    answer = crossing(deepscaler("base"), deepscaler("rl"))
    low, high = answer.first_loss
    assert abs(low - 11) <= 1
    assert abs(high - 61) <= 2
    assert list(answer.gains) == list(range(1, low))
    assert list(answer.losses) == list(range(high, 129))
    assert "first k at which b loses is in [11, " in str(answer)


def test_drawn_and_fixed_differ_much():
    data = deepscaler("base")
    drawn, fixed = (pass_at_k_interval(data, 16, problems=kind) for kind in ("drawn", "fixed"))
    assert drawn.estimate.stderr == pytest.approx(0.0108, abs=5e-5)
    assert fixed.estimate.stderr == pytest.approx(0.0015, abs=5e-5)
    assert "1060 problems fixed" in str(fixed)


def test_simultaneous_is_wider_and_seeded():
    data = deepscaler("rl")
    # Beyond half the rollouts, where the errors of problems fixed jump, the band goes on from where it was.
    for problems, top in (("drawn", 128), ("fixed", 64)):
        point, band, again, other = (
            pass_at_k_interval(data, range(1, top + 1), problems=problems, simultaneous=both, seed=seed)
            for both, seed in ((False, 0), (True, 0), (True, 0), (True, 1))
        )
        assert (band.low <= point.low).all()
        assert (band.high >= point.high).all()
        assert again.quantile == band.quantile != other.quantile


@pytest.mark.parametrize("problems", ["drawn", "fixed"])
@pytest.mark.parametrize(
    ("c", "mean", "low", "high"), [(8, 1, 0.05 ** (1 / 3), 1), (0, 0, 0, 1 - 0.05 ** (1 / 3))]
)
def test_without_spread_a_bound(problems, c, mean, low, high):
    band = pass_at_k_interval(([c] * 4, 8), 4, problems=problems)
    assert np.isnan(band.estimate.stderr)
    assert [band.estimate.mean, band.low, band.high] == pytest.approx([mean, low, high])
    assert "k = 4: all problems are alike, so there is a bound but no standard error" in band.remarks


def test_difference_without_spread():
    band = pass_at_k_difference(([8] * 4, 8), ([8] * 4, 8), simultaneous=True)
    assert np.isnan(band.estimate.stderr).all()
    assert (band.low < 0).all()
    np.testing.assert_allclose(band.low, -band.high)


def test_one_problem():
    assert pass_at_k_interval(([3], 8), 2).low == 0
    assert pass_at_k_interval(([3], 8), 2).high == 1
    fixed = pass_at_k_interval(([3], 8), 2, problems="fixed")
    q = failure_table(([3], 8))[0]
    assert fixed.estimate.stderr == pytest.approx(np.sqrt(q[2] ** 2 - q[4]))


def test_remarks_say_what_to_distrust():
    few = pass_at_k_interval(([0, 8, 8, 8], 8), [1, 4])
    assert few.remarks[0] == "4 problems, fewer than 100: intervals are approximate"
    assert few.remarks[1].startswith("k = 1 to 4: fewer than 10 problems carry the error")
    fixed = pass_at_k_interval((np.tile([2, 4, 6], 50), 8), [1, 8], problems="fixed")
    assert fixed.remarks == ("k = 8: all problems are alike, so there is a bound but no standard error",)
    fixed = pass_at_k_interval((np.tile([0, 4, 6], 50), 8), [1, 8], problems="fixed")
    assert [remark.split(":")[0] for remark in fixed.remarks] == ["k = 8"]
    assert "conservative" in fixed.remarks[0]
    assert list(fixed.conservative) == [False, True]
    healthy = pass_at_k_interval((np.tile([2, 4, 6], 50), 8), [1, 2])
    assert healthy.remarks == ()


def test_no_loss_and_only_gains():
    rng = np.random.default_rng(0)
    worse = (rng.binomial(16, 0.2, 200), 16)
    better = (rng.binomial(16, 0.6, 200), 16)
    same = crossing(worse, (rng.binomial(16, 0.2, 200), 16))
    assert same.first_loss == (1, None)
    assert "no loss is certain up to k = 16" in str(same)
    gain = crossing(([1] * 100 + [2] * 100, 4), ([3] * 100 + [4] * 100, 4))
    assert gain.first_loss[1] is None
    loss = crossing(better, worse)
    assert loss.first_loss == (1, 1)
    assert loss.losses[0] == 1


def test_pairs_by_name():
    a = Counts(np.array([1, 2, 3]), np.array([4, 4, 4]), np.array(["x", "y", "z"]))
    b = Counts(np.array([0, 4, 2]), np.array([4, 4, 4]), np.array(["z", "x", "w"]))
    first, second, remarks = paired(a, b)
    assert list(first.problems) == list(second.problems) == ["x", "z"]
    assert (list(first.correct), list(second.correct)) == ([1, 3], [4, 0])
    assert remarks[0] == "2 of 3 problems of a (66.7%) are in both and used"
    assert pass_at_k_difference(a, b, 1).remarks[0] == remarks[0]


@pytest.mark.parametrize(
    ("a", "b", "message"),
    [
        (([1, 2], 4), ([1] * 3, 4), "a and b: got 2 and 3 problems, not all named, need names in both.*"),
        (([1, 2], 4, ["x", "y"]), ([1, 2], 4, ["y", "z"]), r"a and b: got 1 common problem\(s\), need at least two .*"),
        (([1], 4), ([1], 4), r"a and b: got 1 common problem\(s\), need at least two .*"),
        (([1, 2], 4, ["x", "x"]), ([1, 2], 4, ["y", "z"]), "a: got two problems of one name, need names .*"),
    ],
)  # fmt: skip
def test_pairs_that_are_none(a, b, message):
    with pytest.raises(ValueError, match=f"^{message}$"):
        pass_at_k_difference(a, b)


def test_bad_settings():
    with pytest.raises(ValueError, match=r"^problems: got 'some', need 'drawn' or 'fixed'$"):
        pass_at_k_interval(([1, 2], 4), problems="some")
    with pytest.raises(ValueError, match=r"^level: got 95.0, need a probability in \(0, 1\)$"):
        pass_at_k_interval(([1, 2], 4), level=95.0)
    with pytest.raises(ValueError, match=r"^k: got 5, need at most 4"):
        pass_at_k_difference(([1, 2], 4), ([1, 2], 8), 5)


def test_the_quantile_of_very_many_k_is_that_of_all_of_them():
    """1500 k on a grid of fewer, against draws of the whole curve: the share below the quantile is 95 %."""
    rng = np.random.default_rng(4)
    p = rng.beta(0.4, 3.0, 300)
    x = (1 - p[:, None]) ** np.arange(1, 1501)
    x = x - x.mean(0)
    quantile = sup_t([x.T @ x], 0.95, 10_000, seed=1)
    draws = 20_000
    curves = rng.standard_normal((draws, len(x))) @ (x / np.linalg.norm(x, axis=0))
    share = (np.abs(curves).max(1) <= quantile).mean()
    assert abs(share - 0.95) < 4 * np.sqrt(0.95 * 0.05 * (1 / 10_000 + 1 / draws))
