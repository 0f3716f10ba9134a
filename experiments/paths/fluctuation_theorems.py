"""The three path ratios and their theorems, exact at any number of steps: what holds, and what can be seen of it.

    python -m experiments.paths.fluctuation_theorems --preset paper --out results/fluctuation_theorems-paper

(a) noising against its reversed protocol, (b) the generator against its own, (c) noising against the generator: for
each <e^-R> = 1 at 4 steps as at 64, for exact, wrong and trained scores alike, and for (c) Crooks' line
ln P_F(R)/P_th(R) = R. Every mean comes with the verdict whether it converged. Beside them Var(W | x), the scatter of
the work among paths from one point, which vanishes for a perfect score in many steps: what training and steps do to it.
"""

from __future__ import annotations

import dataclasses
from itertools import product
from typing import Any

import jax
import numpy as np

import thermodiff as td
from experiments.harness import trained
from experiments.harness.cells import one_by_one
from experiments.harness.command import Experiment
from experiments.harness.types import Cell, Row
from experiments.harness.worlds import density, process
from experiments.paths import fluctuation_theorems_figure

EXACT, SCALED = "exact", "scaled"
SCALE = 0.9
"""Of the score that is wrong on purpose."""
BINS = 24


@dataclasses.dataclass(frozen=True)
class Config:
    """Densities, processes and scores (exact, scaled, or the steps of a training); numbers of steps and of paths."""

    data: tuple[str, ...] = ("mixture", "eight")
    processes: tuple[str, ...] = ("VE10", "VP20")
    scores: tuple[str, ...] = (EXACT, SCALED, "200", "2000")
    seeds: tuple[int, ...] = (0,)
    schedule_steps: tuple[int, ...] = (4, 8, 16, 64)
    crooks_steps: int = 16
    rows: int = 4096
    per_point: int = 2
    generated: int = 8192
    t_min: float = 1e-3
    training_rows: int = 8192
    width: int = 64
    depth: int = 2


PRESETS = {
    "paper": Config(),
    "smoke": Config(
        data=("mixture",),
        processes=("VP20",),
        scores=(EXACT, "100"),
        schedule_steps=(4, 16),
        rows=1024,
        generated=2048,
        training_rows=1024,
        width=32,
    ),
}
CELL_KEYS = ("data", "process", "score", "seed")


def cells(config: Config) -> list[Cell]:
    """Every score of every density under every process."""
    return [
        dict(zip(CELL_KEYS, cell, strict=True))
        for cell in product(config.data, config.processes, config.scores, config.seeds)
    ]


def score_of(config: Config, cell: Cell, key: Any, data: Any, dynamics: Any) -> Any:
    """The exact score, that times 0.9, or a network trained for so many steps on rows of the data."""
    if cell["score"] in (EXACT, SCALED):
        exact = td.exact_score(data, dynamics)
        return exact if cell["score"] == EXACT else td.scaled(exact, SCALE)
    rows = td.Samples(data.sample(jax.random.fold_in(key, 1), config.training_rows))
    sizes = {"steps": int(cell["score"]), "width": config.width, "depth": config.depth}
    return td.fit(jax.random.fold_in(key, 2), rows, dynamics, **sizes).score


def measure(config: Config, cell: Cell) -> Row:
    """The theorems at every number of steps."""
    key = trained.cell_key(cell, CELL_KEYS)
    data, dynamics = density(cell["data"]), process(cell["process"])
    score = score_of(config, cell, key, data, dynamics)
    runs = []
    for steps in config.schedule_steps:
        plan = td.schedule("log_snr", dynamics, steps, t_min=config.t_min)
        keys = jax.random.split(jax.random.fold_in(key, 10 + steps), 4)
        rows = data.sample(keys[0], config.rows)
        noised = td.noising_paths(keys[1], dynamics, rows, plan, config.per_point)
        if cell["score"] == EXACT:  # the noising knows no score: once is enough
            runs.append({"ratio": "a", "steps": steps, **against_its_own_protocol(noised, dynamics, data)})
        for kernel in ("posterior", "analytic"):
            drawn = td.generated_paths(keys[2], score, dynamics, config.generated, plan, kernel, data=data)
            found = against_the_generator(config, noised, drawn, score, dynamics, data)
            runs.append({"ratio": "c", "kernel": kernel, "steps": steps, **found})
            if kernel == "posterior":
                heat = td.generation_heat(drawn, score, dynamics, data)
                runs.append({"ratio": "b", "kernel": kernel, "steps": steps, **integral(heat.total)})
    return {"runs": runs}


def against_its_own_protocol(noised: Any, dynamics: Any, data: Any) -> Row:
    """(a), from the paths of noising."""
    produced = td.noising_entropy_production(noised, dynamics, data).total
    return integral(produced.reshape(-1, noised.per_point))


def against_the_generator(
    config: Config, noised: Any, drawn: Any, score: Any, dynamics: Any, data: Any
) -> Row:
    """(c) from both kinds of paths: two integral theorems, Crooks' line, and the scatter of the work."""
    up = td.path_waste(noised, score, dynamics, drawn.kernel, data, prior=drawn.prior)
    down = td.path_waste(drawn, score, dynamics, data=data)
    assert up.waste is not None
    assert down.waste is not None
    theorem = td.fluctuation_theorem(up.waste, down.waste)
    backward = theorem.backward
    assert backward is not None
    row = integral(up.waste) | {
        "backward": pair(backward.mean_exponential),
        "backward_converged": backward.converged,
        "slope": pair(theorem.crooks_slope),
        "bar": pair(theorem.bar),
        "variance": [float(up.variance.mean()), float(up.variance.std(ddof=1) / np.sqrt(config.rows))],
    }
    if len(drawn.schedule.time) == config.crooks_steps + 1:
        row["histogram"] = histogram(up.waste.ravel(), down.waste.ravel())
    return row


def integral(R: np.ndarray) -> Row:
    """<e^-R> and <R>, with the verdict."""
    theorem = td.fluctuation_theorem(R)
    return {
        "mean_exponential": pair(theorem.mean_exponential),
        "mean": pair(theorem.mean),
        "ess_share": theorem.ess / len(R),
        "tail": theorem.tail,
        "converged": theorem.converged,
    }


def pair(estimate: Any) -> list[float]:
    """Mean and error."""
    return [float(estimate.mean), float(estimate.stderr)]


def histogram(forward: np.ndarray, backward: np.ndarray) -> Row:
    """Counts of R on both sides in equal bins over what both take."""
    low = max(np.quantile(forward, 0.001), np.quantile(backward, 0.001))
    high = min(np.quantile(forward, 0.999), np.quantile(backward, 0.999))
    edges = np.linspace(low, max(high, low + 1e-9), BINS + 1)
    counts = {"forward": np.histogram(forward, edges)[0], "backward": np.histogram(backward, edges)[0]}
    return {"edges": edges, "of": [len(forward), len(backward)], **counts}


EXPERIMENT = Experiment(
    "paths.fluctuation_theorems",
    PRESETS,
    CELL_KEYS,
    cells,
    one_by_one(measure),
    fluctuation_theorems_figure.table,
    fluctuation_theorems_figure.draw,
)
main = EXPERIMENT.main

if __name__ == "__main__":
    raise SystemExit(main())
