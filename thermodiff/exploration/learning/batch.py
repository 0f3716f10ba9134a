"""What a step of training by rewards knows: responses by problem, their rewards, and what the policy said of them."""

from __future__ import annotations

from typing import NamedTuple

import jax.numpy as jnp
from jaxtyping import Array, Bool, Float, Int

PerResponse = Float[Array, "problems group"]
PerToken = Float[Array, "problems group tokens"]


class Batch(NamedTuple):
    """Groups of responses to some problems, their rewards, and what the policy that drew them said; nats."""

    prompts: Int[Array, "problems prompt"]
    responses: Int[Array, "problems group tokens"]
    mask: Bool[Array, "problems group tokens"]
    rewards: PerResponse
    log_probs: PerToken
    entropies: PerToken
    reference_log_probs: PerToken | None
    """Under the policy that training started from, where the method asks for it."""


def log_ratio_to_reference(log_probs: PerToken, batch: Batch) -> PerResponse:
    """ln(pi/pi_0) of the whole response."""
    assert batch.reference_log_probs is not None
    return jnp.sum(log_probs - batch.reference_log_probs, axis=-1)
