"""Log-perplexities against loops and scipy's rank correlation; what difficulty alone must not look like."""

import dataclasses

import numpy as np
import pytest
from character_rollouts import character_rollouts
from scipy.stats import spearmanr

from thermodiff.exploration.rollouts import Rollouts
from thermodiff.exploration.tokens.perplexities import perplexity_profile


def of_responses(problem, correct, log_perplexity, update=None, length=4):
    """Responses of ``length`` equal tokens."""
    tokens = np.repeat(-np.asarray(log_perplexity, dtype=float), length)
    moved = None if update is None else tokens - np.repeat(update, length)
    offsets = np.arange(len(problem) + 1) * length
    return Rollouts(
        np.asarray(problem),
        np.asarray(correct, bool),
        offsets=offsets,
        log_probs=tokens,
        reference_log_probs=moved,
        source="made up",
    )


def test_means_of_the_character_model():
    r = character_rollouts()
    profile = perplexity_profile(r)
    own = np.array([-r.log_probs[a:b].mean() for a, b in zip(r.offsets[:-1], r.offsets[1:], strict=True)])
    assert profile.correct.mean == pytest.approx(own[r.correct].mean(), abs=1e-12)
    assert profile.wrong.mean == pytest.approx(own[~r.correct].mean(), abs=1e-12)
    within = [
        own[(r.problem == p) & r.correct].mean() - own[(r.problem == p) & ~r.correct].mean()
        for p in range(8)
        if 0 < r.correct[r.problem == p].sum() < 8
    ]
    assert profile.difference.mean == pytest.approx(np.mean(within), abs=1e-12)
    assert profile.difference.n == len(within)
    bins = np.digitize(own, profile.edges[1:-1])
    for b in range(5):
        assert profile.accuracy.mean[b] == pytest.approx(r.correct[bins == b].mean(), abs=1e-12)
    assert np.ptp(np.bincount(bins)) <= 1
    assert np.isnan(profile.update.mean)
    assert profile.remarks == ("no log-probabilities of another policy: nothing is said of updates",)


def test_difficulty_alone_is_no_difference_within_a_problem():
    """Hard problems have high perplexity: a difference between correct and wrong overall, none within a problem."""
    rng = np.random.default_rng(0)
    problem = np.repeat(np.arange(300), 8)
    hard = rng.random(300)
    correct = rng.random(len(problem)) > hard[problem]
    profile = perplexity_profile(of_responses(problem, correct, hard[problem] + rng.random(len(problem))))
    assert profile.correct.mean - profile.wrong.mean < -0.2
    assert abs(profile.difference.mean) < 3 * profile.difference.stderr
    assert profile.accuracy.mean[0] > profile.accuracy.mean[-1] + 0.3


def test_updates_by_rank_within_a_problem():
    rng = np.random.default_rng(1)
    problem = np.repeat(np.arange(40), 7)
    perplexity = np.round(rng.random(len(problem)) + 0.2, 1)  # with ties
    update = np.exp(-perplexity) * (0.5 + rng.random(len(problem)))
    shuffled = rng.permutation(len(problem))
    r = of_responses(problem[shuffled], np.zeros(len(problem)), perplexity[shuffled], update[shuffled])
    profile = perplexity_profile(r)
    own = [spearmanr(perplexity[problem == p], update[problem == p]).statistic for p in range(40)]
    assert profile.update_rank.mean == pytest.approx(np.mean(own), abs=1e-10)
    assert profile.update_rank.stderr == pytest.approx(np.std(own, ddof=1) / np.sqrt(40), abs=1e-10)
    assert profile.update.mean[0] > profile.update.mean[-1]
    assert "rank correlation with update -0." in str(profile)


def test_the_other_policy_can_be_given():
    problem = np.repeat(np.arange(5), 4)
    perplexity = 0.25 + np.arange(20) / 64  # all sums exact
    r = of_responses(problem, np.arange(20) % 2, perplexity)
    given = perplexity_profile(r, other=r.log_probs - 0.125, bins=2)
    np.testing.assert_allclose(given.update.mean, 0.125)
    assert np.isnan(given.update_rank.mean)  # all the same: no rank
    some = (r.log_probs - 0.125).copy()
    some[3] = -9999
    partly = perplexity_profile(r, other=some, bins=2)
    np.testing.assert_allclose(partly.update.mean, 0.125)
    assert partly.remarks == ("1 responses have no log-probabilities of the other policy: no update",)


def test_one_kind_only_and_tokens_not_listed():
    problem = np.repeat(np.arange(3), 2)
    r = of_responses(problem, np.zeros(6), np.full(6, 0.5))
    profile = perplexity_profile(r)
    assert np.isnan(profile.correct.mean)
    assert np.isnan(profile.difference.mean)
    assert profile.difference.n == 0
    r.log_probs[0] = -np.inf
    assert perplexity_profile(r).remarks[0] == "1 responses have tokens without log-probabilities: left out"
    with pytest.raises(ValueError, match="made up: log_probs: got no response with all of them"):
        perplexity_profile(dataclasses.replace(r, log_probs=np.full(24, -np.inf)))
    with pytest.raises(ValueError, match=r"got other log-probability 0\.1, need log-probabilities"):
        perplexity_profile(r, other=np.full(24, 0.1))
    with pytest.raises(ValueError, match="made up: log_probs: got none, need log-probabilities"):
        perplexity_profile(dataclasses.replace(r, log_probs=None))
