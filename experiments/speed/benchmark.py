"""How fast thermodiff is: against the hardware's own limit, and against what one would use instead.

    python -m experiments.speed.benchmark --preset paper --out results/benchmark-paper

Absolute times are noisy and belong to one machine, so a row is the ratio of two things timed by turns in one process,
median and range over pairs (of network evaluations, where these are what is counted). docs/performance.md says what
each row is and what was tried.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Callable
from functools import partial
from typing import Any, NamedTuple

import jax

from experiments.harness.cells import timed_here
from experiments.harness.cluster import Cluster
from experiments.harness.command import Experiment
from experiments.harness.provenance import commit, machine
from experiments.harness.records import Records
from experiments.harness.types import Cell, Row
from experiments.speed import benchmark_evaluation as evaluation
from experiments.speed import benchmark_exploration as rollouts
from experiments.speed import benchmark_policies as policies
from experiments.speed import benchmark_sampling as samples
from experiments.speed import benchmark_training as training
from experiments.speed.benchmark_start import exploration, start


@dataclasses.dataclass(frozen=True)
class Config:
    """``pairs`` of timings a row, ``slow_pairs`` of sweep and folds, ``command_pairs`` of the command."""

    rows: tuple[str, ...] = (
        "step 128", "step 256", "step 512", "loop", "sweep", "folds", "rates", "flow 2", "flow 8", "flow 64",
        "sample 2", "sample 16", "paths 2", "paths 16", "clock", "waste",
        "rewards 64", "rewards 256", "token 64", "token 256",
        "load", "bounds", "help", "version", "import", "import exploration", "explore", "command",
    )  # fmt: skip
    pairs: int = 7
    slow_pairs: int = 7
    command_pairs: int = 1
    step_repeats: int = 20
    loop_steps: int = 250
    networks: int = 16
    sweep_steps: int = 200
    entropy_rows: int = 3000
    entropy_steps: int = 300
    train_steps: int = 1000
    points: int = 4096
    rollouts: int = 20_000
    reward_steps: int = 4


PRESETS = {
    "paper": Config(),
    "smoke": Config(
        rows=("step 128", "loop", "sweep", "folds", "rates", "flow 2", "help", "import"),
        pairs=3,
        slow_pairs=1,
        step_repeats=5,
        loop_steps=50,
        networks=4,
        sweep_steps=20,
        entropy_rows=300,
        entropy_steps=20,
        train_steps=200,
        points=512,
    ),
    "peers": Config(rows=("pass@k", "compare"), pairs=15),
}
CELL_KEYS = ("row", "commit", "device", "processor")


class Mark(NamedTuple):
    """What a row is, how its ratio is meant, and the value to reach: at most, or at least."""

    title: str
    limit: float
    at_most: bool = False

    def __str__(self) -> str:
        return f"{'at most' if self.at_most else 'at least'} {self.limit:g}"

    def reached(self, ratio: float) -> bool:
        """Whether the ratio is on the right side of the limit."""
        return ratio <= self.limit if self.at_most else ratio >= self.limit


MARKS = {
    "step 128": Mark("training step, width 128 / its matrix products", 1.6, at_most=True),
    "step 256": Mark("training step, width 256 / its matrix products", 1.3, at_most=True),
    "step 512": Mark("training step, width 512 / its matrix products", 1.3, at_most=True),
    "loop": Mark("step called from Python, data from the host / training loop", 3.0),
    "sweep": Mark("fits one after another / a sweep", 2.0),
    "folds": Mark("entropy of data, trainings at once / one after another", 0.55, at_most=True),
    "rates": Mark("evaluations, plain Monte Carlo / entropy rates to 1e-3 nats", 100.0),
    "flow 2": Mark("solve_ivp / flow likelihood to 1e-3 nats, exact, d = 2", 10.0),
    "flow 8": Mark("solve_ivp / flow likelihood to 1e-3 nats, exact, d = 8", 10.0),
    "flow 64": Mark("solve_ivp / flow likelihood to 1e-3 nats, Hutchinson, d = 64", 10.0),
    "sample 2": Mark("td.sample, 16 steps, width 128, d = 2 / its matrix products", 1.3, at_most=True),
    "sample 16": Mark("td.sample, 16 steps, width 128, d = 16 / its matrix products", 1.3, at_most=True),
    "paths 2": Mark("path likelihood, 16 steps, width 128, d = 2 / its score calls", 1.2, at_most=True),
    "paths 16": Mark("path likelihood, 16 steps, width 128, d = 16 / its score calls", 1.2, at_most=True),
    "clock": Mark("flow-curvature clock / entropy rates", 3.0, at_most=True),
    "waste": Mark("evaluations, simulated paths / waste by the formula, to 1e-2 nats", 100.0),
    "rewards 64": Mark("step by rewards, width 64 / sampling and one gradient", 1.3, at_most=True),
    "rewards 256": Mark("step by rewards, width 256 / sampling and one gradient", 1.3, at_most=True),
    "token 64": Mark("sampled token, width 64 / its matrix products", 1.5, at_most=True),
    "token 256": Mark("sampled token, width 256 / its matrix products", 1.5, at_most=True),
    "pass@k": Mark("pass@k of 1060 x 128 for k = 1..128 / passk-inference's", 1.0, at_most=True),
    "compare": Mark("curves, band and first-loss set / passk-inference's compare", 0.1, at_most=True),
    "load": Mark("load_rollouts / a bare loop of json.loads, 20,000 rows of 2 kB", 2.0, at_most=True),
    "bounds": Mark("bounds of pass@k beyond 1060 x 64 at eight k / one second", 1.0, at_most=True),
    "help": Mark("thermodiff --help / import numpy", 3.0, at_most=True),
    "version": Mark("thermodiff --version / import numpy", 3.0, at_most=True),
    "import": Mark("import thermodiff / import numpy", 1.5, at_most=True),
    "import exploration": Mark("import thermodiff.exploration / import numpy", 2.0, at_most=True),
    "explore": Mark("thermodiff explore deepscaler / import numpy, matplotlib.figure", 12.0, at_most=True),
    "command": Mark("thermodiff audit, 5000 x 2: first run / second run", 1.0),
}
COLD_START = 25.0
"""Seconds that the command's first run may take."""


def measurements(config: Config) -> dict[str, Callable[[], Row]]:
    """What measures each row."""
    step = partial(training.training_step, batch=512, steps=config.step_repeats, pairs=config.pairs)
    flow = partial(
        evaluation.flow, points=config.points, steps=config.train_steps, pairs=config.pairs, exact=True
    )
    sizes = {"train_steps": config.train_steps, "points": config.points, "pairs": config.pairs}
    return {
        **{f"step {width}": partial(step, width) for width in (128, 256, 512)},
        "loop": partial(training.training_loop, 64, 256, config.loop_steps, config.pairs),
        "sweep": partial(training.sweep, config.networks, 64, 256, config.sweep_steps, config.slow_pairs),
        "folds": partial(training.folds, config.entropy_rows, config.entropy_steps, config.slow_pairs),
        "rates": partial(evaluation.entropy_rates, config.train_steps, config.pairs),
        "flow 2": partial(flow, 2),
        "flow 8": partial(flow, 8),
        "flow 64": partial(flow, 64, exact=False),
        **{f"sample {d}": partial(samples.sampling, d, **sizes) for d in (2, 16)},
        **{f"paths {d}": partial(samples.path_likelihood, d, **sizes) for d in (2, 16)},
        "clock": partial(samples.clock, config.train_steps, config.pairs),
        "waste": partial(samples.waste, config.train_steps, config.points, config.pairs),
        **{
            f"rewards {w}": partial(policies.reward_step, w, config.reward_steps, config.pairs)
            for w in (64, 256)
        },
        **{
            f"token {w}": partial(policies.sampled_token, w, config.reward_steps, config.pairs)
            for w in (64, 256)
        },
        "pass@k": partial(rollouts.pass_at_k, config.pairs),
        "compare": partial(rollouts.compare, config.pairs),
        "load": partial(rollouts.load, config.rollouts, config.pairs),
        "bounds": partial(rollouts.bounds, config.pairs),
        "help": partial(start, ("-m", "thermodiff", "--help"), config.pairs),
        "version": partial(start, ("-m", "thermodiff", "--version"), config.pairs),
        "import": partial(start, ("-c", "import thermodiff"), config.pairs),
        "import exploration": partial(start, ("-c", "import thermodiff.exploration"), config.pairs),
        "explore": partial(exploration, config.pairs),
        "command": partial(evaluation.first_result, 5000, config.command_pairs),
    }


def cells(config: Config) -> list[Cell]:
    """The rows of this commit on this machine: another's are not what is asked for."""
    if unknown := [row for row in config.rows if row not in MARKS]:
        raise SystemExit(f"--rows: got {', '.join(unknown)}, need some of {', '.join(MARKS)}")
    return [{"row": row, "commit": commit(), **machine()} for row in config.rows]


def measure(config: Config, cell: Cell) -> Row:
    """One row."""
    return measurements(config)[cell["row"]]()


def run(config: Config, records: Records, cells: list[Cell], label: str, cluster: Cluster) -> None:
    """Every cell that has no row yet, one after the other."""
    # What is timed is compiled here: a program from disk would hide that (the command has a process of its own).
    jax.config.update("jax_enable_compilation_cache", False)
    timed_here(measure)(config, records, cells, label, cluster)


def table(rows: list[Row]) -> str:
    """One line a row: ratio, range, mark, and what the two took."""
    head = f"{'':<66}{'ratio':>9}  {'range':<19}{'pairs':>5}  {'mark':<14}{'reached':<9}ours, theirs"
    return "\n".join([head, *(_line(row) for row in rows)])


def _line(row: dict[str, Any]) -> str:
    mark = MARKS[row["row"]]
    unit = "seconds" if "ours_seconds" in row else "evaluations"
    took = ", ".join(f"{row[f'{who}_{unit}']:.3g}" for who in ("ours", "theirs"))
    reached = mark.reached(row["ratio"]) and row.get("cold_seconds", 0.0) <= COLD_START
    span = f"{row['low']:.3g} to {row['high']:.3g}"
    note = f" (mark: first run under {COLD_START:g} s)" if "cold_seconds" in row else ""
    return (
        f"{mark.title:<66}{row['ratio']:>9.3g}  {span:<19}{row['pairs']:>5}  {mark!s:<14}"
        f"{'yes' if reached else 'no':<9}{took} {unit}{note}"
    )


EXPERIMENT = Experiment("speed.benchmark", PRESETS, CELL_KEYS, cells, run, table)
main = EXPERIMENT.main

if __name__ == "__main__":
    raise SystemExit(main())
