"""Bounds from truncated lists: attained at temperature 1, never crossed elsewhere, and what is refused."""

import itertools
import re

import numpy as np
import pytest
from character_rollouts import character_rollouts
from scipy.optimize import linprog

from thermodiff.exploration.tokens.entropy_from_lists import entropy_bounds


def entropy(p):
    p = p[p > 0]
    return -(p * np.log(p)).sum()


def sampled(p, temperature, top_p):
    """What a sampler draws from: p^(1/T) over its sum, then the fewest largest that reach top_p."""
    q = p ** (1 / temperature)
    q = np.sort(q / q.sum())[::-1]
    size = np.searchsorted(np.cumsum(q), top_p - 1e-12) + 1
    return q[:size] / q[:size].sum()


def test_the_lists_of_the_character_model():
    rollouts = character_rollouts()
    bounds = entropy_bounds(rollouts)
    assert (bounds.low - rollouts.entropies).max() < 1e-4
    assert (rollouts.entropies - bounds.high).max() < 1e-4
    low, high = bounds.lists_alone
    assert low.mean <= bounds.mean_low.mean <= rollouts.entropies.mean() <= bounds.mean_high.mean <= high.mean
    assert bounds.naive.mean < bounds.renormalised.mean < low.mean
    assert bounds.mean_low.n == 8
    assert bounds.remarks == (
        f"{bounds.outside:.1%} of the drawn tokens lie outside the list: one more known atom each",
    )


def corners(rest, cap, others):
    """All corners of {0 <= x <= cap, sum x = rest} by choosing which are at the cap and which at 0: x of each."""
    for at_cap in itertools.product((0.0, cap), repeat=others - 1):
        last = rest - sum(at_cap)
        if -1e-12 <= last <= cap + 1e-12:
            yield np.array([*at_cap, max(last, 0)])


@pytest.mark.parametrize("seed", range(20))
def test_both_bounds_are_attained_at_temperature_one(seed):
    rng = np.random.default_rng(seed)
    p = np.sort(rng.dirichlet(np.full(9, 0.7)))[::-1]
    listed, others = p[:3], 6
    rest, cap = 1 - listed.sum(), listed[-1]
    bounds = entropy_bounds(np.log(listed)[None], vocabulary=9)
    least = min(entropy(np.append(listed, x)) for x in corners(rest, cap, others))
    assert bounds.low[0] == pytest.approx(least, abs=1e-12)
    # The greatest: the gradient vanishes along the simplex at the even spread, which is allowed.
    even = np.append(listed, np.full(others, rest / others))
    assert bounds.high[0] == pytest.approx(entropy(even), abs=1e-12)
    slope = -np.log(even[3:]) - 1
    answer = linprog(-slope, A_eq=np.ones((1, others)), b_eq=[rest], bounds=(0, cap))
    assert -answer.fun == pytest.approx(slope @ even[3:], abs=1e-9)


@pytest.mark.parametrize("seed", range(10))
def test_a_drawn_token_outside_is_one_more_atom(seed):
    rng = np.random.default_rng(seed)
    p = np.sort(rng.dirichlet(np.full(8, 0.7)))[::-1]
    drawn = p[5]
    bounds = entropy_bounds(np.log(p[:2])[None], log_probs=np.log([drawn]), vocabulary=8)
    known = np.append(p[:2], drawn)
    rest = 1 - known.sum()
    least = min(entropy(np.append(known, x)) for x in corners(rest, p[1], 5))
    assert bounds.low[0] == pytest.approx(least, abs=1e-12)
    assert bounds.high[0] == pytest.approx(entropy(np.append(known, np.full(5, rest / 5))), abs=1e-12)
    assert bounds.outside == 1


@pytest.mark.parametrize("temperature", [0.3, 0.7, 1.0, 1.6, 4.0])
@pytest.mark.parametrize("top_p", [0.4, 0.8, 0.95, 1.0])
@pytest.mark.parametrize("concentration", [0.1, 1.0])
def test_no_distribution_lies_outside(temperature, top_p, concentration):
    """400 random distributions, and 400 of the extremal kind: whole atoms, a remainder, and dust."""
    rng = np.random.default_rng(int(100 * temperature + 10 * top_p))
    size, listed = 30, 4
    p = -np.sort(-rng.dirichlet(np.full(size, concentration), 400), axis=1)
    packed = p.copy()
    rest, cap = 1 - packed[:, :listed].sum(1), packed[:, listed - 1]
    places = np.arange(size - listed)
    packed[:, listed:] = np.clip(rest[:, None] - places * cap[:, None], 0, cap[:, None])
    p = np.concatenate([p, packed])
    inside = [sampled(row, temperature, top_p) for row in p]
    true = np.array([entropy(q) for q in inside])
    drawn = np.array([rng.choice(len(q), p=q) for q in inside])
    log_p = np.log(np.maximum(p, 1e-300))
    given = log_p[np.arange(len(p)), drawn]
    for log_probs in (None, given):
        bounds = entropy_bounds(
            log_p[:, :listed], log_probs, vocabulary=size, temperature=temperature, top_p=top_p
        )
        assert (bounds.low <= true + 1e-9).all()
        assert (bounds.high >= true - 1e-9).all()
    without = entropy_bounds(log_p[:, :listed], vocabulary=None, temperature=temperature, top_p=top_p)
    assert (without.low <= true + 1e-9).all()
    assert (without.high >= true - 1e-9).all()


def test_a_nucleus_inside_the_list_gives_the_entropy_itself():
    p = np.array([0.5, 0.3, 0.12, 0.05, 0.02, 0.01])
    bounds = entropy_bounds(np.log(p[:4])[None], vocabulary=6, top_p=0.9)
    assert bounds.low[0] == bounds.high[0] == pytest.approx(entropy(p[:3] / p[:3].sum()), abs=1e-12)
    assert entropy_bounds(np.log(p)[None], vocabulary=6).low[0] == pytest.approx(entropy(p), abs=1e-12)


def test_renormalising_is_a_bound_from_below_and_no_more():
    rng = np.random.default_rng(3)
    p = -np.sort(-rng.dirichlet(np.full(20, 0.5), 500), axis=1)
    bounds = entropy_bounds(np.log(p[:, :5]), vocabulary=20)
    assert bounds.renormalised.mean < bounds.mean_low.mean < entropy(p[0]) + 1
    own = [entropy(row[:5] / row[:5].sum()) for row in p]
    assert bounds.renormalised.mean == pytest.approx(np.mean(own), abs=1e-12)


def test_entries_that_are_not_there():
    lists = np.array([[np.log(0.6), np.log(0.3), -np.inf], [np.log(0.6), np.log(0.3), -9999.0]])
    bounds = entropy_bounds(lists, vocabulary=10)
    short = entropy_bounds(lists[:, :2], vocabulary=10)
    np.testing.assert_allclose(bounds.low, short.low, atol=1e-14)
    np.testing.assert_allclose(bounds.high, short.high, atol=1e-14)


def test_without_the_vocabulary_there_is_no_greatest():
    bounds = entropy_bounds(np.log([[0.6, 0.3]]))
    assert np.isinf(bounds.high[0])
    assert np.isinf(bounds.mean_high.mean)
    assert bounds.remarks == ("V is not known: no greatest entropy",)


@pytest.mark.parametrize(
    ("lists", "options", "message"),
    [
        (
            [[0.3, 0.6]],
            {},
            "top-k lists, token 0: got a top-k list -1.20397, -0.510826, need a top-k list sorted",
        ),
        (
            [[0.6, np.nan]],
            {},
            "top-k lists, token 0: got a top-k list -0.510826, nan, need log-probabilities (nats)",
        ),
        ([[0.9, 0.8]], {}, "got a top-k list of total probability 1.7000, need natural logarithms"),
        ([[0.2, 0.001]], {"vocabulary": 9}, "got a list that leaves 0.799 to 7 tokens of at most 0.001 each"),
        ([[0.6, 0.3]], {"vocabulary": 1}, "vocabulary: got 1, need V, no less than a list has entries, 2"),
        (
            [[0.6, 0.3]],
            {"log_probs": [np.log(0.4)]},
            "got a drawn token of log-probability -0.916291 outside a list",
        ),
        (
            [[0.6, 0.3]],
            {"log_probs": [0.2]},
            "token 0: got log-probability 0.2, need log-probabilities (nats)",
        ),
        ([[0.6, 0.3]], {"temperature": 0.0}, "temperature: got 0.0, need a positive number"),
        ([[0.6, 0.3]], {"top_p": 1.5}, "top_p: got 1.5, need a probability"),
        (
            [[0.6, 0.3]],
            {"log_probs": [np.log(0.02)], "top_p": 0.5, "vocabulary": 9},
            "need drawn tokens inside the nucleus of top_p = 0.5",
        ),
        ([[0.0, 0.0]], {}, "got an empty top-k list, need at least one log-probability a token"),
    ],
)
def test_what_is_refused(lists, options, message):
    with np.errstate(divide="ignore"), pytest.raises(ValueError, match=re.escape(message)):
        entropy_bounds(np.log(lists), **options)


def test_a_message_names_file_rollout_and_token():
    rollouts = character_rollouts()
    rollouts.top_log_probs[rollouts.offsets[5] + 3, 1] = 0.5
    with pytest.raises(ValueError, match=r"characters\.jsonl\.gz, rollout 5, token 3: got a top-k list"):
        entropy_bounds(rollouts)
