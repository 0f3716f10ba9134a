"""Means of entropies, with errors that hold where tokens of one problem hang together."""

import re

import numpy as np
import pytest
from character_rollouts import character_rollouts

from thermodiff.exploration.tokens.clusters import clustered_mean
from thermodiff.exploration.tokens.entropies import token_entropy


def test_means_of_the_character_model():
    r = character_rollouts()
    got = token_entropy(r)
    rows = [r.entropies[a:b] for a, b in zip(r.offsets[:-1], r.offsets[1:], strict=True)]
    assert got.mean.mean == pytest.approx(np.concatenate(rows).mean(), abs=1e-12)
    assert got.per_response.mean == pytest.approx(np.mean([row.mean() for row in rows]), abs=1e-12)
    for name, flag in (("correct", True), ("wrong", False)):
        own = np.concatenate([row for row, right in zip(rows, r.correct, strict=True) if right == flag])
        assert getattr(got, name).mean == pytest.approx(own.mean(), abs=1e-12)
    assert got.mean.n == 8
    assert "token entropy 1." in str(got)


def test_the_error_by_hand():
    """Two problems with sums 1, 5 and 2, 3 tokens: ratio 6/5, residuals -7/5 and 7/5, error sqrt(2 * 2 (7/5)^2)/5."""
    mean = clustered_mean([0.5, 0.5, 1.0, 2.0, 2.0], np.array([4, 4, 7, 7, 7]))
    assert mean.mean == pytest.approx(6 / 5)
    assert mean.stderr == pytest.approx(np.sqrt(2 * 2 * (7 / 5) ** 2) / 5)
    assert mean.n == 2


def test_intervals_hold_where_problems_differ_and_lengths_go_with_entropy():
    """Entropy of a problem lengthens its responses: the mean over tokens is that of the population, E[LH]/E[L]."""
    rng = np.random.default_rng(4)
    missed, repetitions, problems = 0, 2000, 200
    # u uniform on [0, 1], length 4 + 16 u, entropy u + noise: E[(4 + 16 u) u]/E[4 + 16 u] = (2 + 16/3)/12.
    truth = (2 + 16 / 3) / 12
    for _ in range(repetitions):
        u = rng.random(problems)
        lengths = 4 + rng.binomial(16, u)
        problem = np.repeat(np.arange(problems), lengths)
        own = 0.2 * rng.normal(size=problems)
        mean = clustered_mean(u[problem] + own[problem] + 0.3 * rng.normal(size=len(problem)), problem)
        missed += abs(mean.mean - truth) > 1.972 * mean.stderr  # t of 199 degrees of freedom
    error = np.sqrt(0.05 * 0.95 / repetitions)
    assert abs(missed / repetitions - 0.05) < 3.5 * error


def test_arrays_with_and_without_groups():
    values = np.array([0.1, 0.4, 0.3])
    assert np.isnan(token_entropy(values).mean.stderr)
    assert token_entropy(values).mean.mean == pytest.approx(0.8 / 3)
    assert token_entropy(values, groups=["a", "b", "b"]).mean.n == 2
    assert np.isnan(token_entropy(values).correct.mean)


def test_one_problem_has_no_error():
    r = character_rollouts()
    one = np.zeros_like(r.problem)
    got = token_entropy(type(r)(one, r.correct, offsets=r.offsets, entropies=r.entropies))
    assert np.isnan(got.mean.stderr)
    assert got.mean.n == 1


@pytest.mark.parametrize(
    ("values", "options", "message"),
    [
        ([0.2, np.nan], {}, "entropies, token 1: got entropy nan, need entropies"),
        (
            [0.2, 2.0],
            {"vocabulary": 7},
            "entropies, token 1: got entropy 2, need entropies (nats), 0 to ln V = 1.9459",
        ),
        ([0.2, -0.5], {}, "entropies, token 1: got entropy -0.5, need entropies (nats), 0 or more"),
        ([0.2, 0.5], {"groups": [1]}, "groups: got shape (1,), need the problem of each token, shape (2,)"),
        ([], {}, "entropies: got no tokens, need at least one"),
    ],
)
def test_what_is_refused(values, options, message):
    with pytest.raises(ValueError, match=re.escape(message)):
        token_entropy(np.array(values), **options)
