"""Real data by name, made samples of a density, in a fixed split: the same arrays wherever they are asked for.

All come with scikit-learn. What was measured in steps (counts, tenths, thousandths) gets uniform noise of one step, so
that H(discrete) = S(samples) - sum ln step; what has no density even then is left out. ``notes`` say what was done.
Tables are shuffled first and dequantised next, by one generator of seed 0; four fifths of the rows are for training.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, NamedTuple

import numpy as np
from scipy.fft import dctn

from thermodiff.data_io import Table, load_digits, scikit_learn_datasets
from thermodiff.dequantisation import dequantise
from thermodiff.validation import complain

TRAINING = 0.8
PATCH = 8
STRIP = 64
"""Photographs are cut into strips of so many pixel columns; patches lie inside one."""
TEST_STRIPS = (2, 7)
PATCHES = {"training": 16000, "test": 4000}
GREY = np.array([0.299, 0.587, 0.114])
"""Weights of red, green and blue in a grey value."""


class NamedData(NamedTuple):
    """``table`` of all rows, training rows first; the ``training`` (n, d) and ``test`` (m, d) rows; what was done.

    ``log_steps`` is sum_j ln step_j in nats: what the entropy of the discrete data is less than that of the samples.
    """

    table: Table
    training: np.ndarray
    test: np.ndarray
    log_steps: float
    notes: tuple[str, ...]


def named_data(name: str) -> NamedData:
    """The data set ``name``, one of ``NAMES``.

    Raises ValueError for another name, or without scikit-learn.
    """
    if name not in _MAKERS:
        raise complain("name", f"{name!r}", f"one of {', '.join(NAMES)}")
    return _MAKERS[name]()


# --- tables ---------------------------------------------------------------------------------------


def _digits() -> NamedData:
    counts = load_digits()
    return _shuffled(counts, 1.0, ["8 x 8 counts from 0 to 16, with uniform noise of one count"])


def _iris() -> NamedData:
    return _shuffled(
        _table("iris"), 0.1, ["lengths in tenths of a centimetre, with uniform noise of one tenth"]
    )


def _wine() -> NamedData:
    steps = np.full(13, 0.01)
    steps[3], steps[[4, 12]] = 0.1, 1.0
    notes = [
        "uniform noise of one step: 0.1 in column 4, 1 in columns 5 and 13, 0.01 in the others",
        "one value of column 10 and one of column 11 had more digits and were rounded",
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
    loaded = getattr(scikit_learn_datasets(name), f"load_{name}")(**options)
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


# --- patches --------------------------------------------------------------------------------------


def _patches() -> NamedData:
    """8 x 8 grey patches at random places of the two photographs."""
    rng = np.random.default_rng(0)
    photographs = [np.round(p @ GREY) for p in scikit_learn_datasets("patches").load_sample_images().images]
    noisy = [dequantise(rng, p, 1.0).samples for p in photographs]
    parts = {kind: _drawn(rng, noisy, kind == "test", n) for kind, n in PATCHES.items()}
    strips = " and ".join(str(s + 1) for s in TEST_STRIPS)
    notes = (
        "8 x 8 patches of two photographs, grey values from 0 to 255, with uniform noise of one in each pixel",
        f"test patches lie in strips {strips} of every ten of {STRIP} columns, training patches in the others",
        "patches overlap and neighbours are alike: standard errors that take rows for independent are too small",
    )
    rows = np.concatenate(list(parts.values()))
    return NamedData(
        Table(rows, None, "patches (scikit-learn)"), parts["training"], parts["test"], 0.0, notes
    )


def _drawn(rng: np.random.Generator, photographs: list[np.ndarray], test: bool, n: int) -> np.ndarray:
    """Patches (n, 64) at n of the places, all unlike, that lie inside strips for testing, or for training."""
    found = []
    for photograph in photographs:
        windows = np.lib.stride_tricks.sliding_window_view(photograph, (PATCH, PATCH))
        left = np.arange(windows.shape[1])
        inside = left % STRIP <= STRIP - PATCH
        chosen = inside & (np.isin(left // STRIP, TEST_STRIPS) == test)
        found.append((windows, np.flatnonzero(chosen)))
    sizes = [len(columns) * windows.shape[0] for windows, columns in found]
    places = rng.choice(sum(sizes), size=n, replace=False)
    rows = []
    for (windows, columns), start, size in zip(found, np.cumsum([0, *sizes]), sizes, strict=False):
        here = places[(places >= start) & (places < start + size)] - start
        rows.append(windows[here // len(columns), columns[here % len(columns)]].reshape(-1, PATCH**2))
    return rng.permutation(np.concatenate(rows))


def _patches_without_mean() -> NamedData:
    """The patches' cosine coefficients but the first: 63 orthonormal coordinates of what the mean leaves."""
    whole = _patches()
    rows, training, test = (_without_mean(part) for part in (whole.table.values, whole.training, whole.test))
    note = (
        "each less its mean, in the 63 orthonormal cosines that are left: entropy per 63-dimensional volume"
    )
    table = Table(rows, None, "patches_without_mean (scikit-learn)")
    return NamedData(table, training, test, whole.log_steps, (*whole.notes, note))


def _without_mean(patches: np.ndarray) -> np.ndarray:
    squares = patches.reshape(-1, PATCH, PATCH)
    return dctn(squares, axes=(1, 2), norm="ortho").reshape(len(patches), -1)[:, 1:]


_MAKERS: dict[str, Callable[[], NamedData]] = {
    "digits": _digits,
    "iris": _iris,
    "wine": _wine,
    "breast_cancer": _breast_cancer,
    "diabetes": _diabetes,
    "patches": _patches,
    "patches_without_mean": _patches_without_mean,
}
NAMES = tuple(_MAKERS)
