"""The reverse SDE's likelihood against the number of steps and of paths, and what steps cost against the formula.

    python -m experiments.paths.path_likelihood --preset paper --out results/path-likelihood-paper

One network a world and seed; for each number N of steps and each kernel -ELBO_N, NLL_K for K = 1 to 64 paths, the
jackknife, and the waste of the steps by the formula that needs no path (``td.discretisation_waste``). Beside them from
an audit of the same network NLL_ode, -ELBO and S0. Claims: few steps with analytic variances and several paths are as
good as many steps; -ELBO_N - (-ELBO) is the formula's waste; S0 <= NLL_SDE <= NLL_K <= -ELBO_N.
"""

from __future__ import annotations

import dataclasses
from itertools import product
from typing import Any

import jax
import numpy as np

import thermodiff as td
from experiments.harness import trained
from experiments.harness.command import Experiment
from experiments.harness.types import Cell, Row
from experiments.paths import path_likelihood_figure
from thermodiff.numerics.path_ratio import log_mean_exp
from thermodiff.paths.denoising import denoising_curve


@dataclasses.dataclass(frozen=True)
class Config:
    """Steps and paths for networks trained on data whose entropy is known."""

    data: tuple[str, ...] = ("uniform", "mixture")
    processes: tuple[str, ...] = ("VE", "VP")
    kernels: tuple[str, ...] = ("posterior", "analytic")
    schedule_steps: tuple[int, ...] = (8, 16, 32, 64, 128, 256)
    seeds: tuple[int, ...] = (0,)
    noise_ve: float = 10.0
    noise_vp: float = 20.0
    dim: int = 2
    steps: int = 1500
    width: int = 64
    depth: int = 2
    rows: int = 8192
    test_rows: int = 1000
    paths: int = 32
    nodes: int = 65
    replicates: int = 16
    points: int = 128


PRESETS = {
    "paper": Config(),
    "smoke": Config(
        data=("mixture",),
        processes=("VE",),
        schedule_steps=(8, 32),
        seeds=(0,),
        steps=200,
        width=32,
        rows=1024,
        test_rows=256,
        paths=16,
        nodes=33,
        replicates=8,
        points=32,
    ),
}
CELL_KEYS = ("data", "process", "seed")


def cells(config: Config) -> list[Cell]:
    """One network each."""
    return [
        {"data": data, "process": process, "seed": seed}
        for data, process, seed in product(config.data, config.processes, config.seeds)
    ]


def diffusion(config: Config, cell: Cell) -> Any:
    """The process of a cell."""
    return trained.process(cell["process"], config.noise_ve if cell["process"] == "VE" else config.noise_vp)


def train(config: Config, group: list[Cell], tell: trained.Tell) -> list[Any]:
    """The score of each cell."""
    scores = []
    for i, cell in enumerate(group):
        key = trained.cell_key(cell, CELL_KEYS)
        rows = trained.distribution(cell["data"], config.dim).sample(jax.random.fold_in(key, 2), config.rows)
        options = {"steps": config.steps, "width": config.width, "depth": config.depth}
        scores.append(td.fit(key, td.Samples(rows), diffusion(config, cell), **options).score)
        tell((i + 1) / len(group))
    return scores


def measure(config: Config, cell: Cell, score: Any) -> Row:
    """The audit, and for every kernel and number of steps what paths and formula say."""
    key, process = trained.cell_key(cell, CELL_KEYS), diffusion(config, cell)
    data = trained.distribution(cell["data"], config.dim)
    sizes = {"nodes": config.nodes, "replicates": config.replicates, "points": config.points}
    audit = td.audit(jax.random.fold_in(key, 3), score, process, data, **sizes)
    curve = denoising_curve(
        jax.random.fold_in(key, 4), score, process, data, nodes=config.nodes, t_min=audit.t_min
    )
    x = data.sample(jax.random.fold_in(key, 5), config.test_rows)
    prior = td.moment_prior(td.Gaussian(*data.moments()), process)
    about = (x, data, curve, prior, audit.t_min)
    return trained.kept(audit, ("S0", "nll", "neg_elbo", "bound_quadratic", "J")) | {
        "runs": [
            _run(config, jax.random.fold_in(key, 6), score, process, about, kernel, steps)
            for kernel, steps in product(config.kernels, config.schedule_steps)
        ]
    }


def _run(
    config: Config, key: Any, score: Any, process: Any, about: tuple, kernel: str, steps: int
) -> dict[str, Any]:
    """One kernel and number of steps; numbers of paths are groups of the same paths, of the same rows."""
    x, data, curve, prior, t_min = about
    schedule = td.schedule("log_snr", process, steps, t_min=t_min)
    found = td.path_log_likelihood(
        key, score, process, x, schedule, kernel, config.paths, data=data, prior=prior
    )
    waste = td.discretisation_waste(curve, schedule, kernel)
    # Rows share their scatter: errors are those of -ln p_th(x) + ln p(x) over rows.
    log_p = np.asarray(data.log_prob(x), dtype=np.float64)
    by_paths = {}
    for K in (2**i for i in range(config.paths.bit_length())):
        gap = log_p[:, None] - log_mean_exp(-found.work.reshape(len(x), -1, K))
        by_paths[str(K)] = _mean(gap.mean(axis=1))
    return {
        "kernel": kernel,
        "steps": steps,
        "above_S0": by_paths,
        "jackknife": _mean(log_p - found.jackknife()),
        "waste": [float(waste.total.mean), float(waste.total.stderr)],
        "ess": float(found.ess.mean()),
        "variance": float(found.variance.mean()),
        "bias": float(found.bias.mean),
        "converged": found.converged,
    }


def _mean(values: np.ndarray) -> list[float]:
    return [float(values.mean()), float(values.std(ddof=1) / np.sqrt(len(values)))]


EXPERIMENT = Experiment(
    "paths.path_likelihood",
    PRESETS,
    CELL_KEYS,
    cells,
    trained.ahead(lambda cell: (cell["data"], cell["process"]), train, measure),
    path_likelihood_figure.table,
    path_likelihood_figure.draw,
)
main = EXPERIMENT.main

if __name__ == "__main__":
    raise SystemExit(main())
