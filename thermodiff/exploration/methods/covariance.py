"""Clip-Cov and KL-Cov: the few tokens whose surprise and advantage go together most are held back.

The covariance of a token is (ln pi - mean ln pi)(A - mean A), means over all tokens of the batch. For a softmax policy
of one state a step dz = eta A of its logits (the natural gradient) changes the entropy by -eta times the mean of it, to
first order: tokens of large covariance are those that cost entropy. Over many states it leaves out that these are
visited differently afterwards. Source: Cui et al. 2025, arXiv 2505.22617; details as in its released code.
"""

from __future__ import annotations

import math
from typing import Any

from thermodiff.exploration.methods.arrays import (
    check_range,
    check_shape,
    check_uniforms,
    inside,
    mean,
    namespace,
    ranks,
    real,
    share_of,
    size,
)
from thermodiff.exploration.methods.losses import check_tokens
from thermodiff.validation import complain


def clip_cov_mask(
    log_probs: Any,
    advantages: Any,
    mask: Any,
    uniforms: Any,
    *,
    share: float = 2e-4,
    low: float = 1.0,
    high: float = 5.0,
    eligible: Any = None,
) -> Any:
    """Which tokens stay in the gradient, (..., G, L) bool: all of the mask but a random few of large covariance.

    Of the tokens with low < covariance < high, max(floor(share n), 1) are taken out, n the tokens of the batch, or all
    if there are fewer: those with the smallest of the ``uniforms`` (..., G, L). ``eligible`` (..., G, L) bool says
    which may be taken; the release leaves out those that the ratio's clip has taken already,
    ``eligible=~policy_loss_terms(...).clipped``. Their loss becomes 0 and they stay in the divisor: ``token_mean(
    terms.loss * kept, mask)``.

    ``log_probs`` (..., G, L) of the drawn tokens, nats, no gradient passes; ``advantages`` (..., G, L) or (..., G, 1);
    ``mask`` (..., G, L). All leading axes are one batch. Raises ValueError unless shapes fit, numbers in the mask are
    finite, uniforms lie in [0, 1], 0 < share <= 1 and low < high.
    """
    xp = namespace(log_probs=log_probs, advantages=advantages, mask=mask, uniforms=uniforms)
    check_share(share)
    check_covariances(low, high)
    covariance = _covariances(xp, log_probs, advantages, mask)
    check_uniforms(xp, uniforms, tuple(log_probs.shape), "log_probs")
    large = mask & (covariance > low) & (covariance < high)
    if eligible is not None:
        check_shape("eligible", eligible, tuple(log_probs.shape), "log_probs")
        large = large & eligible
    return mask & ~_lowest(xp, real(xp, uniforms), large, share, mask)


def kl_cov_penalty(
    log_probs: Any,
    old_log_probs: Any,
    advantages: Any,
    mask: Any,
    *,
    share: float = 0.002,
    coefficient: float = 1.0,
) -> Any:
    """coefficient |ln rho| on the max(floor(share n), 1) tokens of largest covariance, n those of the mask; else 0.

    To be added to the terms of the loss: ``token_mean(terms.loss + penalty, mask)``. The penalty has no gradient where
    rho = 1, so it does nothing in a first update on fresh rollouts, only in later ones on the same. Of equal
    covariances the first in the order of the array is taken. Released defaults: share 0.002, coefficient 1.

    ``log_probs``, ``old_log_probs`` (..., G, L) of the drawn tokens now and when drawn, nats; ``advantages``
    (..., G, L) or (..., G, 1); ``mask`` (..., G, L). All leading axes are one batch. Returns (..., G, L). Raises
    ValueError unless shapes fit, numbers in the mask are finite, 0 < share <= 1 and coefficient >= 0.
    """
    xp = namespace(log_probs=log_probs, old_log_probs=old_log_probs, advantages=advantages, mask=mask)
    check_share(share)
    check_range("coefficient", coefficient, 0, math.inf, "a number that is at least 0")
    covariance = _covariances(xp, log_probs, advantages, mask, old_log_probs=old_log_probs)
    largest = _lowest(xp, -covariance, mask, share, mask)
    distance = xp.abs(inside(xp, real(xp, log_probs) - real(xp, old_log_probs), largest))
    return coefficient * distance


def check_share(share: float) -> None:
    """Raise unless 0 < share <= 1."""
    check_range("share", share, 1e-300, 1, "a share, above 0 and at most 1")


def check_covariances(low: float, high: float) -> None:
    """Raise unless low < high."""
    if not low < high:
        raise complain("low", f"{low} with high = {high}", "low < high")


def _covariances(xp: Any, log_probs: Any, advantages: Any, mask: Any, **others: Any) -> Any:
    advantages = check_tokens(xp, log_probs, advantages, mask, **others)
    surprise, A = inside(xp, real(xp, log_probs), mask), inside(xp, advantages, mask)
    return (surprise - mean(xp, surprise, mask)) * (A - mean(xp, A, mask))


def _lowest(xp: Any, keys: Any, among: Any, share: float, mask: Any) -> Any:
    """The share (of the mask) with the lowest keys ``among`` these, of the whole batch."""
    flat = xp.reshape(xp.where(among, keys, xp.full_like(keys, math.inf)), (-1,))
    place = xp.reshape(xp.astype(ranks(xp, flat), keys.dtype), keys.shape)
    return among & (place < share_of(xp, share, size(xp, mask, keys)))
