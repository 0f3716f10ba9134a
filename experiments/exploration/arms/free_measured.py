"""What is measured of a policy of the free form: rollouts of the problems for measuring, and why they fail."""

from __future__ import annotations

import functools
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np

from experiments.exploration.arms.free import FreeScale, problems_of, task_of
from thermodiff.exploration.learning.drawing import Drawn, draw_rollouts
from thermodiff.exploration.policies.policy import token_log_probs
from thermodiff.exploration.tasks.countdown_free import DEFECTS, CountdownFree
from thermodiff.exploration.tasks.task import response_mask
from thermodiff.exploration.tokens.clusters import clustered_mean
from thermodiff.types import Estimate

AT_ONCE = 32
"""Problems whose responses are read in one batch."""


def drawn_from(policy: Any, seed: int, scale: FreeScale, number: int) -> Drawn:
    """Rollouts on the problems for measuring; the same random numbers for every policy of a seed."""
    key = jax.random.fold_in(jax.random.key(seed), 10**6)
    return draw_rollouts(key, task_of(scale), policy, problems_of(seed, scale).test, number)


def padded(values: np.ndarray, drawn: Drawn, end: int) -> np.ndarray:
    """Numbers of all tokens one after another as (problems, number, tokens), 0 after a response."""
    mask = response_mask(drawn.responses, end)
    table = np.zeros(mask.shape)
    table[mask] = values
    return table


def log_probs_under(policy: Any, task: Any, prompts: np.ndarray, responses: np.ndarray) -> np.ndarray:
    """ln pi of every token of responses (problems, number, tokens), one after another, as rollouts have them."""
    found = np.asarray(_log_probs(policy, task.end, jnp.asarray(prompts), jnp.asarray(responses)))
    return found[response_mask(responses, task.end)].astype(float)


@functools.partial(jax.jit, static_argnums=1)
def _log_probs(policy: Any, end: int, prompts: Any, responses: Any) -> Any:
    def problem(both: tuple[Any, Any]) -> Any:
        return jax.vmap(lambda response: token_log_probs(policy, both[0], response, end))(both[1])

    return jax.lax.map(problem, (prompts, responses), batch_size=AT_ONCE)


def defects(task: CountdownFree, prompts: np.ndarray, responses: np.ndarray) -> list[Estimate]:
    """Share of each of ``DEFECTS`` among responses (problems, number, tokens); errors over problems."""
    codes = np.asarray(_defects(task, jnp.asarray(prompts), jnp.asarray(responses)))
    problem = np.repeat(np.arange(len(codes)), codes.shape[1])
    return [clustered_mean(codes.ravel() == code, problem) for code in range(len(DEFECTS))]


@functools.partial(jax.jit, static_argnums=0)
def _defects(task: CountdownFree, prompts: Any, responses: Any) -> Any:
    return jax.vmap(lambda prompt, many: jax.vmap(lambda y: task.defect(prompt, y))(many))(prompts, responses)
