"""What makes two trainings the same, so that a checkpoint is resumed by the one that wrote it and by no other."""

from __future__ import annotations

import dataclasses
from typing import Any

import jax
import numpy as np

from thermodiff.runtime.digests import digest
from thermodiff.training.config import TrainingConfig
from thermodiff.training.problem import as_distribution


def fingerprint(key: Any, data: Any, process: Any, config: TrainingConfig, validation: Any) -> dict[str, str]:
    """One short string an entry of what a training depends on: the settings by name, the rest by hash.

    ``key`` and ``process`` may be several. A process is known by alpha and sigma at five times, a distribution by its
    arrays and sixteen draws.
    """
    settings = {f.name: getattr(config, f.name) for f in dataclasses.fields(config)}
    data, times = as_distribution(data), np.linspace(0.1, 0.9, 5, dtype=np.float32)
    processes = process if isinstance(process, list | tuple) else [process]
    curves = [[f(t) for t in times] for p in processes for f in (p.alpha, p.sigma)]
    return {name: getattr(value, "__qualname__", repr(value)) for name, value in settings.items()} | {
        "process": digest(np.round(np.log(curves), 4)),
        "data": digest(data, np.round(data.sample(jax.random.key(0), 16), 4)),
        "validation data": digest(getattr(validation, "array", validation)),
        "key": digest(key),
    }
