"""The covariance that drives entropy: of log-probability and advantage, token by token, its tail, and what it predicts.

For one softmax policy with logits z, exactly to first order in a step dz,
    dH = -Cov_pi(ln pi, dz),
dz = eta A for the natural gradient and eta pi A for the plain one (arXiv 2505.22617). Over the tokens of a batch the
same is read as -eta times the mean of (ln pi_i - mean)(A_i - mean). That leaves out that states differ and that their
distribution moves; so the prediction is set against the measured change wherever there are several steps.
"""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np

from thermodiff.exploration.rollouts import Rollouts
from thermodiff.exploration.tokens.clusters import clustered_mean, index_of
from thermodiff.exploration.tokens.token_data import (
    Tokens,
    check_entropies,
    check_log_probs,
    column,
    tokens_of,
)
from thermodiff.types import Estimate
from thermodiff.validation import complain

LARGE = 1.0
"""Products above this are those that Clip-Cov takes tokens from (its range is 1 to 5)."""
TOP = 0.01
"""Share of the tokens whose part of the covariance is reported."""


class EntropyResponse(NamedTuple):
    """Changes of the mean entropy between steps of a training, against the covariance before each."""

    steps: np.ndarray
    """Steps with rollouts, (S,)."""
    covariance: np.ndarray
    """Token covariance at each step, (S,), nats."""
    entropy: np.ndarray
    """Mean entropy of the tokens of each step, or mean surprise where there are no entropies, (S,), nats."""
    slope: Estimate
    """Least squares of the change per step = slope x covariance, through 0: -eta if the prediction holds; error for
    changes that share an entropy with the next (one lag). n counts changes."""
    correlation: float
    """Of changes per step and covariances, (S - 1 of each): -1 where the covariance predicts all there is."""


class TokenCovariance(NamedTuple):
    """Products (ln pi_i - mean)(A_i - mean) of tokens; means and errors over tokens clustered by problem."""

    mean: Estimate
    """The token covariance, nats (advantages have no unit): dH = -eta x this. Positive: entropy falls."""
    values: np.ndarray
    """The product of each token, (T,); NaN where the log-probability is not listed."""
    quantiles: np.ndarray
    """Of the products, at 0.5, 0.9, 0.99, 0.999 and 0.9998, (5,): the tail that Clip-Cov and KL-Cov act on."""
    large: float
    """Share of the tokens with a product above 1."""
    top_share: float
    """Sum over the largest 1 % of the products, as a share of the sum over all that are above 0."""
    response: EntropyResponse | None
    """Predicted against measured changes of entropy; None for fewer than four steps."""
    remarks: tuple[str, ...]

    def __str__(self) -> str:
        lines = [f"token covariance {self.mean} nats; the largest 1 % carry {self.top_share:.1%}"]
        if self.response is not None:
            r = self.response
            fit = f"change of entropy a step {r.slope} x covariance, correlation {r.correlation:.2f}"
            lines.append(f"{fit}, {r.slope.n} changes")
        return "\n".join([*lines, *self.remarks])


def entropy_derivative(logits: Any, direction: Any) -> Any:
    """dH/ds = -Cov_pi(ln pi, dz/ds) of pi = softmax(z), exact: ``logits`` and ``direction`` (..., V) to (...), nats.

    Logits of -inf are tokens that cannot be drawn. Raises ValueError for shapes that differ.
    """
    z, dz = np.asarray(logits, dtype=np.float64), np.asarray(direction, dtype=np.float64)
    if z.shape != dz.shape:
        raise complain("direction", f"shape {dz.shape}", f"that of the logits, {z.shape}")
    z = z - z.max(axis=-1, keepdims=True)
    log_pi = z - np.log(np.exp(z).sum(axis=-1, keepdims=True))
    pi = np.exp(log_pi)
    log_pi, dz = np.where(pi > 0, log_pi, 0), np.where(pi > 0, dz, 0)
    centred = log_pi - (pi * log_pi).sum(axis=-1, keepdims=True)
    return -(pi * centred * dz).sum(axis=-1)


def entropy_covariance(rollouts: Rollouts, advantages: Any = None) -> TokenCovariance:
    """The covariance of log-probability and advantage over tokens, its tail, and the change of entropy it predicts.

    ``rollouts`` have log-probabilities of the policy that drew them; ``advantages`` (N,) a response or (T,) a token, by
    default group-relative, (r - mean)/(std + 1e-6) with ddof 0 within a problem (and step), 0 where all are alike. With
    several ``step``s everything is centred within its step. Raises ValueError without log-probabilities, or for
    advantages that are not finite or of another length.
    """
    tokens = tokens_of(rollouts)
    log_probs = check_log_probs(column(rollouts, "log_probs", "log-probabilities of the tokens"), tokens)
    known = np.isfinite(log_probs)
    if not known.any():
        raise complain(
            f"{rollouts.source}: log_probs", "none that is listed", "log-probabilities of the tokens"
        )
    step = np.zeros(len(rollouts.problem), int) if rollouts.step is None else index_of(rollouts.step)
    advantage, remarks = _advantages(rollouts, advantages, tokens, step)
    where = step[tokens.rollout]
    values = np.full(tokens.size, np.nan)
    values[known] = _centred(log_probs[known], where[known]) * _centred(advantage[known], where[known])
    if not known.all():
        remarks.append(f"{(~known).sum()} drawn tokens have no log-probability: left out")
    products = values[known]
    largest = np.sort(products)[-max(1, int(np.ceil(TOP * len(products)))) :]
    positive = products[products > 0].sum()
    return TokenCovariance(
        clustered_mean(products, tokens.problem[known]),
        values,
        np.quantile(products, (0.5, 0.9, 0.99, 0.999, 0.9998)),
        float((products > LARGE).mean()),
        float(largest.clip(0).sum() / positive) if positive > 0 else np.nan,
        _response(rollouts, tokens, where, values, log_probs),
        tuple(remarks),
    )


def _advantages(
    rollouts: Rollouts, given: Any, tokens: Tokens, step: np.ndarray
) -> tuple[np.ndarray, list[str]]:
    """Of each token, and what there is to say of them."""
    if given is not None:
        given = np.asarray(given, dtype=np.float64)
        if given.shape not in ((len(rollouts.problem),), (tokens.size,)):
            need = f"one a response ({len(rollouts.problem)},) or one a token ({tokens.size},)"
            raise complain("advantages", f"shape {given.shape}", need)
        if not np.isfinite(given).all():
            raise complain("advantages", "NaN or infinity", "finite numbers")
        return (given if given.shape == (tokens.size,) else given[tokens.rollout]), []
    problem = index_of(rollouts.problem)
    group = index_of(problem * (step.max() + 1) + step)
    reward = np.asarray(rollouts.correct, dtype=np.float64)
    centred = _centred(reward, group)
    spread = np.sqrt(np.bincount(group, weights=centred**2) / np.bincount(group))
    alike = float((spread == 0).mean())
    remarks = [f"{alike:.1%} of the groups are all right or all wrong: advantage 0"] if alike > 0 else []
    return (centred / (spread[group] + 1e-6))[tokens.rollout], remarks


def _centred(values: np.ndarray, group: np.ndarray) -> np.ndarray:
    with np.errstate(invalid="ignore"):
        means = np.bincount(group, weights=values) / np.bincount(group)
    return values - means[group]


def _response(
    rollouts: Rollouts, tokens: Tokens, where: np.ndarray, values: np.ndarray, log_probs: np.ndarray
) -> EntropyResponse | None:
    if rollouts.step is None:
        return None
    steps = np.unique(np.asarray(rollouts.step, dtype=np.float64))
    present = np.bincount(where, weights=np.isfinite(values), minlength=len(steps)) > 0
    if len(steps) < 4 or not present.all():
        return None
    entropies = -log_probs
    if rollouts.entropies is not None:
        entropies = check_entropies(column(rollouts, "entropies", "entropies"), tokens, rollouts.vocabulary)
    known = np.isfinite(values) & np.isfinite(entropies)
    count = np.bincount(where[known])
    covariance = np.bincount(where[known], weights=values[known]) / count
    entropy = np.bincount(where[known], weights=entropies[known]) / count
    change, x = np.diff(entropy) / np.diff(steps), covariance[:-1]
    square = x @ x
    slope = x @ change / square if square > 0 else np.nan
    terms = x * (change - slope * x)
    # Consecutive changes share an entropy, with opposite signs: their errors cancel in part, so one lag counts.
    variance = (terms @ terms + 2 * terms[1:] @ terms[:-1]) / square**2 if square > 0 else np.nan
    with np.errstate(invalid="ignore"):
        error = float(np.sqrt(variance)) if variance > 0 else float(np.sqrt(terms @ terms) / square)
        correlation = float(np.corrcoef(x, change)[0, 1]) if x.std() > 0 and change.std() > 0 else np.nan
    return EntropyResponse(steps, covariance, entropy, Estimate(float(slope), error, len(x)), correlation)
