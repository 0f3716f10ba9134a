"""What falling entropy pays for, along trainings by rewards, held against exact entropies and accuracies.

    python -m experiments.exploration.entropy_exchange --preset paper --out results/entropy_exchange-paper

One cell an arm and seed. Of every arm, from the numbers of its steps: stages, R = -a exp(H) + b against a line,
entropy in wrong against entropy in correct responses, the covariance against the measured change. Of arms of the strict
form the exchange between kept policies, exactly, on 500 problems that no training has seen; of the free form the same
from rollouts, and the reasons of failure.
"""

from __future__ import annotations

import dataclasses
from itertools import pairwise, product
from typing import Any, get_args

import numpy as np

import thermodiff.exploration as explore
from experiments.exploration.arms import free, measured
from experiments.exploration.arms.free_measured import defects, drawn_from
from experiments.exploration.arms.recipes import ARMS
from experiments.exploration.arms.trained import PAPER, SMOKE, Scale, trained
from experiments.exploration.entropy_exchange_curves import of_steps, straight_or_exponential
from experiments.exploration.entropy_exchange_figure import draw
from experiments.exploration.entropy_exchange_table import table
from experiments.harness.cells import one_by_one
from experiments.harness.command import Experiment
from experiments.harness.types import Cell, Row
from thermodiff.exploration.tasks.task import Forms

STRICT = ("GRPO", "SFT, GRPO", "pass@4", "positive only", "negative only")


@dataclasses.dataclass(frozen=True)
class Config:
    """What falling entropy pays for, along trainings by rewards."""

    arms: tuple[str, ...] = (*STRICT, free.REWARDED)
    seeds: tuple[int, ...] = (0, 1, 2, 3, 4)
    rollouts: int = 16
    scale: Scale = PAPER
    free_settings: free.FreeSettings = free.PAPER

    @property
    def free_scale(self) -> free.FreeScale:
        """The free form on the same problems."""
        return free.FreeScale(self.scale.sizes, self.free_settings)


PRESETS = {
    "paper": Config(),
    "smoke": Config(
        arms=("GRPO", free.REWARDED),
        seeds=(0, 1),
        rollouts=8,
        scale=dataclasses.replace(SMOKE, shorten=12),
        free_settings=free.SMOKE,
    ),
}
CELL_KEYS = ("arm", "seed")


def cells(config: Config) -> list[Cell]:
    """Seed by seed, so that after the first there is something of every arm."""
    return [{"arm": arm, "seed": seed} for seed, arm in product(config.seeds, config.arms)]


def measure(config: Config, cell: Cell) -> Row:
    """One arm along its training."""
    arm, seed = cell["arm"], cell["seed"]
    if arm in get_args(free.Name):
        learned = free.learned(arm, seed, config.free_scale)
        start = free.learned(free.BASE, seed, config.free_scale).policy
        return {**of_steps(learned.history), **sampled_exchange(config, seed, start, learned.kept)}
    learned, begin = trained(arm, seed, config.scale), ARMS[arm].start
    assert begin is not None
    start = (0, measured.table_of(begin, seed, config.scale))
    tables = [start, *measured.tables_of(arm, seed, config.scale)]
    return {**of_steps(learned.history), **exact_exchange(tables, measured.forms_of(seed, config.scale))}


def exact_exchange(tables: list[tuple[int, np.ndarray]], forms: Forms) -> Row:
    """Entropies after each step, and the three parts of every change between two, means over problems; nats."""
    found = [explore.exact_entropies(*completed(log_probs, forms)) for _, log_probs in tables]
    # Where p is 0 in double precision there is no S_c, and any number does.
    states = [(entropies.p, *map(np.nan_to_num, entropies.among())) for entropies in found]
    exchanged = [
        explore.exchange_identity(*(np.stack(ends) for ends in zip(*both, strict=True)))
        for both in pairwise(states)
    ]
    changes = [after.entropy - before.entropy for before, after in pairwise(found)]
    left = [np.abs(sum(parts) - change).max() for parts, change in zip(exchanged, changes, strict=True)]
    accuracy, entropy = ([float(getattr(e, name).mean()) for e in found] for name in ("p", "entropy"))
    return {
        "kept": [step for step, _ in tables],
        "p": accuracy,
        "entropy": entropy,
        "among_correct": [float(s_c.mean()) for _, s_c, _ in states],
        "among_wrong": [float(s_w.mean()) for _, _, s_w in states],
        "change": [float(change.mean()) for change in changes],
        "parts": [[float(part.mean()) for part in parts] for parts in exchanged],
        "left": float(max(left)),
        "exact_law": straight_or_exponential(np.array(entropy) / forms.responses.shape[-1], accuracy),
    }


def completed(log_probs: np.ndarray, forms: Forms) -> tuple[np.ndarray, np.ndarray]:
    """ln pi and correctness of the listed responses and, as one more that is wrong, of all others.

    Log-probabilities are those of single precision, whose sums may exceed 1 by its rounding; here they are divided by
    them, so that p and 1 - p are each other's complement, and the identity holds in double precision.
    """
    listed = log_probs.astype(float)
    least = listed.shape[1] * float(np.finfo(np.float32).eps)
    rest = np.log(np.maximum(1 - np.exp(listed).sum(axis=1, keepdims=True), least))
    table = np.concatenate([listed, rest], axis=1)
    return table - np.log(np.exp(table).sum(axis=1, keepdims=True)), np.pad(forms.correct, ((0, 0), (0, 1)))


def sampled_exchange(config: Config, seed: int, start: Any, kept: list[tuple[int, Any]]) -> Row:
    """The same from rollouts, with errors over problems; and the reasons of failure of each kept policy."""
    scale = config.free_scale
    task, prompts = free.task_of(scale), free.problems_of(seed, scale).test
    drawn = [drawn_from(policy, seed, scale, config.rollouts) for _, policy in [(0, start), *kept]]
    exchanged = [explore.entropy_exchange(a.rollouts, b.rollouts) for a, b in pairwise(drawn)]
    whole = explore.entropy_exchange(drawn[0].rollouts, drawn[-1].rollouts)
    return {
        "kept": [0, *(step for step, _ in kept)],
        "p": [float(one.rewards.mean()) for one in drawn],
        "entropy": [exchanged[0].before.mean, *(one.after.mean for one in exchanged)],
        "change": [one.change.mean for one in exchanged],
        "parts": [[one.accuracy.mean, one.correct.mean, one.wrong.mean] for one in exchanged],
        "errors": [x.stderr for x in (whole.accuracy, whole.correct, whole.wrong)],
        "unseen": whole.unseen,
        "defects": [[share.mean for share in defects(task, prompts, one.responses)] for one in drawn],
    }


EXPERIMENT = Experiment(
    "exploration.entropy_exchange", PRESETS, CELL_KEYS, cells, one_by_one(measure), table, draw
)
main = EXPERIMENT.main

if __name__ == "__main__":
    raise SystemExit(main())
