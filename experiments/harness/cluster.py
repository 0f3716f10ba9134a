"""Cells shared out over jobs, on this machine or by Slurm: submitit starts them, the records say what is still missing.

    python -m experiments.bound.nll_bound --preset paper --cluster local --jobs 2
    python -m experiments.bound.nll_bound --preset paper --cluster slurm --jobs 20 --partition gpu --gpus 1

Each job measures its share and appends its rows to the one ``records.jsonl``. What a job left unfinished when it was
killed is shared out again, ``ATTEMPTS`` times in all; so it is when the command is run again. Logs are in OUT/jobs.
"""

from __future__ import annotations

import contextlib
import dataclasses
import itertools
import os
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any, Literal

ATTEMPTS = 3
POLL_SECONDS = 0.5
THREADS = ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS", "NPROC")
"""Of numpy's libraries, and of XLA on a CPU."""


@dataclasses.dataclass(frozen=True)
class Cluster:
    """Where cells are measured: in this process, or shared out over jobs."""

    cluster: Literal["local", "slurm"] | None = None
    """local: jobs on this machine; slurm: jobs that Slurm starts. Left out: one cell after another in this process."""
    jobs: int = 2
    """So many jobs at most."""
    cpus: int = 1
    """Processor cores, and threads, of each job."""
    gpus: int = 0
    """GPUs of each job; local jobs all see the first so many, without any they see none."""
    minutes: int = 24 * 60
    """A job is ended after this time."""
    partition: str | None = None
    """Of Slurm; left out, its default."""

    def __post_init__(self) -> None:
        for name, least in (("jobs", 1), ("cpus", 1), ("gpus", 0), ("minutes", 1)):
            if getattr(self, name) < least:
                raise SystemExit(f"--{name}: got {getattr(self, name)}, need {least} or more")

    def executor(self, folder: Path, name: str) -> Any:
        """What submits jobs; ends with one line where submitit, or Slurm, is not there."""
        try:
            import submitit
        except ImportError:
            raise SystemExit(
                f"--cluster: got {self.cluster} without the package submitit, need pip install 'thermodiff[cluster]'"
            ) from None
        try:
            chosen = submitit.AutoExecutor(folder, cluster=self.cluster)
        except RuntimeError as error:
            raise SystemExit(
                f"--cluster: got {self.cluster} ({error}), need a machine with srun, or local"
            ) from None
        options: dict[str, Any] = {
            "name": name.replace(" ", "_"),
            "timeout_min": self.minutes,
            "cpus_per_task": self.cpus,
            "gpus_per_node": self.gpus,
        }
        if self.partition is not None:
            options["slurm_partition"] = self.partition
        chosen.update_parameters(**options)
        return chosen

    def share_out(
        self,
        folder: Path,
        name: str,
        missing: Callable[[list], list],
        cells: list,
        shares: Callable[[list, int], list[list]],
        work: Callable[[list], None],
        advance: Callable[[int], None],
    ) -> list[tuple[Any, str]]:
        """``work(share)`` in jobs, again for what is ``missing`` of those that died; the cells still missing, with why.

        A job dies when it is killed; a cell that fails is a row with its error, which ``work`` writes, and done with.
        ``shares`` is ``runs`` or ``turns``; ``advance`` hears of new rows.
        """
        todo, died = missing(cells), []
        for _ in range(ATTEMPTS if todo else 0):
            shared = shares(todo, self.jobs)
            chosen = self.executor(folder, name)
            with _threads(self.cpus):
                jobs = [chosen.submit(work, share) for share in shared]
            _wait(jobs, lambda todo=todo: len(todo) - len(missing(todo)), advance)
            died = [
                (cell, reason)
                for job, share in zip(jobs, shared, strict=True)
                if (reason := _reason(job)) is not None
                for cell in missing(share)
            ]
            todo = [cell for cell, _ in died]
            if not todo:
                break
        return died


HERE = Cluster()
"""This process."""


def turns(cells: list, jobs: int) -> list[list]:
    """At most ``jobs`` shares of cells dealt out in turn, so that each has small and large ones."""
    return [cells[i::jobs] for i in range(min(jobs, len(cells)))]


def runs(cells: list, jobs: int) -> list[list]:
    """At most ``jobs`` shares of neighbours, which may train as one program."""
    jobs = min(jobs, len(cells))
    ends = [len(cells) * i // jobs for i in range(jobs + 1)]
    return [cells[a:b] for a, b in itertools.pairwise(ends)]


def _wait(jobs: list, finished: Callable[[], int], advance: Callable[[int], None]) -> None:
    """Until all jobs have ended; those that have not are cancelled if this process is interrupted."""
    told = 0
    try:
        running = True
        while running:
            running = not all([job.done() for job in jobs])
            if running:
                time.sleep(POLL_SECONDS)
            now = finished()
            if now > told:
                advance(now - told)
                told = now
    except BaseException:
        for job in jobs:
            job.cancel(check=False)
        raise


def _reason(job: Any) -> str | None:
    """Why a job that has ended did so before its work was done, None if it was."""
    error = job.exception()
    if error is None:
        return None
    last = str(error).strip().splitlines()[-1]
    return f"its job, {job.job_id}, died: {last} (log: {job.paths.stderr})"


@contextlib.contextmanager
def _threads(cpus: int) -> Iterator[None]:
    """The environment that jobs start with, in which each keeps to its own cores' worth of threads."""
    before = {name: os.environ.get(name) for name in THREADS}
    os.environ.update(dict.fromkeys(THREADS, str(cpus)))
    try:
        yield
    finally:
        for name, value in before.items():
            if value is None:
                del os.environ[name]
            else:
                os.environ[name] = value
