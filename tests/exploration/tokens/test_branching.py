"""Branching factors: exact where sizes or whole lists are known, and "more than" where lists end too early."""

import dataclasses
import re

import numpy as np
import pytest
from character_rollouts import character_rollouts

from thermodiff.exploration.tokens.branching import rollout_branching_factor


def test_the_character_model():
    r = character_rollouts()
    got = rollout_branching_factor(r)
    assert got.mean.mean == pytest.approx(r.nucleus_sizes.mean(), abs=1e-12)
    assert got.mean.n == 8
    listed = np.exp(r.top_log_probs).cumsum(1)
    assert got.censored == (listed[:, -1] < 0.95).mean()
    # Where a list reaches the mass it says the same as the sizes that were counted over all symbols, to rounding.
    full = listed[:, -1] >= 0.95
    least = np.where(full, (listed < 0.95).sum(1) + 1, 6)
    assert (least[full] == r.nucleus_sizes[full]).mean() > 0.999
    assert got.at_least.mean == pytest.approx(least.mean(), abs=1e-12)
    assert got.at_least.mean < got.mean.mean
    assert got.remarks == (f"{got.censored:.1%} of the lists do not reach 0.95: there, more than was listed",)


def test_lists_alone_say_at_least():
    got = rollout_branching_factor(dataclasses.replace(character_rollouts(), nucleus_sizes=None))
    assert np.isnan(got.mean.mean)
    assert got.at_least.mean > 1
    assert "at least" in str(got)


def test_lists_that_reach_the_mass_give_the_factor():
    r = character_rollouts()
    lists = np.log(np.tile([0.5, 0.3, 0.16, 0.04], (len(r.log_probs), 1)))
    whole = dataclasses.replace(r, nucleus_sizes=None, top_log_probs=lists)
    assert rollout_branching_factor(whole).mean.mean == 3
    assert rollout_branching_factor(whole, mass=0.5).mean.mean == 1
    assert rollout_branching_factor(whole, mass=0.5).censored == 0
    assert rollout_branching_factor(whole, mass=0.97).mean.mean == 4


def test_sizes_alone():
    got = rollout_branching_factor(np.array([1, 2, 6]), groups=["a", "a", "b"])
    assert got.mean.mean == 3
    assert got.mean.n == 2
    assert np.isnan(got.censored)
    r = dataclasses.replace(character_rollouts(), top_log_probs=None)
    assert rollout_branching_factor(r).mean.mean == pytest.approx(r.nucleus_sizes.mean())


def test_what_is_refused():
    r = character_rollouts()
    cases = [
        (
            np.array([1, 0]),
            {},
            "nucleus sizes, token 1: got nucleus size 0, need whole numbers of at least 1",
        ),
        (np.array([1, 2]), {"mass": 1.0}, "mass: got 1.0, need a probability in (0, 1)"),
        (dataclasses.replace(r, top_log_probs=None), {"mass": 0.9}, "mass: got 0.9, need 0.95"),
        (
            dataclasses.replace(r, top_log_probs=None, nucleus_sizes=None),
            {},
            "characters.jsonl.gz: nucleus_sizes: got none, need nucleus sizes of mass 0.95, or top-k",
        ),
    ]
    for data, options, message in cases:
        with pytest.raises(ValueError, match=re.escape(message)):
            rollout_branching_factor(data, **options)
