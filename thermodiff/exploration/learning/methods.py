"""How rewards become advantages, and advantages a loss: the functions of ``exploration.methods``, with their settings.

Each is a small frozen object that a training compiles in. A new one is a class with one method:

    Advantage   of(batch)                        -> (problems, group) numbers, one a response
    Shaping     of(batch, advantages, i)         -> (problems, group, tokens), step i
    Loss        of(log_probs, batch, advantages, uniforms) -> a scalar
"""

from __future__ import annotations

import dataclasses
import math
from typing import Any, NamedTuple, Protocol, runtime_checkable

import jax
import jax.numpy as jnp
from jaxtyping import Array, Bool, Float, Int

from thermodiff.array_types import Scalar
from thermodiff.exploration.methods.advantages import (
    group_relative_advantage,
    negative_only,
    pass_at_k_advantage,
    positive_only,
    rloo_advantage,
    varied_groups,
)
from thermodiff.exploration.methods.covariance import clip_cov_mask, kl_cov_penalty
from thermodiff.exploration.methods.losses import policy_loss_terms, token_mean
from thermodiff.exploration.methods.shaping import perplexity_shaped_advantage, position_shaped_advantage
from thermodiff.validation import check_count, check_positive, complain

PerResponse = Float[Array, "problems group"]
PerToken = Float[Array, "problems group tokens"]


class Batch(NamedTuple):
    """Groups of responses to some problems, their rewards, and what the policy that drew them said; nats."""

    prompts: Int[Array, "problems prompt"]
    responses: Int[Array, "problems group tokens"]
    mask: Bool[Array, "problems group tokens"]
    rewards: PerResponse
    log_probs: PerToken
    entropies: PerToken
    reference_log_probs: PerToken | None
    """Under the policy that training started from, where the method asks for it."""


@runtime_checkable
class Advantage(Protocol):
    """From rewards to how much better than its group a response is."""

    def of(self, batch: Batch) -> PerResponse:
        """One number a response."""
        ...


@runtime_checkable
class Shaping(Protocol):
    """A change of advantages; may tell the tokens of a response apart."""

    def of(self, batch: Batch, advantages: PerToken, i: Array) -> PerToken:
        """The changed advantages of step ``i``."""
        ...


@runtime_checkable
class Loss(Protocol):
    """What is minimised."""

    def of(self, log_probs: PerToken, batch: Batch, advantages: PerToken, uniforms: PerToken) -> Scalar:
        """The loss of a part of the batch; ``log_probs`` are the only argument with a gradient."""
        ...


@dataclasses.dataclass(frozen=True)
class GroupRelative:
    """(r - mean)/(std + 1e-6) within the group, as GRPO; ``ddof`` 1 as verl and tunix have it."""

    ddof: int = 1

    def of(self, batch: Batch) -> PerResponse:
        """``group_relative_advantage``."""
        return group_relative_advantage(batch.rewards, ddof=self.ddof)


@dataclasses.dataclass(frozen=True)
class LeaveOneOut:
    """r less the mean of the others, as RLOO."""

    def of(self, batch: Batch) -> PerResponse:
        """``rloo_advantage``."""
        return rloo_advantage(batch.rewards)


@dataclasses.dataclass(frozen=True)
class PassAtK:
    """The mean advantage over all subsets of ``k`` responses, rewarded by their best."""

    k: int = 4

    def __post_init__(self) -> None:
        check_count("k", self.k)

    def of(self, batch: Batch) -> PerResponse:
        """``pass_at_k_advantage``."""
        return pass_at_k_advantage(batch.rewards, self.k)


@dataclasses.dataclass(frozen=True)
class FreeEnergy:
    """r - beta ln(pi/pi_0) of the whole response, less the mean of the others: gradient of E[r] - beta KL.

    Its optimum is the tilt pi_0 exp(r/beta)/Z, which wastes nothing. Source: this project's theory of cost.
    """

    beta: float = 0.05

    def __post_init__(self) -> None:
        check_positive("beta", self.beta)

    def of(self, batch: Batch) -> PerResponse:
        """``rloo_advantage`` of the rewards less their price."""
        return rloo_advantage(batch.rewards - self.beta * _log_ratio(batch.log_probs, batch))


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
        if not 0 <= self.start < self.stop:
            raise complain("start, stop", f"{self.start}, {self.stop}", "0 <= start < stop")

    def of(self, batch: Batch, advantages: PerToken, i: Array) -> PerToken:
        """``position_shaped_advantage``."""
        alpha = jnp.where((i >= self.start) & (i < self.stop), self.alpha, 0.0)
        return position_shaped_advantage(advantages[..., 0], batch.mask, alpha, late=self.late)


@dataclasses.dataclass(frozen=True)
class Clipped:
    """-min(rho A, clip(rho, 1 - clip_low, 1 + clip_high) A), mean over tokens."""

    clip_low: float = 0.2
    clip_high: float = 0.28

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

    def __post_init__(self) -> None:
        check_positive("beta", self.beta)

    def of(self, log_probs: PerToken, batch: Batch, advantages: PerToken, uniforms: PerToken) -> Scalar:
        """The loss; advantages do not enter."""
        off = _log_ratio(log_probs, batch) - batch.rewards / self.beta
        return 0.5 * self.beta * jnp.mean(jnp.var(off, axis=-1, ddof=1))


@dataclasses.dataclass(frozen=True)
class Method:
    """An advantage, its shaping and a loss; GRPO with a clip that is higher above by default.

    ``dynamic`` leaves groups whose rewards are all equal out of the mean over tokens (their advantages are 0).
    """

    advantage: Advantage = dataclasses.field(default_factory=GroupRelative)
    shaping: Shaping = dataclasses.field(default_factory=Always)
    loss: Loss = dataclasses.field(default_factory=Clipped)
    dynamic: bool = True

    @property
    def needs_reference(self) -> bool:
        """Whether ln pi_0 of every response is asked for."""
        return isinstance(self.advantage, FreeEnergy) or isinstance(self.loss, TiltRegression)

    def advantages(self, batch: Batch, i: Array) -> PerToken:
        """Those of all tokens in step ``i``."""
        advantages = self.advantage.of(batch)[..., None] + jnp.zeros(batch.mask.shape)
        return jax.lax.stop_gradient(self.shaping.of(batch, advantages, i))

    def counted(self, batch: Batch) -> Batch:
        """The batch, its mask empty where a group is not learned from."""
        if not self.dynamic:
            return batch
        return batch._replace(mask=batch.mask & varied_groups(batch.rewards)[:, None, None])


def _log_ratio(log_probs: PerToken, batch: Batch) -> PerResponse:
    """ln(pi/pi_0) of the whole response."""
    assert batch.reference_log_probs is not None
    return jnp.sum(log_probs - batch.reference_log_probs, axis=-1)


def _terms(loss: Any, log_probs: PerToken, batch: Batch, advantages: PerToken) -> Any:
    return policy_loss_terms(
        log_probs,
        batch.log_probs,
        advantages,
        batch.mask,
        clip_low=loss.clip_low,
        clip_high=loss.clip_high,
    )
