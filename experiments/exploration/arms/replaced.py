"""Tokens of responses replaced: the policy goes on from there, or the rest stays as it was.

A token is taken out and another one put in its place, the likeliest of the others or one drawn from the policy without
it. Where the policy goes on, what it would have done after the token that it drew is drawn too, with the same random
numbers: a place is chosen by a look at the whole response, its length among the rest, so that going on from a place is
no plain sample of the policy, and only the difference of the two is what the replaced token did.
"""

from __future__ import annotations

import functools
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
import numpy as np

from thermodiff.exploration.tasks.task import Task

KINDS = ("own", "next likely", "redrawn")
"""What stands at the place: the token that was there, the likeliest other one, one drawn from the others."""
AT_ONCE = 4
"""Problems, with all their responses and places, that are drawn in one batch."""


class Outcome(NamedTuple):
    """Of each response, place and kind, (problems, responses, places, kinds)."""

    goes_on: np.ndarray
    """Reward where the policy goes on after the token."""
    stays: np.ndarray
    """Reward where the rest stays."""
    token: np.ndarray
    """The token at the place."""


def replace_tokens(
    key: Any, task: Task, policy: Any, prompts: np.ndarray, responses: np.ndarray, at: np.ndarray
) -> Outcome:
    """Rewards with the token ``at`` (problems, responses, places) replaced in each of ``responses``."""
    outcome = _replace(policy, task, key, jnp.asarray(prompts), jnp.asarray(responses), jnp.asarray(at))
    return Outcome(*(np.asarray(values) for values in outcome))


@functools.partial(jax.jit, static_argnums=1)
def _replace(policy: Any, task: Task, key: Any, prompts: Any, responses: Any, at: Any) -> Outcome:
    def one(prompt: Any, response: Any, place: Any, uniforms: Any, kind: Any) -> Outcome:
        written = rewritten(policy, task, prompt, response, place, uniforms, kind)
        kept = response.at[place].set(written[place])
        return Outcome(task.reward(prompt, written), task.reward(prompt, kept), written[place])

    def problem(parts: tuple) -> Outcome:
        prompt, many, places, key = parts
        uniforms = jax.random.uniform(key, (*places.shape, task.response_length))
        over = functools.partial(one, prompt)
        kinds = jax.vmap(over, (None, None, None, 0))
        return jax.vmap(jax.vmap(kinds, (None, 0, 0, None)), (0, 0, 0, None))(
            many, places, uniforms, jnp.arange(len(KINDS))
        )

    keys = jax.random.split(key, len(prompts))
    return jax.lax.map(problem, (prompts, responses, at, keys), batch_size=AT_ONCE)


def rewritten(
    policy: Any, task: Task, prompt: Any, response: Any, place: Any, uniforms: Any, kind: Any
) -> Any:
    """One response (tokens,) up to ``place`` as it was, there the token of ``kind``, then drawn by ``uniforms``."""

    def write(carry: tuple, x: tuple) -> tuple[tuple, Any]:
        memory, logits, ended = carry
        t, own, u = x
        others = logits.at[own].set(-jnp.inf)
        there = jnp.stack([own, jnp.argmax(others), _drawn(others, u)])[kind]
        token = jnp.where(t < place, own, jnp.where(t == place, there, _drawn(logits, u)))
        token = jnp.where(ended, task.end, token).astype(jnp.int32)
        memory, logits = policy.extend(memory, token)
        return (memory, logits, ended | (token == task.end)), token

    start = (*policy.begin(prompt, task.response_length), jnp.array(False))
    steps = (jnp.arange(task.response_length), response, uniforms)
    return jax.lax.scan(write, start, steps)[1]


def _drawn(logits: Any, u: Any) -> Any:
    """The inverse of the cumulative distribution at ``u``."""
    reached = jnp.cumsum(jax.nn.softmax(logits))
    return jnp.sum(reached <= u * reached[-1])


def hesitant_places(
    entropies: np.ndarray, lengths: np.ndarray, segments: int
) -> tuple[np.ndarray, np.ndarray]:
    """The token of highest entropy in each of ``segments`` equal parts of each response.

    ``entropies`` (problems, responses, tokens), ``lengths`` (problems, responses). Returns places (problems, responses,
    segments), and where there is one: a short response may have no token in a part.
    """
    t = np.arange(entropies.shape[-1])
    part = np.floor(segments * (t + 0.5) / lengths[..., None]).astype(int)
    inside = (t < lengths[..., None])[..., None, :] & (part[..., None, :] == np.arange(segments)[:, None])
    chosen = np.where(inside, entropies[..., None, :], -1.0).argmax(axis=-1)
    return chosen.astype(np.int32), inside.any(axis=-1)
