"""A batch of rollouts with unkind padding, and every method called on it, for the tests of all libraries."""

import itertools
import math
from fractions import Fraction

import numpy as np

from thermodiff import exploration as explore

RNG = np.random.default_rng(14)
SHAPE = (3, 4, 8)
REWARDS = (RNG.random(SHAPE) < 0.4) * 1.0
REWARDS[0, 0], REWARDS[0, 1] = 0, 1
LOG_PROBS = -RNG.exponential(size=(*SHAPE, 6)) * 2
OLD_LOG_PROBS = np.minimum(LOG_PROBS + RNG.normal(size=LOG_PROBS.shape) * 0.4, 0)
LENGTHS = RNG.integers(1, 7, size=SHAPE)
MASK = np.arange(6) < LENGTHS[..., None]
UNIFORMS = RNG.random(LOG_PROBS.shape)
ADVANTAGES = RNG.normal(size=SHAPE) * 1.5
PADDED = [np.where(MASK, x, bad) for x, bad in ((LOG_PROBS, -np.inf), (OLD_LOG_PROBS, np.nan))]
"""Outside the mask there is what a careless sampler leaves."""


def all_of(asarray, log_probs=PADDED[0]):
    """name -> what each method gives for arrays of one library."""
    rewards, lp, old, mask, u, a = (
        asarray(x) for x in (REWARDS, log_probs, PADDED[1], MASK, UNIFORMS, ADVANTAGES)
    )
    each = a[..., None]
    terms = explore.policy_loss_terms(lp, old, each, mask)
    return {
        "group_relative": explore.group_relative_advantage(rewards, ddof=1),
        "rloo": explore.rloo_advantage(rewards),
        "pass_at_k": explore.pass_at_k_advantage(rewards, 3),
        "positive": explore.positive_only(a),
        "negative": explore.negative_only(a),
        "varied": explore.varied_groups(rewards),
        "perplexity": explore.perplexity_shaped_advantage(a, lp, mask, 0.3),
        "position": explore.position_shaped_advantage(a, mask, 0.1),
        "terms": terms.loss,
        "clipped": terms.clipped,
        "loss": explore.clipped_policy_loss(lp, old, each, mask),
        "clip_cov": explore.clip_cov_mask(lp, each, mask, u, share=0.1, eligible=~terms.clipped),
        "kl_cov": explore.kl_cov_penalty(lp, old, each, mask, share=0.1),
        "selected": explore.select_for_finetuning(
            rewards == 1, u[..., 0], scores=explore.response_mean(lp, mask), at_most=2, wrong=0.05
        ),
    }


def pass_at_k_by_subsets(correct, k):
    """sign(A_i) A_i^2 of each rollout, in rationals: A_i the mean over the k-subsets with i of (R - mean R)/std R."""
    subsets = list(itertools.combinations(range(len(correct)), k))
    reward = {subset: Fraction(int(any(correct[i] for i in subset))) for subset in subsets}
    centre = sum(reward.values()) / len(subsets)
    variance = sum((r - centre) ** 2 for r in reward.values()) / len(subsets)
    if variance == 0:
        return [Fraction(0)] * len(correct)
    found = []
    for i in range(len(correct)):
        mine = [reward[subset] - centre for subset in subsets if i in subset]
        raw = sum(mine) / len(mine)
        found.append((1 if raw >= 0 else -1) * raw**2 / variance)
    return found


def signed_root(x):
    """What ``pass_at_k_by_subsets`` is the signed square of."""
    return math.copysign(math.sqrt(abs(x)), x)
