"""Profiles by position against loops, and the size and power of the test of a U."""

import dataclasses
import re

import numpy as np
import pytest
from character_rollouts import character_rollouts

from thermodiff.exploration.rollouts import Rollouts
from thermodiff.exploration.tokens.positions import position_profile


def test_bins_against_loops():
    r = character_rollouts()
    r = dataclasses.replace(r, reference_log_probs=r.log_probs - 0.25)
    profile = position_profile(r, bins=4)
    cells = {(kind, b): [] for kind in ("relative", "absolute") for b in range(12)}
    for start, end in zip(r.offsets[:-1], r.offsets[1:], strict=True):
        for t in range(1, end - start + 1):
            token = start + t - 1
            cells["relative", int((t - 0.5) / (end - start) * 4)].append(token)
            cells["absolute", int(np.floor(np.log2(t - 1))) + 1 if t > 1 else 0].append(token)
    for kind in ("relative", "absolute"):
        bins = getattr(profile, kind)
        for b, size in enumerate(bins.tokens):
            own = cells[kind, b]
            assert len(own) == size
            assert bins.means["entropy"].mean[b] == pytest.approx(r.entropies[own].mean(), abs=1e-12)
            assert bins.means["surprise"].mean[b] == pytest.approx(-r.log_probs[own].mean(), abs=1e-12)
            assert bins.means["divergence"].mean[b] == pytest.approx(0.25, abs=1e-12)
    np.testing.assert_array_equal(profile.absolute.edges, [0, 1, 2, 4, 8, 16, 32, 64, 128])
    assert profile.relative.means["entropy"].n == 8


def test_the_character_model_has_no_u():
    """Its entropy rises from the start, and falls towards the end."""
    profile = position_profile(character_rollouts())
    assert profile.shapes["entropy"].p_value > 0.5
    assert "no U has p =" in str(profile)


def made_up(rng, profile, problems, each=4):
    """Entropies along u = relative position: a problem's own level, noise that tokens share, and ``profile(u)``."""
    lengths = rng.integers(5, 60, problems * each)
    problem = np.repeat(np.arange(problems), each)
    owner = np.repeat(problem, lengths)
    offsets = np.concatenate([[0], np.cumsum(lengths)])
    place = np.arange(offsets[-1]) - np.repeat(offsets[:-1], lengths)
    u = (place + 0.5) / np.repeat(lengths, lengths)
    level, tilt = rng.normal(size=(2, problems))
    values = 3 + profile(u) + 0.3 * level[owner] + 0.3 * tilt[owner] * (u - 0.5) ** 2
    values += 0.5 * rng.random(len(u))
    return Rollouts(problem, np.zeros(len(problem), bool), offsets=offsets, entropies=values)


def test_a_u_is_found_and_what_is_none_is_not():
    rng = np.random.default_rng(3)

    def p_value(profile):
        return position_profile(made_up(rng, profile, 60)).shapes["entropy"].p_value

    assert p_value(lambda u: 2 * (u - 0.5) ** 2) < 1e-3
    assert p_value(lambda u: -u) > 0.5
    assert p_value(lambda u: u) > 0.5
    assert p_value(lambda u: -2 * (u - 0.5) ** 2) > 0.5


def test_size_where_the_start_is_high_and_the_end_flat():
    """The hardest "no U": start far above the middle, end as high as it. 1,500 repetitions, 40 problems."""
    rng = np.random.default_rng(8)
    repetitions = 1500

    def steep(u):
        return np.where(u < 0.2, 1.0, 0.0)

    found = 0
    for _ in range(repetitions):
        r = made_up(rng, steep, 40, each=2)
        # A tilt that has mean zero over problems in the end less the middle.
        found += position_profile(r).shapes["entropy"].p_value < 0.05
    error = np.sqrt(0.05 * 0.95 / repetitions)
    assert abs(found / repetitions - 0.05) < 3.5 * error


def test_one_problem_has_no_test():
    r = character_rollouts()
    profile = position_profile(dataclasses.replace(r, problem=np.zeros(64)))
    assert np.isnan(profile.shapes["entropy"].p_value)
    assert np.isnan(profile.relative.means["entropy"].stderr).all()


def test_tokens_that_are_not_listed_are_left_out():
    r = character_rollouts()
    r.log_probs[5] = -9999.0
    profile = position_profile(r)
    assert np.isfinite(profile.relative.means["surprise"].mean).all()
    assert "tokens without a log-probability are left out of surprise" in profile.remarks


def test_what_is_refused():
    r = character_rollouts()
    cases = [
        (r, {"bins": 0}, "bins: got 0, need a positive whole number"),
        (
            dataclasses.replace(r, entropies=None, log_probs=None),
            {},
            "characters.jsonl.gz: entropies and log_probs: got none, need one of them",
        ),
        (dataclasses.replace(r, reference_log_probs=-r.log_probs), {}, "got log-probability 0.23797, need"),
    ]
    for data, options, message in cases:
        with pytest.raises(ValueError, match=re.escape(message)):
            position_profile(data, **options)
