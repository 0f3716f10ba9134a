"""Responses by how sure a policy was of them: perplexity against correctness, and which ones training moved most."""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np

from thermodiff.exploration.rollouts import Rollouts
from thermodiff.exploration.tokens.clusters import clustered_error, clustered_mean, index_of, ratio_residuals
from thermodiff.exploration.tokens.token_data import check_log_probs, column, tokens_of
from thermodiff.types import Estimate
from thermodiff.validation import check_count, complain

UNKNOWN = Estimate(np.nan, np.nan, 0)


class PerplexityProfile(NamedTuple):
    """Log-perplexities of responses, nats a token; errors over problems, n counts the problems that a number is of."""

    correct: Estimate
    """Mean over correct responses."""
    wrong: Estimate
    """Mean over wrong responses."""
    difference: Estimate
    """Correct less wrong within a problem, averaged over the problems that have both: difficulty cancels."""
    edges: np.ndarray
    """Bins of log-perplexity with as many responses each, (B + 1,)."""
    accuracy: Estimate
    """Share of correct responses in each bin, arrays (B,)."""
    update: Estimate
    """Mean over tokens of |ln pi_other - ln pi|, averaged over the responses of a bin, (B,); one NaN if not known."""
    update_rank: Estimate
    """Spearman correlation within a problem of log-perplexity and update: below 0, the likely ones are moved most."""
    remarks: tuple[str, ...]

    def __str__(self) -> str:
        first = (
            f"log-perplexity: correct {self.correct}, wrong {self.wrong}, within a problem "
            f"{self.difference} nats a token ({self.difference.n} problems)"
        )
        moved = (
            [] if np.isnan(self.update_rank.mean) else [f"rank correlation with update {self.update_rank}"]
        )
        return "\n".join([first, *moved, *self.remarks])


def perplexity_profile(rollouts: Rollouts, other: Any = None, bins: int = 5) -> PerplexityProfile:
    """Log-perplexity -(1/|y|) sum ln pi(y_i) of responses against correctness and against how far training moved them.

    ``rollouts`` have the log-probabilities of the policy that drew them; ``other`` (T,) those of the same tokens under
    the policy after (or before) an update, by default the reference's. Both enter the update, so a response that was
    drawn because it was likely moves with it: for "which are updated most" draw from the policy before the update.
    Definition arXiv 2508.07534; within problems this project. Responses without tokens, or with one that is not
    listed, are left out, with a remark (of updates, those that ``other`` does not list). Raises ValueError without
    log-probabilities, or if none can be used.
    """
    check_count("bins", bins)
    tokens = tokens_of(rollouts)
    log_probs = check_log_probs(column(rollouts, "log_probs", "log-probabilities of the tokens"), tokens)
    count = len(rollouts.problem)
    lengths = np.bincount(tokens.rollout, minlength=count)
    with np.errstate(divide="ignore", invalid="ignore"):
        perplexity = -np.bincount(tokens.rollout, weights=log_probs, minlength=count) / lengths
    used = np.isfinite(perplexity)
    if not used.any():
        raise complain(f"{rollouts.source}: log_probs", "no response with all of them", "at least one")
    remarks = (
        [] if used.all() else [f"{(~used).sum()} responses have tokens without log-probabilities: left out"]
    )
    perplexity, problem = perplexity[used], index_of(rollouts.problem[used])
    right = np.asarray(rollouts.correct, dtype=bool)[used]
    update = _moved(rollouts, other, log_probs, lengths)[used]
    known = np.isfinite(update)
    if not known.any():
        remarks.append("no log-probabilities of another policy: nothing is said of updates")
    elif not known.all():
        remarks.append(f"{(~known).sum()} responses have no log-probabilities of the other policy: no update")
    edges = np.quantile(perplexity, np.linspace(0, 1, bins + 1))
    where = np.clip(np.searchsorted(edges[1:-1], perplexity, side="right"), 0, bins - 1)
    return PerplexityProfile(
        clustered_mean(perplexity[right], problem[right]),
        clustered_mean(perplexity[~right], problem[~right]),
        _within(perplexity, right, problem),
        edges,
        _by_bin(right.astype(float), where, bins, problem),
        _by_bin(update[known], where[known], bins, problem[known]) if known.any() else UNKNOWN,
        _rank_correlation(perplexity[known], update[known], problem[known]),
        tuple(remarks),
    )


def _moved(rollouts: Rollouts, other: Any, log_probs: np.ndarray, lengths: np.ndarray) -> np.ndarray:
    """Mean over the tokens of each response of |ln pi_other - ln pi|; not finite where it is not known."""
    other = rollouts.reference_log_probs if other is None else other
    if other is None:
        return np.full(len(lengths), np.nan)
    tokens = tokens_of(rollouts)
    other = check_log_probs(np.asarray(other, dtype=np.float64), tokens, "other log-probability")
    with np.errstate(divide="ignore", invalid="ignore"):
        steps = np.abs(other - log_probs)
        return np.bincount(tokens.rollout, weights=steps, minlength=len(lengths)) / lengths


def _within(perplexity: np.ndarray, right: np.ndarray, problem: np.ndarray) -> Estimate:
    """Mean over problems with both kinds of (mean of correct - mean of wrong)."""
    correct, total = np.bincount(problem, weights=right), np.bincount(problem)
    wrong = total - correct
    both = (correct > 0) & (wrong > 0)
    if not both.any():
        return UNKNOWN
    sums = np.bincount(problem, weights=perplexity * right), np.bincount(problem, weights=perplexity * ~right)
    return _mean(sums[0][both] / correct[both] - sums[1][both] / wrong[both])


def _by_bin(values: np.ndarray, where: np.ndarray, bins: int, problem: np.ndarray) -> Estimate:
    groups = int(problem.max()) + 1
    cell = problem * bins + where
    top = np.bincount(cell, weights=values, minlength=groups * bins).reshape(groups, bins)
    bottom = np.bincount(cell, minlength=groups * bins).reshape(groups, bins).astype(float)
    mean, residuals = ratio_residuals(top, bottom)
    return Estimate(mean, clustered_error(residuals), groups)


def _rank_correlation(x: np.ndarray, y: np.ndarray, problem: np.ndarray) -> Estimate:
    """Mean over problems of Spearman's correlation, over those with three responses and no constant."""
    a, b = (_centred_ranks(values, problem) for values in (x, y))
    products = [np.bincount(problem, weights=first * second) for first, second in ((a, b), (a, a), (b, b))]
    use = (np.bincount(problem) >= 3) & (products[1] > 0) & (products[2] > 0)
    if not use.any():
        return UNKNOWN
    return _mean(products[0][use] / np.sqrt(products[1][use] * products[2][use]))


def _centred_ranks(values: np.ndarray, problem: np.ndarray) -> np.ndarray:
    """Ranks within a problem less their mean; equal values share a rank."""
    order = np.lexsort((values, problem))
    new = np.ones(len(values), dtype=bool)
    new[1:] = (np.diff(values[order]) != 0) | (np.diff(problem[order]) != 0)
    tie = np.cumsum(new) - 1
    shared = np.bincount(tie, weights=np.arange(len(values))) / np.bincount(tie)
    ranks = np.empty(len(values))
    ranks[order] = shared[tie]
    return ranks - (np.bincount(problem, weights=ranks) / np.bincount(problem))[problem]


def _mean(values: np.ndarray) -> Estimate:
    spread = values.std(ddof=1) / np.sqrt(len(values)) if len(values) > 1 else np.nan
    return Estimate(float(values.mean()), float(spread), len(values))
