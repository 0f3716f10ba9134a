"""Ways to shape the advantages of GRPO against GRPO itself, at equal steps, on the same problems in the same order.

    python -m experiments.exploration.advantage_shaping --preset paper

One cell an arm and seed, exact numbers on 500 problems that no training has seen. Effects are differences of the two
arms of a seed. Nothing is claimed: what five seeds cannot tell is said, and how many seeds would tell it.
"""

from __future__ import annotations

import dataclasses
from itertools import product

from experiments.exploration.advantage_shaping_figure import draw
from experiments.exploration.advantage_shaping_table import AGAINST, table
from experiments.exploration.arms import measured
from experiments.exploration.arms.trained import PAPER, SMOKE, Scale, chain
from experiments.harness.cells import one_by_one
from experiments.harness.command import Experiment
from experiments.harness.types import Cell, Row

SHAPED = (
    "PPL low", "PPL high", "PPL low, 0.1", "PPL high, 0.1", "late", "early", "late, 0.5", "early, 0.5", "Clip-Cov",
    "KL-Cov", "positive only", "negative only",
)  # fmt: skip
"""alpha of perplexity is the report's 0.01 or ten times that, of position 0.1 or 0.5."""


@dataclasses.dataclass(frozen=True)
class Config:
    """Shaped advantages against those of GRPO."""

    arms: tuple[str, ...] = (AGAINST, *SHAPED)
    seeds: tuple[int, ...] = (0, 1, 2, 3, 4)
    scale: Scale = PAPER


PRESETS = {
    "paper": Config(),
    "smoke": Config(arms=(AGAINST, "PPL low, 0.1", "negative only"), seeds=(0, 1), scale=SMOKE),
}
CELL_KEYS = ("arm", "seed")


def cells(config: Config) -> list[Cell]:
    """Seed by seed, so that after the first there is something of every arm."""
    return [{"arm": arm, "seed": seed} for seed, arm in product(config.seeds, config.arms)]


def measure(config: Config, cell: Cell) -> Row:
    """One policy, and what it cost from the base."""
    arm, seed, scale = cell["arm"], cell["seed"], config.scale
    forms = measured.forms_of(seed, scale)
    log_probs = measured.table_of(arm, seed, scale)
    base = measured.table_of(chain(arm)[0], seed, scale)
    return {**measured.capability(log_probs, forms), **measured.transitions(base, log_probs, forms)}


EXPERIMENT = Experiment(
    "exploration.advantage_shaping", PRESETS, CELL_KEYS, cells, one_by_one(measure), table, draw
)
main = EXPERIMENT.main

if __name__ == "__main__":
    raise SystemExit(main())
