"""The boundary and its shift: every outcome of small cases, published counts, tests of one table at a time."""

from itertools import product

import numpy as np
import pytest
from counts import deepscaler
from scipy import stats

from thermodiff.exploration.boundary.changed_problems import (
    benjamini_hochberg,
    changed_problems,
    fisher_p_values,
)
from thermodiff.exploration.boundary.pass_at_k import failure_table, pass_at_k
from thermodiff.exploration.boundary.permutation import exchange_p_values
from thermodiff.exploration.boundary.shift import boundary_shift
from thermodiff.exploration.boundary.unsolvable import boundary_certificate, unsolvable_problems
from thermodiff.exploration.rollouts import Counts

SUMS = ("lost", "gained", "neither", "net", "self_a", "self_b", "distance")


def expected_sums(p_a, p_b, k):
    a, b = (1 - np.asarray(p_a)) ** k, (1 - np.asarray(p_b)) ** k
    terms = ((1 - a) * b, a * (1 - b), a * b, a - b, a * (1 - a), b * (1 - b), (a - b) ** 2)
    return [term.sum() for term in terms]


def test_sums_are_unbiased_by_every_outcome():
    p_a, p_b, n_a, n_b = [0.3, 0.8], [0.6, 0.75], [2, 3], [3, 2]
    got = np.zeros(len(SUMS))
    for c in product(*(range(n + 1) for n in (*n_a, *n_b))):
        weight = np.prod(stats.binom.pmf(c, [*n_a, *n_b], [*p_a, *p_b]))
        shift = boundary_shift((c[:2], n_a), (c[2:], n_b), 1, resamples=1)
        got += weight * np.array([getattr(shift, name).mean[0] for name in SUMS])
    np.testing.assert_allclose(got, expected_sums(p_a, p_b, 1), rtol=1e-12)


def simulate(problems, k, n, repetitions=400, M=120, seed=5):
    """Per repetition the sums less their means, and their standard errors."""
    rng = np.random.default_rng(seed)
    p = rng.beta(0.5, 1.5, (2, M))
    errors, stderrs = [], []
    for _ in range(repetitions):
        a, b = ((rng.binomial(n, one), n) for one in p)
        shift = boundary_shift(a, b, k, problems=problems, resamples=1)
        means = np.array([getattr(shift, name).mean[0] for name in SUMS])
        errors.append(means - expected_sums(*p, k))
        stderrs.append([getattr(shift, name).stderr[0] for name in SUMS])
    return np.array(errors), np.array(stderrs)


def test_errors_for_problems_fixed():
    errors, stderrs = simulate("fixed", 3, 12)
    # E stderr^2 = E error^2 for every sum: their differences have mean 0, within four of its standard errors.
    gap = stderrs**2 - errors**2
    assert (np.abs(gap.mean(0)) < 4 * gap.std(0) / np.sqrt(len(gap))).all()


def test_errors_for_problems_fixed_where_they_must_be_conservative():
    errors, stderrs = simulate("fixed", 6, 12, repetitions=100)
    assert ((stderrs**2).mean(0) > (errors**2).mean(0))[[4, 5, 6]].all()
    a, b = ([1, 5, 3], 12), ([2, 5, 9], 12)
    shift = boundary_shift(a, b, [3, 6], problems="fixed", resamples=1)
    assert bool(shift.conservative[1])
    assert any("k = " in remark and "conservative" in remark for remark in shift.remarks)


def test_errors_for_problems_drawn():
    a, b = ([3, 9, 1, 7], 16), ([5, 6, 1, 12], 16)
    q, r = failure_table(a), failure_table(b)
    shift = boundary_shift(a, b, 4, resamples=1)
    x = q[:, 8] + r[:, 8] - 2 * q[:, 4] * r[:, 4]
    assert shift.distance.mean == pytest.approx(x.sum())
    assert shift.distance.stderr == pytest.approx(2 * x.std(ddof=1))
    assert shift.lost.stderr == pytest.approx(2 * ((1 - q[:, 4]) * r[:, 4]).std(ddof=1))
    assert not shift.conservative.any()


@pytest.mark.parametrize(
    ("k", "lost", "gained", "self_a", "self_b", "distance"),
    [
        (8, 26.786537, 42.145477, 33.871440, 22.539242, 12.521333),
        (16, 27.138059, 31.164800, 27.267767, 18.501612, 12.533480),
        (32, 28.824139, 24.084725, 24.527457, 15.499755, 12.881651),
        (64, 31.090212, 17.323096, 21.429765, 14.196882, 12.786661),
    ],
)
def test_deepscaler(k, lost, gained, self_a, self_b, distance):
    """Sums made for this project in other code."""
    shift = boundary_shift(deepscaler("base"), deepscaler("rl"), k, resamples=1)
    want = dict(lost=lost, gained=gained, self_a=self_a, self_b=self_b, distance=distance)
    assert {name: getattr(shift, name).mean[0] for name in want} == pytest.approx(want, abs=1e-6)


def test_deepscaler_distance_errors():
    base, rl = deepscaler("base"), deepscaler("rl")
    # Published by a bootstrap of some hundred draws; its 3.5 at k = 64 is 3.67 by the formula.
    drawn = boundary_shift(base, rl, [8, 16, 32], resamples=99)
    np.testing.assert_allclose(drawn.distance.stderr, [1.7, 2.1, 2.6], atol=0.05)
    assert (drawn.p_value == 0.01).all()
    assert boundary_shift(base, rl, 16, problems="fixed", resamples=1).distance.stderr == pytest.approx(
        1.3, abs=0.05
    )


def test_deepscaler_at_all_its_rollouts():
    base, rl = deepscaler("base"), deepscaler("rl")
    shift = boundary_shift(base, rl, 128, resamples=99)
    assert (shift.lost.mean, shift.gained.mean) == pytest.approx((33, 12))
    assert np.isnan([shift.self_a.mean, shift.self_b.mean, shift.distance.mean, shift.distance.stderr]).all()
    assert shift.remarks[0].startswith("k = 128: more than half of 128 rollouts")
    changed = shift.changed
    lost, gained = changed.lost, changed.gained
    assert (lost.sum(), gained.sum()) == (33, 12)
    assert ((lost & changed.worse_of_all).sum(), (gained & changed.better_of_all).sum()) == (1, 1)
    assert ((lost & changed.worse).sum(), (gained & changed.better).sum()) == (4, 1)


def test_report_and_default_k():
    shift = boundary_shift(deepscaler("base"), deepscaler("rl"), resamples=9)
    assert list(shift.k) == [1, 2, 4, 8, 16, 32, 64, 128]
    text = str(shift)
    assert "26.8 ± 2.6" in text
    assert (
        "of 1060 problems, false discovery rate 5%: over all worse 16, better 304; "
        "among the 550 that can show a change worse 20, better 334\n"
        "of 33 lost and 12 gained in all rollouts, beyond chance: over all 1 and 1; "
        "among the 550 that can show a change 4 and 1"
    ) in text
    assert "self-churn and distance are not known" in text
    assert list(boundary_shift(([1, 2], 6), ([1, 2], 6), resamples=1).k) == [1, 2, 4, 6]


@pytest.mark.parametrize("k", [1, 2, 3])
def test_exchange_test_by_every_table(k):
    a, b = Counts(np.array([1, 0, 3]), np.array([4, 5, 4])), Counts(np.array([4, 2, 3]), np.array([5, 4, 4]))
    q, r = failure_table(a, 4), failure_table(b, 4)

    def distance(q, r):
        return (q[:, 2 * k] + r[:, 2 * k] if 2 * k <= 4 else q[:, k] + r[:, k]) - 2 * q[:, k] * r[:, k]

    seen, chance = distance(q, r).sum(), 0.0
    total, every = a.correct + b.correct, a.samples + b.samples
    for c in product(*(range(n + 1) for n in a.samples)):
        weight = np.prod(stats.hypergeom.pmf(c, every, total, a.samples))
        if weight > 0:
            rows = failure_table((c, a.samples), 4), failure_table((total - c, b.samples), 4)
            chance += weight * (distance(*rows).sum() >= seen - 1e-12)
    resamples = 20_000
    got = exchange_p_values(a, b, np.array([k]), resamples, 3)[0]
    assert abs(got - chance) < 4 * np.sqrt(chance * (1 - chance) / resamples) + 1 / resamples


def test_nothing_can_be_exchanged():
    shift = boundary_shift(([0, 8], 8), ([0, 8], 8), resamples=9)
    assert (shift.p_value == 1).all()
    assert (shift.distance.mean[:3] == 0).all()
    assert shift.changed.remarks == (
        "no problem has counts that could reach p <= 0.05: nothing can be found",
    )


@pytest.mark.slow
def test_size_of_the_exchange_test():
    rng = np.random.default_rng(11)
    repetitions, M = 2000, 40
    n_a, n_b = np.full(M, 16), rng.integers(8, 33, M)
    p_values = []
    for _ in range(repetitions):
        p = rng.beta(0.4, 0.6, M)
        a, b = Counts(rng.binomial(n_a, p), n_a), Counts(rng.binomial(n_b, p), n_b)
        p_values.append(exchange_p_values(a, b, np.array([1, 4, 8]), 199, int(rng.integers(2**31))))
    share = (np.array(p_values) <= 0.05).mean(0)
    assert (np.abs(share - 0.05) < 3.5 * np.sqrt(0.05 * 0.95 / repetitions)).all()


def test_fisher_against_scipy():
    rng = np.random.default_rng(2)
    n = rng.integers(1, 30, (2, 60))
    c = rng.binomial(n, rng.random(60))
    p, least = fisher_p_values(Counts(c[0], n[0]), Counts(c[1], n[1]))
    for i in range(60):
        (n_a, n_b), total = n[:, i], c[:, i].sum()
        tables = {
            x: stats.fisher_exact([[x, n_a - x], [total - x, n_b - total + x]])[1]
            for x in range(max(0, total - n_b), min(n_a, total) + 1)
        }
        assert p[i] == pytest.approx(tables[c[0, i]], rel=1e-9)
        assert least[i] == pytest.approx(min(tables.values()), rel=1e-9)


def test_false_discovery_rate_against_scipy():
    p = np.random.default_rng(4).random(50) ** 3
    np.testing.assert_allclose(benjamini_hochberg(p), stats.false_discovery_control(p))


def test_filter_only_drops_what_cannot_be_found():
    changed = changed_problems(([0, 1, 8, 0, 8], 8), ([0, 0, 0, 8, 8], 8))
    assert list(changed.testable) == [False, False, True, True, False]
    assert list(changed.worse) == [False, False, True, False, False]
    assert list(changed.better) == [False, False, False, True, False]
    assert np.isnan(changed.q_values[~changed.testable]).all()
    np.testing.assert_allclose(changed.q_values_of_all[2], changed.p_values[2] * 5 / 2)
    np.testing.assert_allclose(changed.q_values[2], changed.p_values[2])


def test_eight_rollouts_show_nothing_among_a_thousand():
    rng = np.random.default_rng(0)
    p = rng.random(1060)
    changed = changed_problems((rng.binomial(8, p), 8), (rng.binomial(8, p), 8))
    assert "a single one cannot be found" in changed.remarks[0]
    assert not changed.worse.any()


def test_a_p_value_at_its_floor_is_printed_as_a_bound():
    a, b = ([0, 1, 0, 2, 1, 0], 8), ([8, 7, 8, 6, 7, 8], 8)
    shift = boundary_shift(a, b, 1, resamples=99)
    assert shift.p_value[0] == 1 / 100
    assert str(shift).splitlines()[2].endswith("p <= 0.01")
    same = boundary_shift(a, a, 1, resamples=99)
    assert str(same).splitlines()[2].endswith(f"p = {same.p_value[0]:.3g}")


def test_unsolvable_problems_as_text():
    text = str(unsolvable_problems(([0, 0, 1, 8, 3], 8), [2, 4], level=0.9))
    q = failure_table(([0, 0, 1, 8, 3], 8))
    assert text.startswith(
        "expected without a success in k rollouts, 90% at each k, 5 problems fixed\n  k = 2 "
    )
    assert f" {q[:, 4].sum():.1f} ± {np.sqrt((q[:, 4] ** 2 - q[:, 8]).sum()):.1f}   [" in text
    assert "without a success in all of their rollouts: 2\n  5 problems, fewer than 100" in text
    assert "5 problems drawn" in str(unsolvable_problems(([0, 0, 1, 8, 3], 8), 4, problems="drawn"))


def test_unsolvable_problems():
    data = ([0, 0, 1, 8, 3], 8)
    answer = unsolvable_problems(data, [2, 4])
    np.testing.assert_allclose(answer.size.mean, 5 * (1 - pass_at_k(data, [2, 4]).mean))
    np.testing.assert_allclose(answer.chance.sum(0), answer.size.mean)
    assert list(answer.never) == [True, True, False, False, False]
    assert (answer.low < answer.size.mean).all()
    assert (answer.size.mean < answer.high).all()
    q = failure_table(data)
    assert answer.size.stderr[0] == pytest.approx(np.sqrt((q[:, 2] ** 2 - q[:, 4]).sum()))


def test_certificate_by_limits_of_clopper_and_pearson():
    n, k, level = 40, 5, 0.9
    c = np.arange(n + 1)
    for names, a in (
        (("unsolvable_alone", "solvable_alone"), 0.1),
        (("unsolvable", "solvable"), 0.1 / (n + 1)),
    ):
        upper = np.append(stats.beta.ppf(1 - a, c[:-1] + 1, n - c[:-1]), 1)
        lower = np.append(0, stats.beta.ppf(a, c[1:], n - c[1:] + 1))
        answer = boundary_certificate((c, n), k, level=level)
        np.testing.assert_array_equal(getattr(answer, names[0]), (1 - upper) ** k >= 0.5)
        np.testing.assert_array_equal(getattr(answer, names[1]), (1 - lower) ** k < 0.5)


@pytest.mark.parametrize(("k", "M"), [(8, 1), (8, 3), (32, 1060)])
def test_certificate_needs_so_many_rollouts(k, M):
    needed = int(np.ceil(k * np.log(M / 0.05) / np.log(2)))
    enough, short = (boundary_certificate((np.zeros(M, int), n), k) for n in (needed, needed - 1))
    assert enough.needed == needed
    assert enough.unsolvable.all()
    assert not short.unsolvable.any()
    assert f"a problem needs {needed} rollouts" in str(enough)


@pytest.mark.parametrize("n", [30, 100])
def test_certificate_is_wrong_with_at_most_its_chance(n):
    c, k = np.arange(n + 1), 6
    edge = 1 - 2 ** (-1 / k)
    answer = boundary_certificate((c, n), k)
    assert stats.binom.pmf(c, n, edge)[answer.unsolvable_alone].sum() <= 0.05
    assert stats.binom.pmf(c, n, edge)[answer.solvable_alone].sum() <= 0.05


def test_bad_settings():
    data = ([1, 2], 4)
    with pytest.raises(ValueError, match=r"^k: got 0, need a positive whole number$"):
        boundary_certificate(data, 0)
    with pytest.raises(ValueError, match=r"^level: got 1.5, need a probability in \(0, 1\)$"):
        boundary_certificate(data, 2, level=1.5)
    with pytest.raises(ValueError, match=r"^rate: got 0.0, need a probability in \(0, 1\)$"):
        changed_problems(data, data, rate=0.0)
    with pytest.raises(ValueError, match=r"^resamples: got 0, need at least 1$"):
        boundary_shift(data, data, resamples=0)
    with pytest.raises(ValueError, match=r"^problems: got 'all', need 'drawn' or 'fixed'$"):
        boundary_shift(data, data, problems="all")
    with pytest.raises(ValueError, match=r"^k: got 5, need at most 4"):
        boundary_shift(data, data, 5)
