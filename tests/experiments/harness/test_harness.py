"""Records: what is appended is found again, a killed writer costs at most its own line, reruns do what is missing."""

import dataclasses
import json
from pathlib import Path

import numpy as np
import pytest

from experiments.bound import nll_bound
from experiments.harness.cells import one_by_one, run_cells, timed_here
from experiments.harness.command import Experiment, parse_command
from experiments.harness.records import Records, fingerprint_of

RECORDS = Path(__file__).resolve().parents[3] / "docs" / "records"


@dataclasses.dataclass(frozen=True)
class Config:
    """A toy."""

    steps: int = 3
    sizes: tuple[float, ...] = (1.0, 2.0)


CELLS = [{"size": 1.0, "seed": 0}, {"size": 2.0, "seed": 0}, {"size": 2.0, "seed": 1}]


def records(tmp_path, config=Config()):
    return Records(tmp_path, config, ("size", "seed"))


def test_a_rerun_measures_only_what_is_missing(tmp_path):
    measured = []

    def measure(cell):
        measured.append(cell)
        if cell == CELLS[1] and len(measured) < 4:
            raise ValueError("no")
        return {"value": cell["size"] ** 2}

    assert run_cells(records(tmp_path), CELLS, measure, "toy") == [CELLS[1]]
    assert run_cells(records(tmp_path), CELLS, measure, "toy") == []
    assert measured == [*CELLS, CELLS[1]]
    rows = records(tmp_path).rows()
    assert sorted(row["value"] for row in rows) == [1.0, 4.0, 4.0]
    failed = [
        json.loads(line) for line in (tmp_path / "records.jsonl").read_text().splitlines() if "error" in line
    ]
    assert [row["error"] for row in failed] == ["ValueError: no"]


def test_rows_of_another_configuration_do_not_count(tmp_path):
    records(tmp_path).append(CELLS[0], {"value": 1}, 0.1)
    assert records(tmp_path).missing(CELLS) == CELLS[1:]
    assert records(tmp_path, Config(steps=4)).missing(CELLS) == CELLS


def test_half_a_line_is_survived(tmp_path):
    store = records(tmp_path)
    store.append(CELLS[0], {"value": 1}, 0.1)
    with store.path.open("a") as file:
        file.write('{"size": 2.0, "seed": 0, "val')
    assert store.missing(CELLS) == CELLS[1:]
    store.append(CELLS[1], {"value": 4}, 0.1)
    assert store.missing(CELLS) == CELLS[2:]


def test_rows_are_strict_json_with_provenance(tmp_path):
    store = records(tmp_path)
    store.append(CELLS[0], {"value": np.float32(np.nan), "array": np.arange(3.0), "flag": True}, 0.1)
    row = json.loads(store.path.read_text(), parse_constant=pytest.fail)
    assert row["value"] is None
    assert row["array"] == [0.0, 1.0, 2.0]
    assert row["flag"] is True
    assert {"commit", "versions", "device", "date", "seconds", "config", "fingerprint"} <= row.keys()


def test_command_line_overrides_the_preset(tmp_path):
    call = parse_command(
        "room.toy",
        "toy",
        {"paper": Config(), "smoke": Config(steps=1)},
        ["--preset", "smoke", "--sizes", "5"],
    )
    assert call.config == Config(steps=1, sizes=(5.0,))
    assert call.preset == "smoke"


def test_unknown_preset_is_refused():
    with pytest.raises(SystemExit, match="--preset: got 'big', need one of paper, smoke"):
        parse_command("room.toy", "toy", {"paper": Config(), "smoke": Config()}, ["--preset", "big"])


def test_figure1_has_sixty_cells_and_reproducible_keys():
    cells = nll_bound.cells(nll_bound.PRESETS["paper"])
    assert len(cells) == 60
    keys = {tuple(np.asarray(nll_bound.jax.random.key_data(nll_bound.cell_key(cell)))) for cell in cells}
    assert len(keys) == 60


def test_dry_run_prints_the_configuration(capsys, tmp_path):
    assert nll_bound.main(["--preset", "smoke", "--out", str(tmp_path / "x"), "--dry-run"]) == 0
    assert json.loads(capsys.readouterr().out)["sigmas"] == [25.0]
    assert not (tmp_path / "x").exists()


def test_recorded_fingerprints_are_those_of_their_configurations():
    """What is kept in docs/records is what the commands go on from, as long as numbers are written as they were."""
    files = sorted(RECORDS.glob("*.jsonl"))
    assert files
    for path in files:
        rows = [json.loads(line) for line in path.read_text().splitlines()]
        assert {row["fingerprint"] for row in rows} == {fingerprint_of(row["config"]) for row in rows}, (
            path.name
        )


def test_rows_come_in_the_order_of_their_cells(tmp_path):
    store = records(tmp_path)
    for cell in (CELLS[2], CELLS[0]):
        store.append(cell, {"value": cell["size"]}, 0.1)
    assert [(row["size"], row["seed"]) for row in store.of(CELLS)] == [(1.0, 0), (2.0, 1)]


def test_times_are_not_taken_beside_other_jobs(tmp_path):
    timed = Experiment(
        "room.toy",
        {"paper": Config()},
        ("size",),
        lambda config: [{"size": 1.0}],
        timed_here(lambda *_: {}),
        str,
    )
    with pytest.raises(SystemExit, match="--cluster: got local, need none: what is timed runs alone"):
        timed.main(["--out", str(tmp_path), "--cluster", "local"])


def test_one_main_measures_shows_and_says_what_failed(tmp_path, capsys):
    def measure(config, cell):
        if cell["size"] == 2.0:
            raise ValueError("no")
        return {"value": cell["size"]}

    toy = Experiment(
        "room.toy",
        {"paper": Config()},
        ("size", "seed"),
        lambda config: CELLS,
        one_by_one(measure),
        lambda rows: f"{len(rows)} rows",
        lambda rows, out: [out / "toy.png"],
    )
    assert toy.main(["--out", str(tmp_path)]) == 1
    said = capsys.readouterr().out
    assert "1 rows\nfigure   " in said
    assert "toy.png" in said
    assert said.endswith("2 cells failed; their rows hold the error, and running again tries them again\n")
