"""How much effort the commands on information give each network."""

from __future__ import annotations

import dataclasses

from thermodiff.information.cross_fitting.folds import DEFAULT_TRAINING, CrossFitting


def cross_fitting(steps: int | None) -> CrossFitting:
    """The settings of the library, with at most so many training steps if that is given."""
    if steps is None:
        return CrossFitting(training=DEFAULT_TRAINING)
    chunk = min(steps, DEFAULT_TRAINING.chunk)
    return CrossFitting(training=dataclasses.replace(DEFAULT_TRAINING, steps=steps, chunk=chunk))
