"""How advantages become a loss: the functions of ``exploration.methods``, with their settings.

Each is a small frozen object that a training compiles in; a new one is a class with a method ``of``; one that asks for
the policy that training started from says ``needs_reference = True``.
"""

from __future__ import annotations

import dataclasses
import math
from typing import Any, ClassVar, Protocol, runtime_checkable

import jax
import jax.numpy as jnp

from thermodiff.array_types import Scalar
from thermodiff.exploration.learning.batch import Batch, PerToken, log_ratio_to_reference
from thermodiff.exploration.methods.arrays import check_range
from thermodiff.exploration.methods.covariance import (
    check_covariances,
    check_share,
    clip_cov_mask,
    kl_cov_penalty,
)
from thermodiff.exploration.methods.losses import check_clips, policy_loss_terms, token_mean
from thermodiff.validation import check_positive


@runtime_checkable
class Loss(Protocol):
    """What is minimised."""

    def of(self, log_probs: PerToken, batch: Batch, advantages: PerToken, uniforms: PerToken) -> Scalar:
        """The loss of a part of the batch; ``log_probs`` are the only argument with a gradient."""
        ...


@dataclasses.dataclass(frozen=True)
class Clipped:
    """-min(rho A, clip(rho, 1 - clip_low, 1 + clip_high) A), mean over tokens."""

    clip_low: float = 0.2
    clip_high: float = 0.28

    def __post_init__(self) -> None:
        check_clips(self.clip_low, self.clip_high)

    def of(self, log_probs: PerToken, batch: Batch, advantages: PerToken, uniforms: PerToken) -> Scalar:
        """``clipped_policy_loss``."""
        return token_mean(_terms(self, log_probs, batch, advantages).loss, batch.mask)


@dataclasses.dataclass(frozen=True)
class ClipCov:
    """The clipped loss without a random few of the tokens of large covariance."""

    clip_low: float = 0.2
    clip_high: float = 0.28
    share: float = 2e-4
    low: float = 1.0
    high: float = 5.0

    def __post_init__(self) -> None:
        check_clips(self.clip_low, self.clip_high)
        check_share(self.share)
        check_covariances(self.low, self.high)

    def of(self, log_probs: PerToken, batch: Batch, advantages: PerToken, uniforms: PerToken) -> Scalar:
        """``clip_cov_mask`` on the terms of the clipped loss."""
        terms = _terms(self, log_probs, batch, advantages)
        stays = clip_cov_mask(
            jax.lax.stop_gradient(log_probs),
            advantages,
            batch.mask,
            uniforms,
            share=self.share,
            low=self.low,
            high=self.high,
            eligible=~terms.clipped,
        )
        return token_mean(terms.loss * stays, batch.mask)


@dataclasses.dataclass(frozen=True)
class KLCov:
    """The unclipped loss with a price on |ln rho| of the tokens of largest covariance."""

    share: float = 0.002
    coefficient: float = 1.0

    def __post_init__(self) -> None:
        check_share(self.share)
        check_range("coefficient", self.coefficient, 0, math.inf, "a number that is at least 0")

    def of(self, log_probs: PerToken, batch: Batch, advantages: PerToken, uniforms: PerToken) -> Scalar:
        """``kl_cov_penalty`` added to the terms of the loss."""
        terms = policy_loss_terms(
            log_probs, batch.log_probs, advantages, batch.mask, clip_low=1.0, clip_high=math.inf
        )
        penalty = kl_cov_penalty(
            log_probs,
            batch.log_probs,
            advantages,
            batch.mask,
            share=self.share,
            coefficient=self.coefficient,
        )
        return token_mean(terms.loss + penalty, batch.mask)


@dataclasses.dataclass(frozen=True)
class TiltRegression:
    """Variance within the group of ln(pi/pi_0) - r/beta, times beta/2: zero on the tilt pi_0 exp(r/beta)/Z alone.

    On fresh samples its gradient is that of E[r] - beta KL with a baseline; on later parts of a batch it stays a
    regression, which needs no ratio and no clip. Source: this project; a path-consistency loss.
    """

    beta: float = 0.05
    needs_reference: ClassVar[bool] = True

    def __post_init__(self) -> None:
        check_positive("beta", self.beta)

    def of(self, log_probs: PerToken, batch: Batch, advantages: PerToken, uniforms: PerToken) -> Scalar:
        """The loss; advantages do not enter."""
        off = log_ratio_to_reference(log_probs, batch) - batch.rewards / self.beta
        return 0.5 * self.beta * jnp.mean(jnp.var(off, axis=-1, ddof=1))


def _terms(loss: Any, log_probs: PerToken, batch: Batch, advantages: PerToken) -> Any:
    return policy_loss_terms(
        log_probs,
        batch.log_probs,
        advantages,
        batch.mask,
        clip_low=loss.clip_low,
        clip_high=loss.clip_high,
    )
