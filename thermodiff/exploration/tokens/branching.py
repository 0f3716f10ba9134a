"""Rollout branching factor: how many tokens a policy would take at each position, in the mean."""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np

from thermodiff.exploration.rollouts import Rollouts
from thermodiff.exploration.tokens.clusters import clustered_mean
from thermodiff.exploration.tokens.token_data import (
    Tokens,
    check_length,
    column,
    loose_tokens,
    response_means,
    tokens_of,
)
from thermodiff.exploration.tokens.top_lists import check_lists
from thermodiff.types import Estimate
from thermodiff.validation import complain

NOT_KNOWN = Estimate(np.nan, np.nan, 0)


class Branching(NamedTuple):
    """Fewest tokens whose probabilities reach ``mass``. Errors are clustered by problem, n counts problems."""

    mean: Estimate
    """Over all tokens, from sizes that the source has, or from lists that reach ``mass`` everywhere; else NaN."""
    per_response: Estimate
    """Over responses of the mean over each one's tokens."""
    at_least: Estimate
    """From top-k lists: a list of J entries that does not reach ``mass`` counts as J + 1. NaN without lists."""
    censored: float
    """Share of the lists that do not reach ``mass``: "more than J" is all that they say. NaN without lists."""
    remarks: tuple[str, ...]

    def __str__(self) -> str:
        lists = "" if np.isnan(self.censored) else f", at least {self.at_least:.3f} from the lists alone"
        return "\n".join([f"rollout branching factor {self.mean:.3f}{lists}", *self.remarks])


def rollout_branching_factor(data: Any, groups: Any = None, mass: float = 0.95) -> Branching:
    """RBF = mean over tokens of min{m : p_1 + ... + p_m >= mass}, p_1 >= p_2 >= ... the next token's probabilities.

    ``data`` are ``Rollouts`` with nucleus sizes (of mass 0.95) or top-k lists, or sizes (T,) with the problem of each
    token in ``groups`` (T,), without which there is no standard error. The distribution is the one that was logged: say
    with it at which temperature that was. Source: arXiv 2508.07534 (its decoding rule is not known), errors and the
    censored reading of lists this project. Raises ValueError if there is neither, or for sizes below 1.
    """
    if not 0 < mass < 1:
        raise complain("mass", f"{mass}", "a probability in (0, 1)")
    if not isinstance(data, Rollouts):
        sizes = np.asarray(data)
        tokens = loose_tokens(sizes, groups, "nucleus sizes")
        mean = clustered_mean(_checked(sizes, tokens), tokens.problem)
        return Branching(mean, NOT_KNOWN, NOT_KNOWN, np.nan, ())
    tokens = tokens_of(data)
    own = data.nucleus_sizes is not None and mass == 0.95
    if data.top_log_probs is None:
        need = "nucleus sizes of mass 0.95, or top-k log-probabilities"
        sizes = _checked(column(data, "nucleus_sizes", need), tokens)
        if not own:
            raise complain("mass", f"{mass}", "0.95: that is what the nucleus sizes are of")
        return Branching(*_means(sizes, tokens), NOT_KNOWN, np.nan, ())
    least, censored = _from_lists(data, tokens, mass)
    sizes = _checked(np.asarray(data.nucleus_sizes), tokens) if own else least
    share = float(censored.mean())
    means = _means(sizes, tokens) if own or share == 0 else (NOT_KNOWN, NOT_KNOWN)
    short = f"{share:.1%} of the lists do not reach {mass:g}: there, more than was listed"
    return Branching(*means, clustered_mean(least, tokens.problem), share, (short,) if share > 0 else ())


def _means(sizes: np.ndarray, tokens: Tokens) -> tuple[Estimate, Estimate]:
    return clustered_mean(sizes, tokens.problem), response_means(sizes, tokens)


def _from_lists(data: Rollouts, tokens: Tokens, mass: float) -> tuple[np.ndarray, np.ndarray]:
    """Size of each nucleus as far as its list tells, J + 1 where it does not reach the mass; and where that is."""
    lists = check_lists(column(data, "top_log_probs", "top-k log-probabilities"), tokens)
    reached = np.cumsum(np.exp(lists), axis=1)
    listed = np.isfinite(lists).sum(axis=1)
    inside = reached[:, -1] >= mass
    return np.where(inside, (reached < mass).sum(axis=1) + 1, listed + 1), ~inside


def _checked(sizes: np.ndarray, tokens: Tokens) -> np.ndarray:
    check_length(sizes, tokens, "nucleus size")
    bad = np.flatnonzero(~(sizes >= 1) | ~np.isfinite(sizes))
    if len(bad):
        raise complain(tokens.place(bad[0]), f"nucleus size {sizes[bad[0]]}", "whole numbers of at least 1")
    return sizes
