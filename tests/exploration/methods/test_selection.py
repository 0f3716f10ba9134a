"""Rejection sampling against sorted lists."""

import numpy as np
import pytest
from method_cases import LENGTHS, LOG_PROBS, MASK, PADDED, REWARDS, UNIFORMS

from thermodiff import exploration as explore

CORRECT, U = REWARDS == 1, UNIFORMS[..., 0]
SCORES = np.round(np.random.default_rng(1).random(CORRECT.shape), 1)
"""With ties."""


@pytest.mark.parametrize("scores", [None, SCORES])
@pytest.mark.parametrize("at_most", [1, 3, 100])
def test_the_best_of_each_problem(scores, at_most):
    got = explore.select_for_finetuning(CORRECT, U, scores=scores, at_most=at_most)
    for problem in np.ndindex(*CORRECT.shape[:2]):
        right = [i for i in range(8) if CORRECT[problem][i]]
        best = sorted(
            right, key=lambda i: (0 if scores is None else scores[problem][i], U[problem][i]), reverse=True
        )
        assert set(np.flatnonzero(got[problem])) == set(best[:at_most])


def test_all_correct_ones_and_no_other():
    np.testing.assert_array_equal(explore.select_for_finetuning(CORRECT, U), CORRECT)
    assert not explore.select_for_finetuning(CORRECT & False, U, wrong=0.5).any()


@pytest.mark.parametrize("wrong", [0.05, 0.5, 100.0])
def test_noise_is_a_share_of_the_correct_ones_taken(wrong):
    got = explore.select_for_finetuning(CORRECT, U, at_most=2, wrong=wrong)
    taken = (got & CORRECT).sum()
    incorrect = sorted(map(tuple, np.argwhere(~CORRECT)), key=lambda i: U[i])
    assert set(map(tuple, np.argwhere(got & ~CORRECT))) == set(incorrect[: round(wrong * taken)])


def test_the_least_uncertain_by_the_scores_sign():
    high = explore.select_for_finetuning(CORRECT, U, scores=U, at_most=1)
    low = explore.select_for_finetuning(CORRECT, U, scores=-U, at_most=1)
    assert U[high].mean() > U[low].mean()


def test_mean_over_a_response():
    got = explore.response_mean(PADDED[0], MASK)
    for index in np.ndindex(*LENGTHS.shape):
        assert got[index] == pytest.approx(LOG_PROBS[index][: LENGTHS[index]].mean(), rel=1e-12)
    sizes = explore.response_mean(np.array([[3, 4, 9]]), np.array([[True, True, False]]))
    np.testing.assert_array_equal(sizes, [3.5])


def select(correct=CORRECT, uniforms=U, **options):
    return explore.select_for_finetuning(correct, uniforms, **options)


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (
            lambda: select(REWARDS),
            r"correct: got entries of type float64, need booleans, such as rewards == 1",
        ),
        (lambda: select(np.array(True), np.array(0.5)), r"correct: got shape \(\), need shape \(\.\.\., G\)"),
        (lambda: select(uniforms=U[0]), r"uniforms: got shape \(4, 8\), need that of correct, \(3, 4, 8\)"),
        (lambda: select(uniforms=U - 1), r"uniforms: got a number outside \[0, 1\]"),
        (lambda: select(scores=SCORES[0]), r"scores: got shape \(4, 8\), need that of correct"),
        (lambda: select(scores=SCORES * np.nan), r"scores: got NaN or infinity at index \(0, 1, 0\), need"),
        (lambda: select(at_most=0), r"at_most: got 0, need a positive whole number"),
        (lambda: select(wrong=-0.1), r"wrong: got -0.1, need a number of wrong ones for each correct one"),
        (
            lambda: explore.response_mean(LOG_PROBS * np.nan, MASK),
            r"values: got NaN or infinity at index \(0, 0, 0, 0\), need finite numbers",
        ),
        (
            lambda: explore.response_mean(LOG_PROBS, MASK & (np.arange(8)[:, None] != 2)),
            r"mask: got a response without a token at index \(0, 0, 2\)",
        ),
    ],
)
def test_what_is_refused(call, message):
    with pytest.raises(ValueError, match=message):
        call()
