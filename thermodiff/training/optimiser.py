"""Adam with a warm-up, half a cosine and a clipped gradient; and the optimisers of policies, at a steady rate."""

from __future__ import annotations

import dataclasses
from typing import Any, Protocol, runtime_checkable

import jax.numpy as jnp
import optax

from thermodiff.array_types import pytree_dataclass
from thermodiff.validation import check_positive


@runtime_checkable
class Schedule(Protocol):
    """What ``adam`` needs to know, as a ``TrainingConfig`` has it."""

    @property
    def steps(self) -> int:
        """Of the whole training."""
        ...

    @property
    def warmup(self) -> int:
        """Steps in which the rate rises, at most a tenth of all."""
        ...

    @property
    def learning_rate(self) -> float:
        """Its largest value."""
        ...

    @property
    def clip(self) -> float:
        """Bound on the global norm of the gradient."""
        ...


@pytree_dataclass
class Rate:
    """The learning rate at step i as data: trainings that differ in its height or length share a compiled program.

    ``peak`` i/warmup for i < ``warmup``, then peak (1 + cos(pi (i - warmup)/(steps - warmup)))/2.
    """

    peak: Any
    warmup: Any
    steps: Any

    def __call__(self, i: Any) -> Any:
        """eta(i), of the shape of i."""
        fallen = jnp.clip((i - self.warmup) / jnp.maximum(self.steps - self.warmup, 1), 0.0, 1.0)
        rising = i / jnp.maximum(self.warmup, 1)
        return self.peak * jnp.where(i < self.warmup, rising, 0.5 * (1 + jnp.cos(jnp.pi * fallen)))


def rate_of(config: Schedule) -> Rate:
    """The rate that ``config`` says, its warm-up at most a tenth of all steps."""
    warmup = min(config.warmup, config.steps // 10)
    return Rate(*(jnp.asarray(x, dtype=float) for x in (config.learning_rate, warmup, config.steps)))


def clipped_adam(clip: float) -> optax.GradientTransformation:
    """Adam at rate 1 of a gradient whose global norm is at most ``clip``, on one flat vector of weights."""
    return optax.flatten(optax.chain(optax.clip_by_global_norm(clip), optax.scale_by_adam()))


def clipped_adam_step(clip: float, rate: Any, network: Any, state: Any, gradient: Any) -> tuple[Any, Any]:
    """The network and the optimiser's state after one step of this ``rate`` along ``gradient``."""
    updates, state = clipped_adam(clip).update(gradient, state)
    return optax.apply_updates(network, optax.tree.scale(-rate, updates)), state


def adam(config: Schedule) -> optax.GradientTransformation:
    """Adam as ``config`` says; its learning rate rises for ``warmup`` steps and falls as half a cosine to zero."""
    warmup = min(config.warmup, config.steps // 10)
    rate = optax.warmup_cosine_decay_schedule(0.0, config.learning_rate, warmup, config.steps)
    # One flat vector: one fused kernel for all weights instead of a few for each array.
    return optax.flatten(optax.chain(optax.clip_by_global_norm(config.clip), optax.adam(rate)))


def adam_step(config: Schedule, network: Any, state: Any, gradient: Any) -> tuple[Any, Any]:
    """The network and the optimiser's state after one step along ``gradient``."""
    updates, state = adam(config).update(gradient, state)
    return optax.apply_updates(network, updates), state


@runtime_checkable
class Optimiser(Protocol):
    """What turns gradients into steps; hashable, compiled in."""

    def transformation(self) -> optax.GradientTransformation:
        """The same as optax has it."""
        ...


@dataclasses.dataclass(frozen=True)
class SteadyAdam:
    """Adam at one learning rate, the global norm of the gradient clipped."""

    learning_rate: float = 3e-4
    clip: float = 1.0

    def __post_init__(self) -> None:
        _check_positive_fields(self)

    def transformation(self) -> optax.GradientTransformation:
        """Clipped, then Adam, on one flat vector of weights."""
        return optax.flatten(
            optax.chain(optax.clip_by_global_norm(self.clip), optax.adam(self.learning_rate))
        )


@dataclasses.dataclass(frozen=True)
class FallingAdam:
    """Adam whose learning rate rises for ``warmup`` of ``steps`` steps and falls as half a cosine to zero."""

    learning_rate: float
    steps: int
    warmup: int = 50
    clip: float = 1.0

    def transformation(self) -> optax.GradientTransformation:
        """Clipped, then Adam, on one flat vector of weights."""
        return adam(self)


@dataclasses.dataclass(frozen=True)
class SteadyMuon:
    """Muon at one learning rate: steps along the orthogonal factor of each matrix's momentum; Adam for vectors.

    Source: Jordan et al. (2024), as optax has it. Every direction of a matrix moves equally far, where Adam moves
    every entry.
    """

    learning_rate: float = 3e-3
    adam_learning_rate: float = 3e-4
    clip: float = 1.0

    def __post_init__(self) -> None:
        _check_positive_fields(self)

    def transformation(self) -> optax.GradientTransformation:
        """Clipped, then Muon."""
        muon = optax.contrib.muon(self.learning_rate, adam_learning_rate=self.adam_learning_rate)
        return optax.chain(optax.clip_by_global_norm(self.clip), muon)


def optimiser_step(optimiser: Optimiser, weights: Any, state: Any, gradient: Any) -> tuple[Any, Any]:
    """Weights and the optimiser's state after one step along ``gradient``."""
    updates, state = optimiser.transformation().update(gradient, state, weights)
    return optax.apply_updates(weights, updates), state


def _check_positive_fields(settings: Any) -> None:
    for field in dataclasses.fields(settings):
        check_positive(field.name, getattr(settings, field.name))
