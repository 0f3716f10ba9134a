"""How tight the paper's bound is for trained networks: the slack against training, width, data, dimension and noise.

    python -m experiments.bound.tightness --preset paper --out results/tightness-paper

One default network, and five axes along which it is changed alone: training steps, width, number n of training rows
(none: as many as are drawn), dimension, sigma of dx = sigma^t dw. All are measured on the true distribution. With L_1
= S0 + (A - B)/2 (theory section 5) the slacks split into

    NLL_ode - L_1 = (NLL_ode - S0) + (B - A)/2          first the price of the error, then what the reading adds
    -ELBO  - L_1 = J + KL(p_1||pi) + (B - A)/2 = (int R1 - int R3)/2 + J/2 + KL(p_1||pi)

so that half the disagreement of the readings, which needs no S0, bounds the slack of -ELBO from below.
"""

from __future__ import annotations

import dataclasses
from itertools import product
from typing import Any

import jax

import thermodiff as td
from experiments.bound import tightness_figure, tightness_table
from experiments.harness import trained
from experiments.harness.command import Experiment
from experiments.harness.types import Cell, Row


@dataclasses.dataclass(frozen=True)
class Config:
    """Slack of the bound for trained networks, along one axis at a time.

    ``steps``, ``width``, ``dim``, ``noise`` are the default network's; ``rows`` are numbers of training data, besides
    the default of fresh ones at every step.
    """

    data: tuple[str, ...] = ("gaussian", "uniform")
    seeds: tuple[int, ...] = (0, 1, 2, 3, 4)
    steps: int = 2000
    width: int = 64
    dim: int = 2
    noise: float = 25.0
    step_axis: tuple[int, ...] = (125, 250, 500, 1000, 4000)
    width_axis: tuple[int, ...] = (8, 16, 32, 128)
    row_axis: tuple[int, ...] = (100, 300, 1000, 3000, 10000)
    dim_axis: tuple[int, ...] = (1, 4, 8, 16)
    noise_axis: tuple[float, ...] = (5.0, 10.0, 15.0, 20.0, 30.0)
    batch_size: int = 256
    depth: int = 2
    nodes: int = 65
    replicates: int = 16
    points: int = 128


PRESETS = {
    "paper": Config(),
    "smoke": Config(
        data=("uniform",),
        seeds=(0, 1),
        steps=400,
        width=32,
        step_axis=(100,),
        width_axis=(),
        row_axis=(100,),
        dim_axis=(),
        noise_axis=(10.0,),
        nodes=33,
        replicates=8,
        points=64,
    ),
}
CELL_KEYS = ("data", "steps", "width", "rows", "dim", "noise", "seed")
KEPT = (
    "S0", "S1", "A", "B", "J", "KL", "B_minus_A", "nll", "neg_elbo", "nll_minus_S0", "elbo_minus_S0",
    "bound_quadratic", "slack_quadratic", "elbo_slack_quadratic", "readings_spread", "intrinsic_total",
)  # fmt: skip


def cells(config: Config) -> list[Cell]:
    """The default network and those that differ from it in one entry, what compiles alike next to each other."""
    default = {
        "steps": config.steps,
        "width": config.width,
        "rows": None,
        "dim": config.dim,
        "noise": config.noise,
    }
    axes = {
        "noise": config.noise_axis,
        "steps": config.step_axis,
        "rows": config.row_axis,
        "width": config.width_axis,
        "dim": config.dim_axis,
    }
    networks = [default] + [{**default, name: value} for name, axis in axes.items() for value in axis]
    return [
        {"data": data, **network, "seed": seed}
        for data, network, seed in product(config.data, networks, config.seeds)
    ]


def group_of(cell: Cell) -> tuple:
    """Cells that train together: all but noise and seed are compiled in."""
    return tuple(cell[name] for name in ("data", "steps", "width", "rows", "dim"))


def train(config: Config, group: list[Cell], tell: trained.Tell) -> list[Any]:
    """Trained scores of a group: one program where data are drawn afresh, one after another on rows of their own."""
    cell = group[0]
    keys = [trained.cell_key(cell, CELL_KEYS) for cell in group]
    data = trained.distribution(cell["data"], cell["dim"])
    settings = {
        "parameterisation": td.PlainScore,
        "steps": cell["steps"],
        "width": cell["width"],
        "depth": config.depth,
        "batch_size": config.batch_size,
    }
    if cell["rows"] is None:
        diffusions = [trained.process("VE", cell["noise"]) for cell in group]
        fits = td.fit_sweep(
            jax.numpy.stack(keys),
            data,
            diffusions,
            callback=lambda report: tell(report.step / cell["steps"]),
            **settings,
        )
        return [fit.score for fit in fits]
    scores = []
    for i, key in enumerate(keys):
        rows = td.Samples(data.sample(jax.random.fold_in(key, 2), cell["rows"]))
        scores.append(td.fit(key, rows, trained.process("VE", cell["noise"]), **settings).score)
        tell((i + 1) / len(group))
    return scores


def measure(config: Config, cell: Cell, score: Any) -> Row:
    """The audit of one network on the true distribution."""
    audit = td.audit(
        jax.random.fold_in(trained.cell_key(cell, CELL_KEYS), 1),
        score,
        trained.process("VE", cell["noise"]),
        trained.distribution(cell["data"], cell["dim"]),
        nodes=config.nodes,
        replicates=config.replicates,
        points=config.points,
    )
    return trained.kept(audit, KEPT) | {"quadrature_error": audit.quadrature_error}


EXPERIMENT = Experiment(
    "bound.tightness",
    PRESETS,
    CELL_KEYS,
    cells,
    trained.ahead(group_of, train, measure),
    tightness_table.table,
    tightness_figure.draw,
)
main = EXPERIMENT.main

if __name__ == "__main__":
    raise SystemExit(main())
