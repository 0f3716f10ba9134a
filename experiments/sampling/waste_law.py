"""What steps of an ancestral sampler waste, by formula and by simulated paths, and the law ell^2/(4 N) of the best.

    python -m experiments.sampling.waste_law --preset paper --out results/waste_law-paper

The waste of N steps is a function of E|x0 - D|^2 alone (``td.discretisation_waste``), for every schedule and both
variances from one measurement; simulated paths have it as <R> (``td.path_waste``). On each clock, on equal steps in the
thermodynamic length ell and on the best steps of all, by dynamic programming (``td.least_waste_schedule``), against
ell^2/(4 N).
"""

from __future__ import annotations

import dataclasses
from itertools import product
from typing import Any

import jax

import thermodiff as td
from experiments.harness import trained
from experiments.harness.cells import one_by_one
from experiments.harness.command import Experiment
from experiments.harness.types import Cell, Row
from experiments.harness.worlds import density
from experiments.sampling import clocks, waste_law_figure
from thermodiff.paths.denoising import denoising_curve

NAMED = ("log_snr", "edm", "cosine")
LENGTHS = {"posterior": "least_waste_posterior", "analytic": "least_waste"}
"""The clock of equal steps in ell for the variance of each kernel."""
EQUAL, BEST = "equal_length", "best"


@dataclasses.dataclass(frozen=True)
class Config:
    """Densities and scores, clocks and numbers of steps; which of them are simulated; sizes of the averages."""

    data: tuple[str, ...] = ("mixture", "ring", "hierarchy", "spectrum")
    scores: tuple[str, ...] = ("exact", "trained")
    seeds: tuple[int, ...] = (0,)
    clocks: tuple[str, ...] = (*NAMED, "conditional_entropy", "flow_curvature", EQUAL, BEST)
    schedule_steps: tuple[int, ...] = (4, 8, 16, 32, 64, 128)
    simulated_steps: tuple[int, ...] = (8, 32)
    paths: int = 8192
    nodes: int = 129
    replicates: int = 16
    points: int = 256
    sigma: float = 25.0
    training_rows: int = 8192
    training_steps: int = 2000
    width: int = 64
    depth: int = 2


PRESETS = {
    "paper": Config(),
    "smoke": Config(
        data=("mixture",),
        scores=("exact",),
        seeds=(0,),
        clocks=("log_snr", "conditional_entropy", EQUAL, BEST),
        schedule_steps=(4, 8, 16, 32),
        simulated_steps=(8,),
        paths=2048,
        nodes=65,
        points=64,
    ),
}
CELL_KEYS = ("data", "score", "seed")


def cells(config: Config) -> list[Cell]:
    """Every density with its exact score and with a trained one."""
    return [
        dict(zip(CELL_KEYS, cell, strict=True)) for cell in product(config.data, config.scores, config.seeds)
    ]


def data_of(name: str) -> Any:
    """The skewed mixture on the line, or one of the data sets that clocks are compared on."""
    return density(name) if name == "mixture" else clocks.distribution(name)


def score_of(config: Config, cell: Cell, key: Any, data: Any, process: Any) -> Any:
    """Exact, or a network trained on rows of the data."""
    if cell["score"] == "exact":
        return td.exact_score(data, process)
    rows = td.Samples(data.sample(jax.random.fold_in(key, 1), config.training_rows))
    sizes = {"steps": config.training_steps, "width": config.width, "depth": config.depth}
    return td.fit(jax.random.fold_in(key, 2), rows, process, **sizes).score


def measure(config: Config, cell: Cell) -> Row:
    """Lengths, and the waste of every schedule for both kernels."""
    key, process = trained.cell_key(cell, CELL_KEYS), td.VarianceExploding(config.sigma)
    data = data_of(cell["data"])
    score = score_of(config, cell, key, data, process)
    sizes = {"nodes": config.nodes, "replicates": config.replicates, "points": config.points}
    about = (score, process, data)
    curve = denoising_curve(jax.random.fold_in(key, 3), *about, **sizes)
    kinds = {name for name in config.clocks if name not in (*NAMED, EQUAL, BEST)} | {*LENGTHS.values()}
    clock_key = jax.random.fold_in(key, 4)  # the same for all: clocks differ by what they are, not by noise
    made = {kind: td.clock(clock_key, *about, kind, **sizes) for kind in sorted(kinds)}
    runs = []
    for kernel, name, steps in product(LENGTHS, config.clocks, config.schedule_steps):
        plan = schedule_of(name, kernel, steps, process, made)
        waste = td.discretisation_waste(curve, plan, kernel)
        run: Row = {"kernel": kernel, "clock": name, "steps": steps, "waste": pair(waste.total)}
        # Without p_1's entropy (a mixture in many dimensions) there is nothing that paths could be held against.
        if steps in config.simulated_steps and waste.divergence is not None:
            own = curve.kernel() if kernel == "analytic" else kernel
            run |= {"divergence": pair(waste.divergence), "quadrature_error": waste.quadrature_error}
            run["simulated"] = simulated(config, jax.random.fold_in(key, 5), about, plan, own)
        runs.append(run)
    return {
        "t_min": made[LENGTHS["analytic"]].t_min,
        "length": {kernel: pair(made[kind].length) for kernel, kind in LENGTHS.items()},
        "evaluations": config.nodes * config.replicates * config.points,
        "runs": runs,
    }


def schedule_of(name: str, kernel: str, steps: int, process: Any, made: dict[str, Any]) -> td.Schedule:
    """``steps`` steps on the clock of that name."""
    by_length = made[LENGTHS[kernel]]
    if name == BEST:
        return td.least_waste_schedule(by_length, steps, kernel)
    if name in NAMED:
        return td.schedule(name, process, steps, t_min=by_length.t_min)
    return (by_length if name == EQUAL else made[name]).schedule(steps)


def simulated(config: Config, key: Any, about: tuple, plan: td.Schedule, kernel: Any) -> list[float]:
    """<R> of paths of noising, nats."""
    score, process, data = about
    rows_key, path_key = jax.random.split(key)
    paths = td.noising_paths(path_key, process, data.sample(rows_key, config.paths), plan)
    return pair(td.path_waste(paths, score, process, kernel, data).mean)


def pair(estimate: Any) -> list[float]:
    """Mean and error."""
    return [float(estimate.mean), float(estimate.stderr)]


EXPERIMENT = Experiment(
    "sampling.waste_law",
    PRESETS,
    CELL_KEYS,
    cells,
    one_by_one(measure),
    waste_law_figure.table,
    waste_law_figure.draw,
)
main = EXPERIMENT.main

if __name__ == "__main__":
    raise SystemExit(main())
