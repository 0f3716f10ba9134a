"""What rewards do to what a policy can reach, held against a truth: every correct response is listed.

    python -m experiments.exploration.capability_boundary --preset paper --out results/capability_boundary-paper

One cell an arm and seed: exact pass@k, problems beyond reach and how they change hands, entropy of correct answers,
coverage, what the accuracy cost; branching and entropies of tokens from 16 rollouts a problem. 500 problems that no
training has seen. Arms start from a broad, weak base or from a narrow one, by way of solutions or without.
"""

from __future__ import annotations

import dataclasses
from itertools import product

from experiments.exploration.arms import measured
from experiments.exploration.arms.trained import PAPER, SMOKE, Scale, chain, trained
from experiments.exploration.capability_boundary_figure import draw
from experiments.exploration.capability_boundary_table import table
from experiments.harness.cells import one_by_one
from experiments.harness.command import Experiment
from experiments.harness.types import Cell, Row

BROAD = ("base", "more of the same", "SFT", "GRPO", "SFT, GRPO", "pass@4", "pass@4, then GRPO")
NARROW = ("narrow", "narrow, SFT", "narrow, GRPO", "narrow, pass@4")


@dataclasses.dataclass(frozen=True)
class Config:
    """The capability boundary of trained policies, exactly."""

    arms: tuple[str, ...] = (*BROAD, *NARROW)
    seeds: tuple[int, ...] = (0, 1, 2, 3, 4)
    rollouts: int = 16
    scale: Scale = PAPER


PRESETS = {
    "paper": Config(),
    "smoke": Config(arms=("base", "SFT", "GRPO", "pass@4"), seeds=(0, 1), rollouts=4, scale=SMOKE),
}
CELL_KEYS = ("arm", "seed")


def cells(config: Config) -> list[Cell]:
    """Seed by seed, so that after the first there is something of every arm."""
    return [{"arm": arm, "seed": seed} for seed, arm in product(config.seeds, config.arms)]


def measure(config: Config, cell: Cell) -> Row:
    """One policy against the base that its chain began with."""
    arm, seed, scale = cell["arm"], cell["seed"], config.scale
    policy, forms = trained(arm, seed, scale).policy, measured.forms_of(seed, scale)
    table = measured.table_of(arm, seed, scale)
    base = measured.table_of(chain(arm)[0], seed, scale)
    drawn = measured.drawn_from(policy, seed, scale, config.rollouts)
    return {
        **measured.capability(table, forms),
        **measured.transitions(base, table, forms),
        **measured.of_tokens(drawn),
    }


EXPERIMENT = Experiment(
    "exploration.capability_boundary", PRESETS, CELL_KEYS, cells, one_by_one(measure), table, draw
)
main = EXPERIMENT.main

if __name__ == "__main__":
    raise SystemExit(main())
