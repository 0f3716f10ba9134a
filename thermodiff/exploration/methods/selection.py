"""Which rollouts to fine-tune on: correct ones, at random or the most uncertain, with or without some wrong ones."""

from __future__ import annotations

import math
from typing import Any

from thermodiff.exploration.methods.arrays import (
    check_finite,
    check_mask,
    check_shape,
    check_true,
    check_uniforms,
    mean,
    namespace,
    ranks,
    real,
)
from thermodiff.validation import check_count, complain


def select_for_finetuning(
    correct: Any,
    uniforms: Any,
    *,
    scores: Any = None,
    at_most: int | None = None,
    wrong: float = 0.0,
) -> Any:
    """Rejection sampling: which of the rollouts become examples, (..., G) bool.

    Of the correct rollouts of each problem those ``at_most`` with the highest ``scores`` (..., G) are taken, or all of
    them (None); without scores, or among equal ones, by the highest ``uniforms`` (..., G). To these come
    round(wrong * their number) wrong rollouts of the whole batch, those with the lowest uniforms, or all if there are
    fewer. The report's four sets are

        select_for_finetuning(correct, u, at_most=m)                       correct ones
        select_for_finetuning(correct, u, at_most=m, wrong=0.05)           and 5 % noise
        select_for_finetuning(correct, u, at_most=m, scores=response_mean(entropies, mask))
        select_for_finetuning(correct, u, at_most=m, scores=response_mean(nucleus_sizes, mask))

    With one m they are of one size (but for the noise), which makes them comparable. ``correct`` (..., G) is bool.
    Raises ValueError unless shapes fit, uniforms lie in [0, 1], scores of correct rollouts are finite, at_most >= 1 and
    wrong >= 0. Source: arXiv 2508.07534; how many it takes of a problem, and what its 5 % are of, is this project's
    reading.
    """
    xp = namespace(correct=correct, uniforms=uniforms, **({} if scores is None else {"scores": scores}))
    if not xp.isdtype(correct.dtype, "bool"):
        raise complain("correct", f"entries of type {correct.dtype}", "booleans, such as rewards == 1")
    if correct.ndim == 0:
        raise complain("correct", "shape ()", "shape (..., G), the G rollouts of one problem last")
    check_uniforms(xp, uniforms, tuple(correct.shape), "correct")
    if not 0 <= wrong < math.inf:
        raise complain("wrong", f"{wrong}", "a number of wrong ones for each correct one, at least 0")
    if at_most is not None:
        check_count("at_most", at_most)
    if scores is not None:
        check_shape("scores", scores, tuple(correct.shape), "correct")
        check_finite(xp, "scores", scores, correct)
    u = real(xp, uniforms)
    taken = correct if at_most is None else correct & (_places(xp, correct, u, scores) < at_most)
    return taken | _noise(xp, ~correct, u, wrong, taken)


def response_mean(values: Any, mask: Any) -> Any:
    """The mean of a quantity over the tokens of each response, (..., G, L) -> (..., G): entropy, nucleus size.

    Raises ValueError unless shapes fit, values in the mask are finite and every response has a token.
    """
    xp = namespace(values=values, mask=mask)
    check_mask(xp, mask, tuple(values.shape), "values")
    check_finite(xp, "values", values, mask)
    check_true(
        xp, "mask", xp.any(mask, axis=-1), "a response without a token", "at least its end in every response"
    )
    return mean(xp, real(xp, values), mask, axis=-1)


def _places(xp: Any, correct: Any, u: Any, scores: Any) -> Any:
    """Place of each correct rollout among those of its problem, 0 the best: by score, then by uniform."""
    by_chance = ranks(xp, xp.where(correct, -u, xp.full_like(u, math.inf)))
    if scores is None:
        return by_chance
    s = real(xp, scores)
    # A stable order of what chance has ordered: equals stay as chance has put them.
    order = xp.argsort(by_chance, axis=-1)
    key = xp.where(correct, -s, xp.full_like(s, math.inf))
    place = ranks(xp, xp.take_along_axis(key, order, axis=-1))
    return xp.take_along_axis(place, by_chance, axis=-1)


def _noise(xp: Any, incorrect: Any, u: Any, wrong: float, taken: Any) -> Any:
    """round(wrong * number taken) of the wrong ones of the batch, at random."""
    flat = xp.reshape(xp.where(incorrect, u, xp.full_like(u, math.inf)), (-1,))
    place = xp.reshape(xp.astype(ranks(xp, flat), u.dtype), u.shape)
    number = xp.round(wrong * xp.sum(xp.astype(taken, u.dtype)))
    return incorrect & (place < number)
