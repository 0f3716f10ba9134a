"""Small steps of many kinds from one trained policy, and the share of each that buys accuracy.

All are made of the same few problems, as one update of a training is. What they differ in tells the sources of waste
apart: sampled groups against exact expectations, Euclidean against natural geometry, shared weights against a table.
"""

from __future__ import annotations

import functools
from collections.abc import Iterator
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
)
from experiments.harness.types import Row
from thermodiff.exploration.learning.exact import form_log_probs
from thermodiff.exploration.learning.methods import LeaveOneOut, Method
from thermodiff.exploration.learning.reinforcement import ReinforcementConfig, Setting, rollouts
from thermodiff.exploration.methods.advantages import group_relative_advantage
from thermodiff.exploration.policies.policy import token_log_probs
from thermodiff.exploration.tasks.task import Forms

METHODS = {"REINFORCE": Method(LeaveOneOut(), dynamic=False), "GRPO": Method()}
"""Sampled advantages whose means are those of the clocks below."""
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
        float(group_relative_advantage(np.array([[1.0] * (k + 1) + [0.0] * (group - 1 - k)]), ddof=1)[0, 0])
        for k in beside
    ]
    return stats.binom.pmf(beside, group - 1, p[:, None]) @ np.array(advantage) / (1 - p)


def table_step(step: Listed, clock: np.ndarray) -> np.ndarray:
    """u of the Euclidean step of a logit for every listed response, d z = pi A."""
    A = clock[:, None] * (step.forms.correct - step.p[:, None])
    z = step.probs * A
    return np.where(step.forms.real, z - (step.probs * z).sum(1, keepdims=True), 0.0)


class SampledGroups(NamedTuple):
    """Gradients of one method, from groups of responses that the policy writes."""

    method: Method
    group: int
    policy: Any

    def direction(self, prompts: np.ndarray, key: Any) -> Any:
        """The direction that raises the method's objective, of fresh groups for each of ``prompts``."""
        config = ReinforcementConfig(1, len(prompts), self.group, minibatches=1, method=self.method)
        return _sampled(config, self.policy, jnp.asarray(prompts), key)


@functools.partial(jax.jit, static_argnums=0)
def _sampled(config: ReinforcementConfig, policy: Any, prompts: Any, key: Any) -> Any:
    draw, chance = jax.random.split(key)
    batch = rollouts(config, TASK, Setting(key, prompts, None), policy, prompts, draw)
    advantages = config.method.advantages(batch, jnp.int32(0))
    uniforms = jax.random.uniform(chance, batch.mask.shape)

    def loss_of(policy: Any) -> Any:
        def one(prompt: Any, response: Any) -> Any:
            return token_log_probs(policy, prompt, response, TASK.end)

        log_probs = jax.vmap(jax.vmap(one, (None, 0)))(batch.prompts, batch.responses)
        return config.method.loss.of(log_probs, config.method.counted(batch), advantages, uniforms)

    return jax.tree.map(jnp.negative, jax.grad(loss_of)(policy))


def optimised(arm: str, policy: Any, gradients: list[Any]) -> Any:
    """The last update of an arm's optimiser that was given these directions, the policy standing still meanwhile."""
    recipe = ARMS[arm].recipe
    assert isinstance(recipe, Reward)
    transformation = recipe.optimiser.transformation()
    update = jax.jit(transformation.update)
    state = transformation.init(policy)
    for gradient in gradients:
        step, state = update(jax.tree.map(jnp.negative, gradient), state, policy)
    return step


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
    for clock, (where, problems) in product(METHODS, places.items()):
        u = table_step(problems, clock_of(clock, problems.p, making.group))
        named = {"kind": "table, plain", "clock": clock, "where": where, "residual": None}
        rows.append({**named, **ledger_of_step(problems, u)})
    return rows


def _directions(source: Source, number: int, key: Any, making: Making) -> Iterator[Made]:
    policy, step = source.policy, source.near[number]
    last_key, earlier_key = jax.random.split(key)
    for clock, method in METHODS.items():
        sampler = SampledGroups(method, making.group, policy)
        yield Made("plain, sampled", clock, sampler.direction(step.prompts, last_key))
        exact = exact_direction(policy, TASK.end, step, clock_of(clock, step.p, making.group))
        yield Made("plain, exact", clock, exact)
        metrics = {"natural": step, "natural, wide": source.wide[number]}
        for kind, metric in metrics.items():
            if kind == "natural" or clock == "GRPO":
                found = natural_direction(policy, TASK.end, metric, exact, making.damping, making.iterations)
                yield Made(kind, clock, found.direction, found.residual)
    sampler = SampledGroups(METHODS["GRPO"], making.group, policy)
    chosen = np.random.default_rng(number).permutation(len(source.others))[
        : making.before * len(step.prompts)
    ]
    earlier = source.others[chosen].reshape(making.before, len(step.prompts), -1)
    keys = jax.random.split(earlier_key, making.before)
    gradients = [sampler.direction(prompts, one) for prompts, one in zip(earlier, keys, strict=True)]
    gradients.append(sampler.direction(step.prompts, last_key))
    for kind, arm in OPTIMISERS.items():
        yield Made(kind, "GRPO", optimised(arm, policy, gradients))
