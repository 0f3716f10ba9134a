"""The learning rate as data: the schedule of optax, and one program for trainings that differ in it."""

import jax
import jax.numpy as jnp
import numpy as np
import optax
import pytest

import thermodiff as td
from thermodiff.training.optimiser import rate_of
from thermodiff.training.step import advance_one


@pytest.mark.parametrize(("steps", "warmup"), [(1000, 100), (40, 100), (7, 0), (1, 5)])
def test_is_the_schedule_of_optax(steps, warmup):
    config = td.TrainingConfig(steps=steps, warmup=warmup, learning_rate=3e-3)
    theirs = optax.warmup_cosine_decay_schedule(0.0, 3e-3, min(warmup, steps // 10), steps)
    i = np.arange(steps + 3)
    np.testing.assert_allclose(rate_of(config)(i), [theirs(k) for k in i], rtol=1e-5, atol=1e-9)


def test_trainings_of_other_length_and_rate_compile_nothing():
    rows = np.random.default_rng(0).normal(size=(64, 2))
    same = {"width": 8, "depth": 1, "batch_size": 8}
    key, process = jax.random.key(0), td.VarianceExploding(5.0)
    first = td.fit(key, rows, process, steps=20, chunk=10, **same)
    compiled = advance_one._cache_size()
    second = td.fit(key, rows, process, steps=30, chunk=15, learning_rate=1e-3, warmup=3, **same)
    assert advance_one._cache_size() == compiled
    assert not np.allclose(*(fit.score(jnp.ones(2), jnp.asarray(0.5)) for fit in (first, second)))
