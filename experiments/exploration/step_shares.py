"""Small steps of many kinds from one trained policy, and the share of each that buys accuracy.

All are made of the same few problems, as one update of a training is. What they differ in tells the sources of waste
apart: sampled groups against exact expectations, Euclidean against natural geometry, shared weights against a table.
"""

from __future__ import annotations

import functools
from collections.abc import Callable, Iterator
from itertools import product
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
from scipy import stats

from experiments.exploration.arms.problems import TASK
from experiments.exploration.arms.recipes import ARMS, Reward
from experiments.exploration.small_steps import (
    Listed,
    change,
    exact_direction,
    ledger_of_step,
    natural_direction,
    weighted_direction,
)
from experiments.harness.types import Row
from thermodiff.exploration.learning.exact import form_log_probs
from thermodiff.exploration.methods.advantages import group_relative_advantage, rloo_advantage
from thermodiff.exploration.policies.policy import sample
from thermodiff.exploration.tasks.task import Forms, response_mask

ADVANTAGES: dict[str, Callable[[Any], Any]] = {
    "REINFORCE": rloo_advantage,
    "GRPO": functools.partial(group_relative_advantage, ddof=1),
}
"""Of sampled groups, whose means are those of the clocks below."""
OPTIMISERS = {"Adam": "GRPO", "Muon": "Muon"}
"""Those of these arms."""


class Source(NamedTuple):
    """What steps are made of and measured on."""

    policy: Any
    near: list[Listed]
    """Problems of one step each."""
    wide: list[Listed]
    """These and more, for the metric alone."""
    held_out: Listed
    others: np.ndarray
    """Prompts of the steps before, which fill the moments of an optimiser."""


def listed(policy: Any, prompts: np.ndarray, forms: Forms) -> Listed:
    """With what the policy gives each response."""
    return Listed(prompts, forms, form_log_probs(policy, TASK, prompts, forms).astype(float))


def clock_of(name: str, p: np.ndarray, group: int) -> np.ndarray:
    """E[A]/(r - p) of groups of ``group``: 1 of REINFORCE; of GRPO what groups of this size have, not their limit.

    A group's advantages have mean 0, so that p E[A | correct] = -(1 - p) E[A | wrong], and one of them tells both.
    """
    if name == "REINFORCE":
        return np.ones_like(p)
    beside = np.arange(group)
    advantage = [
        float(ADVANTAGES[name](np.array([[1.0] * (k + 1) + [0.0] * (group - 1 - k)]))[0, 0]) for k in beside
    ]
    return stats.binom.pmf(beside, group - 1, p[:, None]) @ np.array(advantage) / (1 - p)


def table_step(step: Listed, clock: np.ndarray) -> np.ndarray:
    """u of the Euclidean step of a logit for every listed response, d z = pi A."""
    A = clock[:, None] * (step.forms.correct - step.p[:, None])
    z = step.probs * A
    return np.where(step.forms.real, z - (step.probs * z).sum(1, keepdims=True), 0.0)


class Groups(NamedTuple):
    """Responses that a policy wrote to some problems, and their rewards."""

    prompts: np.ndarray
    responses: np.ndarray
    rewards: np.ndarray

    def direction(self, policy: Any, clock: str) -> Any:
        """The step of a training on these groups: the mean over tokens of A s, of groups with unequal rewards."""
        advantages = np.asarray(ADVANTAGES[clock](self.rewards), dtype=float)
        varied = np.ptp(self.rewards, axis=1, keepdims=True) > 0
        tokens = response_mask(self.responses, TASK.end).sum(axis=-1)
        weights = np.where(varied, advantages, 0.0) / max((tokens * varied).sum(), 1)
        return weighted_direction(policy, TASK.end, self.prompts, self.responses, weights)


def draw_groups(policy: Any, prompts: np.ndarray, number: int, key: Any) -> Groups:
    """``number`` responses to each problem."""
    drawn = _drawn(policy, number, jnp.asarray(prompts), key)
    return Groups(prompts, *(np.asarray(x) for x in drawn))


@functools.partial(jax.jit, static_argnums=1)
def _drawn(policy: Any, number: int, prompts: Any, key: Any) -> tuple[Any, Any]:
    def group(prompt: Any, key: Any) -> tuple[Any, Any]:
        responses = sample(policy, prompt, key, number, TASK.response_length, TASK.end).responses
        return responses, jax.vmap(TASK.reward, (None, 0))(prompt, responses)

    return jax.vmap(group)(prompts, jax.random.split(key, len(prompts)))


def optimised(arm: str, policy: Any, gradients: list[Any]) -> Any:
    """The last update of an arm's optimiser that was given these directions, the policy standing still meanwhile."""
    start, update = _optimiser(arm)
    state = start(policy)
    for gradient in gradients:
        step, state = update(jax.tree.map(jnp.negative, gradient), state, policy)
    return step


@functools.cache
def _optimiser(arm: str) -> tuple[Callable[[Any], Any], Callable[..., Any]]:
    """How an arm's optimiser begins, and its update, compiled once."""
    recipe = ARMS[arm].recipe
    assert isinstance(recipe, Reward)
    transformation = recipe.optimiser.transformation()
    return transformation.init, jax.jit(transformation.update)


class Making(NamedTuple):
    """How steps are made."""

    group: int
    before: int
    """Batches of other problems that an optimiser remembers."""
    damping: float
    iterations: int


class Made(NamedTuple):
    """A direction of the weights."""

    kind: str
    clock: str
    direction: Any
    residual: float | None = None
    """Of natural directions: how far from solved."""


def measure_steps(source: Source, number: int, key: Any, making: Making) -> list[Row]:
    """Every kind of step made of the ``number``-th problems: its ledger on these, and on problems held out."""
    step, rows = source.near[number], []
    places = {"step": step, "held out": source.held_out}
    for made in _directions(source, number, key, making):
        for where, problems in places.items():
            ledger = ledger_of_step(problems, change(source.policy, TASK.end, problems, made.direction))
            named = {"kind": made.kind, "clock": made.clock, "where": where, "residual": made.residual}
            rows.append({**named, **ledger})
    for clock, (where, problems) in product(ADVANTAGES, places.items()):
        u = table_step(problems, clock_of(clock, problems.p, making.group))
        named = {"kind": "table, plain", "clock": clock, "where": where, "residual": None}
        rows.append({**named, **ledger_of_step(problems, u)})
    return rows


def _directions(source: Source, number: int, key: Any, making: Making) -> Iterator[Made]:
    policy, step = source.policy, source.near[number]
    last_key, earlier_key = jax.random.split(key)
    groups = draw_groups(policy, step.prompts, making.group, last_key)
    for clock in ADVANTAGES:
        yield Made("plain, sampled", clock, groups.direction(policy, clock))
        exact = exact_direction(policy, TASK.end, step, clock_of(clock, step.p, making.group))
        yield Made("plain, exact", clock, exact)
        metrics = {"natural": step, "natural, wide": source.wide[number]}
        for kind, metric in metrics.items():
            if kind == "natural" or clock == "GRPO":
                found = natural_direction(policy, TASK.end, metric, exact, making.damping, making.iterations)
                yield Made(kind, clock, found.direction, found.residual)
    chosen = np.random.default_rng(number).permutation(len(source.others))[
        : making.before * len(step.prompts)
    ]
    earlier = source.others[chosen].reshape(making.before, len(step.prompts), -1)
    keys = jax.random.split(earlier_key, making.before)
    gradients = [
        draw_groups(policy, prompts, making.group, one).direction(policy, "GRPO")
        for prompts, one in zip(earlier, keys, strict=True)
    ]
    gradients.append(groups.direction(policy, "GRPO"))
    for kind, arm in OPTIMISERS.items():
        yield Made(kind, "GRPO", optimised(arm, policy, gradients))
