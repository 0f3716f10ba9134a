"""How rewards become advantages: the functions of ``exploration.methods``, with their settings.

Each is a small frozen object that a training compiles in. A new one is a class with a method ``of(batch)``; one that
asks for the policy that training started from says ``needs_reference = True``.
"""

from __future__ import annotations

import dataclasses
from typing import ClassVar, Protocol, runtime_checkable

from thermodiff.exploration.learning.batch import Batch, PerResponse, log_ratio_to_reference
from thermodiff.exploration.methods.advantages import (
    group_relative_advantage,
    pass_at_k_advantage,
    rloo_advantage,
)
from thermodiff.validation import check_count, check_positive, complain


@runtime_checkable
class Advantage(Protocol):
    """From rewards to how much better than its group a response is."""

    def of(self, batch: Batch) -> PerResponse:
        """One number a response."""
        ...


@dataclasses.dataclass(frozen=True)
class GroupRelative:
    """(r - mean)/(std + 1e-6) within the group, as GRPO; ``ddof`` 1 as verl and tunix have it."""

    ddof: int = 1

    def __post_init__(self) -> None:
        if self.ddof not in (0, 1):
            raise complain("ddof", f"{self.ddof!r}", "0 or 1")

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
    needs_reference: ClassVar[bool] = True

    def __post_init__(self) -> None:
        check_positive("beta", self.beta)

    def of(self, batch: Batch) -> PerResponse:
        """``rloo_advantage`` of the rewards less their price."""
        return rloo_advantage(batch.rewards - self.beta * log_ratio_to_reference(batch.log_probs, batch))
