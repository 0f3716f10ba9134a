"""Settings and laws that the tests of information share: one table size, so that what is compiled serves all files."""

from __future__ import annotations

import dataclasses

import numpy as np

import thermodiff as td
from thermodiff.information.cross_fitting.folds import DEFAULT_TRAINING

N = 900
SMALL = td.CrossFitting(
    training=dataclasses.replace(
        DEFAULT_TRAINING, steps=300, batch_size=128, width=32, depth=2, chunk=50, patience=4
    )
)


def gaussian_entropy(cov) -> float:
    return 0.5 * np.linalg.slogdet(2 * np.pi * np.e * np.atleast_2d(cov))[1]


def gaussian_rows(seed: int, mean, cov, n: int = N) -> np.ndarray:
    return np.random.default_rng(seed).multivariate_normal(mean, cov, n)
