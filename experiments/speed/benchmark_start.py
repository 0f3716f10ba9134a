"""How long it takes until something can be done: commands and imports, each in a new process."""

from __future__ import annotations

import subprocess
import sys
import tempfile

from experiments.speed.benchmark_training import Row, row_of
from experiments.speed.paired_timing import by_turns

NUMPY = ("-c", "import numpy")
"""What a start is measured in."""
FIGURES = ("-c", "import numpy, matplotlib.figure")
"""What a command that draws is measured in."""


def start(command: tuple[str, ...], pairs: int, yardstick: tuple[str, ...] = NUMPY) -> Row:
    """``python COMMAND`` as a multiple of ``python YARDSTICK``, by turns."""
    return row_of(by_turns(lambda: _run(command), lambda: _run(yardstick), pairs), speedup=False)


def exploration(pairs: int) -> Row:
    """``thermodiff explore deepscaler`` to its last written file, figures included."""
    with tempfile.TemporaryDirectory() as folder:
        return start(("-m", "thermodiff", "explore", "deepscaler", "--out", folder), pairs, FIGURES)


def _run(arguments: tuple[str, ...]) -> None:
    subprocess.run([sys.executable, *arguments], capture_output=True, check=True)
