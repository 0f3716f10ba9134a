"""Where a policy hesitates, what happens if a token is replaced there, and where rewards act along a response.

    python -m experiments.exploration.token_interventions --preset paper --out results/token_interventions-paper

Cells of two kinds. In the free form, responses of any length, from rollouts: entropy by position, tokens of highest
entropy in each fifth replaced, by position and by perplexity of the response, reasons of failure, first operation; the
base and what rewards make of it. In the strict form, exactly by enumeration: access and execution by position, entropy
and divergence from the base at each place. 500 problems that no training has seen.
"""

from __future__ import annotations

import dataclasses
from itertools import product

import numpy as np

import thermodiff.exploration as explore
from experiments.exploration.arms import free, measured, prefixes
from experiments.exploration.arms.trained import PAPER, SMOKE, Scale, chain, problems_of, trained
from experiments.exploration.token_interventions_figure import draw
from experiments.exploration.token_interventions_free import measure_free
from experiments.exploration.token_interventions_table import table
from experiments.harness.cells import one_by_one
from experiments.harness.command import Experiment
from experiments.harness.types import Cell, Row


@dataclasses.dataclass(frozen=True)
class Config:
    """Tokens replaced in the free form, and access and execution in the strict one."""

    free_arms: tuple[free.Name, ...] = (free.BASE, free.REWARDED)
    strict_arms: tuple[str, ...] = ("GRPO", "SFT", "SFT, GRPO", "pass@4")
    seeds: tuple[int, ...] = (0, 1, 2, 3, 4)
    rollouts: int = 16
    replaced: int = 8
    scale: Scale = PAPER
    free_settings: free.FreeSettings = free.PAPER

    @property
    def free_scale(self) -> free.FreeScale:
        """The free form on the same problems."""
        return free.FreeScale(self.scale.sizes, self.free_settings)


PRESETS = {
    "paper": Config(),
    "smoke": Config(
        strict_arms=("GRPO",), seeds=(0, 1), rollouts=8, replaced=4, scale=SMOKE, free_settings=free.SMOKE
    ),
}
CELL_KEYS = ("form", "arm", "seed")


def cells(config: Config) -> list[Cell]:
    """Seed by seed, so that after the first there is something of every arm."""
    arms = [*(("free", arm) for arm in config.free_arms), *(("strict", arm) for arm in config.strict_arms)]
    return [{"form": form, "arm": arm, "seed": seed} for seed, (form, arm) in product(config.seeds, arms)]


def measure_strict(config: Config, cell: Cell) -> Row:
    """One policy against the base that its chain began with, exactly."""
    arm, seed, scale = cell["arm"], cell["seed"], config.scale
    base, policy = (trained(name, seed, scale).policy for name in (chain(arm)[0], arm))
    forms = measured.forms_of(seed, scale)
    tokens = prefixes.tokens_of(base, policy, problems_of(seed, scale).test, forms)
    tree = prefixes.tree_of(forms)
    after = prefixes.access_and_execution(tree, tokens.base, tokens.policy)
    before = prefixes.access_and_execution(tree, tokens.base, tokens.base)
    whole = [x.sum(axis=-1).astype(np.float32) for x in (tokens.base, tokens.policy)]  # as they were computed
    cost = explore.exact_cost_by_problem(*whole, forms.correct, real=forms.real, remainder=True)
    return {
        "p": [float(before.execution[0]), float(after.execution[0])],
        "access": [before.access, after.access],
        "execution": [before.execution, after.execution],
        "by_access": after.by_access,
        "by_execution": after.by_execution,
        "entropy": prefixes.at_each_place(tree, tokens.policy, tokens.entropy),
        "divergence": prefixes.at_each_place(tree, tokens.policy, tokens.divergence),
        "listed": prefixes.at_each_place(tree, tokens.policy, np.ones_like(tokens.policy)),
        "ledger": float(cost.divergence.mean()),
    }


def measure(config: Config, cell: Cell) -> Row:
    """One row, of what the cell's form measures."""
    return {"free": measure_free, "strict": measure_strict}[cell["form"]](config, cell)


EXPERIMENT = Experiment(
    "exploration.token_interventions", PRESETS, CELL_KEYS, cells, one_by_one(measure), table, draw
)
main = EXPERIMENT.main

if __name__ == "__main__":
    raise SystemExit(main())
