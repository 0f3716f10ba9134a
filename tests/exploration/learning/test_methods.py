"""Settings of methods hand their functions what these ask for; the tilt is where its regression is at rest."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from thermodiff.exploration import (
    clipped_policy_loss,
    group_relative_advantage,
    pass_at_k_advantage,
    perplexity_shaped_advantage,
    position_shaped_advantage,
)
from thermodiff.exploration.learning import methods

SHAPE = (3, 6, 5)


@pytest.fixture(scope="module")
def batch():
    rng = np.random.default_rng(0)
    lengths = rng.integers(2, 6, SHAPE[:2])
    mask = np.arange(SHAPE[2]) < lengths[..., None]
    rewards = (rng.random(SHAPE[:2]) < 0.4).astype(np.float32)
    rewards[0] = 0.0
    log_probs = np.where(mask, -rng.exponential(1.0, SHAPE), 0.0).astype(np.float32)
    reference = np.where(mask, -rng.exponential(1.0, SHAPE), 0.0).astype(np.float32)
    arrays = (mask, rewards, log_probs, -log_probs, reference)
    return methods.Batch(jnp.zeros((3, 2), int), jnp.zeros(SHAPE, int), *map(jnp.asarray, arrays))


def test_advantages_are_those_of_their_functions(batch):
    for advantage, wanted in (
        (methods.GroupRelative(1), group_relative_advantage(batch.rewards, ddof=1)),
        (methods.PassAtK(2), pass_at_k_advantage(batch.rewards, 2)),
    ):
        np.testing.assert_array_equal(advantage.of(batch), wanted)
    spread = methods.Method().advantages(batch, jnp.int32(0))
    np.testing.assert_array_equal(spread, np.broadcast_to(spread[..., :1], SHAPE))


@pytest.mark.slow
def test_shaping(batch):
    A = group_relative_advantage(batch.rewards, ddof=1)
    shaped = methods.Method(shaping=methods.PerplexityShaped(0.05)).advantages(batch, jnp.int32(0))
    np.testing.assert_allclose(
        shaped[..., 0], perplexity_shaped_advantage(A, batch.log_probs, batch.mask, 0.05), rtol=1e-6
    )
    late = methods.Method(shaping=methods.PositionShaped(0.1, start=10, stop=20))
    np.testing.assert_allclose(
        late.advantages(batch, jnp.int32(10)), position_shaped_advantage(A, batch.mask, 0.1), rtol=1e-6
    )
    for off in (9, 20):
        within = np.where(batch.mask, A[..., None], 0.0)
        np.testing.assert_allclose(late.advantages(batch, jnp.int32(off)), within, rtol=1e-6)


def test_groups_without_a_difference_are_not_counted(batch):
    counted = methods.Method().counted(batch)
    assert not np.any(counted.mask[0])
    np.testing.assert_array_equal(counted.mask[1:], batch.mask[1:])
    assert np.array_equal(methods.Method(dynamic=False).counted(batch).mask, batch.mask)


def test_the_clipped_loss_is_its_function(batch):
    advantages = methods.Method().advantages(batch, jnp.int32(0))
    new = jnp.minimum(batch.log_probs + 0.4 * jnp.sin(jnp.arange(90.0)).reshape(SHAPE), 0)
    found = methods.Clipped(0.1, 0.3).of(new, batch, advantages, jnp.zeros(SHAPE))
    wanted = clipped_policy_loss(new, batch.log_probs, advantages, batch.mask, clip_low=0.1, clip_high=0.3)
    assert float(found) == pytest.approx(float(wanted), rel=1e-6)


def test_the_tilt_is_at_rest(batch):
    """ln pi = ln pi_0 + r/beta - ln Z of each problem: no loss and no gradient, whatever Z; elsewhere both."""
    beta = 0.25
    loss = methods.TiltRegression(beta)
    tilt = batch.rewards / beta - jnp.array([0.3, 1.7, -0.2])[:, None]
    on = batch.reference_log_probs.at[..., 0].add(tilt)

    def of(log_probs):
        return loss.of(log_probs, batch, jnp.zeros(SHAPE), jnp.zeros(SHAPE))

    value, gradient = jax.value_and_grad(of)(on)
    assert abs(float(value)) < 1e-8
    assert float(jnp.abs(gradient).max()) < 1e-5
    value, gradient = jax.value_and_grad(of)(on.at[1, 2, 0].add(1.0))
    # One of six responses is off by one: its group's variance is 1/6, a third of the groups.
    assert float(value) == pytest.approx(0.5 * beta / 6 / 3, rel=1e-4)
    assert float(jnp.abs(gradient).max()) > 1e-3


def test_the_reference_is_asked_for_where_it_is_needed():
    assert methods.Method(methods.FreeEnergy()).needs_reference
    assert methods.Method(loss=methods.TiltRegression()).needs_reference
    assert not methods.Method(loss=methods.ClipCov()).needs_reference
