"""Training a policy by verifiable rewards: sampling, verifying, advantages and update in one compiled loop."""

from __future__ import annotations

import dataclasses
import functools
from pathlib import Path
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp

from thermodiff.array_types import Key
from thermodiff.exploration.learning.door import check_object, check_policy
from thermodiff.exploration.learning.methods import Batch, Method
from thermodiff.exploration.learning.numbers import NUMBERS, numbers_of, warn_if_nothing_learned
from thermodiff.exploration.learning.steps import (
    Learned,
    State,
    apart,
    chunk_of,
    initial_state,
    learn,
)
from thermodiff.exploration.policies.policy import sample, token_log_probs
from thermodiff.exploration.tasks.probe import probe
from thermodiff.exploration.tasks.task import Task, check_problems, response_mask
from thermodiff.runtime.progress import Callback
from thermodiff.training.optimiser import Optimiser, SteadyAdam, optimiser_step
from thermodiff.validation import check_count, check_key, check_positive, complain


@dataclasses.dataclass(frozen=True)
class ReinforcementConfig:
    """How a policy is trained by rewards; hashable, and all of it is compiled in.

    steps        each with ``problems`` prompts, drawn without repetition, and ``group`` responses to each
    minibatches  updates a step, each on its part of the problems: from the second on rho is not 1
    temperature  of sampling, and of the policy that is trained
    chunk        steps between two reports and chances of a checkpoint
    keep_every   steps between policies that are kept; None: only the last
    """

    steps: int = 200
    problems: int = 32
    group: int = 16
    minibatches: int = 2
    method: Method = dataclasses.field(default_factory=Method)
    optimiser: Optimiser = dataclasses.field(default_factory=SteadyAdam)
    temperature: float = 1.0
    chunk: int = 10
    keep_every: int | None = None

    def __post_init__(self) -> None:
        check_object("method", self.method, Method, "a Method(advantage, shaping, loss)")
        check_object("optimiser", self.optimiser, Optimiser, "an optimiser, such as SteadyAdam(1e-3)")
        for name in ("steps", "problems", "group", "minibatches", "chunk"):
            check_count(name, getattr(self, name))
        check_positive("temperature", self.temperature)
        if self.keep_every is not None:
            check_count("keep_every", self.keep_every)
        if self.group < 2:
            raise complain(
                "group", f"{self.group}", "2 or more: one response has nothing to be compared with"
            )
        if self.problems % self.minibatches:
            raise complain(
                "minibatches", f"{self.minibatches} of {self.problems} problems", "a number that divides them"
            )


class Setting(NamedTuple):
    """What a training does not change: its key, the prompts, and the policy that it started from, if asked for."""

    key: Key
    prompts: Any
    reference: Any


def reinforce(
    key: Key,
    task: Task,
    policy: Any,
    prompts: Any,
    *,
    config: ReinforcementConfig | None = None,
    reference: Any = None,
    checkpoint_dir: str | Path | None = None,
    resume: bool = True,
    progress: bool = False,
    callback: Callback | None = None,
) -> Learned:
    """The policy after training by the task's rewards on ``prompts`` (problems, prompt_length).

    ``key`` fixes everything random, the result bit for bit; ``policy`` is where training starts, and ``reference``
    pi_0 of the methods that price the distance from it (None: ``policy``). History: ``NUMBERS`` of each step.
    Checkpoints, progress and callback as in ``td.fit``; they are of the task too, as ``probe`` tells it. Raises
    ValueError for prompts that are not of this task or fewer than a step takes, policies of other words, rewards that
    are not 0 or 1, LearningDivergedError when the loss is not finite. Warns where nothing was learned, as no group had
    unequal rewards.
    """
    config = ReinforcementConfig() if config is None else config
    setting, state = prepare(key, task, policy, prompts, config, reference)

    def advance(state: State, start: int, stop: int) -> State:
        return _advance(config, task, setting, state, start, stop)

    depends_on = {
        "key": key,
        "prompts": prompts,
        "policy": policy,
        "reference": setting.reference,
        "task": probe(task, prompts),
    }
    learned = learn(
        "training", advance, state, config, depends_on, checkpoint_dir, resume, progress, callback
    )
    if not config.method.needs_reference:  # whose price moves a policy too
        warn_if_nothing_learned([learned.history], config.problems)
    return learned


def reinforce_sweep(
    keys: Any,
    task: Task,
    policies: Any,
    prompts: Any,
    *,
    config: ReinforcementConfig | None = None,
    checkpoint_dir: str | Path | None = None,
    resume: bool = True,
    progress: bool = False,
    callback: Callback | None = None,
) -> list[Learned]:
    """``reinforce`` for S keys and S policies of one architecture at once, one a core, with one compiled program.

    ``keys`` (S,), ``policies`` a list of S. Each training equals the one made alone. Raises as ``reinforce`` does.
    """
    config = ReinforcementConfig() if config is None else config
    if len(keys) != len(policies) or not len(policies):
        raise complain("policies", f"{len(policies)} for {len(keys)} keys", "one for each key")
    pairs = [
        prepare(key, task, policy, prompts, config, None) for key, policy in zip(keys, policies, strict=True)
    ]
    seen = probe(task, prompts)
    # Compiled in this thread, whose settings of JAX the others do not have.
    program = _advance.lower(config, task, *pairs[0], 0, 1).compile()

    def one(s: int, tell: Callback) -> Learned:
        setting, state = pairs[s]
        depends_on = {
            "key": keys[s],
            "prompts": prompts,
            "policy": policies[s],
            "reference": setting.reference,
            "task": seen,
        }
        folder = None if checkpoint_dir is None else Path(checkpoint_dir) / f"{s}"
        return learn(
            "training",
            functools.partial(program, setting),
            state,
            config,
            depends_on,
            folder,
            resume,
            False,
            tell,
        )

    together = apart(f"{len(keys)} trainings", one, len(keys), config.steps, progress, callback)
    if not config.method.needs_reference:
        warn_if_nothing_learned([learned.history for learned in together], config.problems)
    return together


def prepare(
    key: Key, task: Task, policy: Any, prompts: Any, config: ReinforcementConfig, reference: Any
) -> tuple[Setting, State]:
    """What a training does not change, and its state before the first step. Raises as ``reinforce`` does."""
    check_object("config", config, ReinforcementConfig, "a ReinforcementConfig")
    key, prompts = check_key(key), check_problems(task, prompts)
    if len(prompts) < config.problems:
        raise complain("prompts", f"{len(prompts)}", f"at least the {config.problems} problems of a step")
    policy = check_policy(policy, task)
    reference = policy if reference is None else check_policy(reference, task, "reference")
    reference = reference if config.method.needs_reference else None
    state = initial_state(policy, config.optimiser, config.steps, NUMBERS)
    return Setting(key, jnp.asarray(prompts), reference), state


@functools.partial(jax.jit, static_argnums=(0, 1))
def _advance(
    config: ReinforcementConfig, task: Task, setting: Setting, state: State, start: Any, stop: Any
) -> State:
    return chunk_of(functools.partial(step, config, task, setting), state, start, stop)


def step(
    config: ReinforcementConfig, task: Task, setting: Setting, i: Any, state: State
) -> tuple[State, dict]:
    """The state after step ``i``, and its ``NUMBERS``."""
    draw, choose, chance = jax.random.split(jax.random.fold_in(setting.key, i), 3)
    rows = jax.random.choice(choose, len(setting.prompts), (config.problems,), replace=False)
    batch = rollouts(config, task, setting, state.policy, setting.prompts[rows], draw)
    advantages = config.method.advantages(batch, i)
    uniforms = jax.random.uniform(chance, batch.mask.shape)
    parts = jax.tree.map(
        lambda x: x.reshape(config.minibatches, -1, *x.shape[1:]),
        (config.method.counted(batch), advantages, uniforms),
    )

    def update(carry: tuple[Any, Any], part: tuple) -> tuple[tuple[Any, Any], Any]:
        policy, optimiser = carry
        batch, advantages, uniforms = part

        def loss_of(policy: Any) -> Any:
            log_probs = _log_probs(config, task, policy, batch.prompts, batch.responses)
            return config.method.loss.of(log_probs, batch, advantages, uniforms)

        loss, gradient = jax.value_and_grad(loss_of)(policy)
        return optimiser_step(config.optimiser, policy, optimiser, gradient), loss

    (policy, optimiser), losses = jax.lax.scan(update, (state.policy, state.optimiser), parts)
    # Weights that are not finite draw responses all alike, of which dynamic sampling makes a loss of 0.
    loss = jnp.where(jnp.all(jnp.isfinite(batch.log_probs)), jnp.mean(losses), jnp.nan)
    numbers = {"loss": loss, **numbers_of(batch, advantages)}
    return state._replace(policy=policy, optimiser=optimiser), numbers


def rollouts(
    config: ReinforcementConfig, task: Task, setting: Setting, policy: Any, prompts: Any, key: Key
) -> Batch:
    """A group of responses to each prompt, verified."""
    keys = jax.random.split(key, len(prompts))

    def group(prompt: Any, key: Key) -> Any:
        return sample(policy, prompt, key, config.group, task.response_length, task.end, config.temperature)

    drawn = jax.vmap(group)(prompts, keys)
    rewards = jax.vmap(jax.vmap(task.reward, (None, 0)))(prompts, drawn.responses)
    reference = None
    if setting.reference is not None:
        reference = _log_probs(config, task, setting.reference, prompts, drawn.responses)
    mask = response_mask(drawn.responses, task.end)
    return Batch(prompts, drawn.responses, mask, rewards, drawn.log_probs, drawn.entropies, reference)


def _log_probs(config: ReinforcementConfig, task: Task, policy: Any, prompts: Any, responses: Any) -> Any:
    def one(prompt: Any, response: Any) -> Any:
        return token_log_probs(policy, prompt, response, task.end, config.temperature)

    return jax.vmap(jax.vmap(one, (None, 0)))(prompts, responses)
