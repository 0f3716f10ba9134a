"""Readings of a training's curves against made-up ones, and the experiment run small."""

import json

import numpy as np
import pytest

import thermodiff.exploration as explore
from experiments.exploration import entropy_exchange
from experiments.exploration.arms import trained
from experiments.exploration.entropy_exchange_curves import (
    covariance,
    of_steps,
    sides,
    straight_or_exponential,
)
from thermodiff.exploration.tasks.task import Forms

STEPS = 400


def history(entropy, product):
    side = np.linspace(1, 0.5, len(entropy))
    return {
        "reward": 1 - entropy / 4,
        "entropy": entropy,
        "covariance": product,
        "entropy_correct": side,
        "entropy_wrong": side + 0.1,
    }


def test_covariance_that_predicts_all_of_the_change():
    rise = 1e-4
    product = 0.1 + rise * np.arange(STEPS)
    entropy = 3 - 0.05 * np.concatenate([[0], np.cumsum(product)[:-1]])
    row = covariance(history(entropy, product))
    assert row["by_step"]["slope"] == pytest.approx(-0.05, rel=1e-9)
    assert row["by_step"]["correlation"] == pytest.approx(-1)
    assert row["by_block"]["correlation"] == pytest.approx(-1)
    # The change between two steps is due to the covariance of the first: half a step before the middle of both.
    blocks = product.reshape(-1, row["block"]).mean(axis=1)[1:-1]
    late = rise / 2 * blocks.sum() / (blocks @ blocks)
    assert row["by_block"]["slope"] == pytest.approx(-0.05 * (1 - late), rel=1e-9)


def test_changes_of_noise_alone():
    rng = np.random.default_rng(0)
    row = covariance(history(rng.normal(size=20_000), rng.normal(size=20_000)))
    # Of moving averages of order one with coefficient -1 the error of r is sqrt((1 - 3 r^2 + 4 r^4)/n).
    assert row["noise"] == pytest.approx(-0.5, abs=4 * np.sqrt(0.5 / 20_000))
    assert row["by_block"]["correlation"] == pytest.approx(0, abs=4 / np.sqrt(2000 / 2))


def test_sides_leave_steps_without_correct_ones_out():
    curves = history(np.linspace(2, 1, 10), np.zeros(10))
    curves["entropy_correct"] = np.array([np.nan, 0.5, 2, 0.5, 0.5, np.nan, 0.5, 0.5, 0.5, 0.5])
    curves["entropy_wrong"] = np.ones(10)
    row = sides(curves)
    assert (row["share"], row["steps"]) == (7 / 8, 8)
    assert row["difference"] == pytest.approx((7 * 0.5 - 1) / 8)


def test_a_training_without_correct_responses_has_no_share():
    curves = history(np.linspace(2, 1, 10), np.zeros(10))
    curves["entropy_correct"] = np.full(10, np.nan)
    row = of_steps(curves)
    assert row["sides"]["share"] is None
    assert row["law"] is None, "ten steps are too few"


def test_a_reward_that_never_came_has_no_stages():
    curves = history(np.linspace(2, 1, 20), np.zeros(20))
    curves["reward"] = np.zeros(20)
    row = of_steps(curves)
    assert row["stages"] is None
    assert row["law"] is None


def test_exact_points_on_either_curve():
    entropy = np.linspace(0.2, 1.0, 5)
    for name, accuracy in (("exponential", 0.9 - 0.2 * np.exp(entropy)), ("line", 0.9 - 0.2 * entropy)):
        row = straight_or_exponential(entropy, list(accuracy))
        other = {"exponential": "line", "line": "exponential"}[name]
        assert row[name]["residual"] == pytest.approx(0, abs=1e-12)
        assert (row[name]["a"], row[name]["b"]) == pytest.approx((0.2, 0.9))
        assert row[other]["residual"] > 1e-3


def test_the_exchange_adds_up_for_sure_policies_in_single_precision():
    """Sums of single precision are above 1 here, and p is 1 but for rounding."""
    rng = np.random.default_rng(0)
    correct = np.tile(np.arange(50) < 5, (300, 1))
    forms = Forms(np.zeros((300, 50, 1), int), correct, np.ones((300, 50), bool))
    states, entropies = [], []
    for scale in (1.0, 20.0):
        z = scale * rng.normal(size=(300, 50))
        log_probs = (z - np.logaddexp.reduce(z, axis=1, keepdims=True)).astype(np.float32)
        table, right = entropy_exchange.completed(log_probs, forms)
        assert np.exp(table).sum(axis=1) == pytest.approx(np.ones(300), abs=1e-14)
        assert np.exp(table[:, :-1]) == pytest.approx(np.exp(log_probs), abs=2e-5)
        found = explore.exact_entropies(table, right)
        states.append((found.p, *found.among()))
        entropies.append(found.entropy)
    parts = explore.exchange_identity(*(np.stack(ends) for ends in zip(*states, strict=True)))
    assert sum(parts) == pytest.approx(entropies[1] - entropies[0], abs=1e-12)


@pytest.mark.slow
def test_entropy_exchange_of_a_seed(tmp_path, capsys, monkeypatch):
    monkeypatch.setattr(trained, "FOLDER", tmp_path / "arms")
    command = ["--preset", "smoke", "--seeds", "0", "--out", str(tmp_path)]
    assert entropy_exchange.main(command) == 0
    said = capsys.readouterr().out
    assert "Why responses fail" in said
    rows = [json.loads(line) for line in (tmp_path / "records.jsonl").read_text().splitlines()]
    strict, free = rows
    assert strict["left"] < 1e-12
    for row in rows:
        assert np.sum(row["parts"]) == pytest.approx(row["entropy"][-1] - row["entropy"][0], abs=1e-9)
    assert np.sum(free["defects"], axis=1) == pytest.approx(np.ones(len(free["kept"])))
    assert (tmp_path / "entropy_exchange.png").stat().st_size > 1000
