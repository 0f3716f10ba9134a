"""From a model's logits to what is worth logging of each token, in NumPy, JAX and PyTorch alike.

Put it into a generation loop at the place where the next token has just been drawn, on the logits that it was drawn
from (penalties and masks included: -inf is a token that cannot be drawn), with the sampler's temperature. Then
log-probability and entropy belong to one distribution, and ``surprise_entropy_gap`` is zero but for chance.
"""

from __future__ import annotations

import math
from typing import Any, NamedTuple

from thermodiff.validation import complain


class TokenStatistics(NamedTuple):
    """Of each token, arrays of the library that the logits came in; nats."""

    log_prob: Any
    """ln pi of the drawn token, shape (...); NaN where it is none of 0..V-1 (padding), -inf if it cannot be drawn."""
    entropy: Any
    """-sum pi ln pi, shape (...)."""
    nucleus_size: Any
    """Fewest tokens whose probabilities reach ``mass``, whole numbers, shape (...)."""
    top_log_probs: Any
    """The ``top`` largest ln pi, largest first, shape (..., top)."""


def token_statistics(
    logits: Any, tokens: Any, temperature: float, mass: float = 0.95, top: int = 5
) -> TokenStatistics:
    """Statistics of pi = softmax(logits/temperature) at the drawn tokens; this project.

    ``logits`` (..., V), ``tokens`` (...) whole numbers: NumPy, JAX (also under ``jax.jit``, the
    other arguments static) or PyTorch arrays. Half
    precision is computed in single, double stays double. Raises ValueError unless the shapes fit, temperature is
    positive, 0 < mass <= 1 and 1 <= top <= V.
    """
    from array_api_compat import array_namespace

    _check(logits, tokens, temperature, mass, top)
    xp = array_namespace(logits, tokens)
    size = logits.shape[-1]
    wide = logits if logits.dtype == xp.float64 else xp.astype(logits, xp.float32)
    scaled = wide / temperature
    scaled = scaled - xp.max(scaled, axis=-1, keepdims=True)
    log_probs = scaled - xp.log(xp.sum(xp.exp(scaled), axis=-1, keepdims=True))
    probs = xp.exp(log_probs)
    # A token that cannot be drawn adds 0 ln 0 = 0, which would be computed as NaN.
    finite = xp.where(probs > 0, log_probs, xp.zeros_like(log_probs))
    falling = xp.flip(xp.sort(log_probs, axis=-1), axis=-1)
    reached = xp.cumulative_sum(xp.exp(falling), axis=-1)
    nucleus = 1 + xp.sum(xp.astype(reached < mass, xp.int32), axis=-1)
    known = (tokens >= 0) & (tokens < size)
    place = xp.astype(xp.where(known, tokens, xp.zeros_like(tokens)), xp.argmax(scaled, axis=-1).dtype)
    drawn = xp.take_along_axis(log_probs, xp.expand_dims(place, axis=-1), axis=-1)[..., 0]
    return TokenStatistics(
        xp.where(known, drawn, xp.full_like(drawn, math.nan)),
        -xp.sum(probs * finite, axis=-1),
        xp.where(nucleus > size, xp.full_like(nucleus, size), nucleus),
        falling[..., :top],
    )


def _check(logits: Any, tokens: Any, temperature: float, mass: float, top: int) -> None:
    if not hasattr(tokens, "shape"):
        raise complain("tokens", f"a {type(tokens).__name__}", "an array of the library of the logits")
    if logits.ndim == 0 or tuple(tokens.shape) != tuple(logits.shape[:-1]):
        need = f"one token a row of logits, {tuple(logits.shape[:-1])}"
        raise complain("tokens", f"shape {tuple(tokens.shape)}", need)
    if not temperature > 0:
        raise complain("temperature", f"{temperature}", "a positive number")
    if not 0 < mass <= 1:
        raise complain("mass", f"{mass}", "a probability, above 0 and at most 1")
    if not 1 <= top <= logits.shape[-1]:
        raise complain("top", f"{top}", f"1 to V = {logits.shape[-1]}")
