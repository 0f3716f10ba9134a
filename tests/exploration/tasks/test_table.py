"""Tasks made of lists of texts: the reward is the list, whatever else a response may be."""

from itertools import product

import jax
import numpy as np
import pytest

from thermodiff.exploration.tasks.checks import check_task
from thermodiff.exploration.tasks.table import task_of_texts
from thermodiff.exploration.tasks.task import EnumeratedTask, tokens_of, words_of

PROBLEMS = [
    ("red or blue", {"red": True, "blue": True, "red blue": False}),
    ("a colour", {"red": False, "green": True}),
    ("red or blue", {"or": False}),
]


def test_the_reward_of_every_response_is_the_list():
    task = task_of_texts(PROBLEMS)
    assert task.vocabulary == ("a", "blue", "colour", "green", "or", "red", "pad", "end")
    assert isinstance(task, EnumeratedTask)
    check_task(task)
    responses = np.array(list(product(range(8), repeat=3)), dtype=np.int32)
    for prompt, right in zip(task.prompts, ({"red", "blue"}, {"green"}), strict=True):
        rewards = jax.jit(jax.vmap(task.reward, (None, 0)))(prompt, responses)
        # What follows the first end is not looked at, and a response that never ends is wrong.
        truth = [words_of(task, y) in right and task.end in y for y in responses]
        np.testing.assert_array_equal(rewards, np.array(truth, float))
    forms = task.forms(task.prompts[::-1])
    assert forms.real.sum(axis=1).tolist() == [2, 4]
    assert [words_of(task, y) for y in forms.responses[1][forms.correct[1]]] == ["red", "blue"]
    assert words_of(task, task.prompts[1]) == "pad a colour"


def test_characters_and_a_longer_response():
    task = task_of_texts([("7-9", {"-2": True})], split=list, response_length=5)
    assert task.response_length == 5
    np.testing.assert_array_equal(task.listed.responses[0, 0], tokens_of(task, "- 2", 5))


@pytest.mark.parametrize(
    ("problems", "settings", "message"),
    [
        ([], {}, r"problems: got none, need at least one"),
        (
            [("a", {"b": False})],
            {},
            r"problems: got 'a' without a correct response, need at least one of each",
        ),
        ([("a", {"b": 0.01})], {}, r"responses: got 0.01 for 'b' to 'a', need true or false"),
        (
            [("a", {"b c": True}), (" a", {"b  c": False})],
            {},
            r"responses: got 'b  c' to ' a' as correct and as wrong, need one verdict on the same words",
        ),
        (
            {"a": {"b": True}},
            {},
            r"problems: got 'a', need pairs \(problem, {response: whether it is correct}\)",
        ),
        ([("a", ["b"])], {}, r"problems: got \('a', \['b'\]\), need pairs"),
        ([(3, {"b": True})], {}, r"problems: got 3, need texts"),
        ([("a", {"": True})], {}, r"responses: got '', need at least one word in each"),
        ([(" ", {"b": True})], {}, r"problems: got ' ', need at least one word in each"),
        ([("a", {"b end": True})], {}, r"responses: got the word 'end' in 'b end', need words other than"),
        (
            [("a", {"b": False, "b c d": True})],
            {"response_length": 3},
            r"response_length: got 3, need at least 4: the longest response is 'b c d', then end",
        ),
    ],
)
def test_bad_input(as_users_run_it, problems, settings, message):
    with pytest.raises(ValueError, match=message):
        task_of_texts(problems, **settings)


def test_prompts_of_another_task():
    task = task_of_texts(PROBLEMS)
    with pytest.raises(ValueError, match=r"prompts: got 'a a a' \(row 1\), need problems of this task"):
        task.forms(np.array([task.prompts[0], [0, 0, 0]]))
    with pytest.raises(ValueError, match=r"prompts: got shape \(2, 4\), need whole numbers \(problems, 3\)"):
        task.forms(np.zeros((2, 4), int))


@pytest.mark.parametrize("token", [99, -1])
def test_words_of_what_are_no_tokens(token):
    with pytest.raises(ValueError, match=rf"tokens: got {token}, need tokens from 0 to 7"):
        words_of(task_of_texts(PROBLEMS), np.array([token]))
