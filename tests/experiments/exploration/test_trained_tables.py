"""Tables and figures of the experiments on trained policies, from made-up rows: what they say, and that they draw."""

import json

import numpy as np
import pytest

from experiments.exploration import (
    advantage_shaping,
    capability_boundary,
    cost_of_accuracy_network,
    rejection_finetuning,
    report_findings,
)
from experiments.exploration.arms.measured import BOUNDARY, KS
from experiments.exploration.cost_of_accuracy_network_table import by_seed
from experiments.exploration.small_steps import NUMBERS
from experiments.harness.provenance import ROOT

LEVELS = {"base": 0.08, "narrow": 0.05, "GRPO": 0.14, "pass@4": 0.13, "SFT": 0.15}
"""pass@1; other arms have 0.14."""


def policy(level, seed, further=0.0):
    rng = np.random.default_rng([seed, round(1e4 * level)])
    reach = np.log(KS) / np.log(KS[-1])
    return {
        "k": list(KS),
        "pass_at_k": (level + (0.9 - level) * reach + 0.003 * rng.normal() + further).tolist(),
        "problems": 500,
        "unsolvable": [50] * len(BOUNDARY),
        "lost": [20, 30, 40],
        "gained": [5, 6, 7],
        **{name: 1.0 + 0.1 * rng.random() for name in ("entropy", "answer_entropy", "coverage", "branching")},
        **{"divergence": 1.0, "paid": 0.1, "among_correct": 0.2, "among_wrong": 0.7, "least": 0.05},
    }


def rows_of(arms, seeds=3):
    return [
        {"arm": arm, "seed": seed, **policy(LEVELS.get(arm, 0.14), seed)}
        for seed in range(seeds)
        for arm in arms
    ]


def shown(experiment, rows, folder):
    """The table, once the figure is drawn."""
    paths = experiment.EXPERIMENT.draw(rows, folder)
    assert min(path.stat().st_size for path in paths) > 1000
    return experiment.EXPERIMENT.table(rows)


def test_capability_boundary(tmp_path):
    rows = rows_of(capability_boundary.PRESETS["paper"].arms)
    said = shown(capability_boundary, rows, tmp_path)
    assert "GRPO pass@1 >= base + 0.05" in said
    assert " 40   7    40   7    40   7" in said


def test_advantage_shaping(tmp_path):
    rows = rows_of(advantage_shaping.PRESETS["paper"].arms)
    worse = next(row for row in rows if row["arm"] == "negative only")
    worse["pass_at_k"] = [0.01] * len(KS)
    said = shown(advantage_shaping, rows, tmp_path)
    assert "Differences to GRPO of the same seed" in said
    assert "pass@256: median over arms that differ" in said
    same = [row | {"arm": arm, "seed": s} for row in rows[:1] for arm in ("GRPO", "late") for s in (0, 1)]
    told = advantage_shaping.EXPERIMENT.table(same)
    assert "pass@256: nothing differs from GRPO in any arm and seed" in told
    assert "0 (0 to 0)" not in told
    assert "No row of GRPO yet" in advantage_shaping.EXPERIMENT.table(rows[1:2])
    assert advantage_shaping.EXPERIMENT.draw(rows[1:2], tmp_path) == ()


def test_rejection_finetuning(tmp_path):
    rows = rows_of(rejection_finetuning.PRESETS["paper"].arms)
    said = shown(rejection_finetuning, rows, tmp_path)
    assert "RFT, branching less entropy" in said
    assert rejection_finetuning.EXPERIMENT.draw(rows[1:2], tmp_path) == ()


def step(kind, where, share):
    named = {"kind": kind, "clock": "GRPO", "where": where, "residual": 0.001 if kind == "natural" else None}
    return {**named, **dict.fromkeys(NUMBERS, share)}


def test_cost_of_accuracy_network(tmp_path):
    ledger = [
        {
            "part": "ledger",
            "arm": arm,
            "seed": seed,
            "policies": [policy(0.08 + 0.02 * j, seed) for j in range(4)],
        }
        for seed in range(3)
        for arm in ("GRPO", "RLOO", "late")
    ]
    kinds = ("plain, sampled", "plain, exact", "natural", "Adam")
    batch = [step(kind, where, 0.1 * i) for i, kind in enumerate(kinds, 1) for where in ("step", "held out")]
    still = [step("Adam", where, None) for where in ("step", "held out")]
    small = [{"part": "steps", "arm": "base", "seed": seed, "batches": [batch, still]} for seed in range(3)]
    said = shown(cost_of_accuracy_network, [*ledger, *small], tmp_path)
    assert "Differences to GRPO at pass@1 0.05 above the base" in said
    assert "sharing: 1 less natural               0.7000 ± 0.0000" in said
    assert "geometry: natural less plain          0.1000 ± 0.0000" in said
    assert by_seed(small, "Adam", "GRPO", "step", "share") == pytest.approx([0.4] * 3)
    assert np.isnan(by_seed([{"batches": [still]}], "Adam", "GRPO", "step", "share")).all()
    assert "The last policy of each arm" not in cost_of_accuracy_network.EXPERIMENT.table(small)


@pytest.mark.parametrize(
    "experiment", [advantage_shaping, capability_boundary, cost_of_accuracy_network, rejection_finetuning]
)
def test_cells_are_all_different_and_those_of_smoke_are_arms_of_the_paper(experiment):
    presets, keys = experiment.PRESETS, experiment.CELL_KEYS
    for preset in presets.values():
        cells = experiment.cells(preset)
        assert len(cells) == len({tuple(cell[key] for key in keys) for cell in cells})
    assert set(presets["smoke"].arms) <= set(presets["paper"].arms)


def test_findings_of_the_report_are_told_by_their_sign(tmp_path, capsys):
    rows = rows_of(capability_boundary.PRESETS["paper"].arms, seeds=5)
    for row in rows:
        if row["arm"] == "pass@4":  # up and down by turns: nothing can be told
            row["pass_at_k"][KS.index(256)] += 0.1 * (-1) ** row["seed"]
        if row["arm"] == "SFT":
            row["branching"] = 0.5
    (tmp_path / "capability_boundary.jsonl").write_text("\n".join(map(json.dumps, rows)))
    assert report_findings.main(tmp_path) == 0
    said = {line.split(" | ")[1]: line for line in capsys.readouterr().out.splitlines() if " | " in line}
    assert "| 5 of 5 | holds |" in said["GRPO - base, pass@1"]
    assert "| cannot be told |" in said["pass@4 - GRPO, pass@256"]
    assert "| 0 of 5 | fails |" in said["SFT - base, branching"]
    assert "GRPO, change of H (nats a response)" not in said


def test_usage_of_the_findings(capsys):
    with pytest.raises(SystemExit, match="0"):
        report_findings.read_arguments(["--help"])
    said = " ".join(capsys.readouterr().out.split())
    assert said.startswith("usage: python -m experiments.exploration.report_findings [-h]")
    assert "reads these, trains nothing" in said


@pytest.mark.parametrize(
    ("page", "made"),
    [("README.md", report_findings.short_table), ("docs/findings.md", report_findings.table)],
)
def test_the_pages_have_the_findings_of_the_kept_rows(page, made):
    """Nothing in them is written by hand; claims and numbers change with the records."""
    text = (ROOT / page).read_text(encoding="utf-8")
    assert made(report_findings.kept_rows(report_findings.RECORDS)) in text
