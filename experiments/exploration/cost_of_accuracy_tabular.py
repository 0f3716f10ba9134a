"""What accuracy costs where every response is known: geometry, clock, sharing of parameters and sampling, one by one.

    python -m experiments.exploration.cost_of_accuracy_tabular --preset paper

Made-up problems, p from 0.002 to 0.5, are learned to a mean accuracy of exactly 0.6. A cell is a part and a seed:
    clocks    a logit for every response, natural and Euclidean steps of four objectives, two kinds of difficulties
    prefix    a logit for every next token after every prefix, natural steps of several sizes
    sampled   a logit for every response, natural steps made of groups of rollouts, of several sizes
    shared    logits linear in six features that all problems share, with and without correctness among them
"""

from __future__ import annotations

import dataclasses
from collections.abc import Callable
from itertools import product
from typing import Literal, get_args

import numpy as np

from experiments.exploration import cost_of_accuracy_figure, cost_of_accuracy_table
from experiments.exploration.made_up_tables import DIFFICULTIES, Tables, draw_tables, random_tree
from experiments.exploration.tabular_paths import OBJECTIVES, K, base_of, climb, exact_step, ledger, shares
from experiments.exploration.tabular_sampling import sampled_step, waste_of_sampling
from experiments.harness.cells import one_by_one
from experiments.harness.command import Experiment
from experiments.harness.types import Cell, Row
from thermodiff.exploration.boundary.exact import exact_pass_at_k
from thermodiff.exploration.exchange.free_energy import least_cost_of_mean_accuracy
from thermodiff.exploration.policies.prefix_tabular import PrefixTabularPolicy
from thermodiff.exploration.policies.shared_features import SharedFeaturePolicy
from thermodiff.exploration.policies.tabular import TabularPolicy

Part = Literal["clocks", "prefix", "sampled", "shared"]
GEOMETRIES = ("natural", "euclidean")
FEATURES, ALIGNMENT = 6, 0.5


@dataclasses.dataclass(frozen=True)
class Config:
    """The ledger of policies with known gradients, learned to the same mean accuracy."""

    parts: tuple[Part, ...] = get_args(Part)
    seeds: int = 10
    accuracy: float = 0.6
    problems: int = 400
    few_problems: int = 60
    natural_step: float = 0.05
    euclidean_step: float = 0.2
    shared_step: float = 0.02
    prefix_steps: tuple[float, ...] = (0.1, 0.05, 0.025, 0.0125)
    groups: tuple[int, ...] = (16, 64)
    sampled_steps: tuple[float, ...] = (0.02, 0.005, 0.0025, 0.00125)
    factors: tuple[int, ...] = (1, 2)


PRESETS = {
    "paper": Config(),
    "smoke": Config(
        seeds=2, problems=60, few_problems=20, prefix_steps=(0.1, 0.05), groups=(16, 64), sampled_steps=(0.02, 0.005),
        factors=(1,),
    ),
}  # fmt: skip
CELL_KEYS = ("part", "data", "seed")


def cells(config: Config) -> list[Cell]:
    """Every part and seed; clocks on both kinds of difficulties, the others on the first."""
    kinds = {part: list(DIFFICULTIES)[: 2 if part == "clocks" else 1] for part in get_args(Part)}
    return [
        {"part": part, "data": data, "seed": seed}
        for part in config.parts
        for data in kinds[part]
        for seed in range(config.seeds)
    ]


def start_of(tables: Tables, accuracy: float) -> Row:
    """Before learning: mean p, pass@64; the least cost of the accuracy, and pass@64 there."""
    p = np.exp(np.where(tables.correct, base_of(tables), -np.inf)).sum(1)
    least = least_cost_of_mean_accuracy(p, accuracy)
    return {
        "p": p.mean(),
        "pass_at_k": exact_pass_at_k(p, K).mean(),
        "least": least.cost,
        "least_pass_at_k": exact_pass_at_k(least.accuracy, K).mean(),
    }


def _clocks(config: Config, tables: Tables, _: int) -> list[Row]:
    arms = []
    for geometry, eta in zip(GEOMETRIES, (config.natural_step, config.euclidean_step), strict=True):
        for name, objective in OBJECTIVES.items():
            step = exact_step(tables, geometry, objective, eta)
            path = climb(TabularPolicy(tables.log_probs, tables.real), tables.correct, step, config.accuracy)
            arms.append({"geometry": geometry, "objective": name, **ledger(tables, path)})
    return arms


def _prefix(config: Config, tables: Tables, seed: int) -> list[Row]:
    tree = random_tree(tables.real, np.random.default_rng([seed, 1]))
    policy = PrefixTabularPolicy.from_table(base_of(tables), tree)
    arms = []
    for name, objective in OBJECTIVES.items():
        for eta in config.prefix_steps:
            step = exact_step(tables, "natural", objective, eta)
            path = climb(policy, tables.correct, step, config.accuracy)
            arms.append({"objective": name, "eta": eta, **ledger(tables, path)})
    return arms


def _sampled(config: Config, _: Tables, seed: int) -> list[Row]:
    arms = []
    for factor in config.factors:
        tables = draw_tables(config.few_problems, seed, factor=factor)
        predicted = waste_of_sampling(tables, config.accuracy)
        for group, eta in product(config.groups, config.sampled_steps):
            rng = np.random.default_rng([seed, factor, group, round(1e6 * eta)])
            path = climb(
                TabularPolicy(tables.log_probs, tables.real),
                tables.correct,
                sampled_step(tables, group, eta, rng),
                config.accuracy,
            )
            arm = {"factor": factor, "group": group, "eta": eta, "predicted": eta / group * predicted(group)}
            arms.append({**arm, **ledger(tables, path)})
    return arms


def _shared(config: Config, tables: Tables, seed: int) -> list[Row]:
    """Features: noise, and correctness with a coefficient that differs from problem to problem, in some below 0.

    In some problems they point away from what is correct. Where asked for the last one is correctness itself.
    """
    rng = np.random.default_rng([seed, 2])
    alignment = rng.normal(ALIGNMENT, 1.0, (len(tables.real), 1, FEATURES))
    noisy = alignment * tables.correct[..., None] + rng.standard_normal((*tables.real.shape, FEATURES))
    arms = []
    for with_reward in (False, True):
        features = noisy.copy()
        if with_reward:
            features[..., -1] = tables.correct
        policy = SharedFeaturePolicy(tables.log_probs, features, real=tables.real)
        for name in ("REINFORCE", "GRPO"):
            step = exact_step(tables, "natural", OBJECTIVES[name], config.shared_step)
            predicted, measured = shares(policy, tables.correct, step(policy))
            path = climb(policy, tables.correct, step, config.accuracy)
            arms.append(
                {
                    "with_reward": with_reward,
                    "objective": name,
                    "share": predicted,
                    "share_measured": measured,
                }
                | ledger(tables, path)
            )
    return arms


ARMS: dict[str, Callable[[Config, Tables, int], list[Row]]] = {
    "clocks": _clocks,
    "prefix": _prefix,
    "sampled": _sampled,
    "shared": _shared,
}


def measure(config: Config, cell: Cell) -> Row:
    """One row: where the problems start, and the ledger of every arm."""
    number = config.problems if cell["part"] == "clocks" else config.few_problems
    tables = draw_tables(number, cell["seed"], cell["data"])
    arms = ARMS[cell["part"]](config, tables, cell["seed"])
    return {"M": number, "start": start_of(tables, config.accuracy), "arms": arms}


EXPERIMENT = Experiment(
    "exploration.cost_of_accuracy_tabular",
    PRESETS,
    CELL_KEYS,
    cells,
    one_by_one(measure),
    cost_of_accuracy_table.table,
    cost_of_accuracy_figure.draw,
)
main = EXPERIMENT.main

if __name__ == "__main__":
    raise SystemExit(main())
