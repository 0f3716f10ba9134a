"""The experiment on what accuracy costs where all responses are known: made-up tables, small runs, recorded numbers."""

import json
from pathlib import Path

import numpy as np
import pytest

from experiments.exploration import cost_of_accuracy_tabular as experiment
from experiments.exploration.cost_of_accuracy_table import arms_of, over_group, share_wasted, slope, waste
from experiments.exploration.made_up_tables import HIGHEST, LOWEST, draw_tables, random_tree
from experiments.exploration.tabular_sampling import sampled_step, waste_of_sampling
from experiments.harness.summaries import grouped, mean_over_seeds
from thermodiff.exploration import PrefixTabularPolicy, TabularPolicy

RECORDS = Path(__file__).resolve().parents[3] / "docs" / "records" / "cost_of_accuracy_tabular.jsonl"


@pytest.mark.parametrize("difficulty", ["mixed", "skewed"])
def test_tables_are_policies_of_the_stated_difficulty(difficulty):
    tables = draw_tables(50, 3, difficulty)
    pi = np.where(tables.real, np.exp(tables.log_probs), 0)
    p = (pi * tables.correct).sum(1)
    assert pi.sum(1) == pytest.approx(1, abs=1e-12)
    assert p.min() >= LOWEST
    assert p.max() <= HIGHEST
    assert (tables.correct.sum(1) >= 2).all()
    assert ((tables.real & ~tables.correct).sum(1) >= 4).all()
    tree = random_tree(tables.real, np.random.default_rng(0))
    policy = PrefixTabularPolicy.from_table(np.where(tables.real, tables.log_probs, -np.inf), tree)
    assert (policy.real == tables.real).all()


LARGE_STEPS = (
    "--natural-step 0.3 --euclidean-step 2 --shared-step 0.2 --prefix-steps 0.4 0.2 --sampled-steps 0.05"
)


def test_a_small_run(tmp_path, capsys):
    command = [
        "--preset",
        "smoke",
        "--problems",
        "12",
        "--few-problems",
        "6",
        "--seeds",
        "1",
        *LARGE_STEPS.split(),
    ]
    command += ["--out", str(tmp_path)]
    assert experiment.main(command) == 0
    rows = [json.loads(line) for line in (tmp_path / "records.jsonl").read_text().splitlines()]
    assert [row["part"] for row in rows] == ["clocks", "clocks", "prefix", "sampled", "shared"]
    assert (tmp_path / "cost_of_accuracy_tabular.png").stat().st_size > 1000
    assert "A logit for every response, mixed difficulties: 12 problems" in capsys.readouterr().out


def test_noise_of_one_step_wastes_what_the_formula_says():
    """A path of one small step: variance within classes by drawing, against the formula between the same two p."""
    tables = draw_tables(5, 0)
    policy, G, eta = TabularPolicy(tables.log_probs, tables.real), 8, 1e-4
    rng = np.random.default_rng(1)
    step = sampled_step(tables, G, eta, rng)
    pi = np.where(tables.real, np.exp(tables.log_probs), 0)
    p = (pi * tables.correct).sum(1)
    within = []
    for _ in range(500):
        z, total = step(policy), 0.0
        for chosen in (tables.correct, tables.real & ~tables.correct):
            share = pi * chosen / (pi * chosen).sum(1, keepdims=True)
            spread = (share * z**2).sum(1) - (share * z).sum(1) ** 2
            total += ((pi * chosen).sum(1) * spread).mean() / 2
        within.append(total)
    mean, error = mean_over_seeds(within)
    tilt = 1e-3  # the formula is a sum over the path: its slope at the start is one step's
    after = p * np.exp(tilt) / (1 - p + p * np.exp(tilt))
    predicted = waste_of_sampling(tables, float(after.mean()))(G) / tilt * eta**2 / G
    assert abs(mean - predicted) < 4 * error + tilt * predicted


@pytest.fixture(scope="module")
def recorded():
    rows = [json.loads(line) for line in RECORDS.read_text().splitlines()]
    assert len(rows) == len(experiment.cells(experiment.PRESETS["paper"]))
    return rows


def test_recorded_identities_hold(recorded):
    assert max(arm["residual"] for row in recorded for arm in row["arms"]) < 1e-12


def test_recorded_natural_steps_waste_nothing_and_clocks_decide_what_is_reached(recorded):
    for arm in arms_of(recorded, "clocks"):
        if arm["geometry"] == "natural":
            assert abs(waste(arm)) <= 1e-10
            if arm["objective"] != "REINFORCE":
                assert arm["pass_at_k"] >= 0.999
            else:
                assert arm["pass_at_k"] < 0.999 or arm["data"] == "skewed"
                assert arm["divergence"] == pytest.approx(arm["start"]["least"], abs=1e-10)
        else:
            assert 0.15 <= share_wasted(arm) <= 0.35
        assert arm["lost"] == 0


def test_recorded_waste_falls_as_the_square_of_the_step_and_as_one_over_the_group(recorded):
    for _, group in grouped(arms_of(recorded, "prefix"), "objective"):
        small = [arm for arm in group if arm["eta"] <= 0.025]
        assert slope(small)[0] == pytest.approx(2, abs=0.05)
    for _, group in grouped(over_group(arms_of(recorded, "sampled")), "factor"):
        mean, error = slope(group, "size")
        assert abs(mean - 1) < 3 * error
    for _, group in grouped(over_group(arms_of(recorded, "sampled")), "factor", "group", "eta"):
        mean, error = mean_over_seeds([waste(arm) / arm["predicted"] for arm in group])
        assert abs(mean - 1) < 4 * error


def test_recorded_shared_features_waste_until_correctness_is_among_them(recorded):
    for arm in arms_of(recorded, "shared"):
        assert arm["share"] == pytest.approx(arm["share_measured"], abs=1e-8)
        if not arm["with_reward"]:
            assert share_wasted(arm) > 0.1
        elif arm["objective"] == "REINFORCE":
            assert abs(waste(arm)) <= 1e-10
