"""How often 95 % intervals of pass@k, and of its difference between two policies, hold the truth.

    python -m experiments.exploration.pass_at_k_coverage --preset paper --out results/pass_at_k_coverage-paper

Cells: problems drawn or fixed x rollouts a problem (16, or uniform on 8..64 and then kept) x difficulty x number of
problems. Every repetition draws the rollouts anew and, if problems are drawn, the difficulties too. Truths are exact:
means of (1-p)^k over the problems, or its expectation over the population in closed form. The seed of a cell is its
number among all, whatever part of them is asked for.
"""

from __future__ import annotations

import dataclasses
from itertools import product
from typing import Literal, NamedTuple, get_args

import numpy as np

from experiments.exploration import pass_at_k_coverage_figure
from experiments.exploration.made_up_problems import (
    PROBLEMS,
    SCENARIOS,
    Problems,
    Scenario,
    draw_rates,
    failure_moment,
)
from experiments.harness.cells import one_by_one
from experiments.harness.command import Experiment
from experiments.harness.types import Cell, Row
from thermodiff.exploration.boundary.pass_at_k_intervals import pass_at_k_difference, pass_at_k_interval

Rollouts = Literal["16", "8-64"]
Number = Literal[30, 100, 1000]
BETTER, WORSE = 1.5, 0.7
"""(1 - p_b) = (1 - p_a)^g, g one of these with equal chance: b gains on half of the problems and loses on half."""


@dataclasses.dataclass(frozen=True)
class Config:
    """Coverage of 95 % intervals of pass@k on simulated rollouts; ``draws`` are the Gaussians of a band over all k."""

    problems: tuple[Problems, ...] = PROBLEMS
    rollouts: tuple[Rollouts, ...] = get_args(Rollouts)
    scenarios: tuple[Scenario, ...] = tuple(SCENARIOS)
    numbers: tuple[Number, ...] = get_args(Number)
    repetitions: int = 2000
    draws: int = 1000


PRESETS = {"paper": Config(), "smoke": Config(numbers=(30, 100), repetitions=20)}
CELL_KEYS = ("problems", "rollouts", "scenario", "M", "seed")


def cells(config: Config) -> list[Cell]:
    """Those of all cells that are asked for, each with its number as seed."""
    every = product(PROBLEMS, get_args(Rollouts), SCENARIOS, get_args(Number))
    chosen = set(product(config.problems, config.rollouts, config.scenarios, config.numbers))
    return [
        dict(zip(CELL_KEYS, (*names, seed), strict=True))
        for seed, names in enumerate(every)
        if names in chosen
    ]


class Coverage(NamedTuple):
    """Shares of the repetitions, per k and last for the band: truth inside, and a remark on this k (or on any)."""

    ks: tuple[int, ...]
    inside: np.ndarray
    warned: np.ndarray


def draw_policies(scenario: Scenario, M: int, rng: np.random.Generator) -> tuple[np.ndarray, np.ndarray]:
    """p_a and p_b of M problems."""
    fail = 1 - draw_rates(scenario, M, rng)
    return 1 - fail, 1 - fail ** rng.choice([BETTER, WORSE], M)


def truths(
    scenario: Scenario, ks: np.ndarray, fixed: tuple[np.ndarray, np.ndarray] | None
) -> tuple[np.ndarray, ...]:
    """pass@k of a, and of b less that of a."""
    if fixed is None:
        fail_a = failure_moment(scenario, ks)
        fail_b = (failure_moment(scenario, BETTER * ks) + failure_moment(scenario, WORSE * ks)) / 2
    else:
        fail_a, fail_b = (((1 - p[:, None]) ** ks).mean(0) for p in fixed)
    return 1 - fail_a, fail_a - fail_b


def coverage(
    scenario: Scenario,
    M: int,
    rollouts: Rollouts,
    problems: Problems,
    repetitions: int,
    seed: int,
    draws: int,
) -> tuple[Coverage, Coverage]:
    """Of the interval of a and of the difference."""
    rng = np.random.default_rng(seed)
    n = np.full(M, 16) if rollouts == "16" else rng.integers(8, 65, M)
    n[0] = 16 if rollouts == "16" else 8
    ks = np.array([1, 4, 8, 16] if rollouts == "16" else [1, 4, 8])
    fixed = draw_policies(scenario, M, rng) if problems == "fixed" else None
    every = np.arange(1, ks[-1] + 1)
    points, curves = truths(scenario, ks, fixed), truths(scenario, every, fixed)
    hits = np.zeros((2, 2, len(ks) + 1))
    for _ in range(repetitions):
        a, b = ((rng.binomial(n, p), n) for p in fixed or draw_policies(scenario, M, rng))
        for i, (function, data) in enumerate(((pass_at_k_interval, (a,)), (pass_at_k_difference, (a, b)))):
            point = function(*data, ks, problems=problems)
            band = function(*data, problems=problems, simultaneous=True, draws=draws)
            inside = (point.low <= points[i]) & (points[i] <= point.high)
            warned = (point.carriers < 10) | point.conservative
            whole = ((band.low <= curves[i]) & (curves[i] <= band.high)).all()
            hits[i] += [[*inside, whole], [*warned, ((band.carriers < 10) | band.conservative).any()]]
    return tuple(Coverage(tuple(ks), *(hits[i] / repetitions)) for i in range(2))


def measure(config: Config, cell: Cell) -> Row:
    """One row: for pass@k of a and for the difference the shares at each k, and those of the band over k."""
    names = (cell[name] for name in ("scenario", "M", "rollouts", "problems"))
    found = coverage(*names, config.repetitions, cell["seed"], config.draws)
    return {
        "ks": found[0].ks,
        "repetitions": config.repetitions,
        **{
            name: {"inside": of.inside, "warned": of.warned}
            for name, of in zip(("a", "b - a"), found, strict=True)
        },
    }


EXPERIMENT = Experiment(
    "exploration.pass_at_k_coverage",
    PRESETS,
    CELL_KEYS,
    cells,
    one_by_one(measure),
    pass_at_k_coverage_figure.table,
    pass_at_k_coverage_figure.draw,
)
main = EXPERIMENT.main

if __name__ == "__main__":
    raise SystemExit(main())
