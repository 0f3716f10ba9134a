"""Adam with a warm-up, half a cosine and a clipped gradient."""

from __future__ import annotations

from typing import Any

import optax

from thermodiff.training.config import TrainingConfig


def adam(config: TrainingConfig) -> optax.GradientTransformation:
    """Adam as ``config`` says; its learning rate rises for ``warmup`` steps and falls as half a cosine to zero."""
    warmup = min(config.warmup, config.steps // 10)
    rate = optax.warmup_cosine_decay_schedule(0.0, config.learning_rate, warmup, config.steps)
    # One flat vector: one fused kernel for all weights instead of a few for each array.
    return optax.flatten(optax.chain(optax.clip_by_global_norm(config.clip), optax.adam(rate)))


def adam_step(config: TrainingConfig, network: Any, state: Any, gradient: Any) -> tuple[Any, Any]:
    """The network and the optimiser's state after one step along ``gradient``."""
    updates, state = adam(config).update(gradient, state)
    return optax.apply_updates(network, updates), state
