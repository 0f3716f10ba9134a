"""What work tells of itself while it runs: to a callback, and to people who wait for it.

On a terminal a bar on stderr; where stderr is a file or a pipe a line there within two seconds, and then ever more
seldom, down to one a minute. Before the first report of a training its program is compiled, and the line says so.
Only the outermost of nested work is shown; a training inside moves it on by a part. Work of several parts at once:
``runtime.shares``.
"""

from __future__ import annotations

import contextlib
import sys
import threading
import time
from collections.abc import Callable, Iterator
from contextvars import ContextVar
from typing import Any, NamedTuple, Protocol, runtime_checkable

import numpy as np


class Report(NamedTuple):
    """What a callback is told after each chunk: steps made, mean loss of the chunk, validation loss (NaN if none).

    The losses are scalars, or of shape (S,) in a sweep.
    """

    step: int
    loss: np.ndarray
    validation: np.ndarray

    def __str__(self) -> str:
        validated = np.isfinite(self.validation).any()
        loss, name = (self.validation, "validation loss") if validated else (self.loss, "loss")
        return f"{name} {np.nanmean(loss):.4g}"


Callback = Callable[[Report], None]
FIRST_LINE, LINE_EVERY = 1.0, 60.0
"""Seconds until a log gets its first line, and between lines in the end; from the one to the other they double."""


class Watched:
    """How far some work is, and the words for it. ``total`` is None where nothing can be counted."""

    def __init__(self, title: str, total: int | None, message: str) -> None:
        self.title, self.total, self.message = title, total, message
        self.done = 0.0
        self._counted, self._inner, self._staged = 0, 0, False
        self._start = self._last = time.monotonic()
        self._first: tuple[float, float] | None = None
        self._lock = threading.Lock()

    def tell(self, done: int, message: str) -> None:
        """So many units are done."""
        self._counted, self._inner = done, 0
        self._move(float(done), message)

    def part(self, fraction: float) -> None:
        """A training inside the unit now at work has got so far.

        How many more there will be is not known: the first is taken for half of the unit, the next for a quarter.
        """
        message = "training" if fraction > 0 else "compiling"
        self._move(self._counted + 1 - 0.5**self._inner * (1 - 0.5 * fraction), message)

    def inner_finished(self) -> None:
        """A training inside has ended; it may have stopped early."""
        self.part(1.0)
        self._inner, self.message = self._inner + 1, "evaluating"

    def add(self, units: float, message: str | None) -> None:
        """So many more are done, in whatever thread; None: what is said stays."""
        with self._lock:
            self._move(self.done + units, message or self.message)

    def stage(self, name: str) -> None:
        """This is at work now, and what was before it is done."""
        if self.total is None or not self._staged:
            self.message, self._staged = name, True
        else:
            self.tell(min(self._counted + 1, self.total), name)

    def _move(self, done: float, message: str) -> None:
        self.done, self.message, self._last = done, message, time.monotonic()
        if self._first is None and done > 0:
            self._first = (done, self._last)

    def left(self) -> float | None:
        """Seconds until the end at the pace since the first report; None where none is known, or it proved wrong.

        The pace is that since the start where there was but one report, and of stages, which differ in length.
        """
        if self.total is None or self._first is None:
            return None
        done, begin = self._first
        if self._staged or self.done == done:
            done, begin = 0.0, self._start
        at_last = (self.total - self.done) * (self._last - begin) / (self.done - done)
        left = at_last - (time.monotonic() - self._last)
        return left if left > 0 else None

    def __str__(self) -> str:
        words = [self.message, f"{_seconds(time.monotonic() - self._start)} so far"]
        left = self.left()
        return ", ".join(words if left is None else [*words, f"about {_seconds(left)} left"])

    def line(self) -> str:
        """For a log: what, how far, what it says, and the time."""
        done = f"{self.done:.0f}" if self.done == self._counted else f"{self.done:.1f}"
        counted = "" if self.total is None else f"{done} of {self.total}, "
        return f"{self.title}: {counted}{self}\n"


@runtime_checkable
class Shown(Protocol):
    """Some work that is shown, or a part of it."""

    def part(self, fraction: float) -> None:
        """A training inside has got so far."""

    def inner_finished(self) -> None:
        """A training inside has ended."""

    def stage(self, name: str) -> None:
        """This is at work now."""

    def add(self, units: float, message: str | None) -> None:
        """So much more is done."""


OUTERMOST: ContextVar[Shown | None] = ContextVar("thermodiff_watched", default=None)


def _seconds(seconds: float) -> str:
    return f"{seconds:.0f} s" if seconds < 100 else f"{seconds / 60:.0f} min"


@contextlib.contextmanager
def watchers(title: str, steps: int, bar: bool, callback: Callback | None) -> Iterator[Callback]:
    """Yields a function to be called with each ``Report``: it tells the callback, and those who wait if ``bar``.

    Inside other work that is shown it moves that on by a part, whatever ``bar``.
    """
    outer = OUTERMOST.get()
    with contextlib.ExitStack() as stack:
        told: list[Callback] = []
        if outer is not None:
            outer.part(0.0)
            told.append(lambda report: outer.part(report.step / steps))
            stack.callback(outer.inner_finished)
        elif bar:
            watched = stack.enter_context(shown(title, steps, "compiling"))
            told.append(lambda report: watched.tell(report.step, str(report)))
        told += [callback] if callback is not None else []

        def tell(report: Report) -> None:
            for listener in told:
                listener(report)

        yield tell


@contextlib.contextmanager
def shown(title: str, total: int | None, message: str) -> Iterator[Watched]:
    """Work that is shown while it runs, to be told how far it is."""
    outer = OUTERMOST.get()
    if outer is not None:  # one display at a time
        outer.stage(message if total is None else title)
        yield outer if isinstance(outer, Watched) else Watched(title, total, message)
        return
    watched = Watched(title, total, message)
    token = OUTERMOST.set(watched)
    try:
        with _drawn(watched) if sys.stderr.isatty() else _written(watched):
            yield watched
    finally:
        OUTERMOST.reset(token)


def stage(name: str) -> None:
    """Work that is shown somewhere outside has come to its next stage; nothing where none is."""
    outer = OUTERMOST.get()
    if outer is not None:
        outer.stage(name)


@contextlib.contextmanager
def _written(watched: Watched) -> Iterator[None]:
    """Lines on stderr, from a thread of its own: what is compiled says nothing of itself."""
    ended = threading.Event()

    def write() -> None:
        wait = FIRST_LINE
        while not ended.wait(wait):
            sys.stderr.write(watched.line())
            sys.stderr.flush()
            wait = min(2 * wait, LINE_EVERY)

    writer = threading.Thread(target=write, name="thermodiff progress", daemon=True)
    writer.start()
    try:
        yield
    finally:
        ended.set()
        writer.join()


@contextlib.contextmanager
def _drawn(watched: Watched) -> Iterator[None]:
    """A bar on stderr, redrawn by a thread of rich's, which asks ``watched`` for its words each time."""
    from rich.console import Console
    from rich.progress import BarColumn, MofNCompleteColumn, Progress, SpinnerColumn, TaskID, TextColumn

    class Bar(Progress):
        def get_renderables(self) -> Iterator[Any]:  # what rich draws, ten times a second
            for task in self.task_ids:
                self.update(TaskID(task), completed=watched.done)
            yield from super().get_renderables()

    counted = (SpinnerColumn(),) if watched.total is None else (BarColumn(), MofNCompleteColumn())
    columns = (TextColumn("{task.description}"), *counted, TextColumn("{task.fields[watched]}"))
    with Bar(*columns, console=Console(stderr=True), transient=watched.total is None) as progress:
        progress.add_task(watched.title, total=watched.total, watched=watched)
        yield
