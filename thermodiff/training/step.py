"""The compiled part of a training: one step of Adam on the denoising loss, and a chunk of many.

Step i draws its randomness from fold_in(key, i) and its learning rate is ``Problem.rate`` at i, and a chunk is a loop
with i as its counter, so where a training was interrupted leaves no trace in the result.
"""

from __future__ import annotations

import functools
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp

from thermodiff.runtime.devices import shard_batch
from thermodiff.training.config import TrainingConfig
from thermodiff.training.losses import denoising_loss, draw_batch
from thermodiff.training.optimiser import clipped_adam, clipped_adam_step
from thermodiff.training.problem import Problem


class State(NamedTuple):
    """All that changes: weights, their running average, Adam's moments; with validation the best average so far."""

    network: Any
    average: Any
    optimiser: Any
    best: Any
    best_loss: Any
    stale: Any


class Record(NamedTuple):
    """Of one chunk: mean loss, validation loss, and the first step that was not finite (-1: none)."""

    loss: Any
    validation: Any
    bad_step: Any


def initial_state(config: TrainingConfig, network: Any, validated: bool) -> State:
    """The state before the first step; ``validated`` if there will be validation data."""
    best = network if validated else None
    return State(
        network,
        network,
        clipped_adam(config.clip).init(network),
        best,
        jnp.asarray(jnp.inf, dtype=float),
        jnp.int32(0),
    )


def step(config: TrainingConfig, problem: Problem, i: Any, state: State) -> tuple[State, Any, Any]:
    """One step of Adam on one batch: the new state, the loss, and whether loss and gradient are finite."""
    key = jax.random.fold_in(problem.key, i)
    batch = draw_batch(key, problem.data, problem.span, config.times, config.weighting, config.batch_size)

    def loss_of(network: Any) -> Any:
        return denoising_loss(config.score(network, problem), shard_batch(batch))

    loss, gradient = jax.value_and_grad(loss_of)(state.network)
    rate = problem.rate(i)
    network, optimiser = clipped_adam_step(config.clip, rate, state.network, state.optimiser, gradient)
    decay = jnp.minimum(config.ema, (1.0 + i) / (10.0 + i))
    average = jax.tree.map(lambda a, w: a + (1 - decay) * (w - a), state.average, network)
    finite = jnp.isfinite(loss + sum(jnp.sum(g**2) for g in jax.tree.leaves(gradient)))
    return state._replace(network=network, average=average, optimiser=optimiser), loss, finite


def _validate(config: TrainingConfig, problem: Problem, state: State) -> tuple[State, Any]:
    """The state with its best average brought up to date, and the validation loss (NaN without data)."""
    if problem.validation is None:
        return state, jnp.nan
    loss = denoising_loss(config.score(state.average, problem), shard_batch(problem.validation))
    better = loss < state.best_loss
    best = jax.tree.map(lambda new, old: jnp.where(better, new, old), state.average, state.best)
    stale = jnp.where(better, 0, state.stale + 1)
    return state._replace(best=best, best_loss=jnp.where(better, loss, state.best_loss), stale=stale), loss


def _chunk(
    config: TrainingConfig, problem: Problem, state: State, start: Any, stop: Any
) -> tuple[State, Record]:
    """Steps start..stop-1. Both are data, so that a chunk of any length is the same program."""

    def body(i: Any, carry: tuple[State, Any, Any]) -> tuple[State, Any, Any]:
        state, total, bad_step = carry
        state, loss, finite = step(config, problem, i, state)
        return state, total + loss, jnp.where(finite | (bad_step >= 0), bad_step, i)

    new, total, bad_step = jax.lax.fori_loop(start, stop, body, (state, jnp.zeros(()), jnp.int32(-1)))
    new, validation = _validate(config, problem, new)
    record = Record(total / (stop - start), validation, bad_step)
    if config.patience is None:
        return new, record
    # In a sweep one training may have ended while others go on: it stays as it is.
    active = state.stale < config.patience
    ended = Record(jnp.nan, jnp.nan, jnp.int32(-1))
    return jax.tree.map(lambda a, b: jnp.where(active, a, b), (new, record), (state, ended))


advance_one = jax.jit(_chunk, static_argnums=0)
"""One training: (config, problem, state, start, stop) -> (state, record)."""


@functools.partial(jax.jit, static_argnums=0)
def advance_in_turn(
    config: TrainingConfig, problem: Problem, state: State, start: Any, stop: Any
) -> tuple[State, Record]:
    """The same for several, one after another: every leaf but those of the data has a leading axis S.

    Each stays in a processor's cache, a quarter faster there, where several devices share each batch.
    """
    return _several(config, problem, state, start, stop, None)


@functools.partial(jax.jit, static_argnums=0)
def advance_side_by_side(
    config: TrainingConfig, problem: Problem, state: State, start: Any, stop: Any
) -> tuple[State, Record]:
    """The same for several, mapped, so that they fill an accelerator."""
    return _several(config, problem, state, start, stop, state.stale.shape[0])


def _several(
    config: TrainingConfig, problem: Problem, state: State, start: Any, stop: Any, at_once: int | None
) -> tuple[State, Record]:
    def one(inputs: tuple[Problem, State]) -> tuple[State, Record]:
        return _chunk(config, inputs[0]._replace(data=problem.data), inputs[1], start, stop)

    return jax.lax.map(one, (problem._replace(data=None), state), batch_size=at_once)
