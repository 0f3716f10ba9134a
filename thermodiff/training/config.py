"""How a score is trained: settings, checked, hashable, compiled in."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable
from typing import Any

from thermodiff.scores.learned import PreconditionedScore
from thermodiff.scores.networks import residual_mlp
from thermodiff.training.losses import LikelihoodWeighting, Weighting
from thermodiff.training.times import TimeSampler, UniformLogSNR
from thermodiff.validation import check_count, check_positive, complain


@dataclasses.dataclass(frozen=True)
class TrainingConfig:
    """How a score is trained; hashable. All of it but the numbers that ``program`` leaves out is compiled in.

    steps             of Adam, ``batch_size`` noised points each (even: noise comes in antithetic pairs)
    learning_rate     its largest value, reached linearly in ``warmup`` steps (at most a tenth of all); then a half
                      cosine to zero
    clip              bound on the global norm of the gradient, in units of the loss (nats for the default weighting)
    ema               largest decay of the running average of the weights, which becomes the score; after i steps the
                      decay is min(ema, (1 + i)/(10 + i)), so that a short training forgets its start
    chunk             steps between two records of history, validations, callbacks and chances of a checkpoint
    weighting, times  w(t) of the loss, and the density that its times are drawn with
    parameterisation  PreconditionedScore, or PlainScore; (network, process, reference, t_min) -> score
    architecture      residual_mlp, or potential_mlp; (key, dim, width, depth) -> network
    t_min             first time trained on; None: where sigma/alpha is 1e-3 of the data's scale, and at most 1/30
                      of the narrowest principal width
    patience          stop after so many chunks without a better validation loss; None: never
    """

    steps: int = 4000
    batch_size: int = 256
    learning_rate: float = 4e-3
    warmup: int = 100
    clip: float = 1.0
    ema: float = 0.999
    chunk: int = 250
    weighting: Weighting = dataclasses.field(default_factory=LikelihoodWeighting)
    times: TimeSampler = dataclasses.field(default_factory=UniformLogSNR)
    parameterisation: Callable[..., Any] = PreconditionedScore
    architecture: Callable[..., Any] = residual_mlp
    width: int = 64
    depth: int = 2
    t_min: float | None = None
    patience: int | None = None

    def __post_init__(self) -> None:
        for name in ("steps", "chunk", "batch_size", "width", "depth"):
            check_count(name, getattr(self, name))
        if self.patience is not None:
            check_count("patience", self.patience)
        if self.batch_size % 2:
            raise complain("batch_size", f"{self.batch_size}", "an even number: noise comes in pairs")
        if self.warmup < 0:
            raise complain("warmup", f"{self.warmup}", "a number of steps, 0 or more")
        check_positive("learning_rate", self.learning_rate)
        check_positive("clip", self.clip)
        if not 0 <= self.ema < 1:
            raise complain("ema", f"{self.ema}", "a decay in [0, 1)")
        if self.t_min is not None and not 0 < self.t_min < 1:
            raise complain("t_min", f"{self.t_min}", "a time strictly between 0 and 1")

    @property
    def program(self) -> TrainingConfig:
        """What is compiled in: the same for trainings that differ in length, rate and first time alone."""
        return dataclasses.replace(self, steps=1, chunk=1, warmup=0, learning_rate=1.0, t_min=None)

    def score(self, network: Any, problem: Any) -> Any:
        """The score that a network makes in this parameterisation, of a ``training.problem.Problem``."""
        return self.parameterisation(network, problem.process, problem.reference, problem.t_min)
