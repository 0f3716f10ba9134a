"""The demon's ledger, measured path by path: heat of a closed cycle against (1 + 1/zeta) Sig.

    python -m experiments.energetics.demon_ledger --preset paper --out results/demon_ledger-paper

A cycle is one generation of stochasticity zeta by the exact score and one noising back. Its heat is the mean of
``td.generation_heat`` (against the generator's reversed protocol) plus that of ``td.noising_entropy_production``; its
work is the same, since nothing is left over. The theorem says (1 + 1/zeta) Sig, with Sig from ``td.energy_ledger``,
for any data and process. What N steps of the generator miss is of order 1/N: heats of N and of 2N steps are
extrapolated to none.
"""

from __future__ import annotations

import dataclasses
from itertools import product
from typing import Any

import jax
import numpy as np

import thermodiff as td
from experiments.energetics import demon_ledger_figure
from experiments.harness import trained
from experiments.harness.cells import one_by_one
from experiments.harness.command import Experiment
from experiments.harness.types import Cell, Row
from experiments.harness.worlds import density, process
from thermodiff.sampling.kernels import PosteriorKernel, StochasticKernel


@dataclasses.dataclass(frozen=True)
class Config:
    """Densities, processes and stochasticities; numbers of paths and of steps."""

    data: tuple[str, ...] = ("gaussian", "mixture", "narrow", "off_centre", "eight")
    processes: tuple[str, ...] = ("VE10", "VP20", "cosine")
    zetas: tuple[float, ...] = (0.5, 1.0, 2.0, 4.0)
    seeds: tuple[int, ...] = (0,)
    paths: int = 8192
    steps: int = 200
    t_min: float = 1e-3


PRESETS = {
    "paper": Config(),
    "smoke": Config(data=("mixture",), processes=("VE10", "VP20"), zetas=(1.0, 4.0), paths=1024, steps=100),
}
CELL_KEYS = ("data", "process", "zeta", "seed")


def cells(config: Config) -> list[Cell]:
    """Every density under every process at every stochasticity."""
    return [
        dict(zip(CELL_KEYS, cell, strict=True))
        for cell in product(config.data, config.processes, config.zetas, config.seeds)
    ]


def heats(config: Config, cell: Cell, steps: int, keys: Any) -> tuple[np.ndarray, np.ndarray]:
    """Heat of each generated path and of each noising path, nats at T = 1."""
    data, dynamics = density(cell["data"]), process(cell["process"])
    score = td.exact_score(data, dynamics)
    plan = td.schedule("log_snr", dynamics, steps, t_min=config.t_min)
    kernel = PosteriorKernel() if cell["zeta"] == 1 else StochasticKernel(cell["zeta"])
    drawn = td.generated_paths(keys[0], score, dynamics, config.paths, plan, kernel, data=data)
    generation = td.generation_heat(drawn, score, dynamics, data).heat
    rows = data.sample(keys[1], config.paths)
    back = td.noising_paths(keys[2], dynamics, rows, plan)
    return np.asarray(generation), np.asarray(td.noising_entropy_production(back, dynamics, data).heat)


def measure(config: Config, cell: Cell) -> Row:
    """The cycle's heat at N and 2N steps, extrapolated, and what the theorem says."""
    key = trained.cell_key(cell, CELL_KEYS)
    data, dynamics = density(cell["data"]), process(cell["process"])
    ledger = td.energy_ledger(
        key,
        td.exact_score(data, dynamics),
        dynamics,
        data,
        stochasticity=cell["zeta"],
        t_min=config.t_min,
    )
    row: Row = {
        "Sig": ledger.entropy_production.mean,
        "theorem": ledger.cycle_work.mean,
        "theorem_stderr": ledger.cycle_work.stderr,
    }
    found = []
    for i, steps in enumerate((config.steps, 2 * config.steps)):
        keys = jax.random.split(jax.random.fold_in(key, i), 3)
        parts = heats(config, cell, steps, keys)
        cycle = sum(float(part.mean()) for part in parts)
        error = float(np.sqrt(sum(part.var(ddof=1) / len(part) for part in parts)))
        found.append((cycle, error))
        row[f"cycle_{('N', '2N')[i]}"], row[f"cycle_{('N', '2N')[i]}_stderr"] = cycle, error
    (coarse, coarse_error), (fine, fine_error) = found
    row["cycle"] = 2 * fine - coarse
    row["cycle_stderr"] = float(np.hypot(2 * fine_error, coarse_error))
    return row


EXPERIMENT = Experiment(
    "energetics.demon_ledger",
    PRESETS,
    CELL_KEYS,
    cells,
    one_by_one(measure),
    demon_ledger_figure.table,
    demon_ledger_figure.draw,
)
main = EXPERIMENT.main

if __name__ == "__main__":
    raise SystemExit(main())
