"""The figure of ``capability_boundary``, from its records alone."""

from __future__ import annotations

from pathlib import Path

from experiments.harness.types import Row


def draw(rows: list[Row], out: Path) -> tuple[Path, ...]:
    """pass@k against k, what was lost and gained, and accuracy against what it cost."""
    return ()
