"""A chain on the line, on a grid: where steps lead, and the law that they carry from the start to the sample.

The nodes are no farther apart than the narrowest step is wide, so that the trapezoid rule for a Gaussian is off by less
than 1e-8 of its mass; a cell that the edge of a reward cuts counts by the share of it that is correct.
"""

from __future__ import annotations

from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
import numpy as np

from thermodiff.array_types import Score
from thermodiff.exploration.diffusion_policy.reverse_chain import ReverseChain
from thermodiff.numerics.estimates import as_float64
from thermodiff.validation import complain

PARTS_OF_A_CELL = 1024
FEWEST_DEVIATIONS = 6.0
FEWEST_NODES, MOST_NODES = 801, 6001


class Grid(NamedTuple):
    """Nodes x (n,), their distance, and which share of each cell is correct (n,)."""

    x: np.ndarray
    spacing: float
    correct: np.ndarray


def extent_of(chain: ReverseChain, *scores: Score) -> float:
    """The largest |x| of a grid: six deviations of the start, and a third more than the farthest of 4096 paths."""
    start = FEWEST_DEVIATIONS * float(chain.start_std)
    _nodes(chain, start)  # too many already: said before paths are drawn
    farthest = max(float(_farthest(chain, score)) for score in scores)
    return max(start, 4 / 3 * farthest)


@jax.jit
def _farthest(chain: ReverseChain, score: Score) -> Any:
    return jnp.abs(chain.draw(jax.random.key(0), score, 4096, 1)).max()


def grid_for(chain: ReverseChain, reward: Any, extent: float) -> Grid:
    """Nodes from -extent to extent, at most the width of the narrowest step apart, and where the reward is 1.

    Raises ValueError for a reward with other values than 0 and 1, and for steps so narrow that the nodes are too many.
    """
    n = _nodes(chain, extent)
    x, spacing = np.linspace(-extent, extent, n, retstep=True)
    inside = (np.arange(PARTS_OF_A_CELL) + 0.5) / PARTS_OF_A_CELL - 0.5
    points = (x[:, None] + spacing * inside).reshape(-1, 1)
    values = as_float64(jax.vmap(reward)(jnp.asarray(points, dtype=float)))
    if not np.isin(values, (0.0, 1.0)).all():
        raise complain("reward", f"a value of {values[~np.isin(values, (0, 1))][0]:g}", "0 or 1 everywhere")
    return Grid(x, float(spacing), values.reshape(n, -1).mean(axis=1))


def _nodes(chain: ReverseChain, extent: float) -> int:
    narrowest = float(jnp.min(chain.std))
    n = max(2 * int(np.ceil(extent / narrowest)) + 1, FEWEST_NODES)
    if n > MOST_NODES:
        need = f"{2 * extent / MOST_NODES:.2g} or wider for a grid to {extent:.3g}"
        raise complain("chain", f"steps as narrow as {narrowest:.2g}", need)
    return n


@jax.jit
def _means(chain: ReverseChain, score: Score, x: Any) -> Any:
    def one(k: Any) -> Any:
        return jax.vmap(lambda at: chain.mean(score, at[None], k)[0])(x)

    return jax.lax.map(one, jnp.arange(chain.steps))


def means_on(grid: Grid, chain: ReverseChain, score: Score) -> np.ndarray:
    """mu of every step at every node, (T, n)."""
    return as_float64(_means(chain, score, jnp.asarray(grid.x, dtype=float)))


def start_on(grid: Grid, chain: ReverseChain) -> np.ndarray:
    """The density of x_T at the nodes."""
    s = float(chain.start_std)
    return np.exp(-0.5 * (grid.x / s) ** 2) / np.sqrt(2 * np.pi * s**2)


def kernel(grid: Grid, mean: np.ndarray, std: float) -> np.ndarray:
    """N(x_j; mean_i, std^2) spacing: the chance of cell j after a step from node i, (n, n)."""
    z = (grid.x - mean[:, None]) / std
    return np.exp(-0.5 * z**2) * (grid.spacing / np.sqrt(2 * np.pi * std**2))


def densities(grid: Grid, chain: ReverseChain, means: np.ndarray) -> list[np.ndarray]:
    """The density of x before each step and of the sample, T + 1 arrays (n,), of Gaussian steps with these means."""
    laws = [start_on(grid, chain)]
    for mean, std in zip(means, as_float64(chain.std), strict=True):
        laws.append(laws[-1] @ kernel(grid, mean, std))
    return laws
