"""Advantages weighed by how sure a response is of itself, or by where in it a token stands.

Both leave the advantages uncentred: their sum over a group, weighed or not by lengths, is no longer 0, which itself
raises or lowers all responses of the group.
"""

from __future__ import annotations

from typing import Any

from thermodiff.exploration.methods.arrays import (
    check_finite,
    check_groups,
    check_mask,
    check_range,
    check_shape,
    check_true,
    inside,
    mean,
    namespace,
    real,
    size,
)
from thermodiff.validation import complain

EPSILON = 1e-6
"""Added to the standard deviation of log-perplexities, as to that of rewards."""


def perplexity_shaped_advantage(
    advantages: Any,
    log_probs: Any,
    mask: Any,
    alpha: Any,
    *,
    outliers: float | None = 1.5,
    clip: tuple[float, float] | None = (0.8, 1.2),
) -> Any:
    """A_i clip(1 - alpha w_i, low, high), w_i the log-perplexity of response i, standardised within its group.

    The log-perplexity is -(1/|y|) sum_t ln pi_old(y_t), nats. alpha > 0 gives more weight to responses of LOW
    perplexity, alpha < 0 to those of HIGH perplexity; the report has 0.01. Mean and standard deviation (over all that
    stay, plus 1e-6) leave out what lies more than ``outliers`` interquartile ranges outside the quartiles (None: leave
    out nothing); those responses keep a weight, which is what ``clip`` is for (None: no clip).

    ``advantages`` (..., G); ``log_probs`` (..., G, L), ln pi of the drawn tokens under the policy that drew them, nats,
    without a gradient (it would be followed); ``mask`` (..., G, L) True for tokens of the response with its end.
    Returns (..., G), UNCENTRED: sum_i A_i is not 0, so each group as a whole is pushed up or down. Raises ValueError
    unless shapes fit, numbers are finite, every response has a token, outliers >= 0 and clip is a range of positive
    numbers. Source: arXiv 2508.07534; the text of its method was not known to us, the constants are those of its
    released code, in which the branch for low perplexity is never multiplied in.
    """
    xp = namespace(advantages=advantages, log_probs=log_probs, mask=mask)
    check_alpha(alpha, "-inf")
    if outliers is not None:
        check_range("outliers", outliers, 0, float("inf"), "None, or a number that is at least 0")
    check_clip(clip)
    _check_responses(xp, advantages, mask, log_probs)
    check_groups(xp, "advantages", advantages)
    check_finite(xp, "log_probs", log_probs, mask)
    A, log_perplexity = real(xp, advantages), -mean(xp, real(xp, log_probs), mask, axis=-1)
    stays = _without_outliers(xp, log_perplexity, outliers)
    centred = log_perplexity - mean(xp, log_perplexity, stays, axis=-1, keepdims=True)
    std = xp.sqrt(mean(xp, centred * centred, stays, axis=-1, keepdims=True))
    weight = 1 - alpha * (centred / (std + EPSILON))
    if clip is not None:
        low, high = (xp.full_like(weight, bound) for bound in clip)
        weight = xp.minimum(xp.maximum(weight, low), high)
    return A * weight


def position_shaped_advantage(
    advantages: Any, mask: Any, alpha: Any, *, steepness: float = 15.0, late: bool = True
) -> Any:
    """A + sign(A) b_t with b_t = min(alpha sigmoid(steepness (r_t - 1/2)), |A|/2), r_t = (t-1)/|y|, t = 1..|y|.

    Late tokens get the larger part of their response's sign; with ``late`` False the early ones, by
    sigmoid(-steepness (r_t - 1/2)). t counts the tokens of the mask. The report has alpha = 0.1, in steps 201 to 299 of
    600 only, the onset of the plateau: switching on and off is the caller's, by alpha, which may be a traced number.

    ``advantages`` (..., G); ``mask`` (..., G, L) True for tokens of the response with its end. Returns (..., G, L), 0
    outside the mask, UNCENTRED: the sum over a group is no longer 0. Raises ValueError unless shapes fit, advantages
    are finite, every response has a token, alpha >= 0 and steepness > 0. Source: arXiv 2508.07534, by its released
    code.
    """
    xp = namespace(advantages=advantages, mask=mask)
    check_alpha(alpha, "0")
    check_range("steepness", steepness, 1e-300, float("inf"), "a positive number")
    _check_responses(xp, advantages, mask)
    check_groups(xp, "advantages", advantages)
    A = xp.expand_dims(real(xp, advantages), axis=-1)
    counted = xp.astype(mask, A.dtype)
    place = (xp.cumulative_sum(counted, axis=-1) - 1) / size(xp, mask, A, axis=-1, keepdims=True)
    slope = steepness if late else -steepness
    bonus = alpha * (1 + xp.tanh(slope * (place - 0.5) / 2)) / 2
    return inside(xp, A + xp.sign(A) * xp.minimum(bonus, xp.abs(A) / 2 + xp.zeros_like(bonus)), mask)


def _without_outliers(xp: Any, x: Any, outliers: float | None) -> Any:
    """What lies at most so many interquartile ranges outside the quartiles of its group, (..., G) bool."""
    if outliers is None:
        return x == x
    falling = xp.sort(x, axis=-1)
    first, third = _quantile(falling, 0.25), _quantile(falling, 0.75)
    reach = outliers * (third - first)
    return (x >= first - reach) & (x <= third + reach)


def _quantile(rising: Any, level: float) -> Any:
    """The quantile between the two entries around it, linearly, (..., G) -> (..., 1)."""
    place = level * (rising.shape[-1] - 1)
    low = min(int(place), rising.shape[-1] - 2)
    a, b = rising[..., low : low + 1], rising[..., low + 1 : low + 2]
    return a + (b - a) * (place - low)


def check_clip(clip: tuple[float, float] | None) -> None:
    """Raise unless ``clip`` is None or a range of positive numbers."""
    if clip is not None and not 0 < clip[0] <= clip[1]:
        raise complain("clip", f"{clip}", "None, or (low, high) with 0 < low <= high")


def check_alpha(alpha: Any, low: str) -> None:
    """Raise unless ``alpha`` is a finite number, at least ``low``."""
    need = "a number that is at least 0" if low == "0" else "a finite number"
    check_range("alpha", alpha, max(float(low), -1e300), 1e300, need)


def _check_responses(xp: Any, advantages: Any, mask: Any, log_probs: Any = None) -> None:
    """Raise unless the mask fits the advantages and leaves no response without a token."""
    like, of = (mask, "mask") if log_probs is None else (log_probs, "log_probs")
    check_mask(xp, mask, tuple(like.shape), of)
    check_shape("advantages", advantages, tuple(like.shape[:-1]), f"the rollouts of {of}")
    check_true(
        xp, "mask", xp.any(mask, axis=-1), "a response without a token", "at least its end in every response"
    )
