"""Responses drawn from a policy as rollouts, the form that every measure of exploration takes."""

from __future__ import annotations

import functools
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
import numpy as np

from thermodiff.array_types import Key
from thermodiff.exploration.learning.door import check_policy
from thermodiff.exploration.policies.policy import TokenPolicy, sample
from thermodiff.exploration.rollouts import Rollouts
from thermodiff.exploration.tasks.task import Task, check_problems, response_mask
from thermodiff.exploration.tokens.statistics import token_statistics
from thermodiff.validation import check_count, check_key, check_positive

AT_ONCE = 32
"""Problems whose responses are drawn in one batch."""


class Drawn(NamedTuple):
    """Rollouts, and their tokens as they were drawn."""

    rollouts: Rollouts
    """With log-probabilities, entropies and nucleus sizes of every token; problem i is called "i"."""
    responses: np.ndarray
    """(problems, number, response_length) tokens."""
    rewards: np.ndarray
    """(problems, number)."""


def draw_rollouts(
    key: Key, task: Task, policy: TokenPolicy, prompts: Any, number: int, *, temperature: float = 1.0
) -> Drawn:
    """``number`` responses to each of ``prompts`` (problems, prompt_length), verified, with what the policy said.

    Log-probabilities, entropies (nats) and nucleus sizes (mass 0.95) are of the distribution that was drawn from.
    Raises ValueError for prompts and policies of another task, a number below 1 and a temperature that is not positive.
    """
    key, prompts = check_key(key), check_problems(task, prompts)
    check_policy(policy, task)
    check_count("number", number)
    check_positive("temperature", temperature)
    drawn = _draw(policy, task, number, temperature, key, jnp.asarray(prompts))
    responses, rewards, log_probs, entropies, nuclei = (np.asarray(x) for x in drawn)
    mask = response_mask(responses, task.end)
    lengths = mask.sum(axis=-1).ravel()
    ended = (responses == task.end).any(axis=-1).ravel()
    rollouts = Rollouts(
        problem=np.repeat(np.arange(len(prompts)).astype(str), number),
        correct=rewards.ravel() > 0,
        length=lengths,
        finish_reason=np.where(ended, "stop", "length"),
        offsets=np.concatenate([[0], np.cumsum(lengths)]),
        log_probs=log_probs[mask].astype(float),
        entropies=entropies[mask].astype(float),
        nucleus_sizes=nuclei[mask],
        vocabulary=len(task.vocabulary),
        source="a policy",
    )
    return Drawn(rollouts, responses, rewards)


@functools.partial(jax.jit, static_argnums=(1, 2, 3))
def _draw(policy: Any, task: Task, number: int, temperature: float, key: Key, prompts: Any) -> tuple:
    def problem(both: tuple[Any, Key]) -> tuple:
        prompt, key = both
        drawn = sample(policy, prompt, key, number, task.response_length, task.end, temperature)
        logits = jax.vmap(lambda response: policy.logits(prompt, response))(drawn.responses)
        nuclei = token_statistics(logits, drawn.responses, temperature, top=1).nucleus_size
        rewards = jax.vmap(lambda response: task.reward(prompt, response))(drawn.responses)
        return drawn.responses, rewards, drawn.log_probs, drawn.entropies, nuclei

    keys = jax.random.split(key, len(prompts))
    return jax.lax.map(problem, (prompts, keys), batch_size=AT_ONCE)
