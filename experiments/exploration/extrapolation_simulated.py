"""How often bounds of pass@k beyond the rollouts hold, on simulated rollouts; beside them, sup-t bands within."""

from __future__ import annotations

import numpy as np

from experiments.exploration.made_up_problems import Problems, Scenario, draw_rates, failure_moment
from thermodiff.exploration.extrapolation.moment_bounds import moment_bounds

ROLLOUTS = 16
"""Of each problem."""
KS = np.array([4, 16, 32, 128])
SUP_T_KS = np.array([1, 2, 4, 8, 16])


def coverage(
    scenario: Scenario, M: int, problems: Problems, repetitions: int, seed: int
) -> tuple[int, np.ndarray]:
    """In how many repetitions the 95 % bounds contain pass@k at all of ``KS`` at once, and mean widths."""
    rng = np.random.default_rng(seed)
    inside, widths = 0, np.zeros(len(KS))
    for _ in range(repetitions):
        p = draw_rates(scenario, M, rng)
        truth = (
            1 - failure_moment(scenario, KS) if problems == "drawn" else 1 - ((1 - p[:, None]) ** KS).mean(0)
        )
        low, high = moment_bounds(rng.binomial(ROLLOUTS, p), ROLLOUTS, KS, 0.95, problems == "fixed")
        inside += bool(np.all((low <= truth) & (truth <= high)))
        widths += (high - low) / repetitions
    return inside, widths


def sup_t_coverage(scenario: Scenario, M: int, repetitions: int, seed: int) -> int:
    """The same for mean q_k -+ sup-t standard errors (Gaussian multipliers), problems drawn, k = 1, 2, 4, 8, 16."""
    rng = np.random.default_rng(seed)
    n, ks = ROLLOUTS, SUP_T_KS
    table = np.ones((n + 1, len(ks)))
    for i, k in enumerate(ks):
        table[:, i] = np.prod([np.maximum(n - np.arange(n + 1) - j, 0) / (n - j) for j in range(k)], axis=0)
    truth, inside, normals = 1 - failure_moment(scenario, ks), 0, rng.standard_normal((4000, len(ks)))
    for _ in range(repetitions):
        q = table[rng.binomial(n, draw_rates(scenario, M, rng))]
        error = q.std(0, ddof=1) / np.sqrt(M)
        # Sums of the problems with Gaussian multipliers are Gaussians of the sample's correlations.
        factor = np.linalg.qr((q - q.mean(0)) / np.maximum(error, 1e-300) / np.sqrt(M * (M - 1)), mode="r")
        z = normals[:, : len(factor)] @ factor
        inside += bool(np.all(np.abs(1 - q.mean(0) - truth) <= np.quantile(np.abs(z).max(1), 0.95) * error))
    return inside
