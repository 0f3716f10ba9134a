"""Mean entropy of the next token, with an error that knows that tokens of one problem hang together."""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np

from thermodiff.exploration.rollouts import Rollouts
from thermodiff.exploration.tokens.clusters import clustered_mean
from thermodiff.exploration.tokens.token_data import (
    check_entropies,
    column,
    loose_tokens,
    response_means,
    tokens_of,
)
from thermodiff.types import Estimate


class TokenEntropy(NamedTuple):
    """Entropies of the next token in nats; every error is clustered by problem, n counts problems."""

    mean: Estimate
    """Over all tokens: the curve that trainers plot."""
    per_response: Estimate
    """Over responses of the mean over each one's tokens: long responses weigh no more than short ones."""
    correct: Estimate
    """Over the tokens of correct responses; NaN where there are none, or where correctness is not known."""
    wrong: Estimate
    """Over the tokens of wrong responses."""

    def __str__(self) -> str:
        return (
            f"token entropy {self.mean} nats (per response {self.per_response}, "
            f"correct {self.correct}, wrong {self.wrong})"
        )


def token_entropy(data: Any, groups: Any = None, vocabulary: int | None = None) -> TokenEntropy:
    """H = -sum pi ln pi of the next token, averaged over tokens, over responses, and over correct and wrong ones.

    ``data`` are ``Rollouts`` with entropies, or entropies (T,) in nats with the problem of each token in ``groups``
    (T,): without it the tokens are one cluster and have no standard error (NaN). Raises ValueError if there are no
    entropies (of truncated lists see ``entropy_bounds``), or if one is NaN, negative, or above ln V.
    """
    if not isinstance(data, Rollouts):
        values = np.asarray(data, dtype=np.float64)
        tokens = loose_tokens(values, groups, "entropies")
        unknown = Estimate(np.nan, np.nan, 0)
        mean = clustered_mean(check_entropies(values, tokens, vocabulary), tokens.problem)
        return TokenEntropy(mean, unknown, unknown, unknown)
    tokens = tokens_of(data)
    values = column(data, "entropies", "entropies of the tokens (of top-k lists: entropy_bounds)")
    values = check_entropies(values, tokens, data.vocabulary or vocabulary)
    right = np.asarray(data.correct, dtype=bool)[tokens.rollout]
    return TokenEntropy(
        clustered_mean(values, tokens.problem),
        response_means(values, tokens),
        clustered_mean(values[right], tokens.problem[right]),
        clustered_mean(values[~right], tokens.problem[~right]),
    )
