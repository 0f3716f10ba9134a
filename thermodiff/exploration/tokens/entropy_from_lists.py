"""Entropy of the next token from truncated top-k lists: bounds that hold, beside the two numbers that people print.

A list p_1 >= ... >= p_J leaves r = 1 - sum p to the other tokens, each at most p_J. The sampling distribution may be
the logged one, one of another temperature (p^s/Z, s = 1/T), or one cut to a nucleus; each time the rest's mass lies in
a known range, and ``list_bounds`` gives the least and the greatest entropy over it. This project.
"""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np

from thermodiff.exploration.rollouts import Rollouts
from thermodiff.exploration.tokens.clusters import clustered_mean
from thermodiff.exploration.tokens.list_bounds import Known, greatest_entropy, least_entropy, x_log_x
from thermodiff.exploration.tokens.token_data import Tokens, check_log_probs, column, loose_tokens, tokens_of
from thermodiff.exploration.tokens.top_lists import SUM_SLACK, check_lists, drawn_outside
from thermodiff.types import Estimate
from thermodiff.validation import complain


class EntropyBounds(NamedTuple):
    """Bounds of the entropy of the next token in nats; errors clustered by problem, n counts problems."""

    low: np.ndarray
    """Least entropy of each token's distribution, (T,)."""
    high: np.ndarray
    """Greatest, (T,); inf where V is not known."""
    mean_low: Estimate
    mean_high: Estimate
    lists_alone: tuple[Estimate, Estimate]
    """Means of both bounds where the drawn tokens outside the lists are not made use of."""
    naive: Estimate
    """Mean of -sum p ln p over the list as logged: a weaker bound from below, and no estimate."""
    renormalised: Estimate
    """Mean entropy of the list divided by its sum, as logged: below too, and right only if decoding was cut to it."""
    outside: float
    """Share of drawn tokens outside their list; NaN where the drawn tokens are not known."""
    remarks: tuple[str, ...]

    def __str__(self) -> str:
        low, high = self.lists_alone
        lines = [
            f"token entropy between {self.mean_low} and {self.mean_high} nats",
            f"  from the lists alone {low.mean:.4f} to {high.mean:.4f}; no estimates: the lists' own sum "
            f"{self.naive.mean:.4f}, renormalised {self.renormalised.mean:.4f}",
        ]
        return "\n".join([*lines, *self.remarks])


def entropy_bounds(
    data: Any,
    log_probs: Any = None,
    vocabulary: int | None = None,
    groups: Any = None,
    temperature: float = 1.0,
    top_p: float = 1.0,
) -> EntropyBounds:
    """Least and greatest entropy of the sampling distribution that top-k lists of log-probabilities allow.

    ``data`` are ``Rollouts`` with top-k lists, or lists (T, J) in nats, largest first, with the drawn tokens'
    ``log_probs`` (T,), if known, and each token's problem in ``groups`` (T,). ``vocabulary`` is V; without it the
    greatest entropy is infinite. ``temperature`` and ``top_p`` say how the sampler changed the logged distribution
    (temperature first): leave them at 1 where what was logged is already what was sampled. At temperature 1 both bounds
    are attained; at others they hold, with some room. A nucleus that lies in the list gives the entropy itself.

    Raises ValueError for a list that is unsorted or no distribution, that leaves more than V - J tokens of at most p_J
    can hold, or that lacks a drawn token more likely than its last; and for a drawn token outside the nucleus.
    """
    if not (temperature > 0 and np.isfinite(temperature)):
        raise complain("temperature", f"{temperature}", "a positive number")
    if not 0 < top_p <= 1:
        raise complain("top_p", f"{top_p}", "a probability, above 0 and at most 1")
    tokens, lists, drawn, size = _read(data, log_probs, vocabulary, groups)
    probs = np.exp(lists)
    outside = np.zeros(len(lists), bool) if drawn is None else drawn_outside(drawn, lists, tokens)
    atom = np.zeros(len(lists)) if drawn is None else np.where(outside, np.exp(drawn), 0)
    alone = _bounds(probs, np.zeros_like(atom), size, temperature, top_p, tokens)
    low, high = _bounds(probs, atom, size, temperature, top_p, tokens) if outside.any() else alone
    remarks = [] if np.isfinite(size) else ["V is not known: no greatest entropy"]
    if outside.any():
        remarks.append(
            f"{outside.mean():.1%} of the drawn tokens lie outside the list: one more known atom each"
        )

    def mean(values: np.ndarray) -> Estimate:
        return clustered_mean(values, tokens.problem)

    total = probs.sum(axis=1)
    own = -x_log_x(probs).sum(axis=1)
    return EntropyBounds(
        low,
        high,
        mean(low),
        _infinite(high) or mean(high),
        (mean(alone[0]), _infinite(alone[1]) or mean(alone[1])),
        mean(own),
        mean(own / total + np.log(total)),
        np.nan if drawn is None else float(outside.mean()),
        tuple(remarks),
    )


def _read(data: Any, log_probs: Any, vocabulary: int | None, groups: Any) -> tuple[Tokens, Any, Any, float]:
    """Layout, checked lists, drawn log-probabilities or None, and V (inf if not known)."""
    if isinstance(data, Rollouts):
        tokens, vocabulary = tokens_of(data), data.vocabulary or vocabulary
        lists, log_probs = column(data, "top_log_probs", "top-k log-probabilities"), data.log_probs
    else:
        lists = np.asarray(data, dtype=np.float64)
        tokens = loose_tokens(lists, groups, "top-k lists")
    lists = check_lists(lists, tokens)
    empty = np.flatnonzero(~np.isfinite(lists[:, 0]))
    if len(empty):
        raise complain(tokens.place(empty[0]), "an empty top-k list", "at least one log-probability a token")
    most = int(np.isfinite(lists).sum(axis=1).max())
    if vocabulary is not None and vocabulary < most:
        raise complain("vocabulary", f"{vocabulary}", f"V, no less than a list has entries, {most}")
    if log_probs is not None:
        log_probs = check_log_probs(np.asarray(log_probs, dtype=np.float64), tokens)
    return tokens, lists, log_probs, np.inf if vocabulary is None else float(vocabulary)


def _bounds(
    probs: np.ndarray, atom: np.ndarray, size: float, temperature: float, top_p: float, tokens: Tokens
) -> tuple[np.ndarray, np.ndarray]:
    """Least and greatest entropy (T,) with the drawn token's probability in ``atom`` (0 where it is in the list)."""
    smallest = np.min(np.where(probs > 0, probs, np.inf), axis=1)
    others = size - (probs > 0).sum(axis=1) - (atom > 0)
    rest = _rest(probs, atom, smallest, others, tokens)
    s = 1 / temperature
    # Relative to the largest, so that no power underflows.
    scale = probs[:, 0]
    weights, extra, cap = (probs / scale[:, None]) ** s, (atom / scale) ** s, (smallest / scale) ** s
    u0, u1 = _tempered_rest(rest / scale, smallest / scale, others, s)
    known = Known(weights.sum(1) + extra, x_log_x(weights).sum(1) + x_log_x(extra), cap, others)
    if top_p == 1:
        return least_entropy(known, u0, u1), greatest_entropy(known, u0, u1)
    return _nucleus(weights, known, extra, u0, u1, top_p, tokens)


def _rest(
    probs: np.ndarray, atom: np.ndarray, smallest: np.ndarray, others: np.ndarray, tokens: Tokens
) -> np.ndarray:
    """r = 1 - sum, at most what the other tokens can hold. Raises ValueError if they cannot hold so much."""
    rest = np.maximum(1 - probs.sum(axis=1) - atom, 0)
    room = others * smallest
    over = np.flatnonzero(rest > room + SUM_SLACK)
    if len(over):
        i = over[0]
        got = f"a list that leaves {rest[i]:.4g} to {others[i]:.0f} tokens of at most {smallest[i]:.3g} each"
        raise complain(tokens.place(i), got, "the largest probabilities in the list (is V right?)")
    return np.minimum(rest, room)


def _tempered_rest(
    rest: np.ndarray, smallest: np.ndarray, others: np.ndarray, s: float
) -> tuple[np.ndarray, np.ndarray]:
    """Least and greatest sum of x^s over ``others`` numbers x of at most ``smallest`` that sum to ``rest``."""
    if s == 1:
        return rest, rest
    atoms = np.floor(rest / smallest)
    remainder = rest - atoms * smallest
    # What rounding leaves must not be raised to a power below 1: 1e-17 would become 1e-4.
    packed = atoms * smallest**s + np.where(remainder > 1e-9, remainder, 0) ** s
    with np.errstate(divide="ignore", invalid="ignore"):
        spread = np.where(rest > 0, rest**s * others ** (1 - s), 0)
    return np.minimum(packed, spread), np.maximum(packed, spread)


def _nucleus(
    weights: np.ndarray,
    known: Known,
    extra: np.ndarray,
    u0: np.ndarray,
    u1: np.ndarray,
    top_p: float,
    tokens: Tokens,
) -> tuple[np.ndarray, np.ndarray]:
    """Least and greatest entropy of the nucleus: the fewest largest that reach ``top_p``, divided by their sum."""
    mass = np.cumsum(weights, axis=1)
    listed = mass[:, -1]
    beyond = np.flatnonzero((extra > 0) & (top_p * (known.total + u1) <= listed * (1 - SUM_SLACK)))
    if len(beyond):
        i = beyond[0]
        got = f"a drawn token outside a list that holds {listed[i] / (known.total[i] + u1[i]):.4f}"
        raise complain(tokens.place(i), got, f"drawn tokens inside the nucleus of top_p = {top_p:g}")
    entropies = np.log(mass) - np.cumsum(x_log_x(weights), axis=1) / mass
    ends = []
    for u, bound in ((u0, least_entropy), (u1, greatest_entropy)):
        target = top_p * (known.total + u)
        inside = (extra == 0) & (target <= listed)
        size = np.minimum((mass < target[:, None]).sum(axis=1), weights.shape[1] - 1)
        # A nucleus that leaves the list reaches its target, by less than one atom more; targets grow with u.
        v0 = np.clip(top_p * (known.total + u0) - known.total, 0, u1)
        v1 = np.clip(top_p * (known.total + u1) - known.total + known.cap, v0, u1)
        ends.append(
            np.where(inside, np.take_along_axis(entropies, size[:, None], 1)[:, 0], bound(known, v0, v1))
        )
    return ends[0], ends[1]


def _infinite(values: np.ndarray) -> Estimate | None:
    """Infinity as an estimate, where one of the values is: its mean has no error."""
    return Estimate(np.inf, np.nan, 0) if np.isinf(values).any() else None
