"""Training a policy on texts: maximum likelihood of responses that were written by somebody else."""

from __future__ import annotations

import dataclasses
import functools
from pathlib import Path
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Float, Int

from thermodiff.array_types import Key
from thermodiff.exploration.learning.door import check_object, check_policy
from thermodiff.exploration.learning.steps import Learned, State, chunk_of, initial_state, learn
from thermodiff.exploration.policies.policy import token_log_probs
from thermodiff.exploration.tasks.probe import words_and_sizes
from thermodiff.exploration.tasks.task import Task, check_prompts, response_mask
from thermodiff.runtime.progress import Callback
from thermodiff.training.optimiser import Optimiser, SteadyAdam, optimiser_step
from thermodiff.validation import check_count, check_key, complain


class Texts(NamedTuple):
    """Responses to prompts, and how often each is to be read: a mixture is a matter of weights."""

    prompts: Int[Array, "texts prompt"] | np.ndarray
    responses: Int[Array, "texts response"] | np.ndarray
    weights: Float[Array, " texts"] | np.ndarray


@dataclasses.dataclass(frozen=True)
class ImitationConfig:
    """How a policy is trained on texts; hashable, and all of it is compiled in.

    steps        of the optimiser, ``batch_size`` texts each, drawn with replacement by their weights
    chunk        steps between two reports and chances of a checkpoint
    keep_every   steps between policies that are kept; None: only the last
    """

    steps: int = 1500
    batch_size: int = 256
    optimiser: Optimiser = dataclasses.field(default_factory=lambda: SteadyAdam(1e-3))
    chunk: int = 50
    keep_every: int | None = None

    def __post_init__(self) -> None:
        for name in ("steps", "batch_size", "chunk"):
            check_count(name, getattr(self, name))
        if self.keep_every is not None:
            check_count("keep_every", self.keep_every)
        check_object("optimiser", self.optimiser, Optimiser, "an optimiser, such as SteadyAdam(1e-3)")


def imitate(
    key: Key,
    task: Task,
    policy: Any,
    texts: Texts,
    *,
    config: ImitationConfig | None = None,
    checkpoint_dir: str | Path | None = None,
    resume: bool = True,
    progress: bool = False,
    callback: Callback | None = None,
) -> Learned:
    """The policy after training on ``texts``: minimises the mean over tokens of -ln pi(y_i | x, y_<i).

    ``key`` fixes everything random, the result bit for bit; ``policy`` is where training starts. History: "loss",
    nats a token. Checkpoints, progress and callback as in ``td.fit``; they are of the task's words and lengths, not of
    its verifier, which texts do not ask. Raises ValueError for texts that are not of this task, policies of other
    words, LearningDivergedError when the loss is not finite.
    """
    key, config = check_key(key), ImitationConfig() if config is None else config
    check_object("config", config, ImitationConfig, "an ImitationConfig")
    texts = check_texts(task, texts)
    state = initial_state(check_policy(policy, task), config.optimiser, config.steps, ("loss",))
    data = jax.tree.map(jnp.asarray, texts._replace(weights=np.cumsum(texts.weights / texts.weights.sum())))

    def advance(state: State, start: int, stop: int) -> State:
        return _advance(config, task.end, key, data, state, start, stop)

    depends_on = {"key": key, "texts": texts, "policy": policy, "task": words_and_sizes(task)}
    return learn("imitation", advance, state, config, depends_on, checkpoint_dir, resume, progress, callback)


@functools.partial(jax.jit, static_argnums=(0, 1))
def _advance(
    config: ImitationConfig, end: int, key: Key, texts: Texts, state: State, start: Any, stop: Any
) -> State:
    return chunk_of(functools.partial(_step, config, end, key, texts), state, start, stop)


def _step(
    config: ImitationConfig, end: int, key: Key, texts: Texts, i: Any, state: State
) -> tuple[State, dict]:
    uniforms = jax.random.uniform(jax.random.fold_in(key, i), (config.batch_size,))
    rows = jnp.minimum(jnp.searchsorted(texts.weights, uniforms), len(texts.weights) - 1)
    prompts, responses = texts.prompts[rows], texts.responses[rows]

    def loss_of(policy: Any) -> Any:
        log_probs = jax.vmap(lambda x, y: token_log_probs(policy, x, y, end))(prompts, responses)
        return -jnp.sum(log_probs) / jnp.sum(response_mask(responses, end))

    loss, gradient = jax.value_and_grad(loss_of)(state.policy)
    policy, optimiser = optimiser_step(config.optimiser, state.policy, state.optimiser, gradient)
    return state._replace(policy=policy, optimiser=optimiser), {"loss": loss}


def check_texts(task: Task, texts: Texts) -> Texts:
    """The texts as arrays on the host. Raises ValueError unless they are of this task."""
    check_object("texts", texts, Texts, "Texts(prompts, responses, weights)")
    prompts = check_prompts(task, np.asarray(texts.prompts))
    responses, weights = np.asarray(texts.responses), np.asarray(texts.weights, dtype=float)
    shape = (len(prompts), task.response_length)
    if responses.shape != shape or weights.shape != shape[:1]:
        got = f"shapes {responses.shape} and {weights.shape}"
        raise complain("texts", got, f"responses {shape}, padded with end, and weights {shape[:1]}")
    if responses.dtype.kind not in "iu" or responses.min() < 0 or responses.max() >= len(task.vocabulary):
        raise complain(
            "texts", "responses with other tokens", f"whole numbers from 0 to {len(task.vocabulary) - 1}"
        )
    if not (np.isfinite(weights).all() and weights.min() >= 0 and weights.sum() > 0):
        raise complain("texts", "weights that are negative, not finite or all zero", "weights of 0 or more")
    return Texts(prompts, responses.astype(np.int32), weights)
