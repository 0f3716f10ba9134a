"""The strict form: its verifier and its list of responses against regular expressions and itertools."""

import countdown_words as oracle
import jax
import jax.numpy as jnp
import numpy as np
import pytest

from thermodiff.exploration.tasks.checks import check_task
from thermodiff.exploration.tasks.countdown import Countdown
from thermodiff.exploration.tasks.task import EnumeratedTask, Task, tokens_of, words_of

TASK = Countdown()
REWARD = jax.jit(jax.vmap(TASK.reward))


def mutated(rng, responses, size, likely):
    """Responses in which up to three tokens are others: of ``likely``, or copies of their neighbours'."""
    made = np.array(responses)
    for _ in range(3):
        rows = np.flatnonzero(rng.random(len(made)) < 0.4)
        place = rng.integers(0, made.shape[1], len(rows))
        made[rows, place] = np.where(
            rng.random(len(rows)) < 0.5,
            rng.choice(likely, len(rows)),
            np.where(rng.random(len(rows)) < 0.5, rng.integers(0, size, len(rows)), made[rows, place - 1]),
        )
    return made


def test_the_problems():
    """Three numbers and a target that some text of valid arithmetic reaches, all of them."""
    numbers = sorted({tuple(row[:3]) for row in TASK.prompts.tolist()})
    assert len(numbers) == 12 * 13 * 14 // 6
    rng = np.random.default_rng(0)
    for n in rng.choice(len(numbers), 40, replace=False):
        targets = {row[3] for row in TASK.prompts.tolist() if tuple(row[:3]) == numbers[n]}
        assert targets == {t for t in oracle.strict_forms(numbers[n]).values() if 1 <= t <= 60}


def test_every_response_is_listed_once():
    prompts = TASK.prompts[np.random.default_rng(1).choice(len(TASK.prompts), 60, replace=False)]
    forms = TASK.forms(prompts)
    for prompt, responses, correct, real in zip(prompts.tolist(), *forms, strict=True):
        listed = [words_of(TASK, row) for row in responses[real]]
        truth = oracle.strict_forms(prompt[:3])
        assert len(listed) == len(set(listed))
        assert set(listed) == set(truth)
        assert correct[real].tolist() == [truth[text] == prompt[3] for text in listed]
        assert not correct[~real].any()
        assert np.all(responses[~real] == TASK.end)
    right = np.asarray(jax.jit(jax.vmap(jax.vmap(TASK.reward, (None, 0))))(prompts, forms.responses))
    np.testing.assert_array_equal((right == 1) & forms.real, forms.correct)


def test_the_verifier_on_right_wrong_and_broken_responses():
    rng = np.random.default_rng(2)
    prompts = TASK.prompts[rng.integers(0, len(TASK.prompts), 6000)]
    forms = TASK.forms(prompts)
    chosen = np.argmax(forms.correct * rng.random(forms.correct.shape), axis=1)
    right = forms.responses[np.arange(len(prompts)), chosen]
    likely = [*range(13), *range(100, 106)]
    for responses in (right, mutated(rng, right, 106, likely), rng.choice(likely, right.shape)):
        truth = [
            oracle.strict_is_correct(p, [TASK.vocabulary[token] for token in y])
            for p, y in zip(prompts.tolist(), responses.tolist(), strict=True)
        ]
        np.testing.assert_array_equal(REWARD(prompts, responses), np.array(truth, float))
    assert np.all(REWARD(prompts, right) == 1)
    assert 0.2 < np.mean(REWARD(prompts, mutated(rng, right, 106, likely))) < 0.9  # both verdicts are there


def test_responses_of_other_numbers_too():
    """Where many responses are not valid, padding is still tokens, and the list agrees with the verifier."""
    check_task(Countdown(largest_number=5, largest_target=9))


def test_it_is_a_task():
    assert isinstance(TASK, Task)
    assert isinstance(TASK, EnumeratedTask)
    assert hash(TASK) == hash(Countdown())


def test_words_and_tokens():
    text = "3 x 7 = 21 ; 21 + 5 = 26"
    tokens = tokens_of(TASK, text, TASK.response_length)
    assert words_of(TASK, tokens) == text
    assert float(TASK.reward(jnp.array([3, 5, 7, 26]), jnp.asarray(tokens))) == 1
    assert words_of(TASK, tokens_of(TASK, text, 11)) == text  # cut off
    with pytest.raises(ValueError, match=r"text: got the word '100', need words of 0 1 2 ... x = ; end"):
        tokens_of(TASK, "100 + 1", 12)
    with pytest.raises(ValueError, match=r"text: got 11 words, need at most 10"):
        tokens_of(TASK, text, 10)


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (lambda: Countdown(largest_number=100), r"largest_number: got 100, need at most 99"),
        (lambda: Countdown(largest_target=0), r"largest_target: got 0, need a positive whole number"),
        (
            lambda: TASK.forms(np.ones((2, 3), int)),
            r"prompts: got shape \(2, 3\), need whole numbers \(problems, 4\)",
        ),
        (lambda: TASK.forms(np.ones((2, 4))), r"prompts: got numbers of type float64, need whole numbers"),
        (
            lambda: TASK.forms(np.full((2, 4), 106)),
            r"prompts: got tokens from 106 to 106, need .* from 0 to 105",
        ),
        (lambda: TASK.forms(np.ones((0, 4), int)), r"prompts: got shape \(0, 4\)"),
        (
            lambda: Countdown(5, 9).forms(TASK.prompts[-1:]),
            r"prompts: got '12 12 12 .*' \(row 0\), need problems of this task",
        ),
        (lambda: TASK.forms(np.array([[1, 1, 1, 60]])), r"prompts: got '1 1 1 60' \(row 0\), need problems"),
    ],
)
def test_bad_input(make, message):
    with pytest.raises(ValueError, match=message):
        make()
