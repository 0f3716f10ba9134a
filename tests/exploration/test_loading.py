"""Loading: what is refused in one line, what is remarked with its share, and what many files make together."""

import json
from pathlib import Path

import numpy as np
import pytest

from thermodiff.exploration.loading import load_rollouts
from thermodiff.exploration.rollouts import by_step, paired

DATA = Path(__file__).parent / "data"


def written(folder: Path, rows: list, name: str = "rollouts.jsonl") -> Path:
    path = folder / name
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text("".join((row if isinstance(row, str) else json.dumps(row)) + "\n" for row in rows))
    return path


def rows(*correct, **columns) -> list[dict]:
    """Two samples a problem; every column is the same in all rows."""
    return [{"problem_id": i // 2, "sample": i % 2, "correct": c, **columns} for i, c in enumerate(correct)]


def refused(folder: Path, content: list, name: str = "rollouts.jsonl", **options) -> str:
    path = written(folder, content, name)
    with pytest.raises(ValueError, match=r"got .*, need ") as error:
        load_rollouts(path, **options)
    message = str(error.value)
    assert "\n" not in message
    assert message.startswith(str(folder))
    return message.removeprefix(f"{folder}/")


def test_no_file_and_no_rows(tmp_path):
    assert refused(tmp_path, []) == "rollouts.jsonl: got an empty file, need rollouts, one a row"
    assert refused(tmp_path, ["", " "]).startswith("rollouts.jsonl: got an empty file")
    assert refused(tmp_path, [], "counts.csv").startswith("counts.csv: got an empty file")
    assert refused(tmp_path, ["id,c,n"], "counts.csv").startswith("counts.csv: got an empty file")
    for path, need in ((tmp_path / "none.jsonl", "a file, a folder"), (tmp_path / "*.parquet", "a glob")):
        with pytest.raises(ValueError, match=f"got nothing to read, need {need}"):
            load_rollouts(path)
    (tmp_path / "empty").mkdir()
    with pytest.raises(ValueError, match=r"empty: got nothing to read, need files in it that end in .jsonl"):
        load_rollouts(tmp_path / "empty")


@pytest.mark.parametrize(
    ("line", "row"),
    [
        ('{"problem_id": 0, "sample": 1, "corr', 3),
        ("[1, 2]", 3),
        ('{"problem_id": 1} {"problem_id": 2}', 3),
        ("x", 3),
    ],
)
def test_a_row_that_is_no_json(tmp_path, line, row):
    good = rows(True, False)
    message = refused(tmp_path, [*good, line, *rows(True)])
    assert message.startswith(f"rollouts.jsonl, row {row}: got ")
    assert message.endswith(("need one JSON object a line", "need an object with fields"))


def test_two_objects_on_a_line_are_not_taken_for_two_rows(tmp_path):
    two = '{"problem_id": 1, "correct": 1}, {"problem_id": 2, "correct": 1}'
    assert refused(tmp_path, [two]).startswith("rollouts.jsonl, row 1: got ")


def test_blank_lines_are_counted_and_skipped(tmp_path):
    a, b = rows(True, False)
    assert len(load_rollouts(written(tmp_path, [a, "", b])).correct) == 2
    assert refused(tmp_path, [a, "", a]).startswith(
        "rollouts.jsonl, row 3: got problem 0, sample 0 a second time"
    )


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


def test_rewards_that_are_missing_or_several(tmp_path):
    nothing = [{"problem_id": 0, "response": "a"}]
    need = "need correct=... or one of correct, is_correct, passed, score, reward, acc, accuracy"
    assert refused(tmp_path, nothing) == (
        f"rollouts.jsonl, row 1: got no reward among the fields 'problem_id', 'response', {need}"
    )
    several = rows(True, False, score=1.0, reward=0.5)
    assert "got several rewards: correct, score, reward, need correct=... to say which" in refused(
        tmp_path, several
    )
    assert load_rollouts(written(tmp_path, several), correct="score").correct.all()
    assert "got no field 'grade' among 'problem_id'" in refused(tmp_path, several, correct="grade")
    later = [*rows(True), {"problem_id": 1, "sample": 0}]
    assert refused(tmp_path, later).startswith(
        "rollouts.jsonl, row 2: got no reward among the fields 'problem_id'"
    )
    null = [*rows(True), {"problem_id": 1, "sample": 0, "correct": None}]
    assert refused(tmp_path, null).startswith("rollouts.jsonl, row 2: got nothing as reward, need 0 or 1")
    words = rows(True, "maybe")
    assert refused(tmp_path, words).startswith("rollouts.jsonl, row 2: got 'maybe' as reward, need 0 or 1")


def test_rewards_that_are_neither_0_nor_1_need_a_threshold(tmp_path):
    scores = rows(1.0, 0.05, 0.5, -1)
    need = "need 0 or 1, or a threshold from which on it counts as correct"
    assert refused(tmp_path, scores) == f"rollouts.jsonl, row 2: got a reward of 0.05, {need}"
    assert load_rollouts(written(tmp_path, scores), threshold=0.5).correct.tolist() == [
        True,
        False,
        True,
        False,
    ]
    nan = rows(1.0, float("nan"))
    assert (
        refused(tmp_path, nan, threshold=0.5) == "rollouts.jsonl, row 2: got a reward of nan, need a number"
    )
    assert "row 2: got a reward of nan, need 0 or 1" in refused(tmp_path, nan)


def test_problems(tmp_path):
    assert "which no format has" in refused(tmp_path, [{"correct": 1, "response": "a"}])
    assert refused(tmp_path, [{"problem_id": None, "correct": 1}]).startswith(
        "rollouts.jsonl, row 1: got no problem that is answered, need its name or number"
    )
    mixed = [{"problem_id": 1, "correct": 1}, {"problem_id": "1", "correct": 0}]
    assert "got problems that are called 1 and '1'" in refused(tmp_path, mixed)
    prompts = [{"prompt": prompt, "correct": 1} for prompt in ("What is 1?", "What is 2?", "What is 1?")]
    counts = load_rollouts(written(tmp_path, prompts)).counts()
    assert counts.samples.tolist() == [2, 1]
    assert counts.problems[0].startswith("What is 1? #")


def test_a_sample_that_stands_there_twice(tmp_path):
    twice = [*rows(True, False, True), rows(True, False, True)[1]]
    assert refused(tmp_path, twice) == (
        f"rollouts.jsonl, row 4: got problem 0, sample 1 a second time (first: {tmp_path}/rollouts.jsonl, row 2), "
        "need every sample of a problem once"
    )
    steps = [{**row, "step": step} for step in (1, 2) for row in rows(True, False)]
    assert len(load_rollouts(written(tmp_path, steps)).correct) == 4


LISTS = [[-0.1, -3.0], [-0.5, -1.0]]


@pytest.mark.parametrize(
    ("columns", "got"),
    [
        ({"logprobs": [-1.0, 0.1]}, "0.1 in log_probs at token 1"),
        ({"logprobs": [float("nan"), -1.0]}, "nan in log_probs at token 0"),
        ({"logprobs": [None, -1.0]}, "something else than numbers in log_probs"),
        ({"logprobs": -3.5}, "-3.5 in log_probs"),
        ({"top_logprobs": [-0.5, -1.0]}, "something else than numbers in top_log_probs"),
        ({"logprobs": [-1.0], "entropies": [1.0, 2.0]}, "2 entropies for 1 tokens"),
        ({"tokens": [1, 2, 3], "logprobs": [-1.0]}, "1 log_probs for 3 tokens"),
        ({"logprobs": [-1.0, -1.0], "branching": [1]}, "1 nucleus_sizes for 2 tokens"),
        ({"entropies": [0.5, float("nan")]}, "nan in entropies at token 1"),
        ({"entropies": [-0.5]}, "-0.5 in entropies at token 0"),
        ({"entropies": [0.5, 2.4], "vocabulary": 10}, "2.4 in entropies at token 1"),
        ({"branching": [0]}, "0 in nucleus_sizes at token 0"),
        ({"branching": [11], "vocabulary": 10}, "11 in nucleus_sizes at token 0"),
        ({"top_logprobs": [[-2.0, -1.0]]}, "an unsorted list in top_log_probs at token 0"),
        ({"top2_logprobs": [[0.5, -1.0]]}, "NaN or above 0 in top_log_probs at token 0"),
        ({"ref_logprobs": [1.0]}, "1 in reference_log_probs at token 0"),
        (
            {"logprobs": [-0.1, -0.7], "top_logprobs": LISTS},
            "a drawn token of log-probability -0.7, not in its list",
        ),
    ],
)
def test_tokens_that_cannot_be(tmp_path, columns, got):
    good = {name: value if name == "vocabulary" else [] for name, value in columns.items()}
    content = [*rows(True, **good), {"problem_id": 1, "sample": 0, "correct": 0, **columns}]
    assert refused(tmp_path, content).startswith(f"rollouts.jsonl, row 2: got {got}")


def test_fields_of_other_kinds(tmp_path):
    content = rows(True, False, tokens=12, response=[{"role": "assistant", "content": "a"}], finish_reason=3)
    rollouts = load_rollouts(written(tmp_path, content))
    assert rollouts.length.tolist() == [12, 12]
    assert rollouts.response[0] == rollouts.response[1]
    some = [*rows(True, True), *({"problem_id": 0, "correct": 0} for _ in range(3))]
    assert load_rollouts(written(tmp_path, some)).counts().samples.tolist() == [5]


def test_a_vocabulary_can_be_said(tmp_path):
    content = rows(True, False, entropies=[2.0])
    assert load_rollouts(written(tmp_path, content), vocabulary=8).vocabulary == 8
    assert "need entropies of at least 0 and at most ln 7 = 1.9459" in refused(
        tmp_path, content, vocabulary=7
    )


def test_rounding_is_mended(tmp_path):
    content = rows(True, False, logprobs=[1e-7, -1.0], entropies=[-1e-7, 2.0])
    rollouts = load_rollouts(written(tmp_path, content))
    assert rollouts.log_probs.tolist() == [0.0, -1.0] * 2
    assert rollouts.entropies.tolist() == [0.0, 2.0] * 2


def test_not_listed(tmp_path):
    drawn, lists = [-1.0, float("-inf"), -9999.0], [[-0.5, -1.0], [-0.1], [-0.2, -9999.0]]
    rollouts = load_rollouts(written(tmp_path, rows(True, False, logprobs=drawn, top_logprobs=lists)))
    assert rollouts.log_probs[0] == -1.0
    assert np.isnan(rollouts.log_probs[1:3]).all()
    assert rollouts.top_log_probs[:3].tolist() == [[-0.5, -1.0], [-0.1, -np.inf], [-0.2, -np.inf]]
    assert "66.67% of log probs are not listed: NaN" in rollouts.remarks


def test_drawn_tokens_outside_their_list(tmp_path):
    content = rows(True, False, logprobs=[-0.1, -2.0], top_logprobs=LISTS)
    assert "50.0% of the drawn tokens are outside their list of the most likely ones" in remarks(
        tmp_path, content
    )


def remarks(folder: Path, content: list) -> str:
    return "; ".join(load_rollouts(written(folder, content)).remarks)


def test_remarks_have_their_share(tmp_path):
    cut = [
        *rows(True, False, True, True, finish_reason="length"),
        {"problem_id": 2, "sample": 0, "correct": 0},
    ]
    said = remarks(tmp_path, cut)
    assert "20.0% of the responses were cut off and count as wrong" in said
    assert "33.3% of the problems are all right" in said
    assert "33.3% of the problems are all wrong" in said
    assert "answered once" not in said
    assert "every problem was answered once" in remarks(tmp_path, rows(True)[:1])
    same = [
        {**row, "response": text} for row, text in zip(rows(1, 1, 0, 1), ["a", "a", "a", "b"], strict=True)
    ]
    assert "25.0% of the responses repeat an earlier one to the same problem" in remarks(tmp_path, same)


def test_a_column_that_only_some_responses_have_is_left_out(tmp_path):
    content = [*rows(True, False, logprobs=[-1.0]), {"problem_id": 1, "sample": 0, "correct": 1}]
    rollouts = load_rollouts(written(tmp_path, content))
    assert rollouts.log_probs is None
    assert rollouts.offsets is None
    assert "log probs in 66.7% of the responses only: left out" in rollouts.remarks


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
    base, rl = (load_rollouts(DATA / "deepscaler32k" / f"{name}.jsonl") for name in ("base", "rl"))
    pair = paired(base, rl)
    assert len(pair.first.correct) == 1060
    assert pair.remarks == ()
    assert np.array_equal(pair.first.problems, pair.second.problems)
