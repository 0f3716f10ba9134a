"""The command ``thermodiff explore``: what a policy can reach, from the rollouts it left on disk.

``prepare`` reads and measures, and says in one line what a user can put right before anything is written; ``run`` draws
and writes. Starts no JAX.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any, NamedTuple

from thermodiff import plotting
from thermodiff.commands.exploring import figures
from thermodiff.commands.exploring.changes import changed_csv
from thermodiff.commands.exploring.intake import read
from thermodiff.commands.exploring.measures import Settings, measure
from thermodiff.commands.exploring.record import record
from thermodiff.commands.exploring.remarks import remarks
from thermodiff.commands.exploring.sentences import sentences
from thermodiff.commands.exploring.text import text
from thermodiff.commands.options import Explore
from thermodiff.commands.shared import check_steps_and_seed, make_folder, working
from thermodiff.runtime.files import write_atomically
from thermodiff.runtime.records import strict_json, versions

FORESEEN = (OSError,)
"""What can go wrong once the work has started, and says itself in one line what it was."""


OWNED = frozenset({"explore.txt", "explore.json", "changed.csv"}) | {
    f"{name}.{kind}" for name in figures.MAKERS for kind in ("png", "pdf")
}
"""Names of results, whether these data give them or not."""


class Job(NamedTuple):
    """What was measured, as record and as report, ready to be drawn and written."""

    record: dict[str, Any]
    report: str
    out: Path
    about: dict[str, Any]
    changed: str | None
    """Of two policies a table of all problems, as csv."""

    @property
    def results(self) -> tuple[str, ...]:
        """The files that these data allow, in the order in which they are written."""
        drawn = tuple(f"{name}.{kind}" for name in figures.names(self.record) for kind in ("png", "pdf"))
        return ("explore.txt", *drawn, *(() if self.changed is None else ("changed.csv",)), "explore.json")


def prepare(options: Explore) -> Job:
    """Reads, checks and measures; makes the folder ``out`` last. The options are those of ``thermodiff explore``.

    Raises ValueError or OSError, one line, for anything that the user can put right.
    """
    check_steps_and_seed(None, options.seed)
    reading = {name: getattr(options, name) for name in ("format", "correct", "threshold", "vocabulary")}
    with working("reading rollouts"):
        given = read(options.files, options.curves, options.labels, reading)
    with working("measuring"):
        measured = measure(given, Settings(options.k, options.beyond, options.seed))
    asked: dict[str, Any] = {
        "files": options.files,
        "curves": None if options.curves is None else str(options.curves),
        "labels": options.labels,
    }
    asked |= {"k": options.k, "beyond": options.beyond, **reading, "seed": options.seed}
    about = {"options": asked, "versions": versions()}
    said, noted = sentences(measured), remarks(measured, given.remarks, given.of_files)
    comparison = measured.comparison
    changed = None if comparison is None else changed_csv(measured.policies, comparison)
    job = Job(record(about, measured, said, noted), text(measured, said, noted), options.out, about, changed)
    make_folder(options.out)
    return job


def run(job: Job) -> str:
    """Draws and writes the results into ``job.out`` (each whole or not at all, the record last); returns the report.

    What an earlier run left there under our names, and these data do not give, is removed: it would pass for theirs.
    """
    for name in OWNED - set(job.results):
        (job.out / name).unlink(missing_ok=True)
    for name, figure in figures.figures(job.record).items():
        plotting.save_figure(figure, job.out / name)
    write_atomically(job.out / "explore.txt", job.report + "\n")
    if job.changed is not None:
        write_atomically(job.out / "changed.csv", job.changed)
    write_atomically(job.out / "explore.json", strict_json(job.record, indent=1) + "\n")
    return job.report
