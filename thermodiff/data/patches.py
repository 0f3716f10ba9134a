"""Patches of scikit-learn's two photographs: rows of 64 grey values, with and without their mean.

Strips of the photographs are kept apart, so that no pixel is in a training row and in a test row.
"""

from __future__ import annotations

import numpy as np

from thermodiff.data.dequantisation import dequantise
from thermodiff.data.tables import NamedData, Table
from thermodiff.runtime.extras import from_extra

PATCH = 8
STRIP = 64
"""Photographs are cut into strips of so many pixel columns; patches lie inside one."""
TEST_STRIPS = (2, 7)
PATCHES = {"training": 16000, "test": 4000}
GREY = np.array([0.299, 0.587, 0.114])
"""Weights of red, green and blue in a grey value."""


def patches() -> NamedData:
    """8 x 8 grey patches at random places of the two photographs."""
    rng = np.random.default_rng(0)
    datasets = from_extra("data", "sklearn.datasets", "patches")
    photographs = [np.round(p @ GREY) for p in datasets.load_sample_images().images]
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


def patches_without_mean() -> NamedData:
    """The patches' cosine coefficients but the first: 63 orthonormal coordinates of what the mean leaves."""
    whole = patches()
    rows, training, test = (_without_mean(part) for part in (whole.table.values, whole.training, whole.test))
    note = (
        "each less its mean, in the 63 orthonormal cosines that are left: entropy per 63-dimensional volume"
    )
    table = Table(rows, None, "patches_without_mean (scikit-learn)")
    return NamedData(table, training, test, whole.log_steps, (*whole.notes, note))


def _without_mean(patches: np.ndarray) -> np.ndarray:
    from scipy.fft import dctn  # slow to import

    squares = patches.reshape(-1, PATCH, PATCH)
    return dctn(squares, axes=(1, 2), norm="ortho").reshape(len(patches), -1)[:, 1:]
