"""What the experiments on information share: the library's setting by its sizes, and rows of estimates."""

from __future__ import annotations

import dataclasses
from typing import Any

import thermodiff as td
from experiments.harness.types import Row
from thermodiff.information.cross_fitting.folds import DEFAULT_TRAINING


@dataclasses.dataclass(frozen=True)
class Sizes:
    """Of the cross-fitting: the library's own unless a preset is small."""

    folds: int = 3
    steps: int = DEFAULT_TRAINING.steps
    batch_size: int = DEFAULT_TRAINING.batch_size
    width: int = DEFAULT_TRAINING.width
    depth: int = DEFAULT_TRAINING.depth


SMALL: dict[str, int] = {"steps": 300, "batch_size": 256, "width": 64, "depth": 2}
"""Of a network that is trained in seconds."""


def settings(config: Sizes) -> td.CrossFitting:
    """The library's setting with the sizes of ``config``."""
    sizes = {name: getattr(config, name) for name in ("steps", "batch_size", "width", "depth")}
    chunk = max(1, min(DEFAULT_TRAINING.chunk, config.steps // 4))
    training = dataclasses.replace(DEFAULT_TRAINING, **sizes, chunk=chunk)
    return td.CrossFitting(folds=config.folds, training=training)


def estimate_row(name: str, value: Any, truth: float) -> Row:
    """An estimate with its error bar, and how far it is from the truth."""
    row = {name: float(value.mean), f"{name}_stderr": float(value.stderr)}
    return {**row, f"{name}_error": float(value.mean) - truth}


def information_row(value: td.Information, truth: float) -> Row:
    """An ``Information`` in full, and whether its 90 % interval holds the truth."""
    low, high = value.interval(0.9)
    return {
        **estimate_row("score", value, truth),
        "covered": bool(low <= truth <= high),
        "bracket": list(value.bracket),
        "readings": {k: [float(v.mean), float(v.stderr)] for k, v in value.readings.items()},
        "warnings": list(value.warnings),
    }
