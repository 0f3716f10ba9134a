"""From which dimension random probes are cheaper than the exact divergence: the default's choice, measured.

    python -m experiments.divergence_crossover --preset paper --out results/divergence_crossover-paper

Cells: dimensions. The flow likelihood of the same points with the exact divergence and with 8 probes, timed by turns;
a row is the ratio of their times, above 1 where probes are cheaper.
"""

from __future__ import annotations

import dataclasses

import jax

from experiments import harness
from experiments.benchmark_rows import row_of
from experiments.paired_timing import by_turns
from experiments.scaling_probe import PROCESS, score_of
from thermodiff.likelihood import flow_likelihood
from thermodiff.numerics import Divergence, ExactDivergence, HutchinsonDivergence


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


def measure(config: Config, cell: harness.Cell) -> harness.Row:
    """One row: median and range of exact/probes, and both medians in seconds."""
    score = score_of(cell["dim"], config.width)
    x = jax.random.normal(jax.random.key(3), (config.points, cell["dim"]))

    def solve(divergence: Divergence) -> None:
        found = flow_likelihood(score, PROCESS, x, divergence=divergence, key=jax.random.key(2))
        jax.block_until_ready(found)

    pairs = by_turns(
        lambda: solve(ExactDivergence()), lambda: solve(HutchinsonDivergence(config.probes)), config.pairs
    )
    return row_of(pairs, speedup=False)


def table(rows: list[harness.Row]) -> str:
    """One line a dimension: ratio, range, seconds of both."""
    lines = [f"{'d':>6}{'exact/probes':>14}  {'range':<16}exact, probes (seconds)"]
    for row in sorted(rows, key=lambda row: row["dim"]):
        span = f"{row['low']:.2f} to {row['high']:.2f}"
        took = f"{row['ours_seconds']:.3g}, {row['theirs_seconds']:.3g}"
        lines.append(f"{row['dim']:>6}{row['ratio']:>14.2f}  {span:<16}{took}")
    return "\n".join(lines)


@harness.command
def main(argv: list[str] | None = None) -> int:
    """Measures the dimensions that are missing, one after another, and prints the table."""
    call = harness.parse_command("divergence_crossover", PRESETS, argv)
    if call.dry_run:
        harness.show_plan(call)
        return 0
    records = harness.Records(call.out, call.config, CELL_KEYS)
    cells = [{"dim": dim} for dim in call.config.dims]
    failed = harness.run_cells(records, cells, lambda cell: measure(call.config, cell), "crossover")
    rows = records.rows()
    if rows:
        print(table(rows))
    print(f"records  {records.path}   ({len(rows)} cells)")
    return harness.report_failures(failed)


if __name__ == "__main__":
    raise SystemExit(main())
