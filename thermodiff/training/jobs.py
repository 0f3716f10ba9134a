"""Independent trainings and what follows each, as many at once as there are cores.

A training of a small network cannot use several cores well (``training.cores``), so each gets one. Nothing of a result
depends on how many run at once: a job draws from its own key. On an accelerator, or where several devices share each
batch, jobs run one after another.
"""

from __future__ import annotations

import contextlib
import contextvars
import threading
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import FIRST_EXCEPTION, ThreadPoolExecutor, wait
from itertools import islice
from typing import Any, NamedTuple

from thermodiff.runtime.jax_settings import settings_here
from thermodiff.runtime.shares import Share, portion, shares
from thermodiff.training import cores


class Job(NamedTuple):
    """``work`` that needs nothing of other jobs, and its ``length`` relative to theirs: 0 for what takes no time."""

    work: Callable[[], Any]
    length: float


class Plan(NamedTuple):
    """Jobs, and what is ``made`` of the list of their results, in their order.

    That may be another plan, whose jobs need what these have found; ``later`` has the lengths that they will have, as
    far as can be told, so that whoever waits knows how long is left.
    """

    jobs: Sequence[Job]
    made: Callable[[list[Any]], Any]
    later: Sequence[float] = ()


_inside: contextvars.ContextVar[bool] = contextvars.ContextVar("thermodiff_job", default=False)
"""Whether this is a job of several at once, or ``one_by_one``: its own jobs then run one after another."""


@contextlib.contextmanager
def one_by_one() -> Iterator[None]:
    """In here jobs run one after another in the caller's thread: to compare, or where cores are dealt out."""
    token = _inside.set(True)
    try:
        yield
    finally:
        _inside.reset(token)


def joined(plans: Sequence[Plan], made: Callable[[list[Any]], Any], later: Sequence[float] = ()) -> Plan:
    """One plan of several: what is ``made`` of the list of what each makes; ``later`` is what that adds to theirs."""

    def of_all(results: list[Any]) -> Any:
        rest = iter(results)
        found = [plan.made(list(islice(rest, len(plan.jobs)))) for plan in plans]
        if any(isinstance(one, Plan) for one in found):
            return joined([one if isinstance(one, Plan) else done(one) for one in found], made, later)
        return made(found)

    jobs = [job for plan in plans for job in plan.jobs]
    return Plan(jobs, of_all, [*(length for plan in plans for length in plan.later), *later])


def done(answer: Any) -> Plan:
    """A plan without jobs, which makes this."""
    return Plan([], lambda _: answer)


def run_plans(plans: Sequence[Plan], title: str, progress: bool) -> list[Any]:
    """What each of some plans makes of its jobs, all of which run together; shown under ``title`` if ``progress``.

    Where plans make plans there are rounds, shown as one.
    """
    every: Any = joined(plans, list)
    lengths = [*(job.length for job in every.jobs), *every.later]
    with (
        shares(title, [sum(lengths, 0.0)], progress, threading.Event(), count=_number(lengths)) as (whole,),
        whole,
    ):
        left = 1.0
        while isinstance(every, Plan):
            now, later = sum((job.length for job in every.jobs), 0.0), sum(every.later, 0.0)
            part = left * now / (now + later or 1.0)
            with portion(part):
                results = run_jobs(every.jobs, title, progress)
            left, every = left - part, every.made(results)
    return every


def _number(lengths: Sequence[float]) -> int:
    """How many of some jobs take time."""
    return sum(length > 0 for length in lengths)


def run_jobs(jobs: Sequence[Job], title: str, progress: bool) -> list[Any]:
    """What each of some jobs returns, in their order.

    An error in one is raised here and ends the others, as an interrupt does: those that run, at their next word of how
    far they are.
    """
    ended = threading.Event()
    at_once = cores.available_cores() if cores.share_cores() and not _inside.get() else 1
    with shares(title, [job.length for job in jobs], progress, ended) as parts:
        if min(at_once, len(jobs)) < 2:
            return [_worked(job, part) for job, part in zip(jobs, parts, strict=True)]
        return _in_threads(min(at_once, len(jobs)), jobs, parts, ended)


def _worked(job: Job, part: Share) -> Any:
    with part:
        return job.work()


def _in_threads(at_once: int, jobs: Sequence[Job], parts: list[Share], ended: threading.Event) -> list[Any]:
    """The longest first, so that none is left over when all others are done."""
    as_here, futures, failed = settings_here(), {}, []

    def one(i: int) -> Any:
        _inside.set(True)
        try:
            with as_here():
                return _worked(jobs[i], parts[i])
        except BaseException as error:
            failed.append(error)
            ended.set()  # before this thread takes the next job
            raise

    pool = ThreadPoolExecutor(at_once, thread_name_prefix="training")
    try:
        for i in sorted(range(len(jobs)), key=lambda i: -jobs[i].length):
            futures[i] = pool.submit(contextvars.copy_context().run, one, i)
        wait(futures.values(), return_when=FIRST_EXCEPTION)
        if failed:
            raise failed[0]
    finally:
        ended.set()
        pool.shutdown(cancel_futures=True)
    return [futures[i].result() for i in range(len(jobs))]
