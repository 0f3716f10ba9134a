"""How a part is to be learned, which stopping rows decide: the maps of its columns, and the learning rate.

Both are tried on the first fold, with all its training rows, in about a quarter of the steps: first rows as they are
against rows whose columns were made normal (``margins``), then slower and faster rates. What is likeliest on the fold's
stopping rows is taken for all folds and for half the effort. No constant serves all: what was tried is in
experiments/README.md. Rows of other folds see this choice among three or four, and nothing else: a thousandth of a nat
at 2000 rows. Source: this project.
"""

from __future__ import annotations

from collections.abc import Sequence
from functools import partial

import numpy as np

from thermodiff.array_types import Key
from thermodiff.information.cross_fitting.folds import CrossFitting, Fold
from thermodiff.information.cross_fitting.margins import chosen_bins
from thermodiff.information.cross_fitting.one_fold import Approach, train, training_cost
from thermodiff.training.fit import TrainingDivergedError
from thermodiff.training.jobs import Job, Plan, done

Losses = dict[Approach, float]


def approach_of(
    key: Key, rows: np.ndarray, dim: int, fold: Fold, settings: CrossFitting, map_columns: bool
) -> Plan:
    """Trials that make the best ``Approach`` to rows (n, d + c), the last c of which are given.

    Columns are only mapped if ``map_columns``; a single column then needs no network, and nothing is tried.
    """
    if map_columns and rows.shape[1] == 1:
        return done(Approach(maps=True))
    config = settings.for_rows(len(rows)).trial

    def trial(approach: Approach) -> float:
        """The stopping rows' -ln q; infinite where a training diverges, which another rate may not."""
        try:
            found = train(key, rows, dim, fold.training, fold.validation, config, approach).stopping
        except TrainingDivergedError:
            return np.inf
        return found if np.isfinite(found) else np.inf

    def trials(approaches: Sequence[Approach]) -> list[Job]:
        return [Job(partial(trial, a), training_cost(config, fold)) for a in approaches]

    def best_of(losses: Losses) -> Approach:
        return min(losses, key=losses.__getitem__)

    bent = map_columns and any(chosen_bins(column) for column in rows[fold.training].T)
    *rates, first = settings.rates
    maps = [Approach(maps, first) for maps in ((False, True) if bent else (False,))]
    if len(maps) == 1:
        every = [*maps, *(Approach(rate=rate) for rate in rates)]
        if len(every) == 1:
            return done(every[0])
        return Plan(trials(every), lambda found: best_of(dict(zip(every, found, strict=True))))

    def of_maps(found: list[float]) -> Plan:
        losses = dict(zip(maps, found, strict=True))
        others = [best_of(losses)._replace(rate=rate) for rate in rates]
        return Plan(trials(others), lambda more: best_of(losses | dict(zip(others, more, strict=True))))

    return Plan(trials(maps), of_maps, [training_cost(config, fold)] * len(rates))
