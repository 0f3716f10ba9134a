"""Every paper preset, one after the other, each going on from the rows that are kept in docs/records.

    python -m experiments.harness.paper bound.tightness speed.scaling ...      (``make paper`` for all of them)
    python -m experiments.harness.paper --left bound.tightness ...             only says what is left

A cell with a kept row is not measured again; new rows are kept as soon as their experiment ends, however it ends. To
measure one anew, remove its file from docs/records and its folder from results. Each experiment is a process.
"""

from __future__ import annotations

import argparse
import importlib
import subprocess
import sys
from pathlib import Path

from experiments.harness.command import Experiment
from experiments.harness.kept import keep, restore
from experiments.harness.provenance import ROOT
from experiments.harness.records import Records

KEPT = ROOT / "docs" / "records"
RESULTS = Path("results")


def resume(experiment: Experiment, kept: Path, out: Path) -> int:
    """Measures what is missing of the paper preset, keeps the new rows and says what is left; the status."""
    records = Records(out, experiment.presets["paper"], experiment.cell_keys)
    restore(kept, records)
    try:
        return experiment.main(["--preset", "paper", "--out", str(out)])
    finally:
        new = keep(records, kept)
        modified = sum("modified" in row["commit"] for row in new)
        said = f"kept     {kept}   ({len(new)} new rows"
        print(said + (f", {modified} of them of code that is in no commit)" if modified else ")"))
        print(left(experiment, records))


def left(experiment: Experiment, records: Records) -> str:
    """How many cells have no row."""
    cells = experiment.cells(experiment.presets["paper"])
    return f"left     {len(records.missing(cells))} of {len(cells)} cells of {experiment.name}"


def _one(name: str, only_say: bool) -> int:
    experiment: Experiment = importlib.import_module(f"experiments.{name}").EXPERIMENT
    kept, out = KEPT / f"{experiment.title}.jsonl", RESULTS / f"{experiment.title}-paper"
    if not only_say:
        return resume(experiment, kept, out)
    records = Records(out, experiment.presets["paper"], experiment.cell_keys)
    restore(kept, records)
    print(left(experiment, records))
    return 0


def main(argv: list[str] | None = None) -> int:
    """The command."""
    parser = argparse.ArgumentParser(
        "python -m experiments.harness.paper", description=__doc__.splitlines()[0]
    )
    parser.add_argument("names", nargs="+", help="experiments, such as bound.tightness")
    parser.add_argument("--left", action="store_true", help="only say what is left")
    options = parser.parse_args(argv)
    if len(options.names) == 1:
        return _one(options.names[0], options.left)
    command = [sys.executable, "-m", "experiments.harness.paper", *(["--left"] if options.left else [])]
    unfinished = []
    for i, name in enumerate(options.names):
        print(f"--- {name}", flush=True)
        try:
            failed = subprocess.run([*command, name], check=False).returncode
        except KeyboardInterrupt:
            print(f"interrupted; not finished: {' '.join([*unfinished, *options.names[i:]])}")
            return 130
        unfinished += [name] if failed else []
    if unfinished:
        print(f"not finished: {' '.join(unfinished)}")
    return 1 if unfinished else 0


if __name__ == "__main__":
    raise SystemExit(main())
