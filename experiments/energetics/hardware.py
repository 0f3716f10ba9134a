"""Energy against time in joules and seconds: what schedules and paths cost beyond the least that there is.

    python -m experiments.energetics.hardware --preset paper --out results/hardware-paper

For known densities and their exact scores ``td.driving_cost`` gives Sig, Lam, L and the bracket of W2, and
``td.Hardware`` (300 K, 1 microsecond) the work of a closed cycle against the duration of its generation: by the
schedule, re-timed to constant W2 speed, and by the best path. E_diss tau = k_B T tau_1 Sig Lam >= k_B T tau_1 L^2 >=
k_B T tau_1 W2^2.
"""

from __future__ import annotations

import dataclasses
from itertools import product

import numpy as np

import thermodiff as td
from experiments.energetics import hardware_figure
from experiments.harness import trained
from experiments.harness.cells import one_by_one
from experiments.harness.command import Experiment
from experiments.harness.types import Cell, Row
from experiments.harness.worlds import density, process


@dataclasses.dataclass(frozen=True)
class Config:
    """Densities and processes; the sizes of the averages."""

    data: tuple[str, ...] = ("gaussian", "mixture", "off_centre", "eight")
    processes: tuple[str, ...] = ("VE10", "VE25", "VP20", "cosine")
    seeds: tuple[int, ...] = (0,)
    nodes: int = 129
    replicates: int = 16
    points: int = 256
    flow_points: int = 64


PRESETS = {
    "paper": Config(),
    "smoke": Config(
        data=("gaussian", "mixture"),
        processes=("VE25", "VP20"),
        nodes=65,
        replicates=8,
        points=64,
        flow_points=16,
    ),
}
CELL_KEYS = ("data", "process", "seed")
DURATIONS = np.logspace(-7, -3, 41)
"""Seconds."""


def cells(config: Config) -> list[Cell]:
    """Every density under every process."""
    return [
        dict(zip(CELL_KEYS, cell, strict=True))
        for cell in product(config.data, config.processes, config.seeds)
    ]


def measure(config: Config, cell: Cell) -> Row:
    """The cost of driving and the frontier of one cell."""
    distribution, dynamics = density(cell["data"]), process(cell["process"])
    cost = td.driving_cost(
        trained.cell_key(cell, CELL_KEYS),
        td.exact_score(distribution, dynamics),
        dynamics,
        distribution,
        nodes=config.nodes,
        replicates=config.replicates,
        points=config.points,
        flow_points=config.flow_points,
    )
    hardware = td.Hardware()
    row: Row = {"action": cost.action, "known": cost.known}
    for name in (
        "entropy_production",
        "path_length",
        "wasserstein_low",
        "wasserstein_high",
        "overhead_schedule",
    ):
        row[name] = float(getattr(cost, name).mean)
        row[f"{name}_stderr"] = float(getattr(cost, name).stderr)
    row["overhead_path"] = [float(end.mean) for end in cost.overhead_path]
    own = hardware.duration(cost.action)
    frontier = hardware.tradeoff(cost, DURATIONS)
    row["own"] = {"duration": own, "energy": float(hardware.tradeoff(cost, own).schedule[0])}
    return row | {"frontier": {name: np.asarray(value) for name, value in frontier._asdict().items()}}


EXPERIMENT = Experiment(
    "energetics.hardware",
    PRESETS,
    CELL_KEYS,
    cells,
    one_by_one(measure),
    hardware_figure.table,
    hardware_figure.draw,
)
main = EXPERIMENT.main

if __name__ == "__main__":
    raise SystemExit(main())
