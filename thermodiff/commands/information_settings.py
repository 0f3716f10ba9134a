"""How much effort the commands on information give each network."""

from __future__ import annotations

import dataclasses

from thermodiff.information.cross_fitting.folds import DEFAULT_TRAINING, EFFORTS, CrossFitting


def cross_fitting(effort: str, steps: int | None) -> CrossFitting:
    """The settings by the name of an effort, with so many training steps instead of its own if that is given."""
    return shortened(CrossFitting.of(effort, EFFORTS), steps)


def shortened(settings: CrossFitting, steps: int | None) -> CrossFitting:
    """The same with so many training steps if that is given."""
    if steps is None:
        return settings
    training = settings.training or settings.least or DEFAULT_TRAINING
    chunk = min(steps, training.chunk)
    return dataclasses.replace(settings, training=dataclasses.replace(training, steps=steps, chunk=chunk))
