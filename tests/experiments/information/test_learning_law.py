"""The law of what is missing: recovered from rows that follow one, and that of the kept rows is the library's."""

import json
from pathlib import Path

import numpy as np
import pytest
from scipy.stats import beta

from experiments.information import learning_effort, learning_law
from experiments.information.learning_law import Interval, Law, binomial, fitted, interval, left_out, needed
from thermodiff.information.cross_fitting import missing

KEPT = Path(__file__).resolve().parents[3] / "docs" / "records" / "learning_effort.jsonl"
TRUE = Law(0.2, -0.15, 0.2, -0.3)


@pytest.fixture(scope="module")
def rows():
    """300 cells of 30 families that follow a law, their sampling errors small, estimates with errors of their own."""
    rng = np.random.default_rng(0)
    made = []
    for i in range(300):
        n, d = (2_000, 10_000)[i % 2], int(rng.integers(1, 9))
        lost = d * float(np.exp(rng.uniform(-6, -2)))
        j = float(TRUE.kappa(lost, d) * lost * (1 + TRUE.spread_of(n) * rng.normal()))
        error = 0.01
        value = 1.0 + j + error * rng.normal()
        made.append(
            {
                "family": f"family {i % 30}",
                "n": n,
                "seed": 0,
                "columns": d,
                "J": [j, error],
                "D": [lost, 1e-4],
                "ratio": [j / lost, 1e-3],
                "held_out": [value, error],
                "covariance": [[error**2, 0.0], [0.0, 0.0]],
            }
        )
    return made


def test_a_law_is_recovered(rows):
    law = fitted(rows)
    np.testing.assert_allclose(law, TRUE, atol=0.08)


def test_intervals_of_families_left_out_hold_as_often_as_they_say(rows):
    found = left_out(rows, {row["family"]: 1.0 for row in rows})
    low, high = binomial(sum(one.holds for one in found), len(found))
    assert low < 0.9 < high
    assert needed(found) == pytest.approx(1.0, abs=0.15)


def test_other_seeds_judge_and_are_not_fitted_to(rows):
    """Rows of another seed, ten times as far off, do not move the law."""
    others = [{**row, "seed": 1, "J": [10 * row["J"][0], 0.01]} for row in rows[:50]]
    assert fitted([*rows, *others]) == fitted(rows)


def test_an_interval_without_a_loss_takes_nothing_off(rows):
    row = {**rows[0], "D": [-0.1, 0.1]}
    assert interval(TRUE, row, 1.0) == Interval(row["held_out"][0] - 1.0, 0.01)


def test_binomial_is_clopper_and_pearson():
    low, high = binomial(18, 23)
    assert beta.cdf(low, 18, 6) == pytest.approx(0.05)
    assert beta.sf(high, 19, 5) == pytest.approx(0.05)
    assert binomial(0, 5)[0] == 0.0
    assert binomial(5, 5)[1] == 1.0


def test_the_librarys_law_is_that_of_the_kept_rows():
    kept = [json.loads(line) for line in KEPT.read_text().splitlines()]
    law = fitted(kept)
    ours = (missing.LEVEL, missing.SLOPE, missing.SPREAD, missing.ROWS_POWER)
    np.testing.assert_allclose(ours, law, atol=6e-4)
    for row in kept:
        # Beyond the families that it was fitted to the library's kappa is that at the end.
        if missing.LEAST_LOST < row["D"][0] / row["columns"] < missing.MOST_LOST:
            found = missing.missing_of(missing.Lost(row["D"][0]), row["columns"], row["n"])
            assert found.kappa == pytest.approx(float(law.kappa(row["D"][0], row["columns"])), rel=5e-3)


def test_the_table_says_the_law_and_its_coverage():
    kept = [json.loads(line) for line in KEPT.read_text().splitlines()]
    text = learning_effort.table([row for row in kept if row["family"] in ("annulus", "edges", "copula")])
    assert "annulus" in text
    assert "ln(J/D) = " in text
    assert "n = 2000: 90% intervals of families left out hold " in text


def test_truths_of_families():
    found = learning_law.entropies(["annulus", "checkers"])
    assert found["annulus"] == pytest.approx(np.log(3 * np.pi))
    assert found["checkers"] == pytest.approx(np.log(8.0))
