"""How advantages are shaped before they are learned from: more weight to some responses, or to some of their tokens.

Each is a small frozen object that a training compiles in; a new one is a class with a method ``of``.
"""

from __future__ import annotations

import dataclasses
from typing import Protocol, runtime_checkable

import jax.numpy as jnp
from jaxtyping import Array

from thermodiff.exploration.learning.batch import Batch, PerToken
from thermodiff.exploration.methods.advantages import negative_only, positive_only
from thermodiff.exploration.methods.shaping import (
    check_alpha,
    check_clip,
    perplexity_shaped_advantage,
    position_shaped_advantage,
)
from thermodiff.validation import complain


@runtime_checkable
class Shaping(Protocol):
    """A change of advantages; may tell the tokens of a response apart."""

    def of(self, batch: Batch, advantages: PerToken, i: Array) -> PerToken:
        """The changed advantages of step ``i``."""
        ...


@dataclasses.dataclass(frozen=True)
class Always:
    """The same advantages for all tokens of a response: no shaping."""

    def of(self, batch: Batch, advantages: PerToken, i: Array) -> PerToken:
        """As they are."""
        return advantages


@dataclasses.dataclass(frozen=True)
class PositiveOnly:
    """Only what is better than its group is learned from."""

    def of(self, batch: Batch, advantages: PerToken, i: Array) -> PerToken:
        """``positive_only``."""
        return positive_only(advantages)


@dataclasses.dataclass(frozen=True)
class NegativeOnly:
    """Only what is worse than its group is unlearned."""

    def of(self, batch: Batch, advantages: PerToken, i: Array) -> PerToken:
        """``negative_only``."""
        return negative_only(advantages)


@dataclasses.dataclass(frozen=True)
class PerplexityShaped:
    """More weight to responses of low perplexity (``alpha`` > 0) or of high (``alpha`` < 0).

    ``clip`` bounds the weights; the report's (0.8, 1.2) is for its alpha of 0.01.
    """

    alpha: float = 0.01
    clip: tuple[float, float] | None = (0.8, 1.2)

    def __post_init__(self) -> None:
        check_alpha(self.alpha, "-inf")
        check_clip(self.clip)

    def of(self, batch: Batch, advantages: PerToken, i: Array) -> PerToken:
        """``perplexity_shaped_advantage``."""
        shaped = perplexity_shaped_advantage(
            advantages[..., 0], batch.log_probs, batch.mask, self.alpha, clip=self.clip
        )
        return jnp.broadcast_to(shaped[..., None], advantages.shape)


@dataclasses.dataclass(frozen=True)
class PositionShaped:
    """More weight to late tokens, or to early ones, in steps ``start`` to ``stop`` only (the onset of the plateau)."""

    alpha: float = 0.1
    late: bool = True
    start: int = 0
    stop: int = 10**9

    def __post_init__(self) -> None:
        check_alpha(self.alpha, "0")
        if not 0 <= self.start < self.stop:
            raise complain("start, stop", f"{self.start}, {self.stop}", "0 <= start < stop")

    def of(self, batch: Batch, advantages: PerToken, i: Array) -> PerToken:
        """``position_shaped_advantage``."""
        alpha = jnp.where((i >= self.start) & (i < self.stop), self.alpha, 0.0)
        return position_shaped_advantage(advantages[..., 0], batch.mask, alpha, late=self.late)
