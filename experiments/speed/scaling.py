"""How time and memory grow with the number of points, dimension, width and number of times.

    python -m experiments.speed.scaling --preset paper --out results/scaling-paper

One axis at a time; each measurement is a process of its own, so that its peak memory is its own. The task "audit" reads
rows from a memory-mapped file; "rates" are the entropy rates of n rows; "closed", "products" and "hutchinson" flow
likelihoods with the exact divergence by its formula, by d Jacobian-vector products, and with 8 random probes.
"""

from __future__ import annotations

import dataclasses
import json
import subprocess
import sys
import tempfile
from functools import partial
from pathlib import Path

import numpy as np

from experiments.harness.cells import timed_here
from experiments.harness.cluster import Cluster
from experiments.harness.command import Experiment
from experiments.harness.records import Records
from experiments.harness.types import Cell, Row
from experiments.speed import scaling_figure

ROOT = Path(__file__).resolve().parents[2]
ROWS_AT_ONCE = 65536


@dataclasses.dataclass(frozen=True)
class Config:
    """The axes; what is not on an axis is ``points`` rows of ``dim``, ``width`` and ``nodes``."""

    audit_axis: tuple[int, ...] = (1000, 10_000, 100_000, 1_000_000)
    audit_dim: int = 64
    audit_nodes: int = 9
    flow_points: int = 1
    point_axis: tuple[int, ...] = (1000, 10_000, 100_000)
    dim_axis: tuple[int, ...] = (1, 2, 4, 8, 16, 32, 64, 128, 256)
    width_axis: tuple[int, ...] = (16, 32, 64, 128, 256, 512)
    node_axis: tuple[int, ...] = (5, 17, 65, 257)
    points: int = 1024
    dim: int = 2
    width: int = 64
    nodes: int = 17


PRESETS = {
    "paper": Config(),
    "smoke": Config(
        audit_axis=(1000, 4000),
        audit_dim=8,
        point_axis=(),
        dim_axis=(2, 8),
        width_axis=(),
        node_axis=(),
        points=128,
    ),
}
CELL_KEYS = ("axis", "task", "n", "dim", "width", "nodes")


def cells(config: Config) -> list[Cell]:
    """One cell a value on an axis."""
    default = {"n": config.points, "dim": config.dim, "width": config.width, "nodes": config.nodes}
    audit = {**default, "dim": config.audit_dim, "nodes": config.audit_nodes}
    return [
        *({"axis": "n", "task": "audit", **audit, "n": n} for n in config.audit_axis),
        *({"axis": "n", "task": "rates", **default, "n": n} for n in config.point_axis),
        *({"axis": "n", "task": "closed", **default, "n": n} for n in config.point_axis),
        *(
            {"axis": "dim", "task": task, **default, "dim": d}
            for d in config.dim_axis
            for task in ("closed", "products", "hutchinson", "rates")
        ),
        *({"axis": "width", "task": "rates", **default, "width": w} for w in config.width_axis),
        *({"axis": "nodes", "task": "rates", **default, "nodes": k} for k in config.node_axis),
    ]


def measure(folder: Path, config: Config, cell: Cell) -> Row:
    """One cell in a process of its own."""
    order = {**cell, "flow_points": config.flow_points, "file": str(folder / "rows.npy")}
    command = [sys.executable, "-m", "experiments.speed.scaling_probe", json.dumps(order)]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)
    if done.returncode:
        raise RuntimeError(done.stderr.strip().splitlines()[-1])
    return json.loads(done.stdout.splitlines()[-1])


def write_rows(path: Path, n: int, dim: int) -> None:
    """n standard normal rows, float32, written in parts."""
    rng = np.random.default_rng(0)
    rows = np.lib.format.open_memmap(path, mode="w+", dtype=np.float32, shape=(n, dim))
    for i in range(0, n, ROWS_AT_ONCE):
        part = rows[i : i + ROWS_AT_ONCE]
        part[:] = rng.standard_normal(part.shape, dtype=np.float32)
    rows.flush()


def run(config: Config, records: Records, cells: list[Cell], label: str, cluster: Cluster) -> None:
    """Every cell that has no row yet, the rows of the audits in a file that is removed afterwards."""
    with tempfile.TemporaryDirectory() as name:
        if records.missing(cells) and config.audit_axis:
            write_rows(Path(name) / "rows.npy", max(config.audit_axis), config.audit_dim)
        timed_here(partial(measure, Path(name)))(config, records, cells, label, cluster)


EXPERIMENT = Experiment(
    "speed.scaling", PRESETS, CELL_KEYS, cells, run, scaling_figure.table, scaling_figure.draw
)
main = EXPERIMENT.main

if __name__ == "__main__":
    raise SystemExit(main())
