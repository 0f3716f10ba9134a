"""What pass@k beyond the rollouts is worth: bounds and numbers against the truth, on real and simulated rollouts.

    python -m experiments.exploration.extrapolation --preset paper --out results/extrapolation-paper

Cells, in parts:
    halves      64 of the 128 rollouts of DeepScaleR's 1060 problems to k = 128, a seed for each half
    game24      16 of 100 rollouts of the Game of 24 to k = 100, the same
    limit       the narrowest interval that can hold in 95 % of such 16 of 100
    few         4 of 128 rollouts to k = 128: pass@k of all distributions of difficulty as likely as the likeliest
    simulated   coverage of the bounds at k = 4, 16, 32, 128 from 16 rollouts, and of sup-t bands at k up to 16
With all rollouts, pass@k at k = their number is the share of problems ever solved, which is the truth of the first two.
The seed of a simulated cell is its number among all of them, whatever part is asked for.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Callable
from itertools import product
from typing import Literal, get_args

import numpy as np

from experiments.exploration import extrapolation_figure, extrapolation_simulated, extrapolation_table
from experiments.exploration.extrapolation_data import ROLLOUTS, Policy, correct_ones, thinned_to
from experiments.exploration.extrapolation_limit import narrowest
from experiments.exploration.made_up_problems import PROBLEMS, SCENARIOS, Problems, Scenario
from experiments.harness.cells import one_by_one
from experiments.harness.command import Experiment
from experiments.harness.types import Cell, Row
from thermodiff.exploration.extrapolation.difficulty import fit_difficulty, range_over_maximisers
from thermodiff.exploration.extrapolation.extrapolate import extrapolate_pass_at_k

Part = Literal["halves", "game24", "limit", "few", "simulated"]
Number = Literal[30, 200, 1000]
SAMPLES: dict[Policy, int] = {"base": 64, "RL": 64, "chain of thought": 16, "input-output": 16}
"""Rollouts that are extrapolated from, of ``ROLLOUTS``."""
POLICIES: dict[str, tuple[Policy, Policy]] = {
    "halves": ("base", "RL"),
    "game24": ("chain of thought", "input-output"),
}
FEW = 4


@dataclasses.dataclass(frozen=True)
class Config:
    """Bounds and numbers of pass@k beyond the rollouts against the truth, on real counts and simulated ones."""

    parts: tuple[Part, ...] = get_args(Part)
    thinnings: int = 20
    few_thinnings: int = 5
    scenarios: tuple[Scenario, ...] = tuple(SCENARIOS)
    numbers: tuple[Number, ...] = get_args(Number)
    repetitions: int = 100
    sup_t_repetitions: int = 1000


PRESETS = {
    "paper": Config(),
    "smoke": Config(
        thinnings=2, few_thinnings=1, scenarios=("rare hard",), numbers=(30,), repetitions=5, sup_t_repetitions=50
    ),
}  # fmt: skip
CELL_KEYS = ("part", "data", "problems", "M", "seed")


def cells(config: Config) -> list[Cell]:
    """All parts that are asked for, one after the other."""
    lists = {
        **{part: _thinnings(part, config.thinnings) for part in POLICIES},
        "limit": [("limit", data, problems, 100, None) for data, problems in _pairs("game24")],
        "few": [("few", "base", None, 1060, seed) for seed in range(config.few_thinnings)],
        "simulated": _simulations(config),
    }
    return [dict(zip(CELL_KEYS, cell, strict=True)) for part in config.parts for cell in lists[part]]


def _pairs(part: str) -> list[tuple[Policy, Problems]]:
    return list(product(POLICIES[part], PROBLEMS))


def _thinnings(part: str, number: int) -> list[tuple]:
    M = {"halves": 1060, "game24": 100}[part]
    return [
        (part, data, problems, M, seed) for (data, problems), seed in product(_pairs(part), range(number))
    ]


def _simulations(config: Config) -> list[tuple]:
    every = enumerate(product(SCENARIOS, get_args(Number), PROBLEMS))
    return [
        ("simulated", scenario, problems, M, seed)
        for seed, (scenario, M, problems) in every
        if scenario in config.scenarios and M in config.numbers
    ]


def measure_thinned(policy: Policy, problems: Problems, seed: int) -> Row:
    """From some of the rollouts to all: the truth, bounds, numbers with their ranges, and the share never solved."""
    n, k = SAMPLES[policy], ROLLOUTS[policy]
    c = thinned_to(policy, n, seed)
    out = extrapolate_pass_at_k((c, n), k, problems=problems)
    return {
        "n": n,
        "k": k,
        "truth": (correct_ones(policy) > 0).mean(),
        "low": out.low[0],
        "high": out.high[0],
        "nonparametric": out.nonparametric[0],
        "as_likely": [out.nonparametric_low[0], out.nonparametric_high[0]],
        "beta_binomial": out.beta_binomial.mean[0],
        "beta_binomial_stderr": out.beta_binomial.stderr[0],
        "unsolved": (c == 0).mean(),
        "remarks": out.remarks,
    }


def _measure_thinned(_: Config, cell: Cell) -> Row:
    return measure_thinned(cell["data"], cell["problems"], cell["seed"])


def _measure_limit(_: Config, cell: Cell) -> Row:
    data = cell["data"]
    n, k = SAMPLES[data], ROLLOUTS[data]
    low, high = narrowest(correct_ones(data), k, n, k, cell["problems"])
    return {"n": n, "k": k, "low": low, "high": high}


def _measure_few(_: Config, cell: Cell) -> Row:
    k = ROLLOUTS[cell["data"]]
    c, n = thinned_to(cell["data"], FEW, cell["seed"]), np.full(cell["M"], FEW)
    fit = fit_difficulty(c, n)
    low, high = range_over_maximisers(fit, c, n, np.array([k]))
    truth = (correct_ones(cell["data"]) > 0).mean()
    return {"n": FEW, "k": k, "truth": truth, "as_likely": [low[0], high[0]], "excess": fit.excess}


def _measure_simulated(config: Config, cell: Cell) -> Row:
    what = cell["data"], cell["M"]
    found = extrapolation_simulated.coverage(*what, cell["problems"], config.repetitions, cell["seed"])
    row = {
        "ks": extrapolation_simulated.KS,
        "inside": found[0],
        "repetitions": config.repetitions,
        "width": found[1],
    }
    if cell["problems"] == "drawn":
        row["sup_t_inside"] = extrapolation_simulated.sup_t_coverage(
            *what, config.sup_t_repetitions, cell["seed"]
        )
        row["sup_t_repetitions"] = config.sup_t_repetitions
    return row


MEASURES: dict[Part, Callable[[Config, Cell], Row]] = {
    "halves": _measure_thinned,
    "game24": _measure_thinned,
    "limit": _measure_limit,
    "few": _measure_few,
    "simulated": _measure_simulated,
}


def measure(config: Config, cell: Cell) -> Row:
    """One row, of what the cell's part measures."""
    return MEASURES[cell["part"]](config, cell)


EXPERIMENT = Experiment(
    "exploration.extrapolation",
    PRESETS,
    CELL_KEYS,
    cells,
    one_by_one(measure),
    extrapolation_table.table,
    extrapolation_figure.draw,
)
main = EXPERIMENT.main

if __name__ == "__main__":
    raise SystemExit(main())
