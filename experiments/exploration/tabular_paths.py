"""Policies with known gradients moved until their mean accuracy is what was asked for, and what that cost."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, NamedTuple

import numpy as np
from scipy.optimize import brentq

from experiments.exploration.made_up_tables import Tables
from experiments.harness.types import Row
from thermodiff.exploration.boundary.exact import exact_pass_at_k
from thermodiff.exploration.exchange.exact_cost import exact_cost_by_problem
from thermodiff.exploration.exchange.exact_entropies import exact_entropies
from thermodiff.exploration.exchange.free_energy import dissipated_work, free_energy
from thermodiff.exploration.exchange.identity import exchange_identity
from thermodiff.exploration.exchange.step_share import share_bought
from thermodiff.exploration.policies.weights import Objective, PassAtKGradient, PassAtKTraining, exact_weights

OBJECTIVES: dict[str, Objective] = {
    "REINFORCE": PassAtKGradient(1),
    "GRPO": PassAtKTraining(1),
    "pass@4 training": PassAtKTraining(4),
    "pass@4 gradient": PassAtKGradient(4),
}
K = 64
TEMPERATURE = 0.5
"""At which the identity of the free energy is checked."""
MOST_STEPS = 100_000


def exact_step(
    tables: Tables, geometry: str, objective: Objective, eta: float
) -> Callable[[Any], np.ndarray]:
    """eta times the step of the exact weights."""

    def step(policy: Any) -> np.ndarray:
        return eta * getattr(policy, geometry)(exact_weights(policy.log_probs(), tables.correct, objective))

    return step


class Path(NamedTuple):
    """Where a policy ended, and after how many steps, the last of which is only a part of one."""

    policy: Any
    steps: float


def chances(policy: Any, correct: np.ndarray) -> np.ndarray:
    """p of each problem."""
    return np.exp(np.where(correct, policy.log_probs(), -np.inf)).sum(1)


def climb(policy: Any, correct: np.ndarray, step: Callable[[Any], np.ndarray], accuracy: float) -> Path:
    """Steps until the mean accuracy is reached; the last one is shortened so that it is met exactly."""
    for number in range(MOST_STEPS):
        whole = step(policy)
        following = policy.moved(whole)
        if chances(following, correct).mean() >= accuracy:

            def excess(part: float, here: Any = policy, whole: np.ndarray = whole) -> float:
                return chances(here.moved(part * whole), correct).mean() - accuracy

            part = float(brentq(excess, 0, 1, xtol=1e-15))
            return Path(policy.moved(part * whole), number + part)
        policy = following
    raise RuntimeError(f"mean accuracy {chances(policy, correct).mean():.3f} after {MOST_STEPS} steps")


def ledger(tables: Tables, path: Path) -> Row:
    """Mean cost of a path and its parts, nats; pass@64; the share of problems whose p fell; residual of identities."""
    base, new = base_of(tables), path.policy.log_probs()
    cost = exact_cost_by_problem(base, new, tables.correct, real=tables.real)
    return {
        "steps": path.steps,
        "divergence": cost.divergence.mean(),
        "paid": cost.paid.mean(),
        "correct": cost.among_correct.mean(),
        "wrong": cost.among_wrong.mean(),
        "pass_at_k": exact_pass_at_k(cost.p_new, K).mean(),
        "lost": (cost.p_new < cost.p - 1e-12).mean(),
        "residual": residual(tables, new),
    }


def base_of(tables: Tables) -> np.ndarray:
    """ln pi_0, -inf where there is no response."""
    return np.where(tables.real, tables.log_probs, -np.inf)


def residual(tables: Tables, new: np.ndarray) -> float:
    """The largest amount by which an identity is missed on a problem: ledger, entropies, exchange, free energy."""
    base, correct, real = base_of(tables), tables.correct, tables.real
    cost = exact_cost_by_problem(base, new, correct, real=real)
    ends = [exact_entropies(table, correct, real=real) for table in (base, new)]
    among = [
        [np.where(end.p > 0, s, 0.0) for end, s in zip(ends, pair, strict=True)] for pair in _pairs(ends)
    ]
    parts = exchange_identity(np.array([end.p for end in ends]), *(np.array(pair) for pair in among))
    lost = dissipated_work(base, new, correct, TEMPERATURE, real=real)
    tilt = free_energy(cost.p, TEMPERATURE)
    missed = (
        cost.paid + cost.among_correct + cost.among_wrong - cost.divergence,
        *(end.binary + end.correct + end.wrong - end.entropy for end in ends),
        sum(parts) - (ends[1].entropy - ends[0].entropy),
        tilt.free_energy - lost - (cost.p_new - TEMPERATURE * cost.divergence),
    )
    return float(max(np.abs(part).max() for part in missed))


def _pairs(ends: list) -> Any:
    """S_c at both ends and S_w at both ends; 0 where no such response is left."""
    return (
        tuple(np.nan_to_num(s) for s in pair) for pair in zip(*(end.among() for end in ends), strict=True)
    )


def shares(policy: Any, correct: np.ndarray, step: np.ndarray) -> tuple[float, float]:
    """The share that a step buys: by its formula, and of the ledger for steps of both signs, extrapolated to none."""
    before, real = policy.log_probs(), policy.real
    predicted = share_bought(before, policy.change(step), correct, real=real).share.mean

    def measured(size: float) -> float:
        ends = [policy.moved(sign * size * step).log_probs() for sign in (1, -1)]
        costs = [exact_cost_by_problem(before, end, correct, real=real) for end in ends]
        return sum(c.paid.sum() for c in costs) / sum(c.divergence.sum() for c in costs)

    change = np.where(real, policy.change(step), 0.0)
    size = 0.01 / np.abs(change).max()
    return predicted, (4 * measured(size / 2) - measured(size)) / 3
