"""The clipped loss of a policy, term by term and as the mean over tokens."""

from __future__ import annotations

import math
from typing import Any, NamedTuple

from thermodiff.exploration.methods.arrays import (
    check_finite,
    check_mask,
    check_range,
    check_shape,
    check_true,
    inside,
    mean,
    namespace,
    real,
)
from thermodiff.validation import complain

ROUNDED = 0.1
"""Nats: a log-probability above this is none; what a trainer keeps in 16 bits may pass 0 by less."""


class PolicyLossTerms(NamedTuple):
    """Of each token, arrays (..., G, L), 0 and False outside the mask."""

    loss: Any
    """-min(rho A, clip(rho, 1 - clip_low, 1 + clip_high) A)."""
    clipped: Any
    """Where the clip decides, so that the token has no gradient: rho above with A > 0, or below with A < 0."""
    log_ratio: Any
    """ln rho = ln pi - ln pi_old, nats."""


def policy_loss_terms(
    log_probs: Any,
    old_log_probs: Any,
    advantages: Any,
    mask: Any,
    *,
    clip_low: float = 0.2,
    clip_high: float = 0.28,
) -> PolicyLossTerms:
    """The terms -min(rho A, clip(rho) A) of each token before any mean, to be combined with masks and penalties.

    With ``terms`` these, Clip-Cov is ``token_mean(terms.loss * kept, mask)``, and KL-Cov is
    ``token_mean(terms.loss + penalty, mask)`` (its release does not clip: ``clip_low=1, clip_high=math.inf``).

    ``log_probs`` and ``old_log_probs`` (..., G, L) are ln pi of the drawn tokens now and when they were drawn, nats;
    ``advantages`` (..., G, L), or (..., G, 1) for one of each rollout; ``mask`` (..., G, L) True for tokens of the
    response with its end. What lies outside the mask may be anything. ``old_log_probs`` and ``advantages`` are taken as
    they come: hand them in without a gradient (``stop_gradient``, ``detach``). Raises ValueError unless shapes fit,
    numbers in the mask are finite, log-probabilities not positive, 0 <= clip_low <= 1 and clip_high >= 0. Source:
    Schulman et al. 2017, arXiv 1707.06347, eq. 7; unequal clips Yu et al. 2025, arXiv 2503.14476, section 3.1. There is
    no second clip for A < 0.
    """
    xp = namespace(log_probs=log_probs, old_log_probs=old_log_probs, advantages=advantages, mask=mask)
    check_clips(clip_low, clip_high)
    advantages = check_tokens(xp, log_probs, advantages, mask, old_log_probs=old_log_probs)
    log_ratio = inside(xp, real(xp, log_probs) - real(xp, old_log_probs), mask)
    A = inside(xp, advantages, mask)
    # In logarithms: a rho that overflows is clipped before its exponential is taken, and leaves no NaN in the gradient.
    above = log_ratio > math.log1p(clip_high)
    below = log_ratio < (math.log1p(-clip_low) if clip_low < 1 else -math.inf)
    clipped = (above & (A > 0)) | (below & (A < 0))
    rho = xp.exp(xp.where(clipped, xp.zeros_like(log_ratio), log_ratio))
    edge = xp.where(above, xp.full_like(rho, 1 + clip_high), xp.full_like(rho, 1 - clip_low))
    return PolicyLossTerms(-A * xp.where(clipped, edge, rho), clipped, log_ratio)


def clipped_policy_loss(
    log_probs: Any,
    old_log_probs: Any,
    advantages: Any,
    mask: Any,
    *,
    clip_low: float = 0.2,
    clip_high: float = 0.28,
) -> Any:
    """-mean over the tokens of the mask of min(rho A, clip(rho, 1 - clip_low, 1 + clip_high) A), a scalar.

    Every token weighs the same, whatever the length of its response. 0 if no token is in the mask, as after a batch of
    which dynamic sampling keeps nothing. Arguments, errors and sources as ``policy_loss_terms``.
    """
    terms = policy_loss_terms(
        log_probs, old_log_probs, advantages, mask, clip_low=clip_low, clip_high=clip_high
    )
    return token_mean(terms.loss, mask)


def token_mean(values: Any, mask: Any) -> Any:
    """The mean of ``values`` (..., G, L) over the tokens of ``mask`` (..., G, L), a scalar; 0 if there are none.

    Raises ValueError unless the shapes are equal and the mask is of booleans.
    """
    xp = namespace(values=values, mask=mask)
    check_mask(xp, mask, tuple(values.shape), "values")
    return mean(xp, values, mask)


def check_clips(clip_low: float, clip_high: float) -> None:
    """Raise unless 0 <= clip_low <= 1 and clip_high >= 0."""
    check_range("clip_low", clip_low, 0, 1, "a number from 0 to 1")
    check_range("clip_high", clip_high, 0, float("inf"), "a number that is at least 0")


def check_tokens(xp: Any, log_probs: Any, advantages: Any, mask: Any, **others: Any) -> Any:
    """The advantages as (..., G, L); raises unless they, the mask and ``others`` fit ``log_probs`` and are finite.

    ``others`` are log-probabilities as ``log_probs`` are: none is above 0 in the mask, but for rounding.
    """
    shape = tuple(log_probs.shape)
    check_mask(xp, mask, shape, "log_probs")
    if tuple(advantages.shape) not in (shape, (*shape[:-1], 1)):
        need = f"shape {shape}, or {(*shape[:-1], 1)} for one of each rollout (advantages[..., None])"
        raise complain("advantages", f"shape {tuple(advantages.shape)}", need)
    advantages = xp.broadcast_to(real(xp, advantages), shape)
    for name, x in {"log_probs": log_probs, **others, "advantages": advantages}.items():
        check_shape(name, x, shape, "log_probs")
        check_finite(xp, name, x, mask)
    for name, x in {"log_probs": log_probs, **others}.items():
        # Rounding may take ln 1 above 0; a sign that was lost goes farther.
        above = (real(xp, x) > ROUNDED) & mask
        check_true(xp, name, ~above, "a positive number", "log-probabilities in nats, at most 0")
    return advantages
