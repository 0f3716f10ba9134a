"""Problems made up: difficulties p from mixtures of beta distributions, whose pass@k is known exactly."""

from __future__ import annotations

from typing import Literal, get_args

import numpy as np
from scipy.special import betaln

Scenario = Literal["easy", "hard", "bimodal", "rare hard"]
Problems = Literal["drawn", "fixed"]
"""What pass@k is of: the population that the problems were drawn from, or these very problems."""

SCENARIOS: dict[Scenario, list[tuple[float, float, float]]] = {
    "easy": [(1.0, 6.0, 2.0)],
    "hard": [(1.0, 0.5, 8.0)],
    "bimodal": [(1.0, 0.3, 0.3)],
    "rare hard": [(0.9, 8.0, 2.0), (0.1, 1.0, 30.0)],
}
"""Beta distributions of p: (weight, alpha, beta)."""
PROBLEMS: tuple[Problems, ...] = get_args(Problems)


def draw_rates(scenario: Scenario, M: int, rng: np.random.Generator) -> np.ndarray:
    """The chances p of M problems, (M,)."""
    weights, alphas, betas = np.array(SCENARIOS[scenario]).T
    kind = rng.choice(len(weights), M, p=weights)
    return rng.beta(alphas[kind], betas[kind])


def failure_moment(scenario: Scenario, powers: np.ndarray) -> np.ndarray:
    """E (1-p)^s over the population, s of any shape; pass@k is 1 less that of s = k."""
    return sum(w * np.exp(betaln(a, b + powers) - betaln(a, b)) for w, a, b in SCENARIOS[scenario])
