"""The clipped loss against its formula, token by token, and at its edges."""

import math

import numpy as np
import pytest
from method_cases import ADVANTAGES, LOG_PROBS, MASK, OLD_LOG_PROBS, PADDED

from thermodiff import exploration as explore

EACH = ADVANTAGES[..., None] + np.linspace(-1, 1, 6)


@pytest.mark.parametrize(("low", "high"), [(0.2, 0.28), (0.0, 0.0), (1.0, 0.1)])
def test_by_hand(low, high):
    terms = explore.policy_loss_terms(*PADDED, EACH, MASK, clip_low=low, clip_high=high)
    total = 0.0
    for index in np.ndindex(*MASK.shape):
        if not MASK[index]:
            assert terms.loss[index] == terms.clipped[index] == terms.log_ratio[index] == 0
            continue
        rho, A = math.exp(LOG_PROBS[index] - OLD_LOG_PROBS[index]), EACH[index]
        bounded = min(max(rho, 1 - low), 1 + high)
        assert terms.loss[index] == pytest.approx(-min(rho * A, bounded * A), rel=1e-12)
        assert terms.clipped[index] == (bounded * A < rho * A)
        total -= min(rho * A, bounded * A)
    got = explore.clipped_policy_loss(*PADDED, EACH, MASK, clip_low=low, clip_high=high)
    assert got == pytest.approx(total / MASK.sum(), rel=1e-12)


def test_without_a_clip_it_is_importance_weighing():
    terms = explore.policy_loss_terms(*PADDED, EACH, MASK, clip_low=1.0, clip_high=math.inf)
    assert not terms.clipped.any()
    np.testing.assert_allclose(
        terms.loss[MASK], (-np.exp(LOG_PROBS - OLD_LOG_PROBS) * EACH)[MASK], rtol=1e-12
    )


def test_one_advantage_a_rollout_is_that_of_each_token():
    whole = np.broadcast_to(ADVANTAGES[..., None], MASK.shape)
    assert explore.clipped_policy_loss(*PADDED, ADVANTAGES[..., None], MASK) == explore.clipped_policy_loss(
        *PADDED, whole, MASK
    )


def test_an_empty_mask_costs_nothing():
    """All groups of a batch may be without variance."""
    assert explore.clipped_policy_loss(*PADDED, EACH, MASK & False) == 0
    assert explore.token_mean(EACH, MASK & False) == 0


def test_dynamic_sampling_takes_tokens_out_of_the_divisor():
    rewards = np.array([[0.0, 1, 0], [1, 1, 1]])
    varied = explore.varied_groups(rewards)
    mask = np.ones((2, 3, 2), bool) & varied[:, None, None]
    A = explore.rloo_advantage(rewards)[..., None] + np.zeros((2, 3, 2))
    zeros = np.zeros((2, 3, 2))
    assert explore.clipped_policy_loss(zeros, zeros - 0.1, A, mask) == pytest.approx(0, abs=1e-15)
    assert explore.token_mean(A * A, mask) == pytest.approx((0.5**2 + 1 + 0.5**2) / 3)


def test_a_ratio_that_overflows_leaves_a_gradient_of_numbers():
    import jax
    import jax.numpy as jnp

    zeros = jnp.zeros((1, 2))
    gradient = jax.jit(jax.grad(lambda x, A: explore.clipped_policy_loss(x, zeros, A, zeros == 0)))
    for advantage, expected in ((1.0, [[0.0, -0.5]]), (-1.0, [[np.inf, 0.5]])):
        got = gradient(np.array([[200.0, 0.0]]), np.full((1, 2), advantage))
        np.testing.assert_array_equal(got, expected)


def loss(log_probs=PADDED[0], old=PADDED[1], advantages=EACH, mask=MASK, **options):
    return explore.clipped_policy_loss(log_probs, old, advantages, mask, **options)


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda: loss(old=PADDED[1][0]), r"old_log_probs: got shape \(4, 8, 6\), need that of log_probs"),
        (
            lambda: loss(advantages=ADVANTAGES),
            r"advantages: got shape \(3, 4, 8\), need shape \(3, 4, 8, 6\), or \(3, 4, 8, 1\) for one of each",
        ),
        (
            lambda: loss(-PADDED[0]),
            r"log_probs: got a positive number at index \(0, 0, 0, 0\), need log-prob",
        ),
        (lambda: loss(old=-OLD_LOG_PROBS), r"old_log_probs: got a positive number at index .* at most 0"),
        (lambda: loss(PADDED[0] * np.nan), r"log_probs: got NaN or infinity at index \(0, 0, 0, 0\), need"),
        (lambda: loss(old=-PADDED[0] * np.inf), r"old_log_probs: got NaN or infinity at index"),
        (lambda: loss(advantages=EACH * np.nan), r"advantages: got NaN or infinity at index"),
        (lambda: loss(clip_low=1.5), r"clip_low: got 1.5, need a number from 0 to 1"),
        (lambda: loss(clip_high=-0.1), r"clip_high: got -0.1, need a number that is at least 0"),
    ],
)
def test_what_is_refused(call, message):
    with pytest.raises(ValueError, match=message):
        call()
