"""How a diffusion is fine-tuned by reward: settings, checked, hashable, compiled in."""

from __future__ import annotations

import dataclasses

from thermodiff.training.config import TrainingConfig
from thermodiff.validation import check_count, check_positive, complain


@dataclasses.dataclass(frozen=True)
class FineTuningConfig:
    """How a diffusion is fine-tuned; hashable, and all of it is compiled in.

    beta           weight of the divergence of paths from the base, in units of the reward per nat; 0: none
    steps          of Adam, each on ``paths`` fresh paths of the policy (two or more: they are each other's baseline)
    learning_rate  its largest value, reached linearly in ``warmup`` steps (at most a tenth of all); then a half cosine
    clip           bound on the global norm of the gradient, in units of the reward
    chunk          steps between two records of history, callbacks and chances of a checkpoint
    """

    beta: float = 0.1
    steps: int = 500
    paths: int = 512
    learning_rate: float = 2e-3
    warmup: int = 20
    clip: float = 1.0
    chunk: int = 50

    def __post_init__(self) -> None:
        for name in ("steps", "chunk", "paths"):
            check_count(name, getattr(self, name))
        if self.paths < 2:
            raise complain("paths", f"{self.paths}", "2 or more: each is judged by the mean of the others")
        if not 0 <= self.beta < float("inf"):
            raise complain("beta", f"{self.beta}", "a finite number, 0 or more")
        if self.warmup < 0:
            raise complain("warmup", f"{self.warmup}", "a number of steps, 0 or more")
        check_positive("learning_rate", self.learning_rate)
        check_positive("clip", self.clip)

    @property
    def optimiser(self) -> TrainingConfig:
        """Adam as in any other training."""
        return TrainingConfig(
            steps=self.steps, learning_rate=self.learning_rate, warmup=self.warmup, clip=self.clip
        )
