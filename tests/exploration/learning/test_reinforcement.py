"""Training by rewards follows the gradient of what it says it maximises, and resumes bit for bit."""

import dataclasses

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from checks import assert_identical
from tiny import TASK, every_response

from thermodiff.exploration import (
    LearningDivergedError,
    Method,
    ReinforcementConfig,
    form_log_probs,
    recurrent_policy,
    reinforce,
    reinforce_sweep,
)
from thermodiff.exploration.learning import methods
from thermodiff.exploration.learning.exact import success
from thermodiff.exploration.learning.reinforcement import Setting, rollouts
from thermodiff.exploration.policies.policy import log_prob, token_log_probs
from thermodiff.training.optimiser import SteadyAdam

CONFIG = ReinforcementConfig(
    steps=24, problems=2, group=8, minibatches=2, optimiser=SteadyAdam(3e-3), chunk=7, keep_every=10
)
BETA = 0.3


@pytest.fixture(scope="module")
def start():
    fresh = recurrent_policy(jax.random.key(5), TASK, 8, 1)
    return jax.tree.map(lambda x: 1.5 * x, fresh)


@pytest.fixture(scope="module")
def learned(start):
    return reinforce(jax.random.key(1), TASK, start, TASK.prompts, config=CONFIG)


def assert_same(one, other):
    """To the last bit; entropies of correct responses are NaN where a step had none."""
    assert_identical(
        (one.policy, [policy for _, policy in one.kept]), (other.policy, [p for _, p in other.kept])
    )
    for name, values in one.history.items():
        np.testing.assert_array_equal(values, other.history[name])


def flat(tree):
    return np.concatenate([np.ravel(leaf) for leaf in jax.tree.leaves(tree)])


def table_of(policy):
    """ln pi of every response to each problem."""
    responses = jnp.asarray(every_response())
    return jax.vmap(lambda x: jax.vmap(lambda y: log_prob(policy, x, y, TASK.end))(responses))(
        jnp.asarray(TASK.prompts)
    )


def rewards_of_all():
    responses = jnp.asarray(every_response())
    return jax.vmap(lambda x: jax.vmap(lambda y: TASK.reward(x, y))(responses))(jnp.asarray(TASK.prompts))


OBJECTIVES = {
    # method, and what its sampled gradient has for a mean, by enumeration of all responses
    "rewards": (
        Method(methods.LeaveOneOut(), dynamic=False),
        lambda log_probs, base, r: jnp.exp(log_probs) * r,
    ),
    "free energy": (
        Method(methods.FreeEnergy(BETA)),
        lambda log_probs, base, r: jnp.exp(log_probs) * (r - BETA * (log_probs - base)),
    ),
    "tilt": (
        Method(loss=methods.TiltRegression(BETA)),
        lambda log_probs, base, r: jnp.exp(log_probs) * (r - BETA * (log_probs - base)),
    ),
}


@pytest.mark.parametrize(
    "name",
    [
        # One compiled in the quick tests: the free energy has the rewards in it.
        pytest.param("rewards", marks=pytest.mark.slow),
        "free energy",
        pytest.param("tilt", marks=pytest.mark.slow),
    ],
)
def test_the_sampled_gradient_is_that_of_the_objective(start, name):
    """-gradient of the loss, a response's sum over tokens, against jax.grad of the enumerated expectation."""
    method, objective = OBJECTIVES[name]
    # Responses of one length weigh as in a sum: the token mean divides by the tokens of the batch.
    policy = jax.tree.map(lambda x: 1.2 * x, start)
    number = 4000
    config = dataclasses.replace(CONFIG, method=method, problems=2, group=2)
    setting = Setting(jax.random.key(2), jnp.asarray(TASK.prompts), start)

    def one(key):
        batch = method.counted(rollouts(config, TASK, setting, policy, setting.prompts, key))
        advantages = method.advantages(batch, jnp.int32(0))

        def loss_of(policy):
            log_probs = jax.vmap(
                lambda x, ys: jax.vmap(lambda y: token_log_probs(policy, x, y, TASK.end))(ys)
            )(batch.prompts, batch.responses)
            loss = method.loss.of(log_probs, batch, advantages, jnp.zeros(batch.mask.shape))
            # From the mean over tokens to the mean over responses of sums over tokens.
            return loss if name == "tilt" else loss * batch.mask.sum() / batch.rewards.size

        gradient = jax.grad(loss_of)(policy)
        return -jnp.concatenate([jnp.ravel(leaf) for leaf in jax.tree.leaves(gradient)])

    sampled = np.asarray(jax.jit(jax.vmap(one))(jax.random.split(jax.random.key(3), number)), dtype=float)
    base, r = table_of(start), rewards_of_all()

    def expected(policy):
        return jnp.mean(jnp.sum(objective(table_of(policy), base, r), axis=1))

    truth = flat(jax.jit(jax.grad(expected))(policy))
    z = (sampled.mean(axis=0) - truth) / (sampled.std(axis=0, ddof=1) / np.sqrt(number) + 1e-12)
    moved = abs(truth) > 1e-6
    assert abs(z[moved]).max() < 4.8
    assert np.mean(z[moved] ** 2) < 1.5
    assert np.linalg.norm(truth) > 10 * np.linalg.norm(sampled.mean(axis=0) - truth) / 3


@pytest.mark.slow
def test_rewards_rise():
    start = recurrent_policy(jax.random.key(5), TASK, 8, 1)
    config = dataclasses.replace(CONFIG, steps=150, chunk=50, keep_every=None, optimiser=SteadyAdam(1e-2))
    learned = reinforce(jax.random.key(1), TASK, start, TASK.prompts, config=config)
    forms = TASK.forms(TASK.prompts)
    before = success(form_log_probs(start, TASK, TASK.prompts), forms.correct)
    after = success(form_log_probs(learned.policy, TASK, TASK.prompts), forms.correct)
    assert before.mean() < 0.2
    assert after.mean() > before.mean() + 0.25
    assert learned.history["reward"][-20:].mean() == pytest.approx(after.mean(), abs=0.1)


@pytest.mark.slow
def test_numbers_of_every_step(learned):
    assert set(learned.history) >= {"reward", "entropy", "entropy_correct", "entropy_wrong", "varied", "loss"}
    assert all(len(values) == 24 for values in learned.history.values())
    assert [step for step, _ in learned.kept] == [10, 20]


@pytest.mark.slow
def test_an_interruption_leaves_no_trace(start, learned, tmp_path, monkeypatch):
    monkeypatch.setattr("thermodiff.training.checkpoints.CHECKPOINT_SECONDS", 0.0)

    def stop(report):
        if report.step == 14:
            raise KeyboardInterrupt

    settings = {"config": CONFIG, "checkpoint_dir": tmp_path}
    with pytest.raises(KeyboardInterrupt):
        reinforce(jax.random.key(1), TASK, start, TASK.prompts, **settings, callback=stop)
    again = reinforce(jax.random.key(1), TASK, start, TASK.prompts, **settings)
    assert_same(again, learned)


@pytest.mark.slow
def test_several_at_once_are_those_made_alone(start, learned, tmp_path):
    keys = jax.random.split(jax.random.key(9), 2)
    together = reinforce_sweep(
        keys, TASK, [start, learned.policy], TASK.prompts, config=CONFIG, checkpoint_dir=tmp_path
    )
    alone = reinforce(keys[1], TASK, learned.policy, TASK.prompts, config=CONFIG)
    assert_same(together[1], alone)
    assert sorted(path.name for path in tmp_path.iterdir()) == ["0", "1"]


@pytest.mark.slow
def test_one_that_fails_ends_all(start):
    def stop(report):
        raise OSError("a full disk")

    with pytest.raises(OSError, match="a full disk"):
        reinforce_sweep(
            jax.random.split(jax.random.key(9), 3),
            TASK,
            [start] * 3,
            TASK.prompts,
            config=CONFIG,
            callback=stop,
        )


@pytest.mark.slow
def test_a_training_that_diverges_says_where(start):
    bad = jax.tree.map(lambda x: x * jnp.nan, start)
    with pytest.raises(
        LearningDivergedError, match=r"loss not finite at step 1 of 24; there is no checkpoint"
    ):
        reinforce(jax.random.key(1), TASK, bad, TASK.prompts, config=CONFIG)


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ({"group": 1}, r"^group: got 1, need 2 or more: one response has nothing to be compared with"),
        ({"minibatches": 3}, r"^minibatches: got 3 of 2 problems, need a number that divides them"),
        ({"steps": 0}, r"^steps: got 0, need"),
        ({"temperature": 0.0}, r"^temperature: got 0.0, need"),
    ],
)
def test_settings_are_checked(settings, message):
    with pytest.raises(ValueError, match=message):
        dataclasses.replace(CONFIG, **settings)


def test_arguments_are_checked(start):
    with pytest.raises(ValueError, match=r"^prompts: got 1, need at least the 2 problems of a step"):
        reinforce(jax.random.key(1), TASK, start, TASK.prompts[:1], config=CONFIG)
    with pytest.raises(ValueError, match=r"^prompts: got shape \(2, 1\), need"):
        reinforce(jax.random.key(1), TASK, start, TASK.prompts[:, :1], config=CONFIG)
    with pytest.raises(ValueError, match=r"^policies: got 1 for 2 keys, need one for each key"):
        reinforce_sweep(jax.random.split(jax.random.key(0)), TASK, [start], TASK.prompts, config=CONFIG)
    with pytest.raises(ValueError, match=r"^beta: got 0.0, need"):
        methods.FreeEnergy(0.0)
    with pytest.raises(ValueError, match=r"^start, stop: got 5, 5, need 0 <= start < stop"):
        methods.PositionShaped(start=5, stop=5)
