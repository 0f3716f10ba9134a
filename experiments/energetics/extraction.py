"""What an engine built for the model extracts from a sample while the model is trained, and what S_NN then stores.

    python -m experiments.energetics.extraction --preset paper --out results/extraction-paper

An ideal engine built for p_th and run on data gets CE(p_0, p_eq) - NLL_th of the KL(p_0 || p_eq) that they hold: the
share KL(p_0 || p_th)/KL(p_0 || p_eq) is lost (T7). Its loss along trainings, with NLL_K of the reverse SDE and with
-ELBO, which can only say too much. And S_NN = int E|f - D s_th|^2/D dt against Sig - J: equal for a network that is
optimal up to a factor in time of s_th - s_eq, which under VE, where s_eq = 0, ``td.calibrate`` makes of any.
"""

from __future__ import annotations

import dataclasses
from itertools import product
from typing import Any

import jax
import numpy as np

import thermodiff as td
from experiments.energetics import extraction_figure
from experiments.harness import trained
from experiments.harness.cells import one_by_one
from experiments.harness.command import Experiment
from experiments.harness.types import Cell, Row
from thermodiff.energetics.entropy_production import true_production
from thermodiff.energetics.measurement import measure as averages
from thermodiff.energetics.prices import ledger_constants, prices
from thermodiff.numerics.delta_method import estimate_functions


@dataclasses.dataclass(frozen=True)
class Config:
    """Data, processes and steps of training; sizes of the averages and of the path likelihood."""

    data: tuple[str, ...] = ("mixture",)
    processes: tuple[str, ...] = ("VE", "VP")
    trainings: tuple[int, ...] = (50, 200, 800, 3200)
    seeds: tuple[int, ...] = (0, 1)
    noise_ve: float = 10.0
    noise_vp: float = 20.0
    dim: int = 2
    rows: int = 8192
    width: int = 64
    depth: int = 2
    nodes: int = 65
    replicates: int = 32
    points: int = 64
    calibration_points: int = 256
    test_rows: int = 512
    paths: int = 16


PRESETS = {
    "paper": Config(),
    "smoke": Config(
        data=("mixture",),
        trainings=(50, 200),
        seeds=(0,),
        rows=1024,
        width=32,
        nodes=33,
        replicates=8,
        points=32,
        calibration_points=64,
        test_rows=128,
    ),
}
CELL_KEYS = ("data", "process", "training", "seed")


def cells(config: Config) -> list[Cell]:
    """One network each."""
    return [
        dict(zip(CELL_KEYS, cell, strict=True))
        for cell in product(config.data, config.processes, config.trainings, config.seeds)
    ]


def measure(config: Config, cell: Cell) -> Row:
    """Of one network, as trained and calibrated."""
    key = trained.cell_key(cell, CELL_KEYS)
    noise = config.noise_ve if cell["process"] == "VE" else config.noise_vp
    data, process = trained.distribution(cell["data"], config.dim), trained.process(cell["process"], noise)
    rows = td.Samples(data.sample(jax.random.fold_in(key, 1), config.rows))
    sizes = {"steps": cell["training"], "width": config.width, "depth": config.depth}
    score = td.fit(jax.random.fold_in(key, 2), rows, process, **sizes).score
    own = jax.random.fold_in(key, 4)
    row: Row = {"as_trained": books(config, own, score, process, data)}
    row["nll"] = likelihood(config, jax.random.fold_in(key, 5), score, process, data)
    if cell["process"] == "VE":  # on the density itself and more of its points: what is asked is an identity
        more = {"nodes": config.nodes, "replicates": config.replicates, "points": config.calibration_points}
        calibrated = td.calibrate(jax.random.fold_in(key, 3), score, process, data, **more)
        row["calibrated"] = books(config, own, calibrated, process, data)
    return row


def books(config: Config, key: Any, score: Any, process: Any, data: Any) -> dict[str, list[float]]:
    """Lines of the ledger, and how far S_NN lies above Sig - J, with paired errors."""
    sizes = (None, config.nodes, config.replicates, config.points, None)
    measured = averages(key, score, process, data, *sizes)
    found = estimate_functions(_lines, ledger_constants(measured, 1.0), measured.means)
    lines = {name: [float(value.mean), float(value.stderr)] for name, value in found.items()}
    error = np.asarray(measured.means.error, dtype=np.float64).mean(axis=0)
    local = np.asarray(measured.means.local, dtype=np.float64).mean(axis=0)
    lines["quadrature_error"] = [float(measured.grid.rule.error(error + local)), 0.0]
    return lines


def _lines(c: dict[str, Any], m: Any) -> dict[str, Any]:
    lines, J = prices(c, m), m.error @ c["weights"]
    stored = lines["neural_entropy"]
    return {
        "Sig": true_production(c, m),
        "J": J,
        "S_NN": stored,
        "above": stored - (true_production(c, m) - J),
        "lost": lines["mismatch"] / (lines["extraction"] + lines["mismatch"]),
        "held": lines["extraction"] + lines["mismatch"],
    }


def likelihood(config: Config, key: Any, score: Any, process: Any, data: Any) -> dict[str, Any]:
    """NLL_K - S0 of held-out rows, whose scatter cancels, and the verdict on it."""
    rows_key, path_key = jax.random.split(key)
    x = data.sample(rows_key, config.test_rows)
    found = td.path_log_likelihood(path_key, score, process, x, paths=config.paths, data=data)
    above = np.asarray(data.log_prob(x), dtype=np.float64) - found.log_likelihood
    error = float(above.std(ddof=1) / np.sqrt(len(above)))
    return {"above_S0": [float(above.mean()), error], "converged": found.converged}


EXPERIMENT = Experiment(
    "energetics.extraction",
    PRESETS,
    CELL_KEYS,
    cells,
    one_by_one(measure),
    extraction_figure.table,
    extraction_figure.draw,
)
main = EXPERIMENT.main

if __name__ == "__main__":
    raise SystemExit(main())
