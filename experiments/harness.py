"""What every experiment shares: a command line from a Config, records that survive being killed, provenance.

An experiment is a frozen Config dataclass, a list of cells (plain dicts that name one measurement each), a function
that measures one, and a figure made from the records alone. One row a cell in ``records.jsonl``; a failed cell
is a row with its error; running again does only what has no good row for the same configuration.
"""

from __future__ import annotations

import contextlib
import dataclasses
import datetime
import fcntl
import functools
import hashlib
import importlib.metadata
import json
import os
import platform
import subprocess
import sys
import time
import traceback
from collections.abc import Callable, Iterable, Iterator, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from experiments.cluster import HERE, Cluster, turns
from thermodiff.runtime.devices import first_process
from thermodiff.runtime.files import cannot_write, check_writable

Row = dict[str, Any]
Cell = dict[str, Any]

PACKAGES = ("thermodiff", "jax", "jaxlib", "flax", "optax", "diffrax", "numpy")


# --- command line -------------------------------------------------------------------------------


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
            ("out", Path, dataclasses.field(default=Path("results") / f"{name}-{preset}")),
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


# --- records ------------------------------------------------------------------------------------


def plain(value: Any) -> Any:
    """The same value in types that JSON knows; a number that is not finite becomes null."""
    if isinstance(value, dict):
        return {str(k): plain(v) for k, v in value.items()}
    if isinstance(value, list | tuple):
        return [plain(v) for v in value]
    if isinstance(value, bool | str) or value is None:
        return value
    if isinstance(value, Path):
        return str(value)
    array = np.asarray(value)
    if array.ndim:
        return plain(array.tolist())
    number = array.item()
    return number if not isinstance(number, float) or np.isfinite(number) else None


def fingerprint(config: Any) -> str:
    """Twelve hexadecimal digits that change with anything in the configuration that changes a number."""
    return fingerprint_of(dataclasses.asdict(config))


def fingerprint_of(values: dict[str, Any]) -> str:
    """Twelve hexadecimal digits of a dictionary of plain values."""
    text = json.dumps(plain(values), sort_keys=True)
    return hashlib.sha256(text.encode()).hexdigest()[:12]


class Records:
    """The rows of ``DIR/records.jsonl``. Appending is one write of one line, so no reader meets half a row.

    Several processes, on several machines, may append to one file.
    """

    def __init__(self, out: Path, config: Any, cell_keys: Iterable[str]) -> None:
        self.path = out / "records.jsonl"
        self.config = plain(dataclasses.asdict(config))
        self.measurement = fingerprint(config)
        self.cell_keys = tuple(cell_keys)
        check_writable("out", out)

    def rows(self) -> list[Row]:
        """The newest good row of each cell measured under this configuration."""
        newest = {}
        for row in self._all():
            if row.get("fingerprint") == self.measurement and "error" not in row:
                newest[self._identity(row)] = row
        return list(newest.values())

    def missing(self, cells: Iterable[Cell]) -> list[Cell]:
        """The cells that have no good row yet."""
        done = {self._identity(row) for row in self.rows()}
        return [cell for cell in cells if self._identity(cell) not in done]

    def append(self, cell: Cell, result: Row, seconds: float) -> None:
        """Adds one row: the cell, what was measured, and where it came from."""
        row = {
            **cell,
            **result,
            "seconds": round(seconds, 3),
            "fingerprint": self.measurement,
            "config": self.config,
        }
        line = json.dumps(plain({**row, **provenance()}), allow_nan=False) + "\n"
        if first_process():
            try:
                self._append(line)
            except OSError as error:
                raise cannot_write("out", self.path, error) from error

    def _append(self, line: str) -> None:
        descriptor = os.open(self.path, os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o644)
        try:
            # Network file systems append atomically under a lock only. Some offer none; there two machines that write
            # in one moment can lose a row, whose cell is then measured again.
            with contextlib.suppress(OSError):
                fcntl.lockf(descriptor, fcntl.LOCK_EX)
            # A line cut short by a kill, or a full disk, stays behind without its newline: start on a fresh one.
            whole = (line if self._ends_with_newline() else "\n" + line).encode()
            while whole:  # once, unless the disk is full: then the second time says so
                whole = whole[os.write(descriptor, whole) :]
            os.fsync(descriptor)
        finally:
            os.close(descriptor)

    def _ends_with_newline(self) -> bool:
        if self.path.stat().st_size == 0:
            return True
        with self.path.open("rb") as file:
            file.seek(-1, os.SEEK_END)
            return file.read(1) == b"\n"

    def _identity(self, row: Row) -> tuple:
        return tuple(json.dumps(plain(row.get(key))) for key in self.cell_keys)

    def _all(self) -> Iterator[Row]:
        if not self.path.exists():
            return
        for line in self.path.read_text().splitlines():
            try:
                yield json.loads(line)
            except json.JSONDecodeError:
                continue  # the one line that a killed process can leave behind


def failure(error: BaseException) -> Row:
    """The row of a cell that failed: the message, and where."""
    frame = traceback.extract_tb(error.__traceback__)[-1]
    return {
        "error": f"{type(error).__name__}: {error}",
        "where": f"{Path(frame.filename).name}:{frame.lineno}",
    }


def run_cells(
    records: Records,
    cells: list[Cell],
    measure: Callable[[Cell], Row],
    label: str,
    cluster: Cluster = HERE,
) -> list[Cell]:
    """Measures every cell that has no row yet, one row each, here or in the jobs of ``cluster``; returns the failed."""
    if cluster.cluster is not None:
        work = functools.partial(_run_cells, records, measure, label)
        share_out(records, cells, turns, work, label, cluster)
    else:
        _run_cells(records, measure, label, cells)
    return records.missing(cells)


def share_out(
    records: Records,
    cells: list[Cell],
    shares: Callable[[list, int], list[list]],
    work: Callable[[list[Cell]], None],
    label: str,
    cluster: Cluster,
) -> None:
    """``work`` on the cells that have no row yet, in jobs; a cell whose jobs all died gets a row that says so."""
    with meter(len(records.missing(cells)), label) as progress:
        folder = records.path.parent / "jobs"
        died = cluster.share_out(folder, label, records.missing, cells, shares, work, progress.advance)
    for cell, reason in died:
        records.append(cell, {"error": reason, "where": str(folder)}, 0.0)


def _run_cells(records: Records, measure: Callable[[Cell], Row], label: str, cells: list[Cell]) -> None:
    todo = records.missing(cells)
    with meter(len(todo), label) as progress:
        for cell in todo:
            start = time.perf_counter()
            try:
                row = measure(cell)
            except Exception as error:  # noqa: BLE001  a failed cell is a row with its error
                row = failure(error)
            records.append(cell, row, time.perf_counter() - start)
            progress.advance(
                1, " ".join(str(cell[key]) for key in records.cell_keys if cell[key] is not None)
            )


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
    failed = run_cells(records, cells(call.config), measure_one, name.replace("_", " "), call.cluster)
    rows = records.rows()
    if rows:
        print(table(rows))
        for path in draw(rows, call.out):
            print(f"figure   {path}")
    print(f"records  {records.path}   ({len(rows)} cells, {time.perf_counter() - start:.0f} s)")
    return report_failures(failed)


def report_failures(failed: list[Cell]) -> int:
    """The exit status: 0, or 1 with a line saying how many cells have no result."""
    if failed:
        print(f"{len(failed)} cells failed; their rows hold the error, and running again tries them again")
    return 1 if failed else 0


# --- provenance ---------------------------------------------------------------------------------


def provenance() -> Row:
    """Commit, versions, device and date of a run."""
    import jax

    return {
        "commit": _commit(),
        "versions": {name: _version(name) for name in PACKAGES},
        "python": platform.python_version(),
        "device": f"{jax.devices()[0].device_kind} x {jax.device_count()}, {os.cpu_count()} cores",
        "date": datetime.datetime.now(datetime.UTC).isoformat(timespec="seconds"),
    }


def _version(name: str) -> str:
    try:
        return importlib.metadata.version(name)
    except importlib.metadata.PackageNotFoundError:
        return "not installed"


@functools.cache
def _commit() -> str:
    root = Path(__file__).resolve().parent.parent
    try:
        commit = subprocess.run(
            ["git", "rev-parse", "--short=12", "HEAD"], cwd=root, capture_output=True, text=True, check=True
        ).stdout.strip()
        status = ["git", "status", "--porcelain", "--untracked-files=no"]
        dirty = subprocess.run(status, cwd=root, capture_output=True, text=True, check=True).stdout.strip()
    except (OSError, subprocess.CalledProcessError):
        return "unknown"
    return f"{commit}-modified" if dirty else commit


# --- progress -----------------------------------------------------------------------------------


class Meter:
    """A bar on a terminal, a line for each named step elsewhere."""

    def __init__(self, bar: Any, task: Any, total: int) -> None:
        self._bar, self._task, self._total, self._done = bar, task, total, 0.0

    def advance(self, amount: float = 1, note: str = "") -> None:
        """Moves on by ``amount`` and says what has been done; may be called from any thread."""
        self._done += amount
        if self._bar is not None:
            self._bar.update(self._task, advance=amount, **({"description": note} if note else {}))
        elif note:
            print(f"[{self._done:.0f}/{self._total}] {note}", file=sys.stderr, flush=True)


@contextlib.contextmanager
def meter(total: int, label: str) -> Iterator[Meter]:
    """Progress over ``total`` steps, on stderr."""
    if not sys.stderr.isatty():
        yield Meter(None, None, total)
        return
    from rich import progress
    from rich.console import Console

    columns = (
        progress.TextColumn("{task.description}"),
        progress.BarColumn(),
        progress.TaskProgressColumn(),
        progress.TimeElapsedColumn(),
        progress.TimeRemainingColumn(),
    )
    with progress.Progress(*columns, console=Console(stderr=True)) as bar:
        yield Meter(bar, bar.add_task(label, total=total), total)
