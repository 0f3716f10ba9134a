"""What a training by rewards tells of its steps, and of all of them where it learned nothing."""

from __future__ import annotations

import warnings
from typing import Any

import jax.numpy as jnp
import numpy as np

from thermodiff.exploration.learning.batch import Batch

NUMBERS = ("loss", "reward", "entropy", "entropy_correct", "entropy_wrong", "varied", "length", "covariance")
"""Of each step's batch: the loss; mean reward; mean over tokens of the entropy in nats, of all responses, of correct
and of wrong ones (NaN without any); share of groups with unequal rewards; tokens a response; mean over tokens of
(ln pi - mean)(A - mean)."""


def numbers_of(batch: Batch, advantages: Any) -> dict[str, Any]:
    """``NUMBERS`` without the loss."""
    tokens = batch.mask.astype(float)
    correct = tokens * batch.rewards[..., None]

    def mean(x: Any, weights: Any) -> Any:
        return jnp.sum(x * weights) / jnp.sum(weights)

    surprise = batch.log_probs - mean(batch.log_probs, tokens)
    return {
        "reward": jnp.mean(batch.rewards),
        "entropy": mean(batch.entropies, tokens),
        "entropy_correct": mean(batch.entropies, correct),
        "entropy_wrong": mean(batch.entropies, tokens - correct),
        "varied": jnp.mean(jnp.ptp(batch.rewards, axis=-1) > 0),
        "length": jnp.mean(jnp.sum(tokens, axis=-1)),
        "covariance": mean(surprise * (advantages - mean(advantages, tokens)), tokens),
    }


def warn_if_nothing_learned(histories: list[dict[str, np.ndarray]], problems: int) -> None:
    """A UserWarning for each training of so many ``problems`` a step in which no group had unequal rewards."""
    for history in histories:
        if not history["varied"].any():
            mean, groups = history["reward"].mean(), problems * len(history["reward"])
            need = (
                "harder problems" if mean > 1 - 1e-6 else "a policy that is right sometimes, or larger groups"
            )
            warnings.warn(
                f"nothing was learned: 0 of {groups} groups had unequal rewards (mean reward {mean:.2g}); "
                f"it takes {need}",
                stacklevel=3,
            )
