"""The recipes: what each arm starts from, and what is done to it. A chain of them is how a policy came about.

Learning rates and steps were chosen on seeds 100 and 101, before any other seed was run.
"""

from __future__ import annotations

import dataclasses
from typing import Literal

from thermodiff.exploration.learning import methods
from thermodiff.exploration.learning.methods import Method
from thermodiff.training.optimiser import Optimiser, SteadyAdam, SteadyMuon

Pool = Literal["base", "sft", "rl"]
Style = Literal["broad", "narrow", "solutions"]


STEPS, RATE = 160, 2e-4
MUON_RATE = 6e-4
BASE_STEPS, BASE_RATE = 1500, 3e-3
FINE_STEPS, FINE_RATE = 200, 2e-4
NARROW_FINE_STEPS, NARROW_FINE_RATE = 800, 1e-3
"""A narrow base has to unlearn its one way of writing first: after 200 steps of the others nothing valid is left."""


@dataclasses.dataclass(frozen=True)
class Imitate:
    """Training on texts of one style, on the problems of one pool."""

    style: Style
    pool: Pool
    steps: int
    learning_rate: float


@dataclasses.dataclass(frozen=True)
class Reward:
    """Training by rewards on the problems of the pool "rl"."""

    method: Method = dataclasses.field(default_factory=Method)
    steps: int = STEPS
    optimiser: Optimiser = dataclasses.field(default_factory=lambda: SteadyAdam(RATE))


@dataclasses.dataclass(frozen=True)
class Select:
    """Training on ``number`` of the arm's own responses to each problem of "rl", those that ``rule`` selects."""

    rule: Literal["rule", "noise", "entropy", "branching"]
    number: int = 16
    steps: int = STEPS
    learning_rate: float = 3e-4


@dataclasses.dataclass(frozen=True)
class Arm:
    """An arm: the one that it starts from (None: fresh weights), and what is done."""

    start: str | None
    recipe: Imitate | Reward | Select


def _shaped(shaping: methods.Shaping) -> Reward:
    return Reward(Method(shaping=shaping))


ARMS: dict[str, Arm] = {
    # broad base: weak attempts of all kinds
    "base": Arm(None, Imitate("broad", "base", BASE_STEPS, BASE_RATE)),
    "more of the same": Arm("base", Imitate("broad", "sft", FINE_STEPS, FINE_RATE)),
    "SFT": Arm("base", Imitate("solutions", "sft", FINE_STEPS, FINE_RATE)),
    "GRPO": Arm("base", Reward()),
    "SFT, GRPO": Arm("SFT", Reward()),
    "pass@4": Arm("base", Reward(Method(methods.PassAtK(4)))),
    "pass@4, half": Arm("base", Reward(Method(methods.PassAtK(4)), steps=STEPS // 2)),
    "pass@4, then GRPO": Arm("pass@4, half", Reward(steps=STEPS // 2)),
    # narrow base: one way of writing
    "narrow": Arm(None, Imitate("narrow", "base", BASE_STEPS, BASE_RATE)),
    "narrow, SFT": Arm("narrow", Imitate("solutions", "sft", NARROW_FINE_STEPS, NARROW_FINE_RATE)),
    "narrow, GRPO": Arm("narrow", Reward()),
    "narrow, pass@4": Arm("narrow", Reward(Method(methods.PassAtK(4)))),
    # shaping
    "PPL low": Arm("base", _shaped(methods.PerplexityShaped(0.01))),
    "PPL high": Arm("base", _shaped(methods.PerplexityShaped(-0.01))),
    "PPL low, 0.1": Arm("base", _shaped(methods.PerplexityShaped(0.1, clip=None))),
    "PPL high, 0.1": Arm("base", _shaped(methods.PerplexityShaped(-0.1, clip=None))),
    "late": Arm("base", _shaped(methods.PositionShaped(0.1))),
    "early": Arm("base", _shaped(methods.PositionShaped(0.1, late=False))),
    "late, 0.5": Arm("base", _shaped(methods.PositionShaped(0.5))),
    "early, 0.5": Arm("base", _shaped(methods.PositionShaped(0.5, late=False))),
    "Clip-Cov": Arm("base", Reward(Method(loss=methods.ClipCov()))),
    "KL-Cov": Arm("base", Reward(Method(loss=methods.KLCov()))),
    "positive only": Arm("base", _shaped(methods.PositiveOnly())),
    "negative only": Arm("base", _shaped(methods.NegativeOnly())),
    # ways to spend less
    "RLOO": Arm("base", Reward(Method(methods.LeaveOneOut()))),
    "free energy": Arm("base", Reward(Method(methods.FreeEnergy(0.05), dynamic=False))),
    "tilt": Arm("base", Reward(Method(loss=methods.TiltRegression(0.05), dynamic=False))),
    "Muon": Arm("base", Reward(optimiser=SteadyMuon(MUON_RATE))),
    # rejection fine-tuning
    "RFT, rule": Arm("base", Select("rule")),
    "RFT, noise": Arm("base", Select("noise")),
    "RFT, entropy": Arm("base", Select("entropy")),
    "RFT, branching": Arm("base", Select("branching")),
}
