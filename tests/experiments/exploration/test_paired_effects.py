"""Paired effects against textbook formulas, and verdicts by drawing."""

import numpy as np
import pytest
from scipy import stats

from experiments.exploration.paired_effects import effect, needed, paired, verdicts


def test_pairs_are_of_seeds_that_both_arms_have():
    rows = [
        {"arm": "GRPO", "seed": 0, "x": 1.0},
        {"arm": "late", "seed": 0, "x": 1.5},
        {"arm": "late", "seed": 1, "x": 9.0},
        {"arm": "GRPO", "seed": 2, "x": 2.0},
        {"arm": "late", "seed": 2, "x": 1.0},
    ]
    assert paired(rows, "late", "GRPO", lambda row: row["x"]) == [0.5, -1.0]


def test_effect_is_students_t_of_the_differences():
    values = np.array([0.03, -0.01, 0.02, 0.05, 0.01])
    found, truth = effect(values), stats.ttest_1samp(values, 0)
    assert (found.mean, found.stderr) == pytest.approx((values.mean(), stats.sem(values)))
    assert found.p_value == pytest.approx(truth.pvalue)
    low, high = truth.confidence_interval(0.95)
    assert (found.mean - found.half, found.mean + found.half) == pytest.approx((low, high))
    assert np.isnan(effect([0.3])[1:4]).all()


def test_seeds_needed_and_how_well_they_are_known():
    values = np.array([0.03, -0.01, 0.02, 0.05, 0.01])
    found = needed(values)
    assert 2 * values.std(ddof=1) / np.sqrt(found.seeds) == pytest.approx(0.01)
    drawn = np.random.default_rng(0).normal(0, 0.02, (4000, 5))
    inside = [(one.low <= 16 <= one.high) for one in map(needed, drawn)]
    assert np.mean(inside) == pytest.approx(0.95, abs=4 * np.sqrt(0.95 * 0.05 / 4000))
    assert np.isnan(needed([0.1])).all()


def test_verdicts_say_what_can_be_told():
    sure = effect([0.30, 0.31, 0.29, 0.30, 0.30])
    alone = effect([-0.03, -0.01, -0.02, -0.05, -0.01])
    small = effect([0.001, -0.001, 0.002, 0.0, -0.002])
    vague = effect([0.05, -0.04, 0.03, -0.02, 0.01])
    assert verdicts([sure, alone, small, vague]) == ["higher*", "lower", "within a point", "not resolvable"]
    assert verdicts([small], None) == ["not resolvable"]
    assert verdicts([effect([0.2])]) == ["not resolvable"]
    assert verdicts([effect([0.0, 0.0])]) == ["identical"]


def test_without_effects_few_are_told_and_fewer_for_all_at_once():
    rng = np.random.default_rng(1)
    told = [verdicts([effect(x) for x in rng.normal(size=(6, 5))]) for _ in range(1000)]
    alone = np.mean([[said != "not resolvable" for said in each] for each in told])
    any_sure = np.mean([any(said.endswith("*") for said in each) for each in told])
    assert alone == pytest.approx(0.05, abs=4 * np.sqrt(0.05 * 0.95 / 6000))
    assert any_sure == pytest.approx(0.05, abs=4 * np.sqrt(0.05 * 0.95 / 1000))
