"""The arms of the free form: a base that imitates attempts of all kinds, and rewards from it; each trained once.

As ``arms/trained.py`` has them for the strict form: same problems by seed, kept by the hash of all that they depend on.
Learning rates are those of the strict form; that the base's falls was chosen on seed 100, for a pass@1 of 0.05.
"""

from __future__ import annotations

import dataclasses
import functools
import re
from collections.abc import Callable
from pathlib import Path
from typing import Literal, NamedTuple

import jax
import numpy as np

from experiments.exploration.arms import trained as strict
from experiments.exploration.arms.problems import TASK, Sizes, Split, split
from experiments.exploration.arms.recipes import BASE_RATE, RATE
from experiments.harness.records import fingerprint_of
from thermodiff.exploration.learning.imitation import ImitationConfig, Texts, imitate
from thermodiff.exploration.learning.methods import Method
from thermodiff.exploration.learning.reinforcement import ReinforcementConfig, reinforce
from thermodiff.exploration.learning.steps import Learned
from thermodiff.exploration.policies.networks import NetworkPolicy
from thermodiff.exploration.tasks.countdown_attempts import AttemptMixture, countdown_attempts
from thermodiff.exploration.tasks.countdown_free import CountdownFree
from thermodiff.training.optimiser import FallingAdam, SteadyAdam

GRPO = Method()
Name = Literal["free", "free, GRPO"]
BASE: Name = "free"
REWARDED: Name = "free, GRPO"


@dataclasses.dataclass(frozen=True)
class FreeSettings:
    """What is chosen for the free form alone; ``texts`` attempts at each problem of "base" and "sft" make the base."""

    response_length: int = 36
    cell: str = "transformer"
    units: int = 96
    layers: int = 2
    mixture: AttemptMixture = dataclasses.field(default_factory=AttemptMixture)
    texts: int = 16
    texts_at_once: int = 128
    imitation_steps: int = 1600
    imitation_rate: float = BASE_RATE
    reward_steps: int = 160
    reward_rate: float = RATE
    reward_problems: int = 16
    reward_group: int = 16


OF_REWARDS = ("method", "reward_steps", "reward_rate", "reward_problems", "reward_group")
"""Settings that a base does not depend on."""
PAPER = FreeSettings()
SMOKE = FreeSettings(
    units=16,
    layers=1,
    texts=8,
    texts_at_once=32,
    imitation_steps=120,
    reward_steps=16,
    reward_problems=4,
    reward_group=8,
)


class FreeScale(NamedTuple):
    """How large everything is: problems for each purpose, those of the strict form, and the settings."""

    sizes: Sizes
    settings: FreeSettings


def task_of(scale: FreeScale) -> CountdownFree:
    """The problems of the strict form, with the room that this scale gives."""
    return CountdownFree(TASK.largest_number, TASK.largest_target, scale.settings.response_length)


def problems_of(seed: int, scale: FreeScale) -> Split:
    """The problems of a seed, by purpose: those of the strict form."""
    return split(seed, scale.sizes)


@functools.lru_cache(maxsize=8)
def learned(name: Name, seed: int, scale: FreeScale) -> Learned:
    """The arm of a seed: read from where arms are kept, or trained, with what it starts from, and kept there."""
    key = jax.random.fold_in(jax.random.key(seed), [BASE, REWARDED].index(name) + 1)
    return _TRAININGS[name](key, seed, scale, folder_of(name, seed, scale))


def folder_of(name: Name, seed: int, scale: FreeScale) -> Path:
    """Where an arm of a seed is kept: its name changes with anything that changes the policy."""
    settings = {
        **dataclasses.asdict(scale.settings),
        **dataclasses.asdict(scale.sizes),
        "seed": seed,
        "task": repr(task_of(scale)),
        "method": repr(GRPO),
    }
    if name == BASE:
        settings = {key: value for key, value in settings.items() if key not in OF_REWARDS}
    return strict.FOLDER / f"{re.sub('[^A-Za-z0-9]+', '-', name)}-{seed}-{fingerprint_of(settings)}"


def texts_of(seed: int, scale: FreeScale) -> Texts:
    """The attempts that a base reads, all equally often."""
    pools = problems_of(seed, scale)
    prompts = np.repeat(np.concatenate([pools.base, pools.sft]), scale.settings.texts, axis=0)
    rng = np.random.default_rng([seed, 1])
    attempts = countdown_attempts(task_of(scale), prompts, rng, scale.settings.mixture)
    return Texts(prompts, attempts.responses, np.ones(len(prompts)))


def _imitation(key: jax.Array, seed: int, scale: FreeScale, folder: Path) -> Learned:
    config = ImitationConfig(
        scale.settings.imitation_steps,
        scale.settings.texts_at_once,
        FallingAdam(scale.settings.imitation_rate, scale.settings.imitation_steps),
    )
    policy = _fresh(seed, scale)
    return imitate(key, task_of(scale), policy, texts_of(seed, scale), config=config, checkpoint_dir=folder)


def _rewards(key: jax.Array, seed: int, scale: FreeScale, folder: Path) -> Learned:
    config = ReinforcementConfig(
        scale.settings.reward_steps,
        scale.settings.reward_problems,
        scale.settings.reward_group,
        method=GRPO,
        optimiser=SteadyAdam(scale.settings.reward_rate),
        keep_every=scale.settings.reward_steps // strict.KEPT,
    )
    base, prompts = learned(BASE, seed, scale).policy, problems_of(seed, scale).rl
    return reinforce(key, task_of(scale), base, prompts, config=config, checkpoint_dir=folder)


_TRAININGS: dict[Name, Callable[[jax.Array, int, FreeScale, Path], Learned]] = {
    BASE: _imitation,
    REWARDED: _rewards,
}


def _fresh(seed: int, scale: FreeScale) -> NetworkPolicy:
    return strict.NETWORKS[scale.settings.cell](
        jax.random.key(seed), task_of(scale), scale.settings.units, scale.settings.layers
    )
