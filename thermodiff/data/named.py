"""Real data by name, made samples of a density, in a fixed split: the same arrays wherever they are asked for.

All come with scikit-learn. What was measured in steps (counts, tenths, thousandths) gets uniform noise of one step, so
that H(discrete) = S(samples) - sum ln step; what has no density even then is left out. ``notes`` say what was done.
Tables are shuffled first and dequantised next, by one generator of seed 0; four fifths of the rows are for training.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

from thermodiff.data.dequantisation import dequantise
from thermodiff.data.patches import patches, patches_without_mean
from thermodiff.data.tables import NamedData, Table
from thermodiff.runtime.extras import from_extra
from thermodiff.validation import complain

TRAINING = 0.8


def named_data(name: str) -> NamedData:
    """The data set ``name``, one of ``NAMES``.

    Raises ValueError for another name, or without scikit-learn.
    """
    if name not in _MAKERS:
        raise complain("name", f"{name!r}", f"one of {', '.join(NAMES)}")
    return _MAKERS[name]()


def _digits() -> NamedData:
    data, _ = from_extra("data", "sklearn.datasets", "digits").load_digits(return_X_y=True)
    counts = Table(np.asarray(data), None, "digits (scikit-learn)")
    return _shuffled(counts, 1.0, ["8 x 8 counts from 0 to 16, with uniform noise of one count"])


def _iris() -> NamedData:
    return _shuffled(
        _table("iris"), 0.1, ["lengths in tenths of a centimetre, with uniform noise of one tenth"]
    )


def _wine() -> NamedData:
    steps = np.full(13, 0.01)
    steps[3], steps[[4, 12]] = 0.1, 1.0
    notes = [
        "uniform noise of one step: 0.1 in column 3, 1 in columns 4 and 12, 0.01 in the others",
        "one value of column 9 and one of column 10 had more digits and were rounded",
    ]
    return _shuffled(_rounded(_table("wine"), steps), steps, notes)


def _breast_cancer() -> NamedData:
    table = _table("breast_cancer")
    concave = table.values[:, 6] > 0
    notes = [
        f"{np.sum(~concave)} rows left out, whose concavity is exactly zero: they have no density",
        "uniform noise of the last digit of each column",
    ]
    return _shuffled(table._replace(values=table.values[concave]), None, notes)


def _diabetes() -> NamedData:
    """Age, bmi, blood pressure, s1, s3, triglycerides and s6."""
    table = _table("diabetes", scaled=False)
    values = table.values[:, [0, 2, 3, 4, 6, 8, 9]].copy()
    values[:, 5] = np.exp(values[:, 5])
    names = ("age", "bmi", "bp", "s1", "s3", "exp(s5)", "s6")
    steps = np.array([1.0, 0.1, 1.0, 1.0, 1.0, 1.0, 1.0])
    notes = [
        "left out: sex (two values), s2 (s1 - s3 - exp(s5)/5 in 99 % of the rows) and s4 (29 % are 3)",
        "s5, the logarithm of a whole number, is that number; bp and s3, whole in most rows, are rounded",
        "uniform noise of one step: 0.1 in bmi, 1 in the others",
    ]
    return _shuffled(_rounded(Table(values, names, table.source), steps), steps, notes)


def _table(name: str, **options: Any) -> Table:
    loaded = getattr(from_extra("data", "sklearn.datasets", name), f"load_{name}")(**options)
    columns = tuple(str(column) for column in loaded.feature_names)
    return Table(np.asarray(loaded.data), columns, f"{name} (scikit-learn)")


def _rounded(table: Table, steps: np.ndarray) -> Table:
    return table._replace(values=np.round(table.values / steps) * steps)


def _shuffled(table: Table, step: Any, notes: list[str]) -> NamedData:
    """Order first, noise next, from one generator; noise is added before the rows are put in order."""
    rng = np.random.default_rng(0)
    order = rng.permutation(len(table.values))
    noisy = dequantise(rng, table.values, step)
    rows, cut = noisy.samples[order], int(TRAINING * len(order))
    return NamedData(
        table._replace(values=rows), rows[:cut], rows[cut:], float(noisy.log_steps.sum()), tuple(notes)
    )


_MAKERS: dict[str, Callable[[], NamedData]] = {
    "digits": _digits,
    "iris": _iris,
    "wine": _wine,
    "breast_cancer": _breast_cancer,
    "diabetes": _diabetes,
    "patches": patches,
    "patches_without_mean": patches_without_mean,
}
NAMES = tuple(_MAKERS)
