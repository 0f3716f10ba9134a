"""Answers: distinct correct ones and the majority, against every subset of small cases and by hand."""

from collections import Counter
from fractions import Fraction
from itertools import combinations

import numpy as np
import pytest

from thermodiff.exploration.boundary.answers import answer_diversity, majority_at_k
from thermodiff.exploration.boundary.pass_at_k import pass_at_k
from thermodiff.exploration.rollouts import Rollouts


def rollouts_of(problems):
    """Rollouts of lists of (answer, correct)."""
    rows = [(name, answer, right) for name, answers in problems.items() for answer, right in answers]
    names, answers, right = zip(*rows, strict=True)
    return Rollouts(np.array(names), np.array(right, bool), answer=np.array(answers, object))


def by_subsets(answers, k, value):
    subsets = list(combinations(answers, k))
    return sum(Fraction(value(subset)) for subset in subsets) / len(subsets)


def distinct_correct(subset):
    return len({answer for answer, right in subset if right})


def majority(subset):
    """The chance, ties by lot, that the most frequent answer is right; a mixed one by its share of all rollouts."""
    votes = Counter(answer for answer, _ in subset if answer)
    if not votes:
        return 0
    best = [answer for answer, count in votes.items() if count == max(votes.values())]
    return Fraction(sum(SHARE[answer] for answer in best), len(best))


SHARE = {"1": 1, "2": 0, "3": 0, "4": 1, "5": 0, "6": Fraction(1, 2), "7": 0}
CASES = {
    "spread": [("1", 1), ("1", 1), ("2", 0), ("2", 0), ("3", 0), ("4", 1), ("5", 0), ("7", 0)],
    "silent": [("", 0), (None, 0), ("1", 1), ("2", 0), ("2", 0), ("", 0), ("1", 1), ("3", 0)],
    "mixed": [("6", 1), ("6", 0), ("1", 1), ("2", 0), ("2", 0), ("2", 0), ("4", 1), ("4", 1)],
    "wrong": [("2", 0), ("3", 0), ("5", 0), ("7", 0), ("2", 0), ("3", 0), ("5", 0), ("7", 0)],
    "right": [("1", 1)] * 8,
    "none": [("", 0)] * 8,
    "rare": [("1", 1), *[("2", 0)] * 7],
}


@pytest.mark.parametrize("name", CASES)
def test_every_subset(name):
    answers = CASES[name]
    ks = np.arange(1, 9)
    got = majority_at_k(rollouts_of({name: answers}), ks).per_problem[0]
    want = [float(by_subsets(answers, int(k), majority)) for k in ks]
    np.testing.assert_allclose(got, want, rtol=0, atol=1e-12)
    got = answer_diversity(rollouts_of({name: answers}), ks).per_problem[0]
    want = [float(by_subsets(answers, int(k), distinct_correct)) for k in ks]
    np.testing.assert_allclose(got, want, rtol=0, atol=1e-12)


def test_mean_over_problems_and_unequal_samples():
    data = rollouts_of({"b": CASES["spread"], "a": CASES["rare"][:5]})
    answer = majority_at_k(data, 3)
    assert list(answer.problems) == ["b", "a"]
    want = [
        float(by_subsets(CASES["spread"], 3, majority)),
        float(by_subsets(CASES["rare"][:5], 3, majority)),
    ]
    np.testing.assert_allclose(answer.per_problem, want, atol=1e-12)
    assert answer.correct.mean == pytest.approx(np.mean(want), abs=1e-12)
    assert answer.correct.stderr == pytest.approx(abs(want[0] - want[1]) / 2, abs=1e-12)


def test_one_vote_is_accuracy_and_all_votes_are_the_majority():
    data = rollouts_of({"x": CASES["mixed"], "y": CASES["spread"]})
    assert majority_at_k(data, 1).per_problem == pytest.approx([0.5, 3 / 8], abs=1e-12)
    assert majority_at_k(data, 8).per_problem == pytest.approx([0, 1 / 2], abs=1e-12)


def test_a_single_correct_answer_makes_diversity_pass_at_k():
    data = rollouts_of({"x": CASES["rare"], "y": CASES["right"]})
    for m in (1, 3, 8):
        assert answer_diversity(data, m).distinct.mean == pytest.approx(pass_at_k(data, m).mean, abs=1e-12)


def test_found_counts_all_correct_answers():
    answer = answer_diversity(rollouts_of(CASES))
    assert dict(zip(answer.problems, answer.found, strict=True)) == {
        "spread": 2, "silent": 1, "mixed": 3, "wrong": 0, "right": 1, "none": 0, "rare": 1
    }  # fmt: skip
    np.testing.assert_allclose(answer.per_problem[:, -1], answer.found, atol=1e-12)


def test_large_samples_neither_overflow_nor_drift():
    # 1500 rollouts, two answers: the majority of an odd k is hypergeometric.
    from scipy.stats import hypergeom

    data = rollouts_of({"x": [("1", 1)] * 700 + [("2", 0)] * 800})
    got = majority_at_k(data, 601).per_problem[0]
    assert got == pytest.approx(hypergeom.sf(300, 1500, 700, 601), rel=1e-9)


def test_bad_input():
    data = rollouts_of({"x": CASES["rare"]})
    with pytest.raises(ValueError, match=r"^k: got 9, need at most 8"):
        majority_at_k(data, 9)
    with pytest.raises(ValueError, match=r"^rollouts.answer: got none, need the answer of each rollout$"):
        answer_diversity(Rollouts(data.problem, data.correct), 2)
    with pytest.raises(ValueError, match=r"^rollouts.answer: got 1 correct rollout.s. without one"):
        answer_diversity(rollouts_of({"x": [("", 1), ("1", 1)]}), 1)
