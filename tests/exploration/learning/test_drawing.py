"""Rollouts and listed responses of one policy: two routes to the same chances."""

import jax
import numpy as np
import pytest
from tiny import TASK

from thermodiff.exploration import (
    draw_rollouts,
    exact_cost_of_accuracy,
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


def test_tables_keep_the_precision_by_which_their_sums_are_judged(policy):
    assert form_log_probs(policy, TASK, TASK.prompts).dtype == np.float32
    rounded = np.log(np.full((2, 3), 1 / 3)).astype(np.float32)
    rounded[1] += np.float32(1e-7)  # all responses, and as single precision may have it, a sum above 1
    assert np.exp(rounded.astype(float)).sum(axis=1).max() > 1
    cost = exact_cost_of_accuracy(rounded, rounded, np.array([[1, 0, 0]] * 2), remainder=True)
    assert cost.divergence.mean == 0
    assert success(rounded, np.ones((2, 3), bool)).max() == 1


def test_arguments_are_checked(policy):
    with pytest.raises(ValueError, match=r"^number: got 0, need"):
        draw_rollouts(jax.random.key(1), TASK, policy, TASK.prompts, 0)
    with pytest.raises(ValueError, match=r"^prompts: got tokens from 99 to 99, need"):
        draw_rollouts(jax.random.key(1), TASK, policy, np.full((2, 2), 99), 1)
    with pytest.raises(ValueError, match=r"^forms: got those of 2 problems, need of the 1 prompts"):
        form_log_probs(policy, TASK, TASK.prompts[:1], TASK.forms(TASK.prompts))
