"""Advantages against loops over subsets, in exact rationals."""

import math
from fractions import Fraction

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from method_cases import pass_at_k_by_subsets

from thermodiff import exploration as explore


@pytest.mark.parametrize("G", [2, 3, 5, 6])
def test_pass_at_k_is_the_mean_over_all_subsets(G):
    for k in range(1, G + 1):
        for positive in range(G + 1):
            rewards = np.array([1.0] * positive + [0.0] * (G - positive))
            got = explore.pass_at_k_advantage(rewards, k)
            expected = [float(x) for x in pass_at_k_by_subsets(rewards, k)]
            np.testing.assert_allclose(
                np.sign(got) * got**2, expected, rtol=1e-13, atol=0, err_msg=f"{k} {positive}"
            )


def test_pass_at_k_of_a_large_group_neither_overflows_nor_loses_digits():
    G, k, positive = 1024, 256, 3
    rewards = np.zeros((2, G))
    rewards[1, :positive] = 1
    got = explore.pass_at_k_advantage(rewards, k)
    q = Fraction(math.comb(G - positive, k), math.comb(G, k))
    np.testing.assert_allclose(got[1, 0], math.sqrt(q / (1 - q)), rtol=1e-12)
    np.testing.assert_allclose(got[1, -1], -positive / (G - positive) * got[1, 0], rtol=1e-14)
    np.testing.assert_array_equal(got[0], 0)


@given(st.integers(2, 12).flatmap(lambda G: st.tuples(st.just(G), st.integers(1, G), st.integers(0, G))))
def test_pass_at_k_is_centred_and_zero_where_no_subset_differs(case):
    G, k, positive = case
    got = explore.pass_at_k_advantage(np.array([0.0] * (G - positive) + [1.0] * positive), k)
    assert got.sum() == pytest.approx(0, abs=1e-12 * max(1, np.abs(got).sum()))
    if positive in (0, G) or G - positive < k:
        np.testing.assert_array_equal(got, 0)
    else:
        assert got[-1] > 0 > got[0]


def test_pass_at_1_is_the_group_relative_one_without_epsilon():
    rewards = np.array([[0.0, 1, 1, 0, 0], [1, 1, 1, 1, 1], [0, 0, 0, 0, 1]])
    np.testing.assert_allclose(
        explore.pass_at_k_advantage(rewards, 1),
        explore.group_relative_advantage(rewards, ddof=0, epsilon=0.0),
        rtol=1e-14,
        atol=1e-15,
    )


@pytest.mark.parametrize("ddof", [0, 1])
def test_group_relative_by_hand(ddof):
    rewards = np.array([[0.3, -1.2, 4.0], [0.1, 0.1, 0.1]])
    got = explore.group_relative_advantage(rewards, ddof=ddof, epsilon=1e-3)
    r = [Fraction(3, 10), Fraction(-12, 10), Fraction(4)]
    variance = sum((x - sum(r) / 3) ** 2 for x in r) / (3 - ddof)
    expected = [float(x - sum(r) / 3) / (math.sqrt(variance) + 1e-3) for x in r]
    np.testing.assert_allclose(got[0], expected, rtol=1e-14)
    np.testing.assert_array_equal(got[1], 0)


def test_equal_rewards_give_exactly_nothing_in_single_precision():
    """The mean of seven equal numbers is another one in its last digit; over epsilon that is 0.008 and no zero."""
    rewards = np.full((2, 7), 0.1, dtype=np.float32)
    assert np.abs((rewards - rewards.mean(-1, keepdims=True)) / 1e-6).max() > 1e-3
    for got in (explore.group_relative_advantage(rewards, ddof=1), explore.rloo_advantage(rewards)):
        np.testing.assert_array_equal(got, 0)


def test_leave_one_out_by_a_loop():
    rewards = np.random.default_rng(0).normal(size=(4, 3, 5))
    got = explore.rloo_advantage(rewards)
    for index in np.ndindex(4, 3, 5):
        others = np.delete(rewards[index[:2]], index[2])
        assert got[index] == pytest.approx(rewards[index] - others.mean(), rel=1e-12)


def test_positive_and_negative_parts():
    a = np.array([-2.0, 0.0, 3.0, np.nan])
    np.testing.assert_array_equal(explore.positive_only(a), [0, 0, 3, np.nan])
    np.testing.assert_array_equal(explore.negative_only(a), [-2, 0, 0, np.nan])


def test_varied_groups():
    got = explore.varied_groups(np.array([[0, 0, 1], [1, 1, 1], [0, 0, 0]]))
    np.testing.assert_array_equal(got, [True, False, False])


@pytest.mark.parametrize(
    "advantage",
    [
        lambda r: explore.group_relative_advantage(r, ddof=1),
        explore.rloo_advantage,
        lambda r: explore.pass_at_k_advantage(r, 1),
        explore.varied_groups,
    ],
)
@pytest.mark.parametrize(
    ("rewards", "message"),
    [
        (
            np.zeros((4, 1)),
            r"rewards: got groups of 1 rollout\(s\), need at least 2 rollouts of each problem",
        ),
        (np.zeros(()), r"rewards: got shape \(\), need shape \(\.\.\., G\)"),
        (np.array([["1", "0"]]), r"rewards: got entries of type <U1, need real numbers"),
        (np.array([[0, 1], [np.nan, 0]]), r"rewards: got NaN or infinity at index \(1, 0\), need finite"),
    ],
)
def test_rewards_that_are_refused(advantage, rewards, message):
    with pytest.raises(ValueError, match=message):
        advantage(rewards)


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda r: explore.group_relative_advantage(r, ddof=2), r"ddof: got 2, need 0 or 1"),
        (
            lambda r: explore.group_relative_advantage(r, ddof=0, epsilon=-1.0),
            r"epsilon: got -1.0, need a number that is at least 0",
        ),
        (lambda r: explore.pass_at_k_advantage(r, 4), r"k: got 4, need a whole number from 1 to G = 3"),
        (lambda r: explore.pass_at_k_advantage(r, 0), r"k: got 0, need a whole number from 1 to G = 3"),
        (
            lambda r: explore.pass_at_k_advantage(r * 0.3, 1),
            r"rewards: got a reward that is neither 0 nor 1 at index \(0, 1\), need 0 or 1, such as",
        ),
    ],
)
def test_arguments_that_are_refused(call, message):
    with pytest.raises(ValueError, match=message):
        call(np.array([[0.0, 1, 1]]))


def test_under_a_trace_other_rewards_give_nan_in_their_group_alone():
    import jax

    rewards = np.array([[0.0, 1, 0.3], [0, 1, 1]])
    got = jax.jit(lambda r: explore.pass_at_k_advantage(r, 1))(rewards)
    np.testing.assert_array_equal(np.isnan(got), [[True] * 3, [False] * 3])


def test_k_may_be_a_number_of_numpy(as_users_run_it):
    r = np.array([[1.0, 0, 0]])
    np.testing.assert_array_equal(
        explore.pass_at_k_advantage(r, np.int64(2)), explore.pass_at_k_advantage(r, 2)
    )
