"""An experiment: its name, presets and cells, how they are measured and shown; and the command made from these."""

from __future__ import annotations

import dataclasses
import sys
import time
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

from experiments.harness.cluster import HERE, Cluster
from experiments.harness.records import Records
from experiments.harness.types import Cell, Row, Run
from thermodiff.runtime.records import strict_json


@dataclasses.dataclass(frozen=True)
class Call:
    """One call of an experiment: its configuration, where results go, whether only to show the plan, where it runs."""

    config: Any
    preset: str
    out: Path
    dry_run: bool
    cluster: Cluster

    def plan(self) -> str:
        """The resolved configuration, as ``--dry-run`` shows it."""
        return strict_json(
            {"preset": self.preset, "out": self.out, **dataclasses.asdict(self.config)}, indent=2
        )


def no_figure(rows: list[Row], out: Path) -> Sequence[Path]:
    """Of an experiment that has none."""
    return ()


@dataclasses.dataclass(frozen=True)
class Experiment:
    """What there is to measure, and what is made of the rows; ``main`` is the command."""

    name: str
    """Its module's, without the package: "bound.tightness"."""
    presets: Mapping[str, Any]
    """A frozen Config dataclass each; the first is what the command does by itself."""
    cell_keys: Sequence[str]
    """The entries that tell one cell from another."""
    cells: Callable[[Any], list[Cell]]
    """All cells of a configuration."""
    run: Run
    """``one_by_one``, ``timed_here`` or ``trained.ahead`` of a ``measure``."""
    table: Callable[[list[Row]], str]
    """The text of the rows."""
    draw: Callable[[list[Row], Path], Sequence[Path]] = no_figure
    """Draws into a folder; the files."""

    @property
    def title(self) -> str:
        """ "tightness" of "bound.tightness": its folder's and figure's name."""
        return self.name.rpartition(".")[2]

    def main(self, argv: list[str] | None = None) -> int:
        """The command: measures what is missing, draws the figure from the records, prints the table; its status."""
        call = parse_command(self.name, self.title, self.presets, argv)
        if call.dry_run:
            print(call.plan())
            return 0
        try:
            return self._measure_and_show(call)
        except OSError as error:
            print(f"error: {error}", file=sys.stderr)
            return 1

    def _measure_and_show(self, call: Call) -> int:
        cells, start = self.cells(call.config), time.perf_counter()
        records = Records(call.out, call.config, self.cell_keys)
        self.run(call.config, records, cells, self.title.replace("_", " "), call.cluster)
        rows, left = records.of(cells), records.missing(cells)
        if rows:
            print(self.table(rows))
            for path in self.draw(rows, call.out):
                print(f"figure   {path}")
        print(f"records  {records.path}   ({len(rows)} cells, {time.perf_counter() - start:.0f} s)")
        if left:
            print(f"{len(left)} cells failed; their rows hold the error, and running again tries them again")
        return 1 if left else 0


def parse_command(name: str, title: str, presets: Mapping[str, Any], argv: list[str] | None = None) -> Call:
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
            ("out", Path, dataclasses.field(default=Path("results") / f"{title}-{preset}")),
            ("dry_run", bool, dataclasses.field(default=False)),
            ("jobs", tyro.conf.OmitArgPrefixes[Cluster], dataclasses.field(default=HERE)),
        ],
    )
    choices = ", ".join(presets)
    namespace.__doc__ = (
        f"{type(config).__doc__}\n\npreset: one of {choices}; out: the folder for records and figures."
    )
    arguments = tyro.cli(namespace, args=argv, prog=f"python -m experiments.{name}")
    return Call(arguments.config, arguments.preset, arguments.out, arguments.dry_run, arguments.jobs)


def _preset_in(argv: list[str], presets: Mapping[str, Any]) -> str:
    for i, word in enumerate(argv):
        if word == "--preset" or word.startswith("--preset="):
            value = word.partition("=")[2] or (argv[i + 1] if i + 1 < len(argv) else "")
            if value not in presets:
                raise SystemExit(f"--preset: got {value!r}, need one of {', '.join(presets)}")
            return value
    return next(iter(presets))
