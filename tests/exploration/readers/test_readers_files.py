"""Files: broken ones, csv and json in their variants, counts, and what many files make together."""

import json
from pathlib import Path

import numpy as np
import pytest
from loading_cases import refused, rows, written

from thermodiff.exploration.loading import load_rollouts
from thermodiff.exploration.named import FOLDER
from thermodiff.exploration.rollouts import by_step, paired

DATA = Path(__file__).parents[1] / "data"


def test_broken_files(tmp_path):
    packed = tmp_path / "cut.jsonl.gz"
    packed.write_bytes(b"\x1f\x8b\x08\x00\x00\x00\x00\x00")
    (tmp_path / "cut.eval").write_bytes(b"PK\x03\x04 and nothing else")
    (tmp_path / "latin.jsonl").write_bytes(b'{"problem_id": "\xe9", "correct": 1}\n')
    for name in ("cut.jsonl.gz", "cut.eval", "latin.jsonl"):
        with pytest.raises(
            ValueError, match=r"got a file that cannot be read \(.*\), need a whole file of rollouts"
        ):
            load_rollouts(tmp_path / name)


def test_a_broken_parquet_file(tmp_path):
    pytest.importorskip("pyarrow")
    (tmp_path / "cut.parquet").write_bytes(b"PAR1 and nothing else")
    with pytest.raises(
        ValueError, match=r"cut.parquet, row 1: got a broken parquet file \(.*\), need a whole one$"
    ):
        load_rollouts(tmp_path / "cut.parquet")


def test_a_folder_of_steps_is_a_training(tmp_path):
    for step in (1, 10, 9):
        written(tmp_path, rows(True, step > 1, True, False), f"run/{step}.jsonl")
    written(tmp_path, ["no rollouts"], "run/notes.txt")
    training = load_rollouts(tmp_path / "run")
    assert [(step, len(part.correct)) for step, part in by_step(training)] == [(1, 4), (9, 4), (10, 4)]
    assert "3 files read as one" in training.remarks
    assert "a training of 3 steps, 1 to 10: counts() adds all of them up" in training.remarks
    globbed = load_rollouts(str(tmp_path / "run" / "*.jsonl"))
    assert globbed.correct.tolist() == training.correct.tolist()
    written(tmp_path, rows(0.5), "run/11.jsonl")
    with pytest.raises(ValueError, match=r"run/11.jsonl, row 1: got a reward of 0.5"):
        load_rollouts(tmp_path / "run")


def test_steps_in_some_rows_only(tmp_path):
    content = [*rows(True, step=1), *rows(True, True)[1:]]
    assert "got responses with and without a step, need a step for each of them" in refused(tmp_path, content)
    assert "row 1: got step 'late', need a whole number" in refused(tmp_path, rows(True, step="late"))


def test_files_that_are_no_training_are_read_as_one(tmp_path):
    for seed in ("a", "b"):
        written(
            tmp_path,
            [{"problem_id": i, "correct": i, "response": seed} for i in (0, 1)],
            f"seed_{seed}.jsonl",
        )
    together = load_rollouts(str(tmp_path / "seed_*.jsonl"))
    assert together.counts().samples.tolist() == [2, 2]
    assert together.step is None


def test_several_files_of_counts_are_refused(tmp_path):
    for name in ("base", "rl"):
        written(tmp_path, [{"id": 0, "c": 1, "n": 2}], f"{name}.jsonl")
    with pytest.raises(ValueError, match="got 2 files of counts, need one file of counts"):
        load_rollouts(tmp_path)
    written(tmp_path, rows(True, False), "a.jsonl")
    with pytest.raises(
        ValueError, match=r"base.jsonl: got counts among files of rollouts, need files of one kind"
    ):
        load_rollouts(tmp_path)


@pytest.mark.parametrize(
    ("row", "message"),
    [
        ("b,3,2", "row 3: got 3 correct of 2, need 0 <= c <= n and n >= 1"),
        ("b,0,0", "row 3: got 0 correct of 0, need"),
        ("b,0.5,2", "row 3: got c '0.5', need a whole number"),
        ("b,,2", "row 3: got c '', need a whole number"),
        ("a,1,2", "row 3: got problem 'a' a second time, need one row a problem"),
        ("b,1", "row 3: got a row that is longer or shorter than the header, need one value a column"),
        ("b,1,2,3", "row 3: got a row that is longer or shorter than the header, need one value a column"),
    ],
)
def test_counts_that_cannot_be(tmp_path, row, message):
    assert refused(tmp_path, ["id,c,n", "a,1,2", row], "counts.csv").startswith(f"counts.csv, {message}")


def test_a_csv_with_an_index_and_spaces(tmp_path):
    path = written(tmp_path, [",problem, c, n", "0,a, 1, 2", "1,b, 0, 2"], "frame.csv")
    assert load_rollouts(path).problems.tolist() == ["a", "b"]


def test_a_csv_of_rollouts(tmp_path):
    path = written(
        tmp_path, ["problem_id,sample,correct", "0,0,1", "0,1,False", "1,0,true", "1,1,0"], "table.csv"
    )
    counts = load_rollouts(path).counts()
    assert counts.problems.tolist() == ["0", "1"]
    assert counts.correct.tolist() == [1, 1]
    assert paired(counts, load_rollouts(written(tmp_path, rows(1, 1, 1, 1)))).second.correct.tolist() == [
        2,
        2,
    ]
    assert refused(tmp_path, ["3,4", "5,6"], "bare.csv").startswith(
        "bare.csv, row 2: got fields '3', '4', which no"
    )


def test_json_that_is_one_array_streams(tmp_path, monkeypatch):
    monkeypatch.setattr("thermodiff.exploration.readers.json_stream.CHUNK", 7)
    content = rows(True, False, True, True, response='a "quoted, [bracketed] é', score2=-12.5e3)
    path = tmp_path / "array.json"
    for indent in (None, 2):
        path.write_text(json.dumps(content, indent=indent))
        assert load_rollouts(path).correct.tolist() == [True, False, True, True]
    path.write_text(json.dumps(content)[:-20])
    with pytest.raises(
        ValueError, match=r"array.json, row 4: got what is no JSON \(.*\), need an array of objects"
    ):
        load_rollouts(path)
    path.write_text(json.dumps(content)[:-1])
    with pytest.raises(
        ValueError, match=r"array.json, row 5: got what is no JSON \(an array that does not end"
    ):
        load_rollouts(path)
    path.write_text("[]")
    with pytest.raises(ValueError, match=r"array.json: got an empty file"):
        load_rollouts(path)


def test_deepscaler_loads_as_paired_counts():
    base, rl = (load_rollouts(FOLDER / "deepscaler32k" / f"{name}.jsonl") for name in ("base", "rl"))
    pair = paired(base, rl)
    assert len(pair.first.correct) == 1060
    assert pair.remarks == ()
    assert np.array_equal(pair.first.problems, pair.second.problems)
