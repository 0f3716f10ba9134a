"""Where in a response a policy hesitates: entropy, surprise and divergence by the position of the token.

In language the entropy of the next token is said to be U-shaped in relative position (arXiv 2508.07534). Here that is a
test: start and end must both lie above the middle, each by a one-sided t test over whole problems; the larger of the
two p-values is that of "no U" (an intersection-union test: its size is at most the level). This project. Relative
position knows the length, that is the future: within it surprise and entropy need not agree in the mean.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, NamedTuple

import numpy as np

from thermodiff.exploration.rollouts import Rollouts
from thermodiff.exploration.tokens.clusters import clustered_error, ratio_residuals
from thermodiff.exploration.tokens.token_data import (
    Tokens,
    check_entropies,
    check_log_probs,
    column,
    tokens_of,
)
from thermodiff.types import Estimate
from thermodiff.validation import check_count, complain

ENDS = 0.2
"""Start and end of a response, as shares of its tokens; the middle is what lies between."""


class Bins(NamedTuple):
    """Means over the tokens of each of B bins of position, errors clustered by problem."""

    edges: np.ndarray
    """Bin b holds the positions in [edges[b], edges[b + 1]), (B + 1,)."""
    means: Mapping[str, Estimate]
    """Of "entropy", "surprise" (-ln pi) and "divergence" (ln pi - ln pi_ref), as far as known: arrays (B,), nats."""
    tokens: np.ndarray
    """Tokens in each bin, (B,)."""


class UShape(NamedTuple):
    """Whether the start and the end of responses lie above their middle."""

    fall: Estimate
    """Mean over the first fifth of each response less that over its middle, nats."""
    rise: Estimate
    """Mean over the last fifth less that over the middle."""
    p_value: float
    """Of "no U": the larger of two one-sided p-values; NaN with a single problem."""


class PositionProfile(NamedTuple):
    """Profiles over relative and over absolute position, and the test of a U of each quantity in relative position."""

    relative: Bins
    """Over (t - 1/2)/|y|, t = 1..|y|: every response weighs with as many tokens in each bin."""
    absolute: Bins
    """Over t - 1 = 0, 1, 2-3, 4-7, ...: later bins hold the tokens of longer responses only."""
    shapes: Mapping[str, UShape]
    remarks: tuple[str, ...]

    def __str__(self) -> str:
        lines = [
            f"{name}: start less middle {s.fall}, end less middle {s.rise} nats, no U has p = {s.p_value:.3g}"
            for name, s in self.shapes.items()
        ]
        return "\n".join([*lines, *self.remarks])


def position_profile(rollouts: Rollouts, bins: int = 20) -> PositionProfile:
    """Entropy, surprise and divergence of tokens against where they stand in their response.

    ``rollouts`` have entropies or log-probabilities of tokens; ``bins`` is the number of bins of relative position. The
    divergence is the mean of ln pi - ln pi_ref over drawn tokens, without bias where these were drawn from pi. Tokens
    whose log-probability is "not listed" have no surprise and are left out of it, with a remark. Raises ValueError if
    there is neither column, or an impossible entry.
    """
    check_count("bins", bins)
    tokens = tokens_of(rollouts)
    columns = _columns(rollouts, tokens)
    lengths = np.bincount(tokens.rollout)
    place = np.arange(tokens.size) - np.asarray(rollouts.offsets)[tokens.rollout]
    relative = (place + 0.5) / lengths[tokens.rollout]
    doubling = np.concatenate([[0], 2 ** np.arange(int(np.log2(lengths.max())) + 2)])
    steps = np.searchsorted(doubling, place, side="right") - 1
    even = np.minimum((relative * bins).astype(int), bins - 1)
    reach = float((lengths >= doubling[-2]).sum() / len(rollouts.problem))
    remarks = [
        f"{reach:.1%} of the responses reach the last bin of absolute position: later bins hold longer ones"
    ]
    unknown = [name for name, values in columns.items() if np.isnan(values).any()]
    if unknown:
        remarks.append(f"tokens without a log-probability are left out of {' and '.join(unknown)}")
    third = np.where(relative < ENDS, 0, np.where(relative < 1 - ENDS, 1, 2))
    return PositionProfile(
        _bins(np.linspace(0, 1, bins + 1), even, columns, tokens),
        _bins(doubling, steps, columns, tokens),
        {name: _shape(values, third, tokens) for name, values in columns.items()},
        tuple(remarks),
    )


def _columns(rollouts: Rollouts, tokens: Tokens) -> dict[str, np.ndarray]:
    """What is known of each token, NaN where a log-probability is not listed."""
    columns: dict[str, np.ndarray] = {}
    if rollouts.entropies is not None:
        entropies = column(rollouts, "entropies", "entropies")
        columns["entropy"] = check_entropies(entropies, tokens, rollouts.vocabulary)
    if rollouts.log_probs is not None:
        log_probs = _known(rollouts, "log_probs", tokens)
        columns["surprise"] = -log_probs
        if rollouts.reference_log_probs is not None:
            columns["divergence"] = log_probs - _known(rollouts, "reference_log_probs", tokens)
    if not columns:
        raise complain(f"{rollouts.source}: entropies and log_probs", "none", "one of them")
    return columns


def _known(rollouts: Rollouts, field: str, tokens: Tokens) -> np.ndarray:
    values = check_log_probs(column(rollouts, field, "log-probabilities"), tokens)
    return np.where(np.isinf(values), np.nan, values)


def _sums(values: np.ndarray, where: np.ndarray, count: int, tokens: Tokens) -> tuple[Any, Any]:
    """Sums and numbers of known values by problem and bin, (G, B) each."""
    known = ~np.isnan(values)
    cell = (tokens.problem * count + where)[known]
    shape = (int(tokens.problem.max()) + 1, count)
    top = np.bincount(cell, weights=values[known], minlength=shape[0] * count)
    return top.reshape(shape), np.bincount(cell, minlength=shape[0] * count).reshape(shape).astype(float)


def _bins(edges: np.ndarray, where: np.ndarray, columns: Mapping[str, np.ndarray], tokens: Tokens) -> Bins:
    count = len(edges) - 1
    means = {}
    for name, values in columns.items():
        top, bottom = _sums(values, where, count, tokens)
        mean, residuals = ratio_residuals(top, bottom)
        means[name] = Estimate(mean, clustered_error(residuals), len(top))
    return Bins(edges, means, np.bincount(where, minlength=count))


def _shape(values: np.ndarray, third: np.ndarray, tokens: Tokens) -> UShape:
    """Start and end against the middle: differences of ratios, whose residuals of one problem go together."""
    from scipy.special import stdtr

    mean, residuals = ratio_residuals(*_sums(values, third, 3, tokens))
    fall, rise = (
        Estimate(
            float(mean[end] - mean[1]), clustered_error(residuals[:, end] - residuals[:, 1]), len(residuals)
        )
        for end in (0, 2)
    )
    with np.errstate(divide="ignore", invalid="ignore"):
        least = min(fall.mean / fall.stderr, rise.mean / rise.stderr)
    return UShape(fall, rise, float(stdtr(len(residuals) - 1, -least)) if len(residuals) > 1 else np.nan)
