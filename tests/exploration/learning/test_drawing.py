"""Rollouts and listed responses of one policy: two routes to the same chances."""

import jax
import numpy as np
import pytest
from tiny import TASK

from thermodiff.exploration import (
    draw_rollouts,
    form_log_probs,
    recurrent_policy,
    surprise_entropy_gap,
    token_entropy,
)
from thermodiff.exploration.learning.exact import success

NUMBER = 3000


@pytest.fixture(scope="module")
def policy():
    return jax.tree.map(lambda x: 2 * x, recurrent_policy(jax.random.key(2), TASK, 8, 1))


@pytest.fixture(scope="module")
def drawn(policy):
    return draw_rollouts(jax.random.key(1), TASK, policy, TASK.prompts, NUMBER)


def test_two_routes_to_the_chance_of_success(policy, drawn):
    forms = TASK.forms(TASK.prompts)
    p = success(form_log_probs(policy, TASK, TASK.prompts), forms.correct)
    correct, samples, _ = drawn.rollouts.counts()
    assert np.array_equal(samples, [NUMBER, NUMBER])
    z = (correct - NUMBER * p) / np.sqrt(NUMBER * p * (1 - p))
    assert abs(z).max() < 4


def test_rollouts_hold_together(drawn):
    rollouts = drawn.rollouts
    assert rollouts.offsets[-1] == len(rollouts.log_probs) == len(rollouts.entropies)
    assert np.array_equal(rollouts.length, np.diff(rollouts.offsets))
    cut = (drawn.responses != TASK.end).all(axis=-1).ravel()
    assert np.array_equal(rollouts.finish_reason == "length", cut)
    assert cut.any()
    assert not surprise_entropy_gap(rollouts).differs
    assert 0 < token_entropy(rollouts).mean.mean < np.log(len(TASK.vocabulary))


def test_padding_of_lists_has_no_chance(policy):
    log_probs = form_log_probs(policy, TASK, TASK.prompts)
    forms = TASK.forms(TASK.prompts)
    assert np.array_equal(np.isneginf(log_probs), ~forms.real)


def test_arguments_are_checked(policy):
    with pytest.raises(ValueError, match=r"^number: got 0, need"):
        draw_rollouts(jax.random.key(1), TASK, policy, TASK.prompts, 0)
    with pytest.raises(ValueError, match=r"^prompts: got tokens from 99 to 99, need"):
        draw_rollouts(jax.random.key(1), TASK, policy, np.full((2, 2), 99), 1)
    with pytest.raises(ValueError, match=r"^forms: got those of 2 problems, need of the 1 prompts"):
        form_log_probs(policy, TASK, TASK.prompts[:1], TASK.forms(TASK.prompts))
