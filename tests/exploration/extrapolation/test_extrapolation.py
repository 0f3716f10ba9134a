"""extrapolate_pass_at_k: what it takes and refuses, what it says, and, slowly, how often it is right."""

import numpy as np
import pytest

from experiments.exploration.extrapolation import measure_thinned
from experiments.exploration.extrapolation_data import correct_ones, thinned_to
from experiments.exploration.extrapolation_limit import narrowest
from experiments.exploration.extrapolation_simulated import coverage, sup_t_coverage
from experiments.exploration.extrapolation_table import prediction
from experiments.exploration.made_up_problems import PROBLEMS
from thermodiff.exploration.extrapolation.beta_binomial import fit_beta_binomial
from thermodiff.exploration.extrapolation.difficulty import fit_difficulty, pass_at_k_of
from thermodiff.exploration.extrapolation.extrapolate import (
    extrapolate_difference,
    extrapolate_pass_at_k,
    thinned,
)
from thermodiff.exploration.extrapolation.moment_bounds import moment_bounds
from thermodiff.exploration.rollouts import Counts

C = np.array([0, 0, 1, 3, 0, 8, 2, 8, 7, 0, 1, 4])
NAMES = np.array(list("abcdefghijkl"))


def test_the_parts_are_those_of_their_own_functions():
    k, n = np.array([8, 20, 100]), np.full(12, 8)
    out = extrapolate_pass_at_k((C, 8), k, problems="fixed")
    assert np.array_equal([out.low, out.high], moment_bounds(C, 8, k, 0.95, fixed=True))
    assert out.nonparametric == pytest.approx(pass_at_k_of(fit_difficulty(C, n), k), abs=0.02)
    assert np.all(out.nonparametric_low <= out.nonparametric)
    assert np.all(out.nonparametric <= out.nonparametric_high)
    assert np.array_equal(out.beta_binomial.mean, fit_beta_binomial(C, n, k).pass_at_k.mean)
    assert np.all(out.low <= out.high)
    assert out.certificate < 1e-6


def test_names_order_and_a_single_k_do_not_matter():
    order = np.random.default_rng(0).permutation(12)
    one = extrapolate_pass_at_k(Counts(C, np.full(12, 8), NAMES), 20)
    two = extrapolate_pass_at_k((C[order], 8), [20])
    assert one.k.shape == one.low.shape == (1,)
    assert one.low == pytest.approx(two.low, abs=1e-9)
    assert one.high == pytest.approx(two.high, abs=1e-9)


def test_unequal_rollouts_are_thinned_once_by_the_key():
    n = np.arange(8, 20)
    out = extrapolate_pass_at_k((C, n), 40, seed=3)
    correct, least = thinned(Counts(C, n), 3)
    assert (least, out.samples) == (8, 8)
    assert np.all(correct <= C)
    assert np.all(correct[n == 8] == C[n == 8])
    assert out.low == pytest.approx(moment_bounds(correct, 8, np.array([40]), 0.95, fixed=False)[0])
    assert extrapolate_pass_at_k((C, n), 40, seed=3).low == out.low
    assert any("thinned to 8 rollouts (some have 19; seed 3)" in remark for remark in out.remarks)
    # Both fits use all rollouts.
    assert out.beta_binomial.mean == pytest.approx(fit_beta_binomial(C, n, np.array([40])).pass_at_k.mean)


def test_thinning_is_hypergeometric():
    counts = Counts(np.full(20_000, 3), np.append(np.full(19_999, 9), 4))
    correct, _ = thinned(counts, 0)
    # P(x of 4 | 3 of 9) = C(3, x) C(6, 4 - x)/C(9, 4).
    share = np.array([15, 60, 45, 6]) / 126
    seen = np.bincount(correct[:-1], minlength=4) / 19_999
    assert np.all(np.abs(seen - share) < 4 * np.sqrt(share * (1 - share) / 19_999))


def test_what_is_said():
    out = extrapolate_pass_at_k((C, 8), [4, 100])
    assert any("k <= 8: pass_at_k is unbiased there" in remark for remark in out.remarks)
    assert "8 rollouts of 12 problems (drawn), 95% for all k" in str(out)
    assert len(str(out).splitlines()) == 2 + 2 + len(out.remarks)
    few = extrapolate_pass_at_k((thinned_to("base", 4, 0), 4), 128)
    assert any("distributions as likely differ by up to 0.2" in remark for remark in few.remarks)
    alike = extrapolate_pass_at_k((np.full(400, 3), 6), 12)
    assert np.isnan(alike.low).all()
    assert any("no distribution of difficulty gives such counts" in remark for remark in alike.remarks)
    none = extrapolate_pass_at_k((np.zeros(9, dtype=int), 6), 12)
    assert np.isnan(none.beta_binomial.mean).all()
    assert any("no rollout is correct" in remark for remark in none.remarks)


def test_a_beta_number_outside_the_bounds_is_ruled_out():
    """Half of the problems at .5, half never solved: no beta distribution, and 40 rollouts of 1000 problems show it."""
    c = np.concatenate([np.random.default_rng(1).binomial(40, 0.5, 500), np.zeros(500, dtype=int)])
    out = extrapolate_pass_at_k((c, 40), 60, problems="fixed")
    outside = bool((out.beta_binomial.mean < out.low) | (out.beta_binomial.mean > out.high))
    assert outside == any("outside the bounds at k = 60" in remark for remark in out.remarks)
    assert outside


def test_the_difference_is_that_of_both_at_half_the_error():
    other = np.minimum(C + 1, 8)
    out = extrapolate_difference((C, 8), (other, 8), [20, 50], level=0.9)
    a, b = (extrapolate_pass_at_k((c, 8), [20, 50], level=0.95) for c in (C, other))
    assert np.allclose(out.low, b.low - a.high)
    assert np.allclose(out.high, b.high - a.low)
    assert np.allclose(out.nonparametric, b.nonparametric - a.nonparametric)
    assert np.all(out.nonparametric_low <= out.nonparametric_high)
    assert out.a.level == pytest.approx(0.95)
    assert "pass@k of b less a, 90% for all k" in str(out)
    assert len(str(out).splitlines()) == 2 + 2 + len(out.remarks)


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"k": 0}, "k: got 0, need one or several whole numbers from 1 on"),
        ({"k": [8, 2.5]}, r"k: got \[8, 2.5\], need one or several whole numbers"),
        ({"k": []}, r"k: got \[\], need one or several whole numbers"),
        ({"k": 20, "level": 1.0}, r"level: got 1.0, need a probability in \(0, 1\)"),
        ({"k": 20, "problems": "some"}, "problems: got 'some', need 'drawn' or 'fixed'"),
    ],
)
def test_refused(arguments, message):
    with pytest.raises(ValueError, match=message):
        extrapolate_pass_at_k((C, 8), **arguments)


def test_a_difference_is_of_the_problems_that_both_answered():
    with pytest.raises(ValueError, match="a and b: got 12 and 11 problems, not all named"):
        extrapolate_difference((C, 8), (C[1:], 8), 20)
    a, b = Counts(C, np.full(12, 8), NAMES), Counts(C, np.full(12, 8), np.array(list("abcdefghijkz")))
    out = extrapolate_difference(a, b, 20)
    alone = extrapolate_difference((C[:11], 8), (C[:11], 8), 20)
    assert (out.low, out.high) == (alone.low, alone.high)
    assert out.remarks[0] == "11 of 12 problems of a (91.7%) are in both and used"


def twenty_thinnings(policy, problems):
    return prediction([measure_thinned(policy, problems, seed) for seed in range(20)])


@pytest.mark.slow
@pytest.mark.parametrize("policy", ["base", "RL"])
@pytest.mark.parametrize("problems", PROBLEMS)
def test_from_half_of_the_rollouts_to_all_of_them(policy, problems):
    found = twenty_thinnings(policy, problems)
    assert found.inside >= 19
    assert found.width[0] <= 0.20
    assert found.nonparametric_error[0] <= 0.012


@pytest.mark.slow
@pytest.mark.parametrize("policy", ["chain of thought", "input-output"])
def test_game_of_24_from_16_to_100_rollouts(policy):
    """Half of the trivial width [pass@16, 1] is below what any interval that holds can have: it is not met."""
    found = twenty_thinnings(policy, "fixed")
    low, high = narrowest(correct_ones(policy), 100, 16, 100, "fixed")
    assert found.inside >= 19
    assert high - low > found.trivial_width[0] / 2
    assert high - low < found.width[0] < found.trivial_width[0]


@pytest.mark.slow
@pytest.mark.parametrize("M", [30, 200, 1000])
@pytest.mark.parametrize("problems", PROBLEMS)
def test_simultaneous_coverage_where_few_problems_are_hard(M, problems):
    repetitions = 60
    inside, _ = coverage("rare hard", M, problems, repetitions, seed=M)
    assert inside / repetitions >= 0.95 - 3 * np.sqrt(0.95 * 0.05 / repetitions)
    if M == 30 and problems == "drawn":
        held = sup_t_coverage("rare hard", M, 1000, seed=M) / 1000
        assert held < 0.95 - 4 * np.sqrt(0.95 * 0.05 / 1000)
