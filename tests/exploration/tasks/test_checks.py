"""What ``check_task`` finds wrong, each fault in a task that is otherwise right."""

import jax.numpy as jnp
import numpy as np
import pytest

from thermodiff.exploration.tasks.checks import check_task
from thermodiff.exploration.tasks.countdown import Countdown
from thermodiff.exploration.tasks.countdown_free import CountdownFree
from thermodiff.exploration.tasks.task import Forms


class Echo:
    """Repeat the prompt."""

    vocabulary = ("a", "b", "end")
    end = 2
    prompt_length, response_length = 1, 2
    prompts = np.array([[0], [1]])

    def reward(self, prompt, response):
        return jnp.where((response[0] == prompt[0]) & (response[1] == 2), 1.0, 0.0)

    def forms(self, prompts):
        responses = np.tile([[[0, 2], [1, 2]]], (len(prompts), 1, 1))
        return Forms(responses, responses[..., 0] == prompts, np.ones((len(prompts), 2), bool))


def echo(**changes):
    return type("Echo", (Echo,), changes)()


def with_forms(change):
    def forms(self, prompts):
        parts = [part.copy() for part in Echo.forms(self, prompts)]
        change(*parts)
        return Forms(*parts)

    return echo(forms=forms)


def put(index, value):
    return lambda responses, correct, real: responses.__setitem__(index, value)


def test_tasks_that_are_right():
    for task in (Echo(), Countdown(), CountdownFree()):
        check_task(task)


@pytest.mark.parametrize(
    ("task", "message"),
    [
        (object(), r"task: got object without vocabulary, end, .*, need all that Task names"),
        (echo(vocabulary=()), r"task.vocabulary: got no words, need at least two"),
        (
            echo(vocabulary=("a", "a", "end")),
            r"task.vocabulary: got 'a' twice, need words that are all different",
        ),
        (echo(end=3), r"task.end: got 3, need a token from 0 to 2"),
        (echo(end="end"), r"task.end: got 'end', need a token from 0 to 2"),
        (Echo, r"task: got the class Echo, need an object of it, Echo\(...\)"),
        (echo(reward=lambda self, p, y: "right"), r"task.reward: got str, need one floating-point number"),
        (
            echo(reward=lambda self, p, y: 2.0 * Echo.reward(self, p, y), forms=None),
            r"task.reward: got 2 for the response 'a' to the prompt 'a', need 0 or 1",
        ),
        (echo(response_length=0), r"response_length: got 0, need a positive whole number"),
        (
            echo(prompts=np.zeros((0, 1), int)),
            r"task.prompts: got shape \(0, 1\), need whole numbers \(problems, 1\)",
        ),
        (echo(prompts=np.zeros((2, 2), int)), r"task.prompts: got shape \(2, 2\)"),
        (echo(prompts=np.zeros((2, 1))), r"task.prompts: got numbers of type float64"),
        (echo(prompts=np.array([[0], [3]])), r"task.prompts: got tokens from 0 to 3, need .* from 0 to 2"),
        (
            echo(reward=lambda self, p, y: 1.0 if y[0] == p[0] else 0.0),
            r"task.reward: got a function that JAX cannot trace, need one written with jax.numpy",
        ),
        (
            echo(reward=lambda self, p, y: y == 2),
            r"task.reward: got bool of shape \(2,\), need one floating-point number for one response",
        ),
        (echo(reward=lambda self, p, y: None), r"task.reward: got NoneType, need one floating-point number"),
        (
            echo(
                forms=lambda self, p: Forms(
                    np.zeros((2, 1, 3), int), np.ones((2, 1), bool), np.ones((2, 1), bool)
                )
            ),
            r"task.forms: got responses of shape \(2, 1, 3\), need \(2, forms, 2\)",
        ),
        (with_forms(put((0, 0, 0), 7)), r"task.forms: got tokens from 0 to 7, need tokens from 0 to 2"),
        (
            with_forms(put((0, 1, 1), 1)),
            r"task.forms: got 'b b' for the prompt 'a', without an end, need .* close",
        ),
        (with_forms(put((0, 1), [2, 0])), r"task.forms: got 'end a' for the prompt 'a', without an end"),
        (with_forms(put((1, 1), [0, 2])), r"task.forms: got a response twice for one problem"),
        (
            with_forms(lambda responses, correct, real: correct.__setitem__(1, False)),
            r"task.forms: got no correct response for the prompt 'b', need at least one",
        ),
        (
            with_forms(lambda responses, correct, real: correct.__setitem__((0, 1), True)),
            r"task.forms: got 'b end' for the prompt 'a' listed as correct with reward 0, need a list",
        ),
    ],
)
def test_each_fault_is_named(task, message):
    with pytest.raises(ValueError, match=message):
        check_task(task)


def test_a_response_that_goes_on():
    def forms(self, prompts):
        responses = np.tile([[[0, 2, 1, 2]]], (len(prompts), 1, 1))
        return Forms(responses, np.ones((len(prompts), 1), bool), np.ones((len(prompts), 1), bool))

    with pytest.raises(ValueError, match=r"'a end b end' for the prompt 'a', which goes on after its end"):
        check_task(echo(response_length=4, forms=forms))
