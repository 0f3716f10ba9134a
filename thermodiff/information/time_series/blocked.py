"""Sums of entropies of rows in the order of time: folds are stretches with gaps, errors come from blocks.

Neighbouring rows share values and remember one another, so a network that is trained on one knows the other. Rows
within a gap of those that judge or stop a network do not train it; the gap is the reach of a row in time and a block of
the series more (``numerics.block_errors``). Values of rows are averaged with the error of dependent values. Source:
this project; blocks as in Politis & White (2004).
"""

from __future__ import annotations

import dataclasses
from collections.abc import Sequence

import numpy as np

from thermodiff.array_types import Key
from thermodiff.information.arguments import check_no_function
from thermodiff.information.cross_fitting.folds import CrossFitting, Fold
from thermodiff.information.cross_fitting.half_effort import FoldRows, Part
from thermodiff.information.cross_fitting.judged_rows import Rows
from thermodiff.information.entropy_sums import (
    cross_fitted_sum,
    gaussian_entropy_of,
    report,
    warnings_of,
)
from thermodiff.information.report import Information
from thermodiff.information.warnings import tail_warning
from thermodiff.numerics.block_errors import block_length, estimate_dependent
from thermodiff.training.jobs import Plan, joined
from thermodiff.validation import complain

FEWEST_TRAINING = 40


def gap_of(series: np.ndarray, reach: int) -> int:
    """Rows between what judges and what trains a network: the ``reach`` of a row and the longest block of a column."""
    return reach + max(block_length(column) for column in series.T)


def folds_in_time(n: int, gap: int, settings: CrossFitting) -> list[Fold]:
    """Each fold holds out one of K stretches of n rows, is stopped by a part of the next, and trained on the others.

    All train on as many rows, and half the effort on the earlier half of these. Raises ValueError where gaps leave too
    few.
    """
    stretches = np.array_split(np.arange(n), settings.folds)
    stopping = max(2, round(settings.validation * (n // settings.folds)))
    parts = []
    for k, held_out in enumerate(stretches):
        following = stretches[(k + 1) % settings.folds]
        validation = following[gap : gap + stopping]
        away = np.ones(n, dtype=bool)
        for judged in (held_out, validation):
            if len(judged):
                away[max(0, judged[0] - gap) : judged[-1] + gap + 1] = False
        parts.append((held_out, validation, np.flatnonzero(away)))
    most = min(len(training) for *_, training in parts)
    if most < FEWEST_TRAINING or min(len(validation) for _, validation, _ in parts) < stopping:
        need = f"a longer series: each of {settings.folds} folds leaves a gap of {gap} around what it judges"
        raise complain("rows", f"{n} of them in time", need)
    return [
        Fold(held, validation, training[:most], training[: most // 2]) for held, validation, training in parts
    ]


def blocked_sum(
    key: Key,
    quantity: str,
    z: np.ndarray,
    called: Sequence[str],
    coefficients: dict[Part, float],
    normal: frozenset[Part],
    gap: int,
    settings: CrossFitting,
) -> Plan:
    """A sum of entropies in which the units of the coordinates cancel, of rows z (n, D) in the order of time.

    The columns of z are ``called`` so (D,) in messages. The plan makes an ``Information``.
    """
    check_no_function(z, called)
    folds = folds_in_time(len(z), gap, settings)
    plan = cross_fitted_sum(key, z, coefficients, settings, normal, folds)
    return joined([plan], lambda summed: _dependent(quantity, z, called, coefficients, settings, *summed[0]))


def _dependent(
    quantity: str,
    z: np.ndarray,
    called: Sequence[str],
    coefficients: dict[Part, float],
    settings: CrossFitting,
    answers: dict[Part, list[FoldRows]],
    rows: Rows,
) -> Information:
    """What the rows say, with the errors of dependent values."""
    gaussian = sum(c * gaussian_entropy_of(answers[part]) for part, c in coefficients.items())
    terms = {"gaussian": gaussian, "beyond gaussian": float(rows.best.mean()) - gaussian}
    warnings = [*warnings_of(z, answers, rows, settings), *tail_warning(z, called)]
    answer = report(quantity, rows, terms, warnings)
    sampling = estimate_dependent(rows.best).stderr
    readings = {"quadratic": rows.quadratic, "divergence": rows.divergence, "denoising": rows.held_out}
    return dataclasses.replace(
        answer,
        stderr=float(np.hypot(sampling, rows.doubt)),
        readings={name: estimate_dependent(values) for name, values in readings.items()},
        block=block_length(rows.best),
    )
