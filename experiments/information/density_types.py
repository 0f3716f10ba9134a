"""What a family of samples with known density is, and what several of them share; numpy only."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

Rng = np.random.Generator
Drawn = tuple[np.ndarray, np.ndarray]
Known = Callable[[Rng, int], Drawn]
"""A family: (rng, n) -> rows (n, d), ln p of each row (n,), nats."""


def rotation(d: int, seed: int) -> np.ndarray:
    """The same orthogonal matrix (d, d) for the same seed."""
    return np.linalg.qr(np.random.default_rng(seed).normal(size=(d, d)))[0]


def standard(e: np.ndarray) -> np.ndarray:
    """ln p of independent standard normal columns."""
    return -0.5 * np.sum(e**2 + np.log(2 * np.pi), axis=1)


def table(*families: Known) -> dict[str, Known]:
    """The families by the names of their functions."""
    return {family.__name__: family for family in families}
