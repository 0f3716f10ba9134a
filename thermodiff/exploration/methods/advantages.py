"""Advantages of the G rollouts of a problem from their rewards alone: A_i says how much more of rollout i is wanted.

All are centred, sum_i A_i = 0, and 0 where the rewards of a group do not vary: such a group teaches nothing.
"""

from __future__ import annotations

from numbers import Integral
from typing import Any

from thermodiff.exploration.methods.arrays import check_groups, check_range, check_true, namespace, real
from thermodiff.validation import complain


def group_relative_advantage(rewards: Any, *, ddof: int, epsilon: float = 1e-6) -> Any:
    """A_i = (r_i - mean r)/(std r + epsilon) within each group of G rollouts, as in GRPO.

    ``rewards`` (..., G), finite; std divides by G - ``ddof``, and there is no default since trainers differ: verl,
    TRL and tunix take 1, the closed form of ``pass_at_k_advantage`` at k = 1 is 0. Returns (..., G), exactly 0 where
    all rewards of a group are equal (public code leaves rounding errors over epsilon there). Raises ValueError for
    groups of one, rewards that are not finite, another ``ddof`` or a negative epsilon. Source: Shao et al. 2024, arXiv
    2402.03300, section 4.1.2.
    """
    xp = namespace(rewards=rewards)
    if ddof not in (0, 1):
        raise complain("ddof", f"{ddof}", "0 or 1")
    check_range("epsilon", epsilon, 0, float("inf"), "a number that is at least 0")
    check_groups(xp, "rewards", rewards)
    r = real(xp, rewards)
    varied = xp.expand_dims(_varied(xp, r), axis=-1)
    centred = xp.where(varied, r - xp.mean(r, axis=-1, keepdims=True), xp.zeros_like(r))
    std = xp.sqrt(xp.sum(centred * centred, axis=-1, keepdims=True) / (r.shape[-1] - ddof))
    return centred / xp.where(varied, std + epsilon, xp.ones_like(std))


def rloo_advantage(rewards: Any) -> Any:
    """A_i = r_i - mean of the others' r = G/(G-1) (r_i - mean r): the leave-one-out baseline.

    ``rewards`` (..., G), finite. Returns (..., G). Raises ValueError for groups of one and rewards that are not finite.
    Source: Kool et al. 2019; for language models Ahmadian et al. 2024, arXiv 2402.14740.
    """
    xp = namespace(rewards=rewards)
    check_groups(xp, "rewards", rewards)
    r = real(xp, rewards)
    centred = r - xp.mean(r, axis=-1, keepdims=True)
    G = r.shape[-1]
    return xp.where(xp.expand_dims(_varied(xp, r), axis=-1), centred * (G / (G - 1)), xp.zeros_like(r))


def pass_at_k_advantage(rewards: Any, k: int) -> Any:
    """The mean over all C(G, k) subsets of a subset's advantage when its reward is that of its best rollout.

    With q = C(N_neg, k)/C(G, k) the share of subsets without a success,

        A_pos = sqrt(q/(1-q))        A_neg = -(N_pos/N_neg) A_pos

    and 0 where all or none of the subsets have one (N_neg < k, N_pos = 0). ``rewards`` (..., G) are 0 or 1. k = 1 is
    ``group_relative_advantage`` with ddof 0 and epsilon 0. Returns (..., G). Raises ValueError for groups of one, k
    outside 1..G, and other rewards; under a JAX trace, where values cannot be looked at, a group with other rewards
    gets NaN. Source: arXiv 2508.10751, the simplified form this project.
    """
    xp = namespace(rewards=rewards)
    check_groups(xp, "rewards", rewards)
    G = rewards.shape[-1]
    if isinstance(k, bool) or not (isinstance(k, Integral) and 1 <= k <= G):
        raise complain("k", f"{k}", f"a whole number from 1 to G = {G}")
    r = real(xp, rewards)
    fine = (r == 0) | (r == 1)
    check_true(
        xp, "rewards", fine, "a reward that is neither 0 nor 1", "0 or 1, such as (rewards > 0.5) * 1.0"
    )
    positive = xp.sum(r, axis=-1, keepdims=True)
    negative = G - positive
    q = xp.ones_like(positive)
    for j in range(k):
        q = q * xp.maximum(negative - j, xp.zeros_like(q)) / (G - j)
    one = xp.ones_like(q)
    some = (q > 0) & (positive > 0)
    up = xp.where(some, xp.sqrt(q / xp.where(some, 1 - q, one)), xp.zeros_like(q))
    down = -up * positive / xp.maximum(negative, one)
    shape = xp.zeros_like(r)
    values = xp.where(r == 1, up + shape, down + shape)
    known = xp.all(fine, axis=-1, keepdims=True)
    return xp.where(known, values, xp.full_like(values, float("nan")))


def positive_only(advantages: Any) -> Any:
    """max(A, 0): only what is better than its group is learned from. Any shape; leaves the advantages uncentred."""
    xp = namespace(advantages=advantages)
    return xp.maximum(advantages, xp.zeros_like(advantages))


def negative_only(advantages: Any) -> Any:
    """min(A, 0): only what is worse than its group is unlearned. Any shape; leaves the advantages uncentred.

    Source: Zhu et al. 2025, arXiv 2506.01347.
    """
    xp = namespace(advantages=advantages)
    return xp.minimum(advantages, xp.zeros_like(advantages))


def varied_groups(rewards: Any) -> Any:
    """Which groups have rewards that are not all equal, (..., G) -> (...,) bool: those that dynamic sampling keeps.

    To leave the others out of a token mean put ``mask & varied[..., None, None]`` for the mask: their advantages are 0,
    but their tokens would still count in the divisor. Raises ValueError for groups of one and rewards that are not
    finite. Source: DAPO, Yu et al. 2025, arXiv 2503.14476, section 3.2.
    """
    xp = namespace(rewards=rewards)
    check_groups(xp, "rewards", rewards)
    return _varied(xp, real(xp, rewards))


def _varied(xp: Any, r: Any) -> Any:
    return xp.max(r, axis=-1) > xp.min(r, axis=-1)
