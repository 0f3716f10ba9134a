"""Counts and rollouts: what they add up to, how they are taken apart and put side by side."""

import numpy as np
import pytest

from thermodiff.exploration.rollouts import Counts, Rollouts, by_step, counts_of, paired


def example(**columns) -> Rollouts:
    problem = np.array(["b", "a", "b", "a", "c"], dtype=object)
    return Rollouts(problem, np.array([True, False, True, True, False]), **columns)


def test_counts_in_the_order_of_first_appearance():
    counts = example().counts()
    assert counts.problems.tolist() == ["b", "a", "c"]
    assert counts.correct.tolist() == [2, 1, 0]
    assert counts.samples.tolist() == [2, 2, 1]


def test_counts_of_all_that_has_counts():
    table = np.array([[1, 0, 1], [0, 0, 0]])
    for data in (
        table,
        table.astype(bool),
        (np.array([2, 0]), np.array([3, 3])),
        ([2, 0], 3),
        Counts([2, 0], [3, 3]),
    ):
        counts = counts_of(data)
        assert counts.correct.tolist() == [2, 0]
        assert counts.samples.tolist() == [3, 3]
        assert counts.problems is None
    assert counts_of(example()).problems.tolist() == ["b", "a", "c"]


@pytest.mark.parametrize(
    ("data", "message"),
    [
        (np.array([[0.5, 1.0]]), r"^counts: got an array of shape \(1, 2\), need Rollouts, Counts"),
        (([3], [2]), r"^counts, problem 0: got 3 correct of 2, need 0 <= correct <= samples"),
        (([0, 1], [0, 2]), r"^counts, problem 0: got 0 correct of 0"),
        (([0.5], [2]), r"^counts.correct: got shape \(1,\), float64, need whole numbers"),
        ((np.array([]), np.array([])), r"^counts.correct: got shape \(0,\)"),
    ],
)
def test_counts_that_are_none(data, message):
    with pytest.raises(ValueError, match=message):
        counts_of(data)


def test_select_keeps_tokens_with_their_rollouts():
    offsets = np.array([0, 1, 3, 3, 6, 7])
    rollouts = example(
        offsets=offsets,
        log_probs=-np.arange(7.0),
        top_log_probs=-np.arange(14.0).reshape(7, 2),
        length=np.diff(offsets),
        vocabulary=9,
    )
    some = rollouts.select(np.array([False, True, True, False, True]))
    assert some.problem.tolist() == ["a", "b", "c"]
    assert some.offsets.tolist() == [0, 2, 2, 3]
    assert some.log_probs.tolist() == [-1.0, -2.0, -6.0]
    assert some.top_log_probs[:, 0].tolist() == [-2.0, -4.0, -12.0]
    assert some.length.tolist() == [2, 0, 1]
    assert some.vocabulary == 9
    assert some.entropies is None
    with pytest.raises(ValueError, match=r"^chosen: got shape \(2,\), need a mask of shape \(5,\)"):
        rollouts.select(np.array([True, False]))


def test_by_step_takes_a_training_apart():
    rollouts = example(step=np.array([20, 3, 3, 20, 3]))
    steps = by_step(rollouts)
    assert [step for step, _ in steps] == [3, 20]
    assert steps[0][1].problem.tolist() == ["a", "b", "c"]
    assert steps[0][1].source == "rollouts, step 3"
    assert steps[1][1].correct.tolist() == [True, True]
    with pytest.raises(ValueError, match=r"^rollouts: got rollouts without a step, need a step"):
        by_step(example())


def test_paired_by_name_says_what_is_left_out():
    a = Counts(np.array([1, 2, 3]), np.array([4, 4, 4]), np.array([7, 8, 9]))
    b = Counts(np.array([0, 5, 6, 7]), np.array([8, 8, 8, 8]), np.array(["9", "1", "7", "2"], dtype=object))
    pair = paired(a, b, labels=("base", "RL"))
    assert pair.first.problems.tolist() == [7, 9]
    assert pair.first.correct.tolist() == [1, 3]
    assert pair.second.correct.tolist() == [6, 0]
    assert pair.second.samples.tolist() == [8, 8]
    assert pair.remarks == (
        "2 of 3 problems of base (66.7%) are in both and used",
        "2 of 4 problems of RL (50.0%) are in both and used",
    )


def test_paired_by_order_where_a_name_is_missing():
    a = Counts(np.array([1, 2]), np.array([4, 4]), np.array(["x", "y"], dtype=object))
    pair = paired(a, ([3, 4], 4))
    assert pair.second.problems.tolist() == ["x", "y"]
    assert pair.second.correct.tolist() == [3, 4]
    assert pair.remarks == ("problems have no names in both a and b: matched by their order",)
    with pytest.raises(
        ValueError, match=r"^a and b: got 2 and 3 problems, not all named, need names in both"
    ):
        paired(a, ([3, 4, 0], 4))


def test_paired_needs_two_common_problems():
    a = Counts(np.array([1, 2]), np.array([4, 4]), np.array(["x", "y"], dtype=object))
    b = Counts(np.array([1, 2]), np.array([4, 4]), np.array(["y", "z"], dtype=object))
    with pytest.raises(
        ValueError,
        match=r"^a and b: got 1 common problem\(s\), need at least two that are called the same",
    ):
        paired(a, b)
    with pytest.raises(ValueError, match=r"^a and b: got 1 common problem\(s\)"):
        paired(([1], 4), ([2], 4))
    with pytest.raises(ValueError, match=r"^b: got two problems of one name"):
        paired(a, b._replace(problems=np.array(["y", "y"], dtype=object)))


def test_the_same_responses_twice_are_remarked():
    problem, correct = np.array(["x", "x", "y", "y"]), np.array([True, False, False, True])
    a = Rollouts(problem, correct, response=np.array([1, 2, 3, 4]))
    b = Rollouts(problem, correct, response=np.array([1, 2, 3, 4]))
    assert paired(a, b).remarks[0] == "a and b hold the same responses: one file twice, or one seed"
    assert paired(a, Rollouts(problem, correct, response=np.array([1, 2, 3, 5]))).remarks == ()
