"""What a step of learning is made of: weights w(x, y) on ln pi(y | x), exact or from sampled groups.

Every advantage that depends on correctness alone and has mean 0 is A(r) = clock(p) (r - p): the objectives differ in
how fast they move a problem of chance p, and in nothing else. With an exact one w = pi A. With G rollouts of each
problem, w is the mean of A_i over the group wherever its i-th rollout is y, E w = pi A where the advantages are
without bias. ``clock`` of those below is that of the limit G -> infinity. This project.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Callable
from typing import Any, Protocol, runtime_checkable

import numpy as np

from thermodiff.exploration.exchange.response_tables import log_sum
from thermodiff.validation import check_count, check_generator, complain


@runtime_checkable
class Objective(Protocol):
    """What is climbed, as the speed at which it moves a problem."""

    def clock(self, p: np.ndarray, q: np.ndarray) -> np.ndarray:
        """A(r)/(r - p) of problems with chance p of a correct and q = 1 - p of a wrong answer, 0 < p < 1."""


@dataclasses.dataclass(frozen=True)
class PassAtKGradient:
    """The gradient of pass@k itself: k (1 - p)^(k-1). For k = 1 that of the accuracy, REINFORCE: 1."""

    k: int = 1

    def __post_init__(self) -> None:
        check_count("k", self.k)

    def clock(self, p: np.ndarray, q: np.ndarray) -> np.ndarray:
        """k q^(k-1)."""
        return self.k * q ** (self.k - 1.0)


@dataclasses.dataclass(frozen=True)
class PassAtKTraining:
    """Advantages of pass@k over their standard deviation: sqrt((1 - R)/R)/(1 - p), R = 1 - (1 - p)^k.

    For k = 1 the group-relative advantages of GRPO, 1/sqrt(p (1 - p)). Source: arXiv 2508.10751; the limit this
    project.
    """

    k: int = 1

    def __post_init__(self) -> None:
        check_count("k", self.k)

    def clock(self, p: np.ndarray, q: np.ndarray) -> np.ndarray:
        """sqrt(q^k/(1 - q^k))/q."""
        log_q = np.where(p < 0.5, np.log1p(-np.minimum(p, 0.5)), np.log(q))
        return np.exp((self.k / 2 - 1) * log_q) / np.sqrt(-np.expm1(self.k * log_q))


def exact_weights(log_probs: Any, correct: Any, objective: Objective) -> np.ndarray:
    """w = pi A with A = clock(p) (r - p), (M, R); 0 for problems that are always, or never, solved.

    ``log_probs`` (M, R), nats, -inf where there is no response, as policies give it; ``correct`` (M, R) of 0 and 1.
    """
    if isinstance(objective, type) or not isinstance(objective, Objective):
        raise complain("objective", f"{objective!r}", "an objective with a clock, such as PassAtKTraining(1)")
    log_probs, right = _tables(log_probs, correct)
    p, q = (np.exp(log_sum(log_probs, chosen)) for chosen in (right, ~right))
    moving = (p > 0) & (q > 0)
    with np.errstate(over="ignore"):
        clock = np.where(moving, objective.clock(np.where(moving, p, 0.5), np.where(moving, q, 0.5)), 0.0)
    clock = np.minimum(clock, np.finfo(float).max)
    # r - p is q for the correct and -p for the wrong ones: no difference of nearly equal numbers.
    return np.exp(log_probs) * clock[:, None] * np.where(right, q[:, None], -p[:, None])


def sampled_weights(
    rng: np.random.Generator,
    log_probs: Any,
    correct: Any,
    group: int,
    advantage: Callable[[np.ndarray], Any],
) -> np.ndarray:
    """w from ``group`` rollouts of every problem, (M, R): the sum of their advantages at each response, over G.

    ``advantage`` takes rewards (M, G) of 0.0 and 1.0 and gives advantages (M, G), such as ``rloo_advantage``. Raises
    ValueError for groups that are no positive whole number and advantages of another shape or not finite.
    """
    check_generator("rng", rng)
    check_count("group", group)
    log_probs, right = _tables(log_probs, correct)
    M, R = log_probs.shape
    chances = np.cumsum(np.exp(log_probs), axis=1)
    draws = rng.random((M, group)) * chances[:, -1:]
    y = (draws[:, :, None] >= chances[:, None, :]).sum(-1)  # never one of chance 0
    rows = np.arange(M)[:, None]
    advantages = np.asarray(advantage(right[rows, y].astype(np.float64)), dtype=np.float64)
    if advantages.shape != (M, group) or not np.isfinite(advantages).all():
        raise complain("advantage", f"shape {advantages.shape}", f"finite numbers of shape {(M, group)}")
    return np.bincount((rows * R + y).ravel(), advantages.ravel() / group, minlength=M * R).reshape(M, R)


def _tables(log_probs: Any, correct: Any) -> tuple[np.ndarray, np.ndarray]:
    table, right = np.asarray(log_probs, dtype=np.float64), np.asarray(correct)
    if table.ndim != 2 or right.shape != table.shape or not np.isin(right, (0, 1)).all():
        got = f"shape {right.shape} beside log_probs of shape {table.shape}"
        raise complain("correct", got, "0 and 1, both of shape (problems, responses)")
    return table, right.astype(bool)
