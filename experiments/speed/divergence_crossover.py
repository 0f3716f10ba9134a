"""What the divergence of a flow costs in closed form, by Jacobian-vector products and with random probes.

    python -m experiments.speed.divergence_crossover --preset paper --out results/divergence_crossover-paper

Cells: dimensions. The flow likelihood of the same points with the exact divergence, both ways, and with 8 probes, timed
by turns; a row has the ratios of their times, above 1 where probes are cheaper. The library's default follows them.
"""

from __future__ import annotations

import dataclasses
from functools import partial
from typing import Any

import jax

from experiments.harness.cells import timed_here
from experiments.harness.command import Experiment
from experiments.harness.types import Cell, Row
from experiments.speed.benchmark_training import row_of
from experiments.speed.paired_timing import by_turns
from experiments.speed.scaling_probe import PROCESS, score_of, without_formula
from thermodiff.likelihood import flow_likelihood
from thermodiff.numerics.divergence import Divergence, ExactDivergence, HutchinsonDivergence


@dataclasses.dataclass(frozen=True)
class Config:
    """Time with the exact divergence over that with ``probes``, network of ``width``, ``points`` points."""

    dims: tuple[int, ...] = (4, 8, 12, 16, 24, 32, 64)
    probes: int = 8
    width: int = 64
    points: int = 512
    pairs: int = 7


PRESETS = {"paper": Config(), "smoke": Config(dims=(2, 16), points=64, pairs=3)}
CELL_KEYS = ("dim",)


def cells(config: Config) -> list[Cell]:
    """A cell a dimension."""
    return [{"dim": dim} for dim in config.dims]


def measure(config: Config, cell: Cell) -> Row:
    """One row: median and range of products/probes and of closed form/probes, and medians in seconds."""
    score = score_of(cell["dim"], config.width)
    x = jax.random.normal(jax.random.key(3), (config.points, cell["dim"]))

    def solve(score: Any, divergence: Divergence) -> None:
        found = flow_likelihood(score, PROCESS, x, divergence=divergence, key=jax.random.key(2))
        jax.block_until_ready(found)

    probes = partial(solve, score, HutchinsonDivergence(config.probes))
    products = by_turns(partial(solve, without_formula(score), ExactDivergence()), probes, config.pairs)
    closed = row_of(by_turns(partial(solve, score, ExactDivergence()), probes, config.pairs), speedup=False)
    return {**row_of(products, speedup=False), **{f"closed_{name}": value for name, value in closed.items()}}


def table(rows: list[Row]) -> str:
    """One line a dimension: both ratios with their ranges, and seconds."""
    head = f"{'d':>6}{'products/probes':>17}  {'range':<16}{'closed/probes':>14}  {'range':<16}"
    lines = [head + "products, closed, probes (seconds)"]
    for row in sorted(rows, key=lambda row: row["dim"]):
        line = f"{row['dim']:>6}"
        for prefix, width in (("", 17), ("closed_", 14)):
            span = f"{row[f'{prefix}low']:.2f} to {row[f'{prefix}high']:.2f}"
            line += f"{row[f'{prefix}ratio']:>{width}.2f}  {span:<16}"
        took = (row[name] for name in ("ours_seconds", "closed_ours_seconds", "theirs_seconds"))
        lines.append(line + ", ".join(f"{seconds:.3g}" for seconds in took))
    return "\n".join(lines)


EXPERIMENT = Experiment("speed.divergence_crossover", PRESETS, CELL_KEYS, cells, timed_here(measure), table)
main = EXPERIMENT.main

if __name__ == "__main__":
    raise SystemExit(main())
