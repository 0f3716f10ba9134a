"""Efforts by name: what they are, what is refused, and that every estimate takes them."""

import dataclasses
import inspect

import jax
import numpy as np
import pytest

import thermodiff as td
from thermodiff.information.cross_fitting.folds import DEFAULT_TRAINING, EFFORTS
from thermodiff.information.pairwise import PAIR_EFFORTS, TWO_COLUMNS

ROWS = np.random.default_rng(0).normal(size=(60, 2))
ESTIMATES = {
    "data_entropy": (ROWS,),
    "conditional_entropy": (ROWS[:, :1], ROWS[:, 1:]),
    "mutual_information": (ROWS[:, :1], ROWS[:, 1:]),
    "total_correlation": (ROWS,),
    "kl_divergence": (ROWS, ROWS[:, ::-1]),
    "cross_entropy": (ROWS, ROWS[:5]),
    "held_out_nll": (ROWS, ROWS[:5]),
    "transfer_entropy": (ROWS[:, 0], ROWS[:, 1]),
    "lagged_mutual_information": (ROWS[:, 0], ROWS[:, 1], [1]),
    "pairwise_mutual_information": (ROWS,),
}


def test_names_of_efforts():
    assert list(EFFORTS) == list(PAIR_EFFORTS) == ["quick", "standard", "thorough"]
    assert td.CrossFitting.of("standard") == td.CrossFitting()
    assert PAIR_EFFORTS["standard"].training == TWO_COLUMNS
    for efforts in (EFFORTS, PAIR_EFFORTS):
        for n in (300, 10_000, 50_000):
            steps = [settings.for_rows(n).training.steps for settings in efforts.values()]
            assert steps == sorted(steps)
            assert len(set(steps)) == 3
    quick = EFFORTS["quick"].training
    assert (quick.steps, quick.width, quick.depth, quick.batch_size) == (300, 64, 2, 256)
    with pytest.raises(ValueError, match="effort: got 'great', need one of quick, standard, thorough"):
        td.CrossFitting.of("great")


@pytest.mark.parametrize("name", ESTIMATES)
def test_every_estimate_takes_an_effort_or_settings_and_not_both(name):
    """The signature says so, and a wrong one is refused before anything is trained."""
    estimate = getattr(td, name)
    defaults = {key: p.default for key, p in inspect.signature(estimate).parameters.items()}
    assert defaults["effort"] is None
    assert defaults["settings"] is None
    key, rows = jax.random.key(0), ESTIMATES[name]
    with pytest.raises(ValueError, match="effort: got 'slow', need one of quick, standard, thorough"):
        estimate(key, *rows, effort="slow")
    with pytest.raises(ValueError, match="effort: got 'quick' beside settings, need one of them"):
        estimate(key, *rows, effort="quick", settings=td.CrossFitting())


@pytest.mark.slow
def test_an_effort_is_the_settings_by_that_name(monkeypatch):
    training = dataclasses.replace(DEFAULT_TRAINING, steps=10, chunk=10, batch_size=16, width=4, depth=1)
    small = td.CrossFitting(training=training)
    monkeypatch.setitem(EFFORTS, "quick", small)
    key = jax.random.key(1)
    named, given = td.data_entropy(key, ROWS, effort="quick"), td.data_entropy(key, ROWS, settings=small)
    assert (named.mean, named.stderr) == (given.mean, given.stderr)
