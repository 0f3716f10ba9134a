"""What every estimate of information is made of: sums of entropies of columns on the same folds and noise.

    sum_p k_p S(z_p | w_p),    p columns of the table z and given ones, k_p its coefficient (+-1)

row by row, so that errors cancel and the standard error is that of the sum. Source: theory section 6 (this project).
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import jax
import numpy as np

from thermodiff.array_types import Key
from thermodiff.information.cross_fitting.cross_fit import cross_fit
from thermodiff.information.cross_fitting.folds import CrossFitting, Fold, split_folds
from thermodiff.information.cross_fitting.half_effort import FoldRows, Part
from thermodiff.information.cross_fitting.judged_rows import Rows, added, in_order
from thermodiff.information.report import Information, Pointwise, total_error
from thermodiff.information.warnings import (
    few_rows_warning,
    missing_warning,
    spread_warning,
    training_warning,
)
from thermodiff.numerics.estimates import estimate_rows
from thermodiff.training.jobs import Plan, joined, run_plans

READINGS = ("quadratic", "divergence", "denoising")


def report_readings(quantity: str, values: dict[str, np.ndarray], terms: dict[str, float]) -> Information:
    """The denoising reading, between the smallest and the largest of the three; values (n,) of each, by name.

    What the Gaussian ``terms`` are too large by is the term ``negentropy``.
    """
    readings = {name: estimate_rows(v) for name, v in values.items()}
    means = sorted(float(e.mean) for e in readings.values())
    bracket = (means[0], means[-1])
    best = values["denoising"]
    return Information(
        quantity,
        float(best.mean()),
        total_error(best, bracket),
        len(best),
        bracket,
        {**terms, "negentropy": sum(terms.values()) - float(best.mean())},
        readings,
        tuple(spread_warning(values["quadratic"], best)),
        pointwise=Pointwise(best, 0.0),
    )


Summed = tuple[dict[Part, list[FoldRows]], Rows]
"""The folds' answers for each part, and the rows of the sum."""


def cross_fitted_sum(
    key: Key,
    z: np.ndarray,
    coefficients: dict[Part, float],
    settings: CrossFitting,
    normal: frozenset[Part] = frozenset(),
    folds: list[Fold] | None = None,
    map_columns: bool = False,
) -> Plan:
    """The trainings that cross-fit each part on the same folds and noise; they make a ``Summed`` of these coefficients.

    ``folds`` are drawn at random unless they are given, as rows in the order of time need. Parts in ``normal`` need no
    network.
    """
    seed = int(jax.random.randint(key, (), 0, 2**31 - 1))
    folds = folds or split_folds(seed, len(z), settings)
    plans = [cross_fit(key, z, part, folds, settings, part in normal, map_columns) for part in coefficients]

    def made(found: list[list[FoldRows]]) -> Summed:
        answers = dict(zip(coefficients, found, strict=True))
        rows = added((c, in_order(answers[part], len(z), part.dim)) for part, c in coefficients.items())
        return answers, rows

    return joined(plans, made)


def trained_at_once(plans: Sequence[Plan], progress: bool) -> list[Any]:
    """What each plan makes of its trainings; where they are shown they are counted."""
    return run_plans(plans, "trainings", progress)


def gaussian_entropy_of(answers: list[FoldRows]) -> float:
    """The entropy by the Gaussians alone, without their bias (nats, after the marginal map)."""
    rows = np.concatenate([a.whole.gaussian_entropy - a.trained.bias for a in answers])
    return float(rows.mean())


def report(
    quantity: str, rows: Rows, terms: dict[str, float], warnings: list[str], **more: float
) -> Information:
    """What the rows' best values say, between the ends of their bracket; ``more`` goes to ``total_error``."""
    readings = {
        "quadratic": estimate_rows(rows.quadratic),
        "divergence": estimate_rows(rows.divergence),
        "denoising": estimate_rows(rows.held_out),
    }
    best = rows.best
    return Information(
        quantity,
        float(best.mean()),
        total_error(best, rows.bracket, **more),
        len(best),
        rows.bracket,
        terms,
        readings,
        tuple(warnings),
        pointwise=Pointwise(rows.held_out, float(best.mean() - rows.held_out.mean())),
    )


def warnings_of(
    z: np.ndarray, answers: dict[Part, list[FoldRows]], rows: Rows, settings: CrossFitting
) -> list[str]:
    """What to distrust: few rows (n, d), how the trainings ended, how the readings and brackets agree."""
    n, d = z.shape
    trained = [a.trained for folds in answers.values() for a in folds if a.trained.score is not None]
    return [
        *few_rows_warning(n, d),
        *training_warning([t.best_step for t in trained], settings.for_rows(n).training.steps),
        *spread_warning(rows.quadratic, rows.held_out),
        *missing_warning(rows.missing, rows.doubt, d),
    ]
