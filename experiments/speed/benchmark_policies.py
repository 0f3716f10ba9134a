"""The benchmark's rows on policies: a step of training by rewards, and the sampling of responses."""

from __future__ import annotations

from functools import partial
from typing import Any

import jax
import jax.numpy as jnp

from experiments.harness.types import Row
from experiments.speed.benchmark_reference import forward_products
from experiments.speed.benchmark_training import row_of
from experiments.speed.paired_timing import by_turns
from thermodiff.exploration.learning.reinforcement import ReinforcementConfig, prepare, step
from thermodiff.exploration.learning.steps import chunk_of
from thermodiff.exploration.policies.networks import transformer_policy
from thermodiff.exploration.policies.policy import sample, token_log_probs
from thermodiff.exploration.tasks.countdown import Countdown

TASK = Countdown()
CONFIG = ReinforcementConfig(problems=32, group=16)
"""The sizes of the experiments on exploration: 32 problems a step, 16 responses to each, two updates."""


def reward_step(width: int, steps: int, pairs: int) -> Row:
    """A step inside the loop against drawing as many responses and one gradient of their mean log-probability.

    ``steps`` of each a time. A network of two blocks; ours updates twice, each time on half of the responses.
    """
    policy = transformer_policy(jax.random.key(0), TASK, width)
    setting, state = prepare(jax.random.key(1), TASK, policy, TASK.prompts, CONFIG, None)
    prompts = jnp.asarray(TASK.prompts[: CONFIG.problems])

    @jax.jit
    def loop(setting: Any, state: Any, stop: int) -> Any:
        return chunk_of(partial(step, CONFIG, TASK, setting), state, 0, stop)

    @jax.jit
    def gradient(policy: Any, responses: Any) -> Any:
        def loss_of(policy: Any) -> Any:
            one = partial(token_log_probs, policy, end=TASK.end)
            return -jnp.mean(jax.vmap(jax.vmap(one, (None, 0)))(prompts, responses))

        return jax.value_and_grad(loss_of)(policy)

    def ours() -> None:
        jax.block_until_ready(loop(setting, state, steps))

    def theirs() -> None:
        for i in range(steps):
            jax.block_until_ready(gradient(policy, _drawn(policy, prompts, i).responses))

    return row_of(by_turns(ours, theirs, pairs), speedup=False, width=width, steps=steps)


def sampled_token(width: int, repeats: int, pairs: int) -> Row:
    """Drawing responses against the products x W of every layer for as many tokens: 512 rows, one after another.

    Ours reads the prompts too, and draws ``repeats`` times a time.
    """
    policy = transformer_policy(jax.random.key(0), TASK, width)
    prompts = jnp.asarray(TASK.prompts[: CONFIG.problems])
    products = forward_products(policy, CONFIG.problems * CONFIG.group)

    def ours() -> None:
        for i in range(repeats):
            jax.block_until_ready(_drawn(policy, prompts, i))

    def theirs() -> None:
        jax.block_until_ready([products() for _ in range(repeats * TASK.response_length)][-1])

    return row_of(by_turns(ours, theirs, pairs), speedup=False, width=width, repeats=repeats)


@jax.jit
def _drawn(policy: Any, prompts: Any, i: Any) -> Any:
    """A group of responses to each prompt."""
    keys = jax.random.split(jax.random.key(i), len(prompts))

    def group(prompt: Any, key: Any) -> Any:
        return sample(policy, prompt, key, CONFIG.group, TASK.response_length, TASK.end)

    return jax.vmap(group)(prompts, keys)
