"""Every experiment of ``make experiments`` tells its plan; those on information run to their table and figure."""

import importlib
import json
import re
from pathlib import Path

import pytest

import thermodiff as td

ROOT = Path(__file__).resolve().parents[2]
ROOMS = {"bound", "energetics", "information", "paths", "sampling", "speed", "exploration"}
LINES = (ROOT / "Makefile").read_text(encoding="utf-8").replace("\\\n", " ")
LISTED = dict(re.findall(r"^([A-Z]+) := (.*)", LINES, re.MULTILINE))


def listed(room):
    """The names of a room, lists of the Makefile that it names among them."""
    return re.sub(r"\$\((\w+)\)", lambda found: LISTED[found[1]], LISTED[room.upper()]).split()


EXPERIMENTS = [f"{room}.{name}" for room in sorted(ROOMS) for name in listed(room)]
TINY = ["--steps", "8", "--batch-size", "16", "--width", "8", "--depth", "1", "--folds", "3"]


def test_every_experiment_is_listed_and_has_its_claim():
    files = {
        ".".join(p.relative_to(ROOT / "experiments").with_suffix("").parts): p
        for p in ROOT.glob("experiments/*/*.py")
    }
    found = {name for name, path in files.items() if "\nEXPERIMENT = " in path.read_text(encoding="utf-8")}
    assert found == set(EXPERIMENTS)
    claims = (ROOT / "experiments" / "README.md").read_text(encoding="utf-8")
    assert all(f"`python -m experiments.{name} --preset paper" in claims for name in found)
    for name in sorted(found):
        experiment = importlib.import_module(f"experiments.{name}").EXPERIMENT
        assert experiment.name == name
        assert set(experiment.presets) >= {"smoke", "paper"}


@pytest.mark.parametrize("preset", ["smoke", "paper"])
@pytest.mark.parametrize("name", EXPERIMENTS)
def test_dry_run_shows_the_plan(name, preset, tmp_path, capsys):
    experiment = importlib.import_module(f"experiments.{name}")
    out = tmp_path / "never made"
    assert experiment.main(["--preset", preset, "--dry-run", "--out", str(out)]) == 0
    assert json.loads(capsys.readouterr().out)["preset"] == preset
    assert not out.exists()


@pytest.mark.slow
@pytest.mark.parametrize(
    ("name", "options", "said"),
    [
        (
            "information.data_entropy",
            ["--data", "gaussian:1", "--samples", "80"],
            "gaussian        d = 1   n = 80",
        ),
        ("information.mutual_information", ["--names", "normal-1-1", "--samples", "80"], "normal-1-1"),
        (
            "information.kl_divergence",
            ["--pairs", "shifted", "--dims", "1", "--samples", "80"],
            "shifted      1",
        ),
    ],
)
def test_information_runs_write_records_table_and_figure(name, options, said, tmp_path, capsys):
    experiment = importlib.import_module(f"experiments.{name}")
    command = ["--preset", "smoke", *options, *TINY, "--out", str(tmp_path)]
    assert experiment.main(command) == 0
    assert said in capsys.readouterr().out
    rows = [json.loads(line) for line in (tmp_path / "records.jsonl").read_text().splitlines()]
    assert len(rows) == 1
    assert rows[0]["score_error"] == pytest.approx(rows[0]["score"] - rows[0]["truth"])
    assert (tmp_path / f"{name.rpartition('.')[2]}.png").stat().st_size > 1000
    assert experiment.main(command) == 0
    assert len((tmp_path / "records.jsonl").read_text().splitlines()) == 1, "a rerun measured again"


@pytest.mark.slow
def test_real_data_compares_on_the_same_rows(tmp_path, capsys):
    from experiments.information import real_data

    command = ["--preset", "smoke", *TINY, "--out", str(tmp_path)]
    assert real_data.main(command) == 0
    assert "iris" in capsys.readouterr().out
    (row,) = [json.loads(line) for line in (tmp_path / "records.jsonl").read_text().splitlines()]
    for name, (loss, _) in row["loss"].items():
        assert loss == pytest.approx(row["nll"][name][0] - row["nll"]["score"][0])
    data = td.named_data("iris")
    gaussian = -td.GaussianBaseline(data.training).log_prob(data.test).mean()
    assert row["nll"]["gaussian"][0] == pytest.approx(gaussian)
    assert (tmp_path / "real_data.png").stat().st_size > 1000
