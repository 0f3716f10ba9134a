"""What finitely many steps cost: the best policy of a fixed variance against the best of any shape, on the line.

With W_k(m) = E V_{k-1}(m + std_k xi) and V_0 = r/beta the best mean of a Gaussian step is
    V_k(x) = max_m [W_k(m) - (m - mu_ref(x))^2/(2 std_k^2)],      objective beta E V_T(x_T),
while a step of any shape reaches ln h_k(x) = ln E_ref h_{k-1}(x'), h_0 = exp(r/beta), by pi_ref h_{k-1}/h_k, which is
no Gaussian of the same variance. E ln h_T(x_T) falls short of ln Z = ln E h_T(x_T) where the start is remembered: the
bias of the value function of Domingo-Enrich et al. (2025), who prove that it vanishes for a memoryless schedule. Source
of the comparison: this project.
"""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np

from thermodiff.array_types import Score
from thermodiff.exploration.diffusion_policy.line import split
from thermodiff.exploration.diffusion_policy.line_grid import (
    Grid,
    densities,
    extent_of,
    grid_for,
    kernel,
    means_on,
    start_on,
)
from thermodiff.exploration.diffusion_policy.reverse_chain import ReverseChain
from thermodiff.exploration.diffusion_policy.rewards import as_reward
from thermodiff.exploration.diffusion_policy.tilt import indicator_tilt
from thermodiff.numerics.estimates import as_float64
from thermodiff.scores.callables import as_score
from thermodiff.validation import check_positive


class FiniteSteps(NamedTuple):
    """Accuracies, and objectives E r - beta KL(paths) in units of the reward; exact for the chain's own base law.

    ``base`` p; ``gaussian`` p' of the best policy of the chain's variances and its objective; ``any_shape`` those of
    the best policy of any steps from the same start; ``tilt`` those of p exp(r/beta)/Z, which also moves the start.
    """

    base: float
    gaussian: float
    gaussian_objective: float
    any_shape: float
    any_shape_objective: float
    tilt: float
    tilt_objective: float


def finite_step_optima(
    base: Score, chain: ReverseChain, reward: Any, beta: float, *, extent: float | None = None
) -> FiniteSteps:
    """The best that any fine-tuning of these steps can reach under an indicator reward, in one dimension.

    By dynamic programming on the grid of ``line_ledger``, whose arguments these are; ``beta`` > 0 weighs the divergence
    from ``base``. Raises ValueError as ``line_ledger``.
    """
    check_positive("beta", beta)
    base, reward = as_score(base, 1), as_reward(reward, 1)
    grid = grid_for(chain, reward, extent_of(chain, base) if extent is None else extent)
    means, std = means_on(grid, chain, base), as_float64(chain.std)
    start = start_on(grid, chain) * grid.spacing
    start /= start.sum()
    law = densities(grid, chain, means)[-1]
    best, value = _best_means(grid, means, std, beta)
    p, gaussian, *_ = split(grid, densities(grid, chain, best)[-1], law)
    log_h, correct = _any_shape(grid, means, std, beta)
    tilt = indicator_tilt(p, beta)
    return FiniteSteps(
        p,
        gaussian,
        float(beta * start @ value),
        float(start @ correct),
        float(beta * start @ log_h),
        tilt.reward,
        tilt.free_energy,
    )


def _best_means(grid: Grid, means: np.ndarray, std: np.ndarray, beta: float) -> tuple[np.ndarray, np.ndarray]:
    """The best mean of every step at every node, (T, n), and V_T (n,)."""
    value, best = grid.correct / beta, np.empty_like(means)
    for k in reversed(range(len(std))):
        ahead = _expected(grid, grid.x, std[k], value)
        gain = ahead - (grid.x - means[k][:, None]) ** 2 / (2 * std[k] ** 2)
        best[k], value = _vertex(grid, gain)
    return best, value


def _vertex(grid: Grid, gain: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Place and value of the maximum of every row, by the parabola through the highest node and its neighbours."""
    top = np.clip(gain.argmax(axis=1), 1, len(grid.x) - 2)
    rows = np.arange(len(gain))
    below, at, above = gain[rows, top - 1], gain[rows, top], gain[rows, top + 1]
    bend = below - 2 * at + above
    shift = np.clip(np.divide(0.5 * (below - above), bend, where=bend < 0, out=np.zeros_like(at)), -1, 1)
    return grid.x[top] + shift * grid.spacing, at + 0.25 * shift * (above - below)


def _any_shape(grid: Grid, means: np.ndarray, std: np.ndarray, beta: float) -> tuple[np.ndarray, np.ndarray]:
    """ln h_T and the chance of a correct sample from each start, under the best steps of any shape; (n,) each."""
    odds = np.expm1(1 / beta)
    chance = grid.correct
    for k in reversed(range(len(std))):
        chance = _expected(grid, means[k], std[k], chance)
    return np.log1p(odds * chance), (1 + odds) * chance / (1 + odds * chance)


def _expected(grid: Grid, mean: np.ndarray, std: float, value: np.ndarray) -> np.ndarray:
    """E value(mean + std xi); beyond the grid's ends the value is that of the end."""
    chance = kernel(grid, mean, std)
    missing = np.maximum(1 - chance.sum(axis=1), 0.0)
    return chance @ value + missing * np.where(mean > 0, value[-1], value[0])
