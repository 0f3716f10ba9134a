"""The gap of real rollouts, its size by simulation, and every way in which the columns may not belong together."""

import dataclasses
import re

import numpy as np
import pytest
from character_rollouts import character_rollouts

from thermodiff.exploration.rollouts import Rollouts
from thermodiff.exploration.tokens.surprise import surprise_entropy_gap


def test_the_character_model_passes():
    rollouts = character_rollouts()
    gap = surprise_entropy_gap(rollouts)
    assert gap.low == gap.high
    assert abs(gap.low.mean) < 2 * gap.low.stderr
    assert abs(gap.z[0]) < 2
    assert not gap.differs
    assert gap.low.n == 8
    assert gap.rollouts == 64
    own = -rollouts.log_probs.sum() - rollouts.entropies.sum()
    assert gap.low.mean * len(rollouts.log_probs) == pytest.approx(own, rel=1e-12)
    assert gap.per_rollout[0].mean * 64 == pytest.approx(own, rel=1e-12)


def test_lists_give_an_interval_around_it():
    rollouts = character_rollouts()
    exact = surprise_entropy_gap(rollouts).low.mean
    gap = surprise_entropy_gap(dataclasses.replace(rollouts, entropies=None))
    assert gap.low.mean < exact < gap.high.mean
    # Both ends are many errors from 0, on both sides of it: that is no difference.
    assert gap.z[0] < -4 < 4 < gap.z[1]
    assert not gap.differs
    hotter = dataclasses.replace(
        rollouts, entropies=None, log_probs=rollouts.log_probs - 1.0, top_log_probs=None
    )
    with pytest.raises(ValueError, match="entropies: got none, need entropies of the tokens, or top-k"):
        surprise_entropy_gap(hotter)


@pytest.mark.parametrize("unit", ["log_probs", "entropies"])
def test_one_column_in_bits(unit):
    rollouts = character_rollouts()
    bits = dataclasses.replace(rollouts, **{unit: getattr(rollouts, unit) / np.log(2)}, vocabulary=None)
    gap = surprise_entropy_gap(bits)
    assert gap.differs
    assert "not of the policy that drew the tokens" in str(gap)


def policies(rng, problems):
    """Per problem a table of next-symbol probabilities, 6 symbols, symbol 0 ends; entropies vary by state."""
    return rng.dirichlet(np.full(6, 0.4), size=(problems, 6)) * 0.9 + 0.1 / 6


def rollouts_of(tables, each, longest, rng, keep_truncated=True):
    problems = len(tables)
    problem = np.repeat(np.arange(problems), each)
    state = np.ones(len(problem), dtype=int)
    alive = np.ones(len(problem), dtype=bool)
    entropy = -(tables * np.log(tables)).sum(-1)
    log_probs = np.full((len(problem), longest), np.nan)
    entropies = log_probs.copy()
    for step in range(longest):
        p = tables[problem, state]
        new = (p.cumsum(1) < rng.random((len(problem), 1))).sum(1).clip(max=5)
        log_probs[alive, step] = np.log(p[np.arange(len(problem)), new])[alive]
        entropies[alive, step] = entropy[problem, state][alive]
        state = new
        alive &= new != 0
    if not keep_truncated:
        problem, log_probs, entropies = problem[~alive], log_probs[~alive], entropies[~alive]
    there = ~np.isnan(log_probs)
    offsets = np.concatenate([[0], there.sum(1).cumsum()])
    wrong = np.zeros(len(problem), bool)
    return Rollouts(problem, wrong, offsets=offsets, log_probs=log_probs[there], entropies=entropies[there])


def test_size_of_the_test_and_of_the_intervals():
    """1,000 repetitions: z beyond 1.96, and the clustered interval that misses 0, each in 5 % within its error."""
    rng = np.random.default_rng(11)
    beyond = missed = 0
    repetitions = 1000
    for _ in range(repetitions):
        gap = surprise_entropy_gap(rollouts_of(policies(rng, 40), 6, 20, rng))
        beyond += abs(gap.z[0]) > 1.96
        missed += abs(gap.low.mean) > 2.02 * gap.low.stderr  # t of 39 degrees of freedom
    error = np.sqrt(0.05 * 0.95 / repetitions)
    assert abs(beyond / repetitions - 0.05) < 3.5 * error
    assert abs(missed / repetitions - 0.05) < 3.5 * error


def test_leaving_out_truncated_rollouts_breaks_it():
    rng = np.random.default_rng(2)
    tables = policies(rng, 100)
    assert abs(surprise_entropy_gap(rollouts_of(tables, 40, 8, rng)).z[0]) < 3
    assert surprise_entropy_gap(rollouts_of(tables, 40, 8, rng, keep_truncated=False)).differs


def test_arrays_say_the_same_as_rollouts():
    r = character_rollouts()
    gap = surprise_entropy_gap(r.log_probs, r.entropies, r.offsets, r.problem)
    assert gap == surprise_entropy_gap(r)


def test_a_token_without_a_log_probability_leaves_the_gap_unknown():
    rollouts = character_rollouts()
    rollouts.log_probs[[4, 9]] = [-np.inf, -9999.0]
    gap = surprise_entropy_gap(rollouts)
    assert np.isnan(gap.low.mean)
    assert np.isnan(gap.z).all()
    assert not gap.differs
    assert gap.remarks[0].startswith("2 drawn tokens have no log-probability: the gap is not known")


def test_what_is_refused():
    rollouts = character_rollouts()
    cases = [
        (
            {"log_probs": np.append(rollouts.log_probs[:-1], 0.01)},
            "rollout 63, token 89: got log-probability 0.01",
        ),
        ({"log_probs": np.append(rollouts.log_probs[:-1], np.nan)}, "got log-probability nan, need log-prob"),
        ({"log_probs": rollouts.log_probs[:-1]}, "log-probability: got shape"),
        ({"entropies": rollouts.entropies[:-1]}, "entropy: got shape"),
        ({"entropies": rollouts.entropies + 5}, "entropies (nats), 0 to ln V = 6.1420, V = 465"),
        ({"entropies": rollouts.entropies - 5}, "rollout 0, token 0: got entropy -4.33004, need"),
        (
            {"log_probs": None},
            "characters.jsonl.gz: log_probs: got none, need log-probabilities of the tokens",
        ),
        (
            {"offsets": None},
            "characters.jsonl.gz: offsets: got none, need rollouts with data of their tokens",
        ),
        ({"offsets": rollouts.offsets[:-1]}, "offsets: got 64 of them for 64 rollouts, need 0 and the end"),
    ]
    for change, message in cases:
        with pytest.raises(ValueError, match=re.escape(message)):
            surprise_entropy_gap(dataclasses.replace(rollouts, **change))
    with pytest.raises(ValueError, match=r"offsets: got None, need entropies"):
        surprise_entropy_gap(rollouts.log_probs, rollouts.entropies)
