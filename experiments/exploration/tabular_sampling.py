"""Natural steps of a free table made of groups of rollouts, and what their noise is expected to waste."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

from experiments.exploration.made_up_tables import Tables
from thermodiff.exploration.exchange.free_energy import least_cost_of_mean_accuracy
from thermodiff.exploration.methods.advantages import rloo_advantage
from thermodiff.exploration.policies.weights import sampled_weights


def sampled_step(
    tables: Tables, group: int, eta: float, rng: np.random.Generator
) -> Callable[[Any], np.ndarray]:
    """eta times the natural step of weights from ``group`` rollouts of every problem, new ones at each step."""

    def step(policy: Any) -> np.ndarray:
        weights = sampled_weights(rng, policy.log_probs(), tables.correct, group, rloo_advantage)
        return eta * policy.natural(weights)

    return step


def waste_of_sampling(tables: Tables, accuracy: float) -> Callable[[int], float]:
    """Of a group size G: the mean waste (nats) in units of eta/G, to first order in eta/G.

    The exact path raises the log-odds of every problem from 0 to lambda. Of the noise eta w/pi of a step the part that
    differs between responses y of one class is independent with variance eta^2 E[A^2 | class]/(G pi(y)), for leave-one-
    out advantages E[A^2 | correct] = q^2 + pq/(G - 1), E[A^2 | wrong] = p^2 + pq/(G - 1). Half its variance among the n
    responses of a class, summed over the path with d p = p q d lambda, is
        (eta/2G) p' (n_c - 1) [1/p - 1/p' - (1 - 1/(G-1)) ln(p'/p)] + (the same with q for p, and signs changed).
    """
    p = np.exp(np.where(tables.correct, np.where(tables.real, tables.log_probs, -np.inf), -np.inf)).sum(1)
    p_new = least_cost_of_mean_accuracy(p, accuracy).accuracy
    q, q_new = 1 - p, 1 - p_new
    right = tables.correct.sum(1) - 1
    wrong = (tables.real & ~tables.correct).sum(1) - 1

    def in_units(group: int) -> float:
        kept = 1 - 1 / (group - 1)
        among_correct = p_new * right * (1 / p - 1 / p_new - kept * np.log(p_new / p))
        among_wrong = q_new * wrong * (1 / q_new - 1 / q - kept * np.log(q / q_new))
        return float((among_correct + among_wrong).mean() / 2)

    return in_units
