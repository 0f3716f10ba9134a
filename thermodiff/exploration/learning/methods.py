"""How a policy is updated from rewards: an advantage, its shaping and a loss, put together; and where each is found."""

from __future__ import annotations

import dataclasses

import jax
import jax.numpy as jnp
from jaxtyping import Array

from thermodiff.exploration.learning.advantages import (
    Advantage,
    FreeEnergy,
    GroupRelative,
    LeaveOneOut,
    PassAtK,
)
from thermodiff.exploration.learning.batch import Batch, PerToken
from thermodiff.exploration.learning.door import check_part
from thermodiff.exploration.learning.losses import ClipCov, Clipped, KLCov, Loss, TiltRegression
from thermodiff.exploration.learning.shapings import (
    Always,
    NegativeOnly,
    PerplexityShaped,
    PositionShaped,
    PositiveOnly,
    Shaping,
)
from thermodiff.exploration.methods.advantages import varied_groups

__all__ = [
    "Advantage",
    "Always",
    "Batch",
    "ClipCov",
    "Clipped",
    "FreeEnergy",
    "GroupRelative",
    "KLCov",
    "LeaveOneOut",
    "Loss",
    "Method",
    "NegativeOnly",
    "PassAtK",
    "PerplexityShaped",
    "PositionShaped",
    "PositiveOnly",
    "Shaping",
    "TiltRegression",
]


@dataclasses.dataclass(frozen=True)
class Method:
    """An advantage, its shaping and a loss; GRPO with a clip that is higher above by default.

    ``dynamic`` leaves groups whose rewards are all equal out of the mean over tokens, since their advantages are 0. It
    leaves out none where a part prices the distance from the reference, which such groups have too. Raises ValueError
    for a part in the place of another.
    """

    advantage: Advantage = dataclasses.field(default_factory=GroupRelative)
    shaping: Shaping = dataclasses.field(default_factory=Always)
    loss: Loss = dataclasses.field(default_factory=Clipped)
    dynamic: bool = True

    def __post_init__(self) -> None:
        check_part("advantage", self.advantage, 1, "an advantage of a batch, such as GroupRelative()")
        check_part("shaping", self.shaping, 3, "a shaping of advantages, such as Always() or PositiveOnly()")
        check_part("loss", self.loss, 4, "a loss, such as Clipped()")

    @property
    def needs_reference(self) -> bool:
        """Whether ln pi_0 of every response is asked for."""
        return any(
            getattr(part, "needs_reference", False) for part in (self.advantage, self.shaping, self.loss)
        )

    def advantages(self, batch: Batch, i: Array) -> PerToken:
        """Those of all tokens in step ``i``."""
        advantages = self.advantage.of(batch)[..., None] + jnp.zeros(batch.mask.shape)
        return jax.lax.stop_gradient(self.shaping.of(batch, advantages, i))

    def counted(self, batch: Batch) -> Batch:
        """The batch, its mask empty where a group is not learned from."""
        if not self.dynamic or self.needs_reference:
            return batch
        return batch._replace(mask=batch.mask & varied_groups(batch.rewards)[:, None, None])
