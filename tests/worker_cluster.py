"""An experiment that test_cluster.py starts: squares of numbers, some of which it waits at, out of which it is killed.

    python tests/worker_cluster.py --out OUT --cluster local ...

A cell named in ``waits`` writes its process id to OUT/at-N and waits, for a minute or, if OUT/go exists, not at all.
"""

import dataclasses
import os
import time

from experiments.harness.cells import run_cells
from experiments.harness.command import Experiment


@dataclasses.dataclass(frozen=True)
class Config:
    """Squares."""

    numbers: tuple[int, ...] = (1, 2, 3, 4, 5)
    waits: tuple[int, ...] = (2,)


def measure(out, config, cell):
    number = cell["number"]
    if number in config.waits and not (out / "go").exists():
        with (out / f"at-{number}").open("a") as file:
            file.write(f"{os.getpid()}\n")
        time.sleep(60)
    if number == 5:
        raise ValueError("five is not liked")
    return {"square": number**2, "threads": os.environ.get("OMP_NUM_THREADS")}


def cells(config):
    return [{"number": number} for number in config.numbers]


def run(config, records, cells, label, cluster):
    # A closure, as experiments have them.
    out = records.path.parent
    run_cells(records, cells, lambda cell: measure(out, config, cell), label, cluster)


def table(rows):
    return f"{len(rows)} squares"


EXPERIMENT = Experiment("squares", {"paper": Config()}, ("number",), cells, run, table)

if __name__ == "__main__":
    raise SystemExit(EXPERIMENT.main())
