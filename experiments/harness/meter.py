"""Progress on stderr."""

from __future__ import annotations

import contextlib
import sys
from collections.abc import Iterator
from typing import Any


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
