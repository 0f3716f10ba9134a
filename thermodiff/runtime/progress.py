"""What a training tells of itself while it runs: to a callback, and to people who watch a terminal."""

from __future__ import annotations

import contextlib
import sys
import time
from collections.abc import Callable, Iterator
from typing import NamedTuple

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
LINE_EVERY = 60.0


@contextlib.contextmanager
def watchers(title: str, steps: int, bar: bool, callback: Callback | None) -> Iterator[Callback]:
    """Yields a function to be called with each ``Report``: it tells the callback, and the bar if there is one.

    If ``bar`` there is one on stderr where that is a terminal, and elsewhere a line there, at most every ``LINE_EVERY``
    seconds.
    """
    told = [callback] if callback is not None else []
    with contextlib.ExitStack() as stack:
        if bar:
            drawn = _drawn_bar(title, steps) if sys.stderr.isatty() else _lines(title, steps)
            told.insert(0, stack.enter_context(drawn))

        def tell(report: Report) -> None:
            for listener in told:
                listener(report)

        yield tell


@contextlib.contextmanager
def _lines(title: str, steps: int) -> Iterator[Callback]:
    said = time.monotonic()

    def say(report: Report) -> None:
        nonlocal said
        if time.monotonic() - said >= LINE_EVERY:
            said = time.monotonic()
            sys.stderr.write(f"{title}: {report.step} of {steps}, {report}\n")
            sys.stderr.flush()

    yield say


@contextlib.contextmanager
def _drawn_bar(title: str, steps: int) -> Iterator[Callback]:
    from rich.console import Console
    from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn

    columns = (
        TextColumn("{task.description}"),
        BarColumn(),
        MofNCompleteColumn(),
        TimeRemainingColumn(),
        TextColumn("{task.fields[message]}"),
    )
    with Progress(*columns, console=Console(stderr=True)) as progress:
        task = progress.add_task(title, total=steps, message="")
        yield lambda report: progress.update(task, completed=report.step, message=str(report))
