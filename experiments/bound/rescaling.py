"""Rescaling a score in time: what c(t), estimated on the training data, does to likelihoods, slack and bound.

    python -m experiments.bound.rescaling --preset paper --out results/rescaling-paper

``td.calibrate`` multiplies s_th by c(t) = E[s . s_th]/E|s_th|^2. Were c exact, J = int D E|s - s_th|^2 and with it
-ELBO = S0 + J + KL(p_1||pi) could only fall, and R1, R2, R3 would agree: B = C. Then B - A = -J, so that
    -ELBO - L_1 = J/2 + KL(p_1||pi) >= 0         NLL_ode - L_1 = (NLL_ode - S0) - J/2
and B >= A, which guarantees L_1 for NLL_ode, is out of reach. But c is estimated, on rows that the network has seen.
    well      2000 steps on 4096 rows        short   100 steps        narrow   width 4        few   100 rows
    under, over   the first times 0.9, 1.1   noisy   the first plus a random field of relative size 0.2
Measured on the true distribution, before and after on the same points.
"""

from __future__ import annotations

import dataclasses
from itertools import product
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np

import thermodiff as td
from experiments.bound import rescaling_figure
from experiments.harness import trained
from experiments.harness.command import Experiment
from experiments.harness.types import Cell, Row


@dataclasses.dataclass(frozen=True)
class Config:
    """Scores of good and bad networks before and after they are rescaled in time."""

    data: tuple[str, ...] = ("mixture", "uniform")
    processes: tuple[str, ...] = ("VE", "VP")
    kinds: tuple[str, ...] = ("well", "under", "over", "noisy", "short", "few", "narrow")
    seeds: tuple[int, ...] = (0, 1, 2, 3)
    noise_ve: float = 25.0
    noise_vp: float = 20.0
    dim: int = 2
    steps: int = 2000
    width: int = 64
    depth: int = 2
    rows: int = 4096
    batch_size: int = 256
    short_steps: int = 100
    narrow_width: int = 4
    few_rows: int = 100
    nodes: int = 65
    replicates: int = 16
    points: int = 128


PRESETS = {
    "paper": Config(),
    "smoke": Config(
        data=("mixture",),
        processes=("VE",),
        kinds=("well", "over", "short"),
        seeds=(0, 1),
        steps=400,
        width=32,
        rows=1024,
        nodes=33,
        replicates=8,
        points=64,
    ),
}
CELL_KEYS = ("data", "process", "kind", "seed")
KEPT = (
    "S0", "S1", "A", "B", "C", "J", "KL", "B_minus_A", "nll", "neg_elbo", "nll_minus_S0", "elbo_minus_S0",
    "bound_quadratic", "slack_quadratic", "elbo_slack_quadratic", "readings_spread", "intrinsic_total",
)  # fmt: skip
FACTORS = {"under": 0.9, "over": 1.1}
AMPLITUDES = {"noisy": 0.2}
WAVES = 16


def cells(config: Config) -> list[Cell]:
    """Every kind of network in every world."""
    return [
        {"data": data, "process": process, "kind": kind, "seed": seed}
        for data, process, kind, seed in product(config.data, config.processes, config.kinds, config.seeds)
    ]


def diffusion(config: Config, cell: Cell) -> Any:
    """The process of a cell."""
    return trained.process(cell["process"], config.noise_ve if cell["process"] == "VE" else config.noise_vp)


def training_rows(config: Config, cell: Cell) -> Any:
    """The rows that a network is trained and calibrated on, of the same draw for all kinds."""
    n = config.few_rows if cell["kind"] == "few" else config.rows
    key = trained.cell_key(cell, ("data", "process", "seed"))
    return trained.distribution(cell["data"], config.dim).sample(jax.random.fold_in(key, 2), n)


def network(config: Config, cell: Cell) -> Any:
    """The trained score of a cell; those that are changed afterwards start from the well trained one."""
    fit = td.fit(
        trained.cell_key(cell, ("data", "process", "seed")),
        td.Samples(training_rows(config, cell)),
        diffusion(config, cell),
        parameterisation=td.PlainScore,
        steps=config.short_steps if cell["kind"] == "short" else config.steps,
        width=config.narrow_width if cell["kind"] == "narrow" else config.width,
        depth=config.depth,
        batch_size=config.batch_size,
    )
    return fit.score


def changed(config: Config, cell: Cell, score: Any) -> Any:
    """The score with the error of its kind added: of one class for all kinds, so that all compile as one."""
    return td.noisy(
        jax.random.fold_in(trained.cell_key(cell, CELL_KEYS), 3),
        td.scaled(score, FACTORS.get(cell["kind"], 1.0)),
        diffusion(config, cell),
        config.dim,
        amplitude=AMPLITUDES.get(cell["kind"], 0.0),
        waves=WAVES,
    )


def train(config: Config, group: list[Cell], tell: trained.Tell) -> list[Any]:
    """The score of each cell of one world, each network trained once."""
    networks: dict[tuple, Any] = {}
    scores = []
    for i, cell in enumerate(group):
        own = cell["kind"] in ("short", "few", "narrow")
        name = (cell["kind"] if own else "well", cell["seed"])
        if name not in networks:
            networks[name] = network(config, cell)
        scores.append(changed(config, cell, networks[name]))
        tell((i + 1) / len(group))
    return scores


def measure(config: Config, cell: Cell, score: Any) -> Row:
    """The audits before and after, on the same points, and the factor c(t) between them."""
    key, process = trained.cell_key(cell, CELL_KEYS), diffusion(config, cell)
    after = td.calibrate(jax.random.fold_in(key, 4), score, process, training_rows(config, cell))
    # Rescaled by one it is as it was, and of the same class as what it becomes.
    before = dataclasses.replace(after, factor=jnp.ones_like(after.factor))
    audits = {
        name: td.audit(
            jax.random.fold_in(key, 1),
            each,
            process,
            trained.distribution(cell["data"], config.dim),
            nodes=config.nodes,
            replicates=config.replicates,
            points=config.points,
        )
        for name, each in (("before", before), ("after", after))
    }
    return {name: trained.kept(audit, KEPT) for name, audit in audits.items()} | {
        "ell": np.asarray(after.ell),
        "c": np.asarray(after.factor),
        "quadrature_error": audits["after"].quadrature_error,
    }


EXPERIMENT = Experiment(
    "bound.rescaling",
    PRESETS,
    CELL_KEYS,
    cells,
    trained.ahead(lambda cell: (cell["data"], cell["process"]), train, measure),
    rescaling_figure.table,
    rescaling_figure.draw,
)
main = EXPERIMENT.main

if __name__ == "__main__":
    raise SystemExit(main())
