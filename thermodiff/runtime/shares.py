"""Parts of some work that is shown while it runs, done one after another or at once in threads of their own."""

from __future__ import annotations

import contextlib
import threading
from collections.abc import Iterator, Sequence
from typing import Any

from thermodiff.runtime.progress import OUTERMOST, Shown, shown


class OthersFailedError(Exception):
    """This part of some work has ended because another one failed, or all were interrupted."""


class Share:
    """A part of some work, as a context; what is done inside moves the ``whole`` on by ``size`` of its units.

    ``whole`` is None where nothing is shown. Once ``ended`` is set, the next word of this part raises
    ``OthersFailedError``.
    """

    def __init__(self, whole: Shown | None, size: float, ended: threading.Event | None = None) -> None:
        self._whole, self._size, self._ended, self._done = whole, size, ended, 0.0

    def __enter__(self) -> None:
        self.add(0.0, None)
        self._token = OUTERMOST.set(self)

    def __exit__(self, kind: Any, *_: Any) -> None:
        OUTERMOST.reset(self._token)
        if kind is None:
            self.add(1.0, None)

    def part(self, fraction: float) -> None:
        """A training inside has got so far; a second one says nothing new until it has got further."""
        self.reach(fraction, "training" if fraction > 0 else "compiling")

    def inner_finished(self) -> None:
        """A training inside has ended."""
        self.add(0.0, "evaluating")

    def stage(self, name: str) -> None:
        """This is at work now."""
        self.add(0.0, name)

    def reach(self, fraction: float, message: str) -> None:
        """So much of this part is done."""
        self.add(fraction - self._done, message)

    def add(self, units: float, message: str | None) -> None:
        """So much more of this part is done; it never goes back, nor beyond its end."""
        if self._ended is not None and self._ended.is_set():
            raise OthersFailedError
        step = min(max(units, 0.0), 1.0 - self._done)
        self._done += step
        if self._whole is not None:
            self._whole.add(self._size * step, message)


@contextlib.contextmanager
def shares(
    title: str, sizes: Sequence[float], bar: bool, ended: threading.Event, count: int | None = None
) -> Iterator[list[Share]]:
    """A ``Share`` for each of several parts, of these sizes relative to one another; shown if ``bar``.

    Shown as ``count`` units, or one for each part that has a size. Inside other work that is shown all of them are one
    unit of that.
    """
    outer, whole = OUTERMOST.get(), sum(sizes) or 1.0
    counted = sum(size > 0 for size in sizes) if count is None else count
    if outer is not None or not bar:
        yield [Share(outer, size / whole, ended) for size in sizes]
        return
    with shown(title, counted, "compiling") as watched:
        yield [Share(watched, counted * size / whole, ended) for size in sizes]
        watched.tell(counted, watched.message)


@contextlib.contextmanager
def portion(size: float) -> Iterator[None]:
    """What is done inside is this fraction of the part that it is in, if any is shown."""
    outer = OUTERMOST.get()
    with contextlib.nullcontext() if outer is None else Share(outer, size):
        yield


def so_far(fraction: float, message: str) -> None:
    """The part of some shown work that this is in has got so far; nothing where it is in none."""
    outer = OUTERMOST.get()
    if isinstance(outer, Share):
        outer.reach(fraction, message)
