"""How long it takes until something can be done: commands and imports, each in a new process."""

from __future__ import annotations

import subprocess
import sys

from experiments.benchmark_rows import Row, row_of
from experiments.paired_timing import by_turns

NUMPY = ("-c", "import numpy")
"""What a start is measured in."""


def start(command: tuple[str, ...], pairs: int, yardstick: tuple[str, ...] = NUMPY) -> Row:
    """``python COMMAND`` as a multiple of ``python YARDSTICK``, by turns."""
    return row_of(by_turns(lambda: _run(command), lambda: _run(yardstick), pairs), speedup=False)


def _run(arguments: tuple[str, ...]) -> None:
    subprocess.run([sys.executable, *arguments], capture_output=True, check=True)
