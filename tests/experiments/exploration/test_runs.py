"""The experiments on exploration: seeds that stay, records, tables and figures of a few cells, recorded numbers."""

import json
from pathlib import Path

import pytest

from experiments.exploration import diffusion_policy, extrapolation, extrapolation_table, pass_at_k_coverage
from experiments.exploration import pass_at_k_coverage_figure as coverage_figure

RECORDS = Path(__file__).resolve().parents[3] / "docs" / "records"


def recorded(name):
    return [json.loads(line) for line in (RECORDS / f"{name}.jsonl").read_text().splitlines()]


def run(experiment, name, options, tmp_path):
    """Rows of a run, which a second one leaves as they are."""
    command = ["--preset", "smoke", *options, "--out", str(tmp_path)]
    for _ in range(2):
        assert experiment.main(command) == 0
        text = (tmp_path / "records.jsonl").read_text()
        rows = [json.loads(line) for line in text.splitlines()]
        assert (tmp_path / f"{name}.png").stat().st_size > 1000
    return rows


@pytest.mark.parametrize("experiment", [pass_at_k_coverage, extrapolation, diffusion_policy])
def test_a_cell_keeps_its_seed_whatever_is_asked_for(experiment):
    every = experiment.cells(experiment.PRESETS["paper"])
    assert all(cell in every for cell in experiment.cells(experiment.PRESETS["smoke"]))
    assert len(every) == len({json.dumps(cell) for cell in every})


def test_coverage_of_one_cell(tmp_path, capsys):
    options = ["--problems", "fixed", "--rollouts", "8-64", "--scenarios", "hard", "--numbers", "30"]
    (row,) = run(pass_at_k_coverage, "pass_at_k_coverage", [*options, "--repetitions", "4"], tmp_path)
    assert (row["seed"], row["ks"]) == (39, [1, 4, 8])
    assert "From 100 problems on, 0 of 0" in capsys.readouterr().out
    for name in ("a", "b - a"):
        assert all(4 * share in range(5) for share in (*row[name]["inside"], *row[name]["warned"]))


def test_extrapolation_of_a_few_cells(tmp_path, capsys):
    options = ["--parts", "game24", "simulated", "--thinnings", "1", "--repetitions", "2"]
    rows = run(extrapolation, "extrapolation", options, tmp_path)
    assert [row["part"] for row in rows] == ["game24"] * 4 + ["simulated"] * 2
    assert all(row["low"] <= row["nonparametric"] <= row["high"] for row in rows[:4])
    said = capsys.readouterr().out
    assert "Game of 24, 16 of 100 rollouts to k = 100" in said
    assert "rare hard  M = 30   drawn" in said


def test_a_part_without_a_picture(tmp_path, capsys):
    command = ["--preset", "smoke", "--parts", "few", "--out", str(tmp_path)]
    assert extrapolation.main(command) == 0
    said = capsys.readouterr().out
    assert "as likely as the likeliest, truth 0.8906" in said
    assert "figure" not in said


def test_a_tilt_of_few_steps(tmp_path, capsys):
    command = ["--preset", "smoke", "--parts", "steps", "--step-numbers", "2", "--memories", "forgets"]
    assert diffusion_policy.main([*command, "--out", str(tmp_path)]) == 0
    said = capsys.readouterr().out
    assert "A process that forgets its start, beta = 0.5; p = 0.3132, tilt 0.7711 in closed form" in said
    (row,) = [json.loads(line) for line in (tmp_path / "records.jsonl").read_text().splitlines()]
    assert row["control_objective"] < row["gaussian_objective"] < row["any_shape_objective"]


def test_recorded_coverage_misses_only_with_a_remark():
    rows = recorded("pass_at_k_coverage")
    assert len(rows) == len(pass_at_k_coverage.cells(pass_at_k_coverage.PRESETS["paper"]))
    assert min(share.warned for share in coverage_figure.misses(rows)) > 0.5


def test_recorded_bounds_hold():
    rows = recorded("extrapolation")
    assert len(rows) == len(extrapolation.cells(extrapolation.PRESETS["paper"]))
    real = [row for row in rows if row["part"] in extrapolation.POLICIES]
    for _, group in extrapolation_table.grouped(real, "data", "problems"):
        assert extrapolation_table.prediction(group).inside >= 19
    simulated = [row for row in rows if row["part"] == "simulated"]
    for row in simulated:
        share, number = row["inside"] / row["repetitions"], row["repetitions"]
        assert share >= 0.95 - 3 * (0.95 * 0.05 / number) ** 0.5
