"""What the experiments on information share: the library's setting by its sizes, and rows of estimates."""

from __future__ import annotations

import dataclasses
from itertools import product
from typing import Any

import thermodiff as td
from experiments.harness.types import Cell, Row
from thermodiff.information.cross_fitting.folds import DEFAULT_TRAINING


@dataclasses.dataclass(frozen=True)
class Sizes:
    """Of the cross-fitting: the library's own unless a preset is small, and then all four of a network's."""

    folds: int = 3
    steps: int | None = None
    batch_size: int | None = None
    width: int | None = None
    depth: int | None = None


SMALL: dict[str, int] = {"steps": 300, "batch_size": 256, "width": 64, "depth": 2}
"""Of a network that is trained in seconds."""


def settings(config: Sizes) -> td.CrossFitting:
    """The library's setting with the sizes of ``config``."""
    sizes = {name: getattr(config, name) for name in ("steps", "batch_size", "width", "depth")}
    given = {name: size for name, size in sizes.items() if size is not None}
    if not given:
        return td.CrossFitting(folds=config.folds)
    training = dataclasses.replace(DEFAULT_TRAINING, **given)
    chunk = max(1, min(DEFAULT_TRAINING.chunk, training.steps // 4))
    return td.CrossFitting(folds=config.folds, training=dataclasses.replace(training, chunk=chunk))


def family_cells(config: Any) -> list[Cell]:
    """Every family of ``names`` at every number of ``samples``, seed by seed."""
    return [
        {"family": name, "n": n, "seed": seed}
        for seed, n, name in product(config.seeds, config.samples, config.names)
    ]


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
