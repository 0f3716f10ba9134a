"""An experiment's command line, made from its Config, and what every ``main`` does."""

from __future__ import annotations

import dataclasses
import functools
import json
import sys
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

from experiments.harness.cells import report_failures, run_cells
from experiments.harness.cluster import HERE, Cluster
from experiments.harness.records import Cell, Records, Row, plain


@dataclasses.dataclass(frozen=True)
class Invocation:
    """One call of an experiment: its configuration, where results go, whether only to show the plan, where it runs."""

    config: Any
    preset: str
    out: Path
    dry_run: bool
    cluster: Cluster


def parse_command(name: str, presets: dict[str, Any], argv: list[str] | None = None) -> Invocation:
    """``--preset``, ``--out``, ``--dry-run``, those of ``Cluster``, and one option for each field of the Config.

    The last override the preset.
    """
    import tyro

    argv = list(sys.argv[1:] if argv is None else argv)
    preset = _preset_in(argv, presets)
    config = presets[preset]
    namespace = dataclasses.make_dataclass(
        "Arguments",
        [
            ("config", tyro.conf.OmitArgPrefixes[type(config)], dataclasses.field(default=config)),
            ("preset", str, dataclasses.field(default=preset)),
            ("out", Path, dataclasses.field(default=Path("results") / f"{stem(name)}-{preset}")),
            ("dry_run", bool, dataclasses.field(default=False)),
            ("jobs", tyro.conf.OmitArgPrefixes[Cluster], dataclasses.field(default=HERE)),
        ],
    )
    choices = ", ".join(presets)
    namespace.__doc__ = (
        f"{type(config).__doc__}\n\npreset: one of {choices}; out: the folder for records and figures."
    )
    arguments = tyro.cli(namespace, args=argv, prog=f"python -m experiments.{name}")
    return Invocation(arguments.config, arguments.preset, arguments.out, arguments.dry_run, arguments.jobs)


def stem(name: str) -> str:
    """ "tightness" of "bound.tightness"."""
    return name.rpartition(".")[2]


def show_plan(call: Invocation) -> None:
    """Prints the resolved configuration, as ``--dry-run`` does."""
    plan = {"preset": call.preset, "out": str(call.out), **plain(dataclasses.asdict(call.config))}
    print(json.dumps(plan, indent=2))


def _preset_in(argv: list[str], presets: dict[str, Any]) -> str:
    for i, word in enumerate(argv):
        if word == "--preset" or word.startswith("--preset="):
            value = word.partition("=")[2] or (argv[i + 1] if i + 1 < len(argv) else "")
            if value not in presets:
                raise SystemExit(f"--preset: got {value!r}, need one of {', '.join(presets)}")
            return value
    return next(iter(presets))


def command(main: Callable[[list[str] | None], int]) -> Callable[..., int]:
    """An experiment's ``main`` that ends with one line, and status 1, where files cannot be read or written."""

    @functools.wraps(main)
    def guarded(argv: list[str] | None = None) -> int:
        try:
            return main(argv)
        except OSError as error:
            print(f"error: {error}", file=sys.stderr)
            return 1

    return guarded


def run(
    name: str,
    presets: dict[str, Any],
    argv: list[str] | None,
    cell_keys: Sequence[str],
    cells: Callable[[Any], list[Cell]],
    measure: Callable[[Any, Cell], Row],
    table: Callable[[list[Row]], str],
    draw: Callable[[list[Row], Path], Sequence[Path]],
) -> int:
    """An experiment from its command line on: what is missing, the figure from the records, the table; the status."""
    call = parse_command(name, presets, argv)
    if call.dry_run:
        show_plan(call)
        return 0
    records = Records(call.out, call.config, cell_keys)
    start = time.perf_counter()
    measure_one = functools.partial(measure, call.config)
    failed = run_cells(records, cells(call.config), measure_one, stem(name).replace("_", " "), call.cluster)
    rows = records.rows()
    if rows:
        print(table(rows))
        for path in draw(rows, call.out):
            print(f"figure   {path}")
    print(f"records  {records.path}   ({len(rows)} cells, {time.perf_counter() - start:.0f} s)")
    return report_failures(failed)
