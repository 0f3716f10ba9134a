"""A diffusion policy on the line, exactly: its law propagated on a grid, and the ledger of what a reward cost.

    KL of paths = sum_k E|mu - mu_ref|^2/(2 std_k^2) = KL of samples + KL of paths given the sample
    KL of samples = kl(p' || p) + p' KL(correct) + (1 - p') KL(wrong)
    H(x_0..x_T) = sum_k H(step k) + H(x_T) = H(x_0) + H(path | x_0), the first sum the same for every score

Nothing here is drawn; how fine the grid is, ``line_grid`` says.
"""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np
from scipy.special import xlogy

from thermodiff.array_types import Score
from thermodiff.exploration.diffusion_policy.line_grid import Grid, densities, extent_of, grid_for, means_on
from thermodiff.exploration.diffusion_policy.reverse_chain import ReverseChain
from thermodiff.exploration.diffusion_policy.rewards import as_reward
from thermodiff.exploration.exchange.cost import binary_divergence
from thermodiff.numerics.estimates import as_float64
from thermodiff.scores.callables import as_score
from thermodiff.validation import complain

MOST_LOST = 1e-4
"""Of the mass of the samples that may lie beyond the grid."""


class LineLedger(NamedTuple):
    """The ledger of a policy beside its base, exact numbers in nats; reward and base_reward in units of the reward.

    ``path_divergence`` = ``sample_divergence`` + ``hidden``; ``sample_divergence`` = ``paid`` + ``waste_right`` +
    ``waste_wrong``. ``path_entropy`` = ``sample_entropy`` + ``entropy_given_sample``. ``by_step`` (T,) are the parts of
    ``path_divergence`` in the order of the steps. ``x`` (n,), ``density`` and ``base_density`` (n,) are the laws of the
    samples, and ``lost`` what of their mass the grid did not hold.
    """

    base_accuracy: float
    accuracy: float
    path_divergence: float
    sample_divergence: float
    paid: float
    waste_right: float
    waste_wrong: float
    hidden: float
    path_entropy: float
    sample_entropy: float
    entropy_given_sample: float
    by_step: np.ndarray
    x: np.ndarray
    density: np.ndarray
    base_density: np.ndarray
    lost: float


def line_ledger(
    policy: Score, base: Score, chain: ReverseChain, reward: Any, *, extent: float | None = None
) -> LineLedger:
    """The ledger of a policy against its base in one dimension, by propagating both laws on a grid.

    ``policy`` and ``base`` are scores (x, t), with x and value of shape (1,); ``reward`` is 0 or 1, called with x of
    shape (1,); ``extent`` is the largest |x| of the grid, by default six standard deviations of the start, or a
    third more than 4096 paths reach. Raises ValueError for other scores and rewards, and
    where samples lie beyond the grid. Source: this project.
    """
    policy, base, reward = as_score(policy, 1), as_score(base, 1), as_reward(reward, 1)
    grid = grid_for(chain, reward, extent_of(chain, policy, base) if extent is None else extent)
    means, base_means = (means_on(grid, chain, score) for score in (policy, base))
    laws, base_law = densities(grid, chain, means), densities(grid, chain, base_means)[-1]
    weights = (means - base_means) ** 2 / (2 * as_float64(chain.std)[:, None] ** 2)
    by_step = np.array([grid.spacing * law @ w for law, w in zip(laws[:-1], weights, strict=True)])
    lost = float(1 - grid.spacing * min(laws[-1].sum(), base_law.sum()))
    if not lost < MOST_LOST:
        got = f"{grid.x[-1]:g}, beyond which lie {lost:.2g} of the samples of policy or base"
        raise complain("extent", got, "a larger one, or a policy that stays nearer")
    parts = split(grid, laws[-1], base_law)
    entropy, path_entropy = -grid.spacing * xlogy(laws[-1], laws[-1]).sum(), chain.entropy(1)
    samples = sum(parts[2:])
    return LineLedger(
        parts[0],
        parts[1],
        float(by_step.sum()),
        samples,
        *parts[2:],
        float(by_step.sum()) - samples,
        path_entropy,
        float(entropy),
        path_entropy - float(entropy),
        by_step,
        grid.x,
        laws[-1],
        base_law,
        lost,
    )


def split(grid: Grid, new: np.ndarray, old: np.ndarray) -> tuple[float, float, float, float, float]:
    """p, p', kl(p' || p), p' KL(correct) and (1 - p') KL(wrong) of two densities on the grid."""
    share = np.stack([grid.correct, 1 - grid.correct]) * grid.spacing
    (p_new, q_new), (p, q) = share @ new, share @ old
    log_ratio = np.log(np.maximum(new, 1e-300)) - np.log(np.maximum(old, 1e-300))
    right, wrong = share @ (new * log_ratio)
    p, p_new = p / (p + q), p_new / (p_new + q_new)
    paid_right, paid_wrong = xlogy(p_new, p_new / p), xlogy(1 - p_new, (1 - p_new) / (1 - p))
    paid = float(binary_divergence(p_new, p))
    return float(p), float(p_new), paid, float(right - paid_right), float(wrong - paid_wrong)
