"""Figure 1: the negative log-likelihood of trained score networks against the paper's bound, and their entropy rates.

    python -m experiments.bound.nll_bound --preset paper --out results/nll_bound-paper

Cells: {Gaussian, uniform} x {VE, VP} x sigma x seed. The Gaussian is N(0, 1) and the uniform density the box of unit
variance, in ``dim`` dimensions; VE is dx = sigma^t dw and VP has beta(t) from 0.1 to sigma. Dimension, network and
the meaning of sigma are our reading of arXiv 2510.06174. All networks of one data and process train as one program.
"""

from __future__ import annotations

import dataclasses
from itertools import product
from typing import Any

import jax

import thermodiff as td
from experiments.bound import nll_bound_figure
from experiments.harness import trained
from experiments.harness.command import Experiment
from experiments.harness.types import Cell, Row


@dataclasses.dataclass(frozen=True)
class Config:
    """NLL against the bound for trained networks (the paper's Figure 1)."""

    data: tuple[str, ...] = ("gaussian", "uniform")
    processes: tuple[str, ...] = ("VE", "VP")
    sigmas: tuple[float, ...] = (10.0, 15.0, 20.0, 25.0, 30.0)
    seeds: tuple[int, ...] = (0, 1, 2)
    dim: int = 2
    steps: int = 4000
    batch_size: int = 256
    width: int = 64
    depth: int = 2
    nodes: int = 65
    replicates: int = 16
    points: int = 512


PRESETS = {
    "paper": Config(),
    "smoke": Config(sigmas=(25.0,), seeds=(0,), steps=500, width=32, nodes=33, replicates=8, points=128),
}
CELL_KEYS = ("data", "process", "noise", "seed", "dim")


def cells(config: Config) -> list[Cell]:
    """Every cell of the experiment, those that train together next to each other."""
    return [
        {"data": data, "process": process, "noise": sigma, "seed": seed, "dim": config.dim}
        for data, process, sigma, seed in product(config.data, config.processes, config.sigmas, config.seeds)
    ]


def cell_key(cell: Cell) -> Any:
    """The random key of a cell."""
    return trained.cell_key(cell, CELL_KEYS)


def train(config: Config, group: list[Cell], tell: trained.Tell) -> list[Any]:
    """Trained scores of cells that share data and kind of process, as one program."""
    fits = td.fit_sweep(
        jax.numpy.stack([cell_key(cell) for cell in group]),
        trained.distribution(group[0]["data"], config.dim),
        [trained.process(cell["process"], cell["noise"]) for cell in group],
        callback=lambda report: tell(report.step / config.steps),
        parameterisation=td.PlainScore,
        steps=config.steps,
        batch_size=config.batch_size,
        width=config.width,
        depth=config.depth,
    )
    return [fit.score for fit in fits]


def measure(config: Config, cell: Cell, score: Any) -> Row:
    """One row: entropies, likelihoods, bounds with paired errors, and the rates of generation.

    ``elbo`` is the ELBO and ``neg_elbo`` -ELBO, on the scale of ``nll``, as ``cross``, N_th, is. ``data_entropy`` is
    S(p_0), ``S0`` that at t_min; ``slack`` is nll - bound_quadratic, ``certified`` the bound on nll that always holds.
    """
    data = trained.distribution(cell["data"], config.dim)
    diffusion = trained.process(cell["process"], cell["noise"])
    audit = td.audit(
        jax.random.fold_in(cell_key(cell), 1),
        score,
        diffusion,
        data,
        nodes=config.nodes,
        replicates=config.replicates,
        points=config.points,
    )
    record = audit.to_dict()
    return {
        "data_entropy": data.entropy(),
        "noise_entropy": record.pop("S1"),
        "elbo": -record["neg_elbo"],
        "elbo_stderr": record["neg_elbo_stderr"],
        "slack": record["slack_quadratic"],
        "slack_stderr": record["slack_quadratic_stderr"],
        "certified": record["certified_flow"],
        **record,
    }


EXPERIMENT = Experiment(
    "bound.nll_bound",
    PRESETS,
    CELL_KEYS,
    cells,
    trained.ahead(lambda cell: (cell["data"], cell["process"]), train, measure),
    nll_bound_figure.table,
    nll_bound_figure.draw,
)
main = EXPERIMENT.main

if __name__ == "__main__":
    raise SystemExit(main())
