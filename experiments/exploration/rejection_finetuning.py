"""Training on a policy's own correct responses, chosen in four ways: by rule, with noise, by entropy, by branching.

    python -m experiments.exploration.rejection_finetuning --preset paper

One cell an arm and seed. All four choose from the same 16 responses to each problem, at most two correct ones of
each: any ("rule"), any with 5 % of the wrong ones ("noise"), those of highest mean entropy, those of most branching.
Exact pass@k on 500 problems that no training has seen; entropy and branching of tokens from rollouts.
"""

from __future__ import annotations

import dataclasses
from itertools import product

from experiments.exploration.arms import measured
from experiments.exploration.arms.trained import PAPER, SMOKE, Scale, trained
from experiments.exploration.rejection_finetuning_figure import draw
from experiments.exploration.rejection_finetuning_table import BASE, RULES, table
from experiments.harness.cells import one_by_one
from experiments.harness.command import Experiment
from experiments.harness.types import Cell, Row


@dataclasses.dataclass(frozen=True)
class Config:
    """Rejection fine-tuning by four rules, against the base and against each other."""

    arms: tuple[str, ...] = (BASE, *RULES)
    seeds: tuple[int, ...] = (0, 1, 2, 3, 4)
    rollouts: int = 16
    scale: Scale = PAPER


PRESETS = {
    "paper": Config(),
    # So small a base writes nothing correct, and no rule has anything to choose from.
    "smoke": Config(arms=(BASE,), seeds=(0, 1), rollouts=4, scale=SMOKE),
}
CELL_KEYS = ("arm", "seed")


def cells(config: Config) -> list[Cell]:
    """Seed by seed, so that after the first there is something of every arm."""
    return [{"arm": arm, "seed": seed} for seed, arm in product(config.seeds, config.arms)]


def measure(config: Config, cell: Cell) -> Row:
    """One policy, and what it cost from the base."""
    arm, seed, scale = cell["arm"], cell["seed"], config.scale
    policy, forms = trained(arm, seed, scale).policy, measured.forms_of(seed, scale)
    log_probs, base = (measured.table_of(name, seed, scale) for name in (arm, BASE))
    return {
        **measured.capability(log_probs, forms),
        **measured.transitions(base, log_probs, forms),
        **measured.of_tokens(measured.drawn_from(policy, seed, scale, config.rollouts)),
    }


EXPERIMENT = Experiment(
    "exploration.rejection_finetuning", PRESETS, CELL_KEYS, cells, one_by_one(measure), table, draw
)
main = EXPERIMENT.main

if __name__ == "__main__":
    raise SystemExit(main())
