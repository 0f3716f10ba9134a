"""How a part is to be learned, which rows that judge nothing decide: the maps of its columns, and the learning rate.

Both are tried on the first fold, with all its training rows, in a quarter of the steps: first rows as they are against
rows whose columns were made normal (``margins``), then slower and faster rates. What is likeliest on the fold's stopping
rows is taken for all folds and for half the effort. No constant serves all: a turned cube in eight dimensions (5 10^4
rows) is learned to 0.17 nats at half of the rate that leaves 0.25 of six columns with a sine at twice it. Source: this
project.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import partial

import numpy as np

from thermodiff.array_types import Key
from thermodiff.information.cross_fitting.folds import CrossFitting, Fold
from thermodiff.information.cross_fitting.margins import chosen_bins
from thermodiff.information.cross_fitting.one_fold import Approach, train

Runner = Callable[[Sequence[Callable[[], float]]], list[float]]
"""Calls functions that need nothing of one another, and gives what they return."""


def approach_of(
    key: Key, rows: np.ndarray, dim: int, fold: Fold, settings: CrossFitting, map_columns: bool, run: Runner
) -> Approach:
    """The best of those tried on rows (n, d + c), the last c of which are given.

    Columns are only mapped if ``map_columns``. A single column needs no network once it is, and nothing is tried.
    """
    if map_columns and rows.shape[1] == 1:
        return Approach(maps=True)
    config = settings.for_rows(len(rows)).part(4)

    def loss(approach: Approach) -> float:
        return train(key, rows, dim, fold.training, fold.validation, config, approach).stopping

    def losses(approaches: Sequence[Approach]) -> dict[Approach, float]:
        return dict(zip(approaches, run([partial(loss, a) for a in approaches]), strict=True))

    bent = map_columns and any(chosen_bins(column) for column in rows[fold.training].T)
    maps = [Approach(), Approach(maps=True)] if bent else [Approach()]
    rates = [rate for rate in settings.rates if rate != 1]
    if len(maps) == 1 and not rates:
        return maps[0]
    found = losses(maps)
    best = min(found, key=found.__getitem__)
    found |= losses([best._replace(rate=rate) for rate in rates])
    return min(found, key=found.__getitem__)
