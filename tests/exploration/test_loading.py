"""Loading: what is refused in one line, and what is remarked with its share."""

import json
import re
from pathlib import Path

import numpy as np
import pytest
from loading_cases import refused, rows, written

from thermodiff.exploration.loading import load_rollouts


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


def test_rewards_that_are_missing_or_several(tmp_path):
    nothing = [{"problem_id": 0, "response": "a"}]
    need = (
        "need one of correct, is_correct, passed, score, reward, acc, accuracy, "
        "or the name of another: correct=... (--correct)"
    )
    assert refused(tmp_path, nothing) == (
        f"rollouts.jsonl, row 1: got no reward among the fields 'problem_id', 'response', {need}"
    )
    several = rows(True, False, score=1.0, reward=0.5)
    assert (
        "got several rewards: correct, score, reward, need correct=... (--correct) to say which"
        in refused(tmp_path, several)
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
    need = "need 0 or 1, or a threshold from which on it counts as correct (--threshold)"
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


# --- what a first user met --------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("text", "message"),
    [
        (
            "id,c\nq1,3\nq2,5\n",
            "row 2: got 'c' alone among the fields 'id', 'c', need c and n: correct ones, and all",
        ),
        (
            "id;c;n\n1;3;8\n",
            "row 2: got one field, 'id;c;n', with ';' in it, need fields separated by commas",
        ),
        ("id,c,n\nq1,3,8\n,4,8\n", "row 3: got an empty id, need the name of a problem in every row"),
    ],
)
def test_tables_of_counts_that_are_not_quite(tmp_path, text, message):
    path = tmp_path / "counts.csv"
    path.write_text(text)
    with pytest.raises(ValueError, match=re.escape(message)):
        load_rollouts(path)


def test_one_step_of_two_policies_is_not_one_policy(tmp_path):
    for name in ("base", "rl"):
        (tmp_path / name).mkdir()
        (tmp_path / name / "100.jsonl").write_text('{"problem": 1, "correct": true}\n')
    with pytest.raises(
        ValueError, match=r"base/100.jsonl and .*rl/100.jsonl, two of one step, need the files of one"
    ):
        load_rollouts(str(tmp_path / "*" / "100.jsonl"))


def test_rollouts_and_counts_print_as_a_line(tmp_path):
    path = tmp_path / "r.jsonl"
    path.write_text("".join(json.dumps({"problem": i // 2, "correct": i % 3 == 0}) + "\n" for i in range(6)))
    rollouts = load_rollouts(path)
    assert repr(rollouts.counts()) == "Counts: 3 problems, named, 2 rollouts of each, 2 correct"
    first, *remarks = str(rollouts).splitlines()
    assert first == f"Rollouts from {path}: {rollouts.counts()!r} of 6; nothing a token"
    assert [line.strip() for line in remarks] == list(rollouts.remarks)
