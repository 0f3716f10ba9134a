"""Accuracy against dissipation: what a score gains in likelihood while it is trained, and what entropy it produces.

    python -m experiments.bound.accuracy_dissipation --preset paper --out results/accuracy_dissipation-paper

The successor of arXiv 2510.06174 says that better accuracy is bought with more entropy production. Here both are
measured along the trajectory of one training, and on its last network multiplied by c, where the claim has to fail for
c > 1: more production, worse likelihood. Entropy production is int E|f - D s_th|^2/D dt: for VE that is B = int D
E|s_th|^2, and for VP the same of s_th - s_eq, s_eq = -x. The data have unit variances, so that in both the true score
produces S1 - S0. As functions of it
    L_1 = S0 + (S1 - S0 - production)/2        certified: -ELBO >= S0 + (sqrt(S1 - S0) - sqrt(production))^2
with L_1 read relative to equilibrium; as functions of B the same with A = int D E|s|^2 for S1 - S0 and L_1 as in eq. 1.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Iterator
from itertools import product
from typing import Any

import jax

import thermodiff as td
from experiments.bound import accuracy_dissipation_figure
from experiments.harness import trained
from experiments.harness.command import Experiment
from experiments.harness.types import Cell, Row
from thermodiff.training.config import TrainingConfig
from thermodiff.training.problem import prepare
from thermodiff.training.step import advance_one, initial_state


@dataclasses.dataclass(frozen=True)
class Config:
    """Likelihood against entropy production along trainings, and for over-scaled scores.

    ``checkpoints`` are steps of one training, whose last is its end; ``factors`` multiply the score found there.
    """

    data: tuple[str, ...] = ("correlated", "mixture", "uniform")
    processes: tuple[str, ...] = ("VE", "VP")
    seeds: tuple[int, ...] = (0, 1, 2)
    checkpoints: tuple[int, ...] = (16, 32, 64, 125, 250, 500, 1000, 2000)
    factors: tuple[float, ...] = (0.8, 0.9, 1.1, 1.2)
    noise_ve: float = 25.0
    noise_vp: float = 20.0
    dim: int = 2
    width: int = 64
    depth: int = 2
    batch_size: int = 256
    nodes: int = 65
    replicates: int = 16
    points: int = 128


PRESETS = {
    "paper": Config(),
    "smoke": Config(
        data=("uniform",),
        seeds=(0, 1),
        checkpoints=(25, 100, 400),
        factors=(0.8, 1.2),
        width=32,
        nodes=33,
        replicates=8,
        points=64,
    ),
}
CELL_KEYS = ("data", "process", "seed", "step", "factor")
WORLD = ("data", "process", "seed")
KEPT = (
    "S0", "S1", "A", "B", "C", "J", "KL", "B_minus_A", "nll", "neg_elbo", "nll_minus_S0", "elbo_minus_S0",
    "bound_quadratic", "slack_quadratic", "elbo_slack_quadratic", "certified_elbo_slack", "intrinsic_total",
)  # fmt: skip


def cells(config: Config) -> list[Cell]:
    """The checkpoints of each training, then its last network scaled."""
    result = []
    for data, process, seed in product(config.data, config.processes, config.seeds):
        world = {"data": data, "process": process, "seed": seed}
        result += [{**world, "step": step, "factor": 1.0} for step in config.checkpoints]
        result += [{**world, "step": config.checkpoints[-1], "factor": factor} for factor in config.factors]
    return result


def world_of(cell: Cell) -> tuple:
    """Cells of one training."""
    return tuple(cell[name] for name in WORLD)


def diffusion(config: Config, cell: Cell) -> Any:
    """The process of a cell."""
    return trained.process(cell["process"], config.noise_ve if cell["process"] == "VE" else config.noise_vp)


def trajectory(config: Config, cell: Cell) -> Iterator[tuple[int, Any]]:
    """Step and score at each checkpoint of one training: the running average of the weights, as ``td.fit`` keeps."""
    settings = TrainingConfig(
        steps=config.checkpoints[-1],
        width=config.width,
        depth=config.depth,
        batch_size=config.batch_size,
        parameterisation=td.PlainScore,
    )
    data = trained.distribution(cell["data"], config.dim)
    problem, network = prepare(trained.cell_key(cell, WORLD), data, diffusion(config, cell), settings)
    state = initial_state(settings, network, False)
    for done, step in zip((0, *config.checkpoints), config.checkpoints, strict=False):
        state, _ = advance_one(settings, problem, state, done, step)
        yield step, settings.score(state.average, problem)


def train(config: Config, group: list[Cell], tell: trained.Tell) -> list[Any]:
    """The score of each cell of one training."""
    scores = {}
    for step, score in trajectory(config, group[0]):
        scores[step] = score
        tell(step / config.checkpoints[-1])
    return [scores[cell["step"]] for cell in group]


def measure(config: Config, cell: Cell, score: Any) -> Row:
    """The audit of one score, on the same points for all of one training."""
    audit = td.audit(
        jax.random.fold_in(trained.cell_key(cell, WORLD), 1),
        # A factor of one as well, so that checkpoints and scaled scores are one compilation.
        td.scaled(score, cell["factor"]),
        diffusion(config, cell),
        trained.distribution(cell["data"], config.dim),
        nodes=config.nodes,
        replicates=config.replicates,
        points=config.points,
    )
    return trained.kept(audit, KEPT) | {"quadrature_error": audit.quadrature_error}


EXPERIMENT = Experiment(
    "bound.accuracy_dissipation",
    PRESETS,
    CELL_KEYS,
    cells,
    trained.ahead(world_of, train, measure),
    accuracy_dissipation_figure.table,
    accuracy_dissipation_figure.draw,
)
main = EXPERIMENT.main

if __name__ == "__main__":
    raise SystemExit(main())
