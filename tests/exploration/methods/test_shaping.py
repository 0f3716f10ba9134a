"""Shaped advantages against loops over responses and tokens."""

import math

import numpy as np
import pytest
from method_cases import ADVANTAGES, LENGTHS, LOG_PROBS, MASK, PADDED

from thermodiff import exploration as explore


def weights_by_hand(alpha, outliers, clip):
    weights = np.empty(ADVANTAGES.shape)
    for index in np.ndindex(*ADVANTAGES.shape[:2]):
        log_perplexity = [
            -sum(LOG_PROBS[index][i, : LENGTHS[index][i]]) / LENGTHS[index][i]
            for i in range(ADVANTAGES.shape[2])
        ]
        first, third = np.quantile(log_perplexity, [0.25, 0.75])
        reach = math.inf if outliers is None else outliers * (third - first)
        stay = [x for x in log_perplexity if first - reach <= x <= third + reach]
        w = (np.array(log_perplexity) - np.mean(stay)) / (np.std(stay) + 1e-6)
        weights[index] = 1 - alpha * w if clip is None else np.clip(1 - alpha * w, *clip)
    return weights


@pytest.mark.parametrize("alpha", [0.01, -0.3])
@pytest.mark.parametrize("outliers", [1.5, 0.2, None])
@pytest.mark.parametrize("clip", [(0.8, 1.2), None])
def test_perplexity_by_hand(alpha, outliers, clip):
    got = explore.perplexity_shaped_advantage(
        ADVANTAGES, PADDED[0], MASK, alpha, outliers=outliers, clip=clip
    )
    np.testing.assert_allclose(got, ADVANTAGES * weights_by_hand(alpha, outliers, clip), rtol=1e-12)


def test_positive_alpha_is_for_low_perplexity():
    log_probs = np.array([-0.1, -0.5, -3.0])[:, None] * np.ones((3, 4))
    for advantage in (1.0, -1.0):
        got = explore.perplexity_shaped_advantage(
            np.full(3, advantage), log_probs, np.ones((3, 4), bool), 0.1
        )
        assert abs(got[0]) > 1 > abs(got[2])


def test_at_the_reports_alpha_the_clip_binds_for_outliers_alone():
    """Within 1.5 interquartile ranges no standardised value reaches 20."""
    log_probs = np.array([-1.0, -1.1, -1.2, -1.3, -60.0])[:, None]
    ones = np.ones((5, 1), bool)
    got = explore.perplexity_shaped_advantage(np.ones(5), log_probs, ones, 0.01)
    assert got[4] == 0.8
    assert all(0.8 < x < 1.2 for x in got[:4])
    kept = explore.perplexity_shaped_advantage(np.ones(5), log_probs, ones, 0.01, outliers=None)
    assert kept[4] > 0.8  # among themselves five values are at most 2 standard deviations away


def test_equal_perplexities_change_nothing():
    ones = np.ones((4, 3))
    got = explore.perplexity_shaped_advantage(np.arange(4.0), -ones, ones > 0, 0.5)
    np.testing.assert_array_equal(got, np.arange(4.0))


@pytest.mark.parametrize("late", [True, False])
@pytest.mark.parametrize("alpha", [0.1, 5.0, 0.0])
def test_position_by_hand(late, alpha):
    got = explore.position_shaped_advantage(ADVANTAGES, MASK, alpha, steepness=9.0, late=late)
    for index in np.ndindex(*MASK.shape):
        if not MASK[index]:
            assert got[index] == 0
            continue
        A, r = ADVANTAGES[index[:3]], index[3] / LENGTHS[index[:3]]
        sigmoid = 1 / (1 + math.exp((-9.0 if late else 9.0) * (r - 0.5)))
        bonus = min(alpha * sigmoid, abs(A) / 2)
        assert got[index] == pytest.approx(A + math.copysign(bonus, A), rel=1e-12)


def test_position_counts_the_tokens_of_the_mask_and_leaves_nothing_as_it_is():
    mask = np.array([[True, False, True, True], [True, True, True, False]])
    got = explore.position_shaped_advantage(np.array([2.0, 0.0]), mask, 0.3)
    np.testing.assert_array_equal(got[1], 0)
    whole = explore.position_shaped_advantage(np.array([2.0, 1.0]), mask[:, [0, 2, 3, 1]], 0.3)
    np.testing.assert_array_equal(got[0, [0, 2, 3]], whole[0, :3])


def test_both_are_uncentred():
    centred = ADVANTAGES - ADVANTAGES.mean(axis=-1, keepdims=True)
    shaped = explore.perplexity_shaped_advantage(centred, PADDED[0], MASK, 0.1)
    assert np.abs(shaped.sum(axis=-1)).min() > 1e-4
    placed = explore.position_shaped_advantage(centred, MASK, 0.1)
    assert np.abs((placed.sum(axis=-1) / LENGTHS).sum(axis=-1)).min() > 1e-4


def test_alpha_may_be_traced():
    """Switched on at the plateau within one compiled loop."""
    import jax

    a, mask = jax.numpy.asarray(ADVANTAGES), jax.numpy.asarray(MASK)
    on = jax.jit(lambda alpha: explore.position_shaped_advantage(a, mask, alpha))
    np.testing.assert_allclose(on(0.0), np.where(MASK, ADVANTAGES[..., None], 0), rtol=1e-6)
    np.testing.assert_allclose(
        on(0.1), explore.position_shaped_advantage(ADVANTAGES, MASK, 0.1), rtol=2e-5, atol=1e-7
    )


def perplexity(advantages=ADVANTAGES, log_probs=PADDED[0], mask=MASK, alpha=0.1, **options):
    return explore.perplexity_shaped_advantage(advantages, log_probs, mask, alpha, **options)


def position(advantages=ADVANTAGES, mask=MASK, alpha=0.1, **options):
    return explore.position_shaped_advantage(advantages, mask, alpha, **options)


EMPTY = np.where(np.arange(8)[:, None] == 5, False, MASK)


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda: perplexity(alpha=np.nan), r"alpha: got nan, need a finite number"),
        (lambda: perplexity(alpha="0.01"), r"alpha: got '0.01', need a finite number"),
        (
            lambda: perplexity(ADVANTAGES[..., None]),
            r"advantages: got shape \(3, 4, 8, 1\), need that of the",
        ),
        (lambda: perplexity(outliers=-1.0), r"outliers: got -1.0, need None, or a number that is at least 0"),
        (lambda: perplexity(clip=(1.2, 0.8)), r"clip: got \(1.2, 0.8\), need None, or \(low, high\) with"),
        (
            lambda: perplexity(ADVANTAGES[..., :7]),
            r"advantages: got shape \(3, 4, 7\), need that of the rollouts of log_probs, \(3, 4, 8\)",
        ),
        (
            lambda: perplexity(ADVANTAGES[..., :1], PADDED[0][..., :1, :], MASK[..., :1, :]),
            r"advantages: got groups of 1 rollout",
        ),
        (lambda: perplexity(ADVANTAGES * np.inf), r"advantages: got NaN or infinity at index \(0, 0, 0\)"),
        (
            lambda: perplexity(log_probs=PADDED[1] * np.inf),
            r"log_probs: got NaN or infinity at index \(0, 0, 0, 0\), need finite numbers",
        ),
        (
            lambda: perplexity(mask=EMPTY),
            r"mask: got a response without a token at index \(0, 0, 5\), need at least its end in every",
        ),
        (lambda: perplexity(mask=MASK[0]), r"mask: got shape \(4, 8, 6\), need that of log_probs"),
        (lambda: position(alpha=-0.1), r"alpha: got -0.1, need a number that is at least 0"),
        (lambda: position(steepness=0.0), r"steepness: got 0.0, need a positive number"),
        (lambda: position(mask=EMPTY), r"mask: got a response without a token at index \(0, 0, 5\)"),
        (lambda: position(mask=MASK[0]), r"advantages: got shape \(3, 4, 8\), need that of the rollouts of"),
        (lambda: position(ADVANTAGES * np.nan), r"advantages: got NaN or infinity at index \(0, 0, 0\)"),
    ],
)
def test_what_is_refused(call, message):
    with pytest.raises(ValueError, match=message):
        call()
