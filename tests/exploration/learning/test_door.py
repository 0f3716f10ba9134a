"""What is handed to a training is looked at first: tasks, policies, prompts, rewards, methods. Nothing is compiled."""

import dataclasses
import functools
import warnings

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from tiny import TASK

from thermodiff.exploration import (
    Countdown,
    CountdownFree,
    ImitationConfig,
    Method,
    ReinforcementConfig,
    Texts,
    draw_rollouts,
    form_log_probs,
    group_relative_advantage,
    imitate,
    recurrent_policy,
    reinforce,
    task_of_texts,
)
from thermodiff.exploration.learning import imitation, methods, reinforcement

KEY = jax.random.key(1)
CONFIG = ReinforcementConfig(steps=4, problems=2, group=2, chunk=2)
CORRECTED = task_of_texts(
    [("p q", {"a": True, "b a": True, "b": True, "a b": False}), ("q p", {"b b": True, "a": False})]
)
"""``TASK`` with another verdict on one response; the same words, problems and lists."""
TEXTS = Texts(TASK.prompts, TASK.listed.responses[:, 0], np.ones(2))


@pytest.fixture(scope="module")
def policy():
    return recurrent_policy(KEY, TASK, 4, 1)


@pytest.fixture(scope="module")
def foreign():
    return recurrent_policy(KEY, Countdown(), 4, 1)


@pytest.fixture
def pretended(monkeypatch):
    """Trainings in which each step finds the same numbers, 0.5 and what is set, and moves nothing."""
    numbers = {}

    def advance(*arguments):
        *_, state, start, stop = arguments
        history = {
            name: values.at[start:stop].set(numbers.get(name, 0.5)) for name, values in state.history.items()
        }
        return state._replace(history=history)

    monkeypatch.setattr(reinforcement, "_advance", advance)
    monkeypatch.setattr(imitation, "_advance", advance)
    return numbers


def test_a_checkpoint_of_another_verifier_is_refused(policy, pretended, tmp_path):
    train = functools.partial(reinforce, KEY, policy=policy, prompts=TASK.prompts, config=CONFIG)
    for _ in range(2):
        train(task=TASK, checkpoint_dir=tmp_path)
    with pytest.raises(ValueError, match=r"^checkpoint_dir: got .* whose task is .*resume=False"):
        train(task=CORRECTED, checkpoint_dir=tmp_path)


def test_texts_ask_no_verifier_but_words(policy, pretended, tmp_path):
    config = ImitationConfig(steps=2, batch_size=2, chunk=2)
    for task in (TASK, CORRECTED):
        imitate(KEY, task, policy, TEXTS, config=config, checkpoint_dir=tmp_path)
    other = dataclasses.replace(TASK, vocabulary=("a", "b", "p", "r", "pad", "end"))
    with pytest.raises(ValueError, match=r"^checkpoint_dir: got .* whose task is"):
        imitate(KEY, other, policy, TEXTS, config=config, checkpoint_dir=tmp_path)


def test_policies_of_other_words_are_refused(policy, foreign):
    message = r"^policy: got one of 106 words, need one of the 6 words of the task"
    for call in (
        lambda: reinforce(KEY, TASK, foreign, TASK.prompts, config=CONFIG),
        lambda: imitate(KEY, TASK, foreign, TEXTS),
        lambda: draw_rollouts(KEY, TASK, foreign, TASK.prompts, 1),
        lambda: form_log_probs(foreign, TASK, TASK.prompts),
    ):
        with pytest.raises(ValueError, match=message):
            call()
    with pytest.raises(ValueError, match=r"^reference: got one of 106 words, need"):
        reinforce(KEY, TASK, policy, TASK.prompts, config=CONFIG, reference=foreign)


def test_prompts_of_another_task_are_refused(policy):
    others = np.array([TASK.prompts[0], [0, 0]])
    message = r"^prompts: got 'a a' \(row 1\), need problems of this task"
    with pytest.raises(ValueError, match=message):
        reinforce(KEY, TASK, policy, others, config=CONFIG)
    with pytest.raises(ValueError, match=message):
        draw_rollouts(KEY, TASK, policy, others, 1)


class Doubled:
    """``TASK`` without its lists, with twice its rewards."""

    vocabulary, end, prompts = TASK.vocabulary, TASK.end, TASK.prompts
    prompt_length, response_length = TASK.prompt_length, TASK.response_length

    def reward(self, prompt, response):
        return 2 * TASK.reward(prompt, response)


def test_rewards_are_verdicts(policy, pretended):
    with pytest.raises(
        ValueError, match=r"^task.reward: got 2 for the response '.*' to the prompt '.*', need 0 or 1"
    ):
        reinforce(KEY, Doubled(), policy, TASK.prompts, config=CONFIG)
    for reward, said in ((jnp.nan, "nan"), (1.5, "1.5")):
        pretended["reward"] = reward
        with pytest.raises(ValueError, match=rf"^task.reward: got a mean of {said} in step 1, need 0 or 1"):
            reinforce(KEY, TASK, policy, TASK.prompts, config=CONFIG)


def test_a_training_without_unequal_rewards_says_so(policy, pretended):
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        reinforce(KEY, TASK, policy, TASK.prompts, config=CONFIG)
        pretended["varied"] = 0
        priced = dataclasses.replace(CONFIG, method=Method(methods.FreeEnergy()))
        reinforce(KEY, TASK, policy, TASK.prompts, config=priced)
    for reward, need in ((0, "a policy that is right sometimes, or larger groups"), (1, "harder problems")):
        pretended["reward"] = reward
        with pytest.warns(UserWarning, match=rf"0 of 8 groups had unequal .* reward {reward}.*takes {need}"):
            reinforce(KEY, TASK, policy, TASK.prompts, config=CONFIG)


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (
            lambda: ReinforcementConfig(method="grpo"),
            r"method: got str, need a Method\(advantage, shaping, loss\)",
        ),
        (lambda: ReinforcementConfig(method=Method), r"method: got the class Method, need an object of it"),
        (lambda: ReinforcementConfig(optimiser=1e-3), r"optimiser: got float, need an optimiser, such as"),
        (lambda: ImitationConfig(optimiser=1e-3), r"optimiser: got float, need an optimiser, such as"),
        (
            lambda: Method(methods.PositiveOnly()),
            r"advantage: got PositiveOnly\(\), need an advantage of a batch",
        ),
        (
            lambda: Method(group_relative_advantage),
            r"advantage: got <function .*, need an advantage of a batch",
        ),
        (
            lambda: Method(shaping=methods.Clipped()),
            r"shaping: got Clipped\(.*, need a shaping of advantages",
        ),
        (
            lambda: Method(loss=methods.KLCov),
            r"loss: got the class KLCov, need an object of it, KLCov\(...\)",
        ),
        (lambda: methods.KLCov(share=2), r"share: got 2, need a share, above 0 and at most 1"),
        (lambda: methods.KLCov(coefficient=-2), r"coefficient: got -2, need a number that is at least 0"),
        (lambda: methods.ClipCov(low=5.0), r"low: got 5.0 with high = 5.0, need low < high"),
        (lambda: methods.Clipped(-0.1), r"clip_low: got -0.1, need a number from 0 to 1"),
        (lambda: methods.PerplexityShaped("a"), r"alpha: got 'a', need a finite number"),
        (lambda: methods.PerplexityShaped(clip=(2, 1)), r"clip: got \(2, 1\), need None, or"),
        (lambda: methods.GroupRelative(2), r"ddof: got 2, need 0 or 1"),
        (lambda: recurrent_policy(0, TASK), r"key: got 0, need one random key, such as jax.random.key\(0\)"),
    ],
)
def test_parts_are_checked_where_they_are_made(as_users_run_it, make, message):
    with pytest.raises(ValueError, match=rf"^{message}"):
        make()


def test_arguments_are_checked(as_users_run_it, policy):
    for config in ({}, ImitationConfig()):
        with pytest.raises(ValueError, match=r"^config: got \w+, need a ReinforcementConfig"):
            reinforce(KEY, TASK, policy, TASK.prompts, config=config)
    with pytest.raises(ValueError, match=r"^texts: got list, need Texts\(prompts, responses, weights\)"):
        imitate(KEY, TASK, policy, [(TASK.prompts[0], TASK.prompts[0])])
    task = CountdownFree()
    with pytest.raises(
        ValueError, match=r"^task: got a CountdownFree, which lists no responses, need one with"
    ):
        form_log_probs(recurrent_policy(KEY, task, 4, 1), task, task.prompts[:2])
