"""Each arm and seed trained once, kept by the hash of all that it depends on, and read by every experiment."""

from __future__ import annotations

import dataclasses
import functools
import re
from collections.abc import Callable
from pathlib import Path

import jax
import numpy as np

from experiments.exploration.arms.problems import TASK, Sizes, Split, mixture, solutions, split
from experiments.exploration.arms.recipes import ARMS, Imitate, Reward, Select
from experiments.harness.records import fingerprint_of
from thermodiff.exploration.learning.drawing import draw_rollouts
from thermodiff.exploration.learning.imitation import ImitationConfig, Texts, imitate
from thermodiff.exploration.learning.reinforcement import ReinforcementConfig, reinforce
from thermodiff.exploration.learning.steps import Learned
from thermodiff.exploration.methods.selection import response_mean, select_for_finetuning
from thermodiff.exploration.policies.networks import NetworkPolicy, recurrent_policy, transformer_policy
from thermodiff.exploration.tasks.task import response_mask
from thermodiff.runtime.progress import Report
from thermodiff.training.optimiser import FallingAdam
from thermodiff.validation import complain

FOLDER = Path("results") / "arms"
KEPT = 4
"""Policies kept on the way of a training by rewards, the last among them."""
NETWORKS = {"recurrent": recurrent_policy, "transformer": transformer_policy}
Tell = Callable[[float], None]


@dataclasses.dataclass(frozen=True)
class Scale:
    """How large everything is. ``shorten`` divides the steps of all recipes."""

    sizes: Sizes = dataclasses.field(default_factory=Sizes)
    network: str = "transformer"
    width: int = 96
    depth: int = 2
    problems: int = 32
    group: int = 16
    batch_size: int = 256
    shorten: int = 1

    def steps(self, number: int) -> int:
        """So many steps of a recipe."""
        return max(number // self.shorten, KEPT)


PAPER = Scale()
SMOKE = Scale(Sizes(60, 60, 60, 20), width=16, depth=1, problems=4, group=8, batch_size=32, shorten=50)


def chain(name: str) -> list[str]:
    """The arms that lead to one, the fresh network's first."""
    start = ARMS[name].start
    return [*(chain(start) if start else []), name]


def trained(name: str, seed: int, scale: Scale, tell: Tell = lambda done: None) -> Learned:
    """The arm of a seed: read from ``FOLDER``, or trained, with what it starts from, and kept there.

    A training that was interrupted goes on where it was. All arms of a seed see the same problems in the same order:
    what differs between them is not chance.
    """
    arms = chain(name)
    policy, learned = _fresh(seed, scale), None
    for place, arm in enumerate(arms):
        learned = _train(arm, seed, scale, policy, lambda done, k=place: tell((k + done) / len(arms)))
        policy = learned.policy
    assert learned is not None
    return learned


def problems_of(seed: int, scale: Scale) -> Split:
    """The problems of a seed, by purpose."""
    return split(seed, scale.sizes)


def folder_of(name: str, seed: int, scale: Scale) -> Path:
    """Where an arm of a seed is kept: its name changes with anything that changes the policy."""
    recipes = [repr(ARMS[arm]) for arm in chain(name)]
    code = fingerprint_of({"recipes": recipes, "seed": seed, "scale": dataclasses.asdict(scale)})
    return FOLDER / f"{re.sub(r'[^A-Za-z0-9]+', '-', name)}-{seed}-{code}"


@functools.lru_cache(maxsize=4)
def _fresh(seed: int, scale: Scale) -> NetworkPolicy:
    return NETWORKS[scale.network](jax.random.key(seed), TASK, scale.width, scale.depth)


def _train(name: str, seed: int, scale: Scale, policy: NetworkPolicy, tell: Tell) -> Learned:
    recipe, folder = ARMS[name].recipe, folder_of(name, seed, scale)
    key = jax.random.fold_in(jax.random.key(seed), len(chain(name)))
    steps = scale.steps(recipe.steps)

    def heard(report: Report) -> None:
        tell(report.step / steps)

    if isinstance(recipe, Reward):
        settings = ReinforcementConfig(
            steps,
            scale.problems,
            scale.group,
            method=recipe.method,
            optimiser=recipe.optimiser,
            keep_every=steps // KEPT,
        )
        prompts = problems_of(seed, scale).rl
        return reinforce(key, TASK, policy, prompts, config=settings, checkpoint_dir=folder, callback=heard)
    texts = _texts(recipe, seed, scale, policy, key)
    optimiser = FallingAdam(recipe.learning_rate, steps)
    config = ImitationConfig(steps, scale.batch_size, optimiser, keep_every=steps // KEPT)
    return imitate(key, TASK, policy, texts, config=config, checkpoint_dir=folder, callback=heard)


def _texts(recipe: Imitate | Select, seed: int, scale: Scale, policy: NetworkPolicy, key: jax.Array) -> Texts:
    if isinstance(recipe, Select):
        return _selected(recipe, policy, problems_of(seed, scale).rl, key)
    prompts = getattr(problems_of(seed, scale), recipe.pool)
    if recipe.style == "solutions":
        return solutions(prompts)
    return mixture(prompts, SOLVED, narrow=recipe.style == "narrow")


SOLVED = 0.25
"""Share of correct responses in the texts of a base."""
AT_MOST = 2
"""Responses to one problem in the texts of rejection fine-tuning."""


def _selected(recipe: Select, policy: NetworkPolicy, prompts: np.ndarray, key: jax.Array) -> Texts:
    """The responses of a policy to train it on: correct ones, chosen by the recipe's rule."""
    drawn = draw_rollouts(jax.random.fold_in(key, 1), TASK, policy, prompts, recipe.number)
    uniforms = np.asarray(jax.random.uniform(jax.random.fold_in(key, 2), drawn.rewards.shape))
    mask = response_mask(drawn.responses, TASK.end)
    scores = None
    if recipe.rule in ("entropy", "branching"):
        per_token = np.zeros(mask.shape)
        rollouts = drawn.rollouts
        per_token[mask] = rollouts.entropies if recipe.rule == "entropy" else rollouts.nucleus_sizes
        scores = response_mean(per_token, mask)
    taken = select_for_finetuning(
        drawn.rewards > 0,
        uniforms,
        scores=scores,
        at_most=AT_MOST,
        wrong=0.05 if recipe.rule == "noise" else 0.0,
    )
    if not taken.any():
        got = f"nothing correct in {recipe.number} responses to each of {len(prompts)} problems"
        raise complain("recipe", got, "a start that solves some")
    problem, which = np.nonzero(taken)
    return Texts(prompts[problem], drawn.responses[problem, which], np.ones(len(problem)))
