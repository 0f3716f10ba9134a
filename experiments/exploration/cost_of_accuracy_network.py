"""What accuracy costs a network: the ledger of every arm along its training, and what its small steps buy.

    python -m experiments.exploration.cost_of_accuracy_network --preset paper

The tabular part, where steps are known in closed form, is ``cost_of_accuracy_tabular``. A cell is a part, an arm and
a seed:
    ledger    every policy kept on the way: least work, what was paid, waste among correct and wrong, pass@k
    steps     small steps from the arm's last policy, of several kinds: the share that buys accuracy, on the problems
              that the step was made of and on others; some minutes each
The preset paper has the first, the preset steps the second, from three bases.
"""

from __future__ import annotations

import dataclasses
from itertools import product
from typing import Any, Literal

import jax
import numpy as np

from experiments.exploration.arms import measured
from experiments.exploration.arms.problems import TASK
from experiments.exploration.arms.recipes import ARMS
from experiments.exploration.arms.trained import PAPER, SMOKE, Scale, chain, problems_of, trained
from experiments.exploration.cost_of_accuracy_network_figure import draw
from experiments.exploration.cost_of_accuracy_network_table import AGAINST, WAYS, table
from experiments.exploration.step_shares import Making, Source, listed, measure_steps
from experiments.harness.cells import one_by_one
from experiments.harness.command import Experiment
from experiments.harness.types import Cell, Row

Part = Literal["ledger", "steps"]
UPDATES = 2
"""Parts of a batch of problems that a training makes a step each of."""


@dataclasses.dataclass(frozen=True)
class Config:
    """The ledger of trained networks, and of small steps of them.

    paths arms of which all kept policies are measured, of others the last;
    batches of problems a cell of small steps; held_out problems to measure them on; wide problems in the wider metric;
    before batches that an optimiser remembers; damping and iterations of natural steps
    """

    parts: tuple[Part, ...] = ("ledger", "steps")
    arms: tuple[str, ...] = tuple(arm for arm in ARMS if ARMS[arm].start)
    paths: tuple[str, ...] = (AGAINST, "SFT", *WAYS)
    starts: tuple[str, ...] = ("base", "GRPO")
    seeds: tuple[int, ...] = (0, 1, 2, 3, 4)
    batches: int = 2
    held_out: int = 100
    wide: int = 32
    before: int = 20
    damping: float = 1e-3
    iterations: int = 60
    scale: Scale = PAPER


PRESETS = {
    "paper": Config(parts=("ledger",)),
    "steps": Config(parts=("steps",), starts=("base",), seeds=(0, 1, 2)),
    "smoke": Config(
        arms=("GRPO", "pass@4"), starts=("GRPO",), seeds=(0, 1), batches=2, held_out=10, wide=8, before=3,
        iterations=10, scale=SMOKE,
    ),
}  # fmt: skip
CELL_KEYS = ("part", "arm", "seed")


def cells(config: Config) -> list[Cell]:
    """Part by part, and seed by seed within each."""
    arms = {"ledger": config.arms, "steps": config.starts}
    return [
        {"part": part, "arm": arm, "seed": seed}
        for part in config.parts
        for seed, arm in product(config.seeds, arms[part])
    ]


def measure(config: Config, cell: Cell) -> Row:
    """One arm of a seed."""
    return PARTS[cell["part"]](config, cell["arm"], cell["seed"])


def _ledger(config: Config, arm: str, seed: int) -> Row:
    """The path from the base: the last policies of the arms before it, and its own."""
    scale, before = config.scale, chain(arm)[:-1]
    forms, base = measured.forms_of(seed, scale), measured.table_of(before[0], seed, scale)
    path = [(0, measured.table_of(name, seed, scale)) for name in before]
    tables = measured.tables_of if arm in config.paths else measured.last_table_of
    path += tables(arm, seed, scale)
    policies = [
        {
            "step": step,
            **measured.capability(log_probs, forms),
            **measured.transitions(base, log_probs, forms),
        }
        for step, log_probs in path
    ]
    return {"before": len(before), "policies": policies}


def _steps(config: Config, arm: str, seed: int) -> Row:
    source = _source(config, trained(arm, seed, config.scale).policy, seed)
    making = Making(config.scale.group, config.before, config.damping, config.iterations)
    key = jax.random.fold_in(jax.random.key(seed), 10**6 + 1)
    batches = [
        measure_steps(source, number, jax.random.fold_in(key, number), making)
        for number in range(config.batches)
    ]
    return {"batches": batches}


def _source(config: Config, policy: Any, seed: int) -> Source:
    """Problems of the pool for rewards, shuffled: those of the steps first, then those that an optimiser saw before."""
    problems, number = problems_of(seed, config.scale), config.scale.problems // UPDATES
    prompts = np.random.default_rng([seed, 1]).permutation(problems.rl)
    used, others = np.split(prompts, [config.batches * config.wide])
    pool = listed(policy, used, TASK.forms(used))
    wide = [pool.only(slice(i, i + config.wide)) for i in range(0, len(used), config.wide)]
    test = problems.test[: config.held_out]
    held_out = listed(policy, test, TASK.forms(test))
    return Source(policy, [one.only(slice(number)) for one in wide], wide, held_out, others)


PARTS = {"ledger": _ledger, "steps": _steps}

EXPERIMENT = Experiment(
    "exploration.cost_of_accuracy_network", PRESETS, CELL_KEYS, cells, one_by_one(measure), table, draw
)
main = EXPERIMENT.main

if __name__ == "__main__":
    raise SystemExit(main())
