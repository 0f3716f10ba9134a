"""A small network trained by Adam on any loss of a batch of rows and stopped by other rows: one compiled loop.

Scores of a diffusion have a training room of their own; this is for a classifier or a critic beside them, which is
trained in a second and not kept. Source: this project.
"""

from __future__ import annotations

import functools
from collections.abc import Callable
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp

from thermodiff.array_types import Key
from thermodiff.runtime.compiled_once import compiled_once
from thermodiff.training.config import TrainingConfig
from thermodiff.training.optimiser import adam, adam_step

Loss = Callable[[Any, Any, Any, Key], Any]
"""(network, fixed, rows, key) -> nats: ``fixed`` is any pytree that is not trained, ``rows`` one of arrays with one
leading axis, ``key`` for what is drawn."""


class _State(NamedTuple):
    network: Any
    average: Any
    optimiser: Any
    best: Any
    best_loss: Any
    best_step: Any
    stale: Any
    done: Any


def descend(
    key: Key, loss: Loss, network: Any, fixed: Any, rows: Any, stopping: Any, config: TrainingConfig
) -> tuple[Any, int]:
    """The averaged weights with the smallest loss on ``stopping``, and the step that they are of.

    Steps, batch, learning rate, averaging and patience are those of ``config``, which has to have a patience.
    ``loss`` is a function of a module, because it is compiled in.
    """
    arguments = (key, network, *jax.tree.map(jnp.asarray, (fixed, rows, stopping)))
    compiled_once(_descend, (loss, config), *arguments)
    best, step = _descend((loss, config), *arguments)
    return jax.device_get(best), int(step)


@functools.partial(jax.jit, static_argnums=0)
def _descend(
    how: tuple[Loss, TrainingConfig], key: Key, network: Any, fixed: Any, rows: Any, stopping: Any
) -> tuple[Any, Any]:
    loss, config = how
    step_key, stop_key = jax.random.split(key)
    size = jax.tree.leaves(rows)[0].shape[0]

    def step(i: Any, state: _State) -> _State:
        draw_key, noise_key = jax.random.split(jax.random.fold_in(step_key, i))
        drawn = jax.random.randint(draw_key, (config.batch_size,), 0, size)
        gradient = jax.grad(loss)(state.network, fixed, jax.tree.map(lambda a: a[drawn], rows), noise_key)
        network, optimiser = adam_step(config, state.network, state.optimiser, gradient)
        decay = jnp.minimum(config.ema, (1.0 + i) / (10.0 + i))
        average = jax.tree.map(lambda a, w: a + (1 - decay) * (w - a), state.average, network)
        return state._replace(network=network, average=average, optimiser=optimiser)

    def chunk(state: _State) -> _State:
        end = jnp.minimum(state.done + config.chunk, config.steps)
        state = jax.lax.fori_loop(state.done, end, step, state)
        held_out = loss(state.average, fixed, stopping, stop_key)
        better = held_out < state.best_loss
        return state._replace(
            best=jax.tree.map(lambda new, old: jnp.where(better, new, old), state.average, state.best),
            best_loss=jnp.where(better, held_out, state.best_loss),
            best_step=jnp.where(better, end, state.best_step),
            stale=jnp.where(better, 0, state.stale + 1),
            done=end,
        )

    def unfinished(state: _State) -> Any:
        return (state.done < config.steps) & (state.stale < config.patience)

    start = loss(network, fixed, stopping, stop_key)
    state = _State(
        network,
        network,
        adam(config).init(network),
        network,
        start,
        jnp.int32(0),
        jnp.int32(0),
        jnp.int32(0),
    )
    state = jax.lax.while_loop(unfinished, chunk, state)
    return state.best, state.best_step
