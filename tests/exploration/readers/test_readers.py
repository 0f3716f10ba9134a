"""Each format's own file, read: what is in it comes out. Where the files are from is in data/README.md."""

import gzip
import shutil
from pathlib import Path

import numpy as np
import pytest

from thermodiff.exploration.loading import load_rollouts
from thermodiff.exploration.named import FOLDER
from thermodiff.exploration.readers.formats import FORMATS
from thermodiff.exploration.rollouts import Counts, by_step

DATA = Path(__file__).parents[1] / "data" / "readers"


def counts(rollouts) -> dict:
    c = rollouts.counts()
    return {name: (int(k), int(n)) for name, k, n in zip(c.problems, c.correct, c.samples, strict=True)}


def beginnings(rollouts) -> dict:
    """Counts by what a problem's name says before its hash."""
    return {name.rsplit(" #", 1)[0]: pair for name, pair in counts(rollouts).items()}


def test_own_jsonl_with_all_token_columns(tmp_path):
    rollouts = load_rollouts(DATA / "characters.jsonl", vocabulary=465)
    assert counts(rollouts) == {0: (1, 3), 1: (1, 3)}
    assert rollouts.finish_reason.tolist() == ["length", "stop", "stop", "stop", "length", "stop"]
    assert rollouts.length.tolist() == np.diff(rollouts.offsets).tolist()
    tokens = rollouts.offsets[-1]
    assert rollouts.log_probs.shape == rollouts.entropies.shape == rollouts.nucleus_sizes.shape == (tokens,)
    assert rollouts.top_log_probs.shape == (tokens, 5)
    assert rollouts.log_probs[:2].tolist() == [-0.23797, -4.71902]
    assert rollouts.nucleus_sizes[:3].tolist() == [2, 23, 6]
    assert rollouts.top_log_probs[1].tolist() == [-1.19454, -1.92839, -2.55847, -2.59654, -2.66774]
    assert rollouts.vocabulary == 465
    assert rollouts.reference_log_probs is None
    packed = tmp_path / "characters.jsonl.gz"
    packed.write_bytes(gzip.compress((DATA / "characters.jsonl").read_bytes()))
    again = load_rollouts(packed)
    assert np.array_equal(again.top_log_probs, rollouts.top_log_probs)
    assert np.array_equal(again.response, rollouts.response)


def test_verl_dumps_of_a_training_share_problems_by_prompt():
    rollouts = load_rollouts(DATA / "verl")
    steps = by_step(rollouts)
    assert [step for step, _ in steps] == [10, 20]
    first, last = (step.counts() for _, step in steps)
    assert first.problems.tolist() == last.problems.tolist()
    assert first.samples.tolist() == [4, 4, 4]
    assert counts(load_rollouts(DATA / "verl" / "10.jsonl", correct="acc")) == counts(steps[0][1])
    assert any(remark.startswith("a training of 2 steps, 10 to 20") for remark in rollouts.remarks)


def test_verl_with_uid_counts_the_last_output_of_a_rollout():
    rollouts = load_rollouts(DATA / "verl_uid" / "30.jsonl")
    c = rollouts.counts()
    assert c.correct.tolist() == [3, 2, 1]
    assert c.samples.tolist() == [4, 4, 4]
    assert "7.7% of the rows are earlier outputs of a rollout: left out" in rollouts.remarks
    assert c.problems.tolist() == load_rollouts(DATA / "verl").counts().problems.tolist()


def test_trl_completions():
    pytest.importorskip("pyarrow")
    rollouts = load_rollouts(DATA / "completions_00005.parquet")
    assert beginnings(rollouts) == {"problem 0": (1, 3), "problem 1": (2, 2)}
    assert rollouts.step.tolist() == [5] * 5
    assert "16.7% of the rows were not scored by this reward: left out" in rollouts.remarks


def test_trl_with_two_reward_functions():
    pytest.importorskip("pyarrow")
    path = DATA / "completions_two_rewards.parquet"
    with pytest.raises(
        ValueError, match="parquet, row 1: got several rewards: accuracy_reward, format_reward, need"
    ):
        load_rollouts(path)
    chosen = load_rollouts(path, correct="accuracy_reward")
    assert beginnings(chosen) == {"problem 0": (1, 3), "problem 1": (2, 2)}
    assert load_rollouts(path, correct="format_reward", threshold=0.5).correct.all()


def test_parquet_without_pyarrow(monkeypatch):
    monkeypatch.setitem(__import__("sys").modules, "pyarrow", None)
    message = r"row 1: got a parquet file, and no pyarrow, need pip install 'thermodiff\[exploration\]'$"
    with pytest.raises(ValueError, match=message):
        load_rollouts(DATA / "completions_00005.parquet")


def test_tunix_trajectories_have_log_probabilities_of_drawn_tokens_only():
    rollouts = load_rollouts(DATA / "tunix")
    assert beginnings(rollouts) == {"[1, 100]": (1, 3), "[1, 101]": (1, 3)}
    assert rollouts.step.tolist() == [7] * 6
    assert rollouts.finish_reason.tolist() == ["SUCCEEDED", "SUCCEEDED", "length"] * 2
    assert np.diff(rollouts.offsets).tolist() == [2, 3, 4] * 2
    assert rollouts.log_probs[:9].tolist() == [-0.5, -0.25, -0.5, -0.25, -1.5, -0.5, -0.25, -1.5, -0.125]


def test_lm_eval_samples_of_one_filter():
    path = DATA / "samples_gsm8k.jsonl"
    with pytest.raises(
        ValueError, match="row 4: got filters 'strict-match' and 'flexible-extract', need correct="
    ):
        load_rollouts(path)
    strict = load_rollouts(path, correct="exact_match,strict-match")
    assert counts(strict) == {0: (1, 1), 1: (0, 1), 2: (0, 1)}
    assert counts(load_rollouts(path, correct="exact_match,flexible-extract"))[1] == (1, 1)
    assert "50.0% of the rows are of another filter: left out" in strict.remarks
    assert any("answered once" in remark for remark in strict.remarks)
    with pytest.raises(
        ValueError, match="got no scored response, need one at least, with correct='exact_match,other'"
    ):
        load_rollouts(path, correct="exact_match,other")


def test_lm_eval_samples_of_several_metrics():
    path = DATA / "samples_choice.jsonl"
    with pytest.raises(ValueError, match="row 1: got metrics acc, acc_norm, need correct="):
        load_rollouts(path)
    assert counts(load_rollouts(path, correct="acc")) == {0: (1, 1), 1: (0, 1)}
    assert counts(load_rollouts(path, correct="acc_norm")) == {0: (0, 1), 1: (1, 1)}


@pytest.mark.parametrize("name", ["inspect.json", "inspect.eval", "inspect_deflated.eval"])
def test_inspect_logs(name):
    if name == "inspect.eval":
        pytest.importorskip("pyarrow")
    rollouts = load_rollouts(DATA / name)
    assert counts(rollouts) == {"six": (2, 3), "two": (1, 3)}
    assert sorted(rollouts.length.tolist()) == [2, 2, 3, 3, 3, 3]
    assert sorted(set(rollouts.finish_reason)) == ["length", "stop"]
    assert "maybe 4" in rollouts.answer
    assert rollouts.log_probs.shape == (16,)
    assert np.array_equal(rollouts.top_log_probs[:, 0], rollouts.log_probs)
    assert (rollouts.top_log_probs[:, 1] == -4.0).all()


def test_inspect_packed_by_zstandard_without_pyarrow(monkeypatch):
    monkeypatch.setitem(__import__("sys").modules, "pyarrow", None)
    with pytest.raises(ValueError, match="got files packed by zstandard, and no pyarrow, need pip install"):
        load_rollouts(DATA / "inspect.eval")


def test_openai_chat_puts_the_drawn_token_in_its_place():
    rollouts = load_rollouts(DATA / "vllm_chat.jsonl")
    assert counts(rollouts) == {"one": (1, 2), "two": (1, 2)}
    assert rollouts.finish_reason.tolist() == ["stop", "length"] * 2
    assert rollouts.log_probs[:3].tolist() == [-0.5, -1.5, -7.0]
    lists = [[-0.5, -1.5, -2.0], [-0.5, -1.5, -2.0], [-0.5, -1.5, -np.inf]]
    assert rollouts.top_log_probs[:3].tolist() == lists
    assert "33.3% of the drawn tokens are outside their list of the most likely ones" in rollouts.remarks


def test_openai_batch_output_names_problems_by_custom_id():
    rollouts = load_rollouts(DATA / "vllm_batch.jsonl")
    assert counts(rollouts) == {"one": (1, 1), "two": (1, 1)}
    assert rollouts.length.tolist() == [3, 3]


def test_openai_completions_have_a_reward_for_each_choice():
    rollouts = load_rollouts(DATA / "vllm_completions.jsonl")
    assert counts(rollouts) == {"one": (1, 2), "two": (1, 2)}
    assert rollouts.correct.tolist() == [True, False] * 2
    assert rollouts.log_probs[:3].tolist() == [-0.5, -1.5, -0.5]
    assert np.isnan(rollouts.log_probs[3])
    assert rollouts.top_log_probs[:2].tolist() == [[-0.5, -1.25], [-0.25, -np.inf]]
    assert "25.00% of log probs are not listed: NaN" in rollouts.remarks


def test_math_eval_has_all_samples_in_a_row():
    rollouts = load_rollouts(DATA / "math_eval.jsonl")
    assert counts(rollouts) == {0: (2, 4), 1: (0, 4)}
    assert rollouts.answer.tolist() == ["4", "5", "4", "5", "5", "5", "5", "5"]
    assert "25.0% of the responses were cut off and count as wrong" in rollouts.remarks
    seeds = load_rollouts(str(DATA / "math_*.jsonl"))
    assert counts(seeds) == counts(rollouts)


def test_human_eval_results():
    assert counts(load_rollouts(DATA / "human_eval_results.jsonl")) == {"Own/0": (1, 3), "Own/1": (1, 3)}


def test_tree_of_thought_in_both_layouts():
    cot = load_rollouts(DATA / "game24_cot.json")
    assert counts(cot) == {900: (2, 3), 901: (0, 3)}
    assert "33.3% of the responses repeat an earlier one" in " ".join(cot.remarks)
    assert counts(load_rollouts(DATA / "game24_io.json")) == {900: (1, 2), 901: (1, 2)}


def test_counts_as_jsonl_and_csv(tmp_path):
    base = load_rollouts(FOLDER / "deepscaler32k" / "base.jsonl")
    assert isinstance(base, Counts)
    assert len(base.correct) == 1060
    assert set(base.samples) == {128}
    assert base.problems[0] == "fresh32k-aime24-0"
    assert base.correct[:3].tolist() == [117, 6, 1]
    table = tmp_path / "counts.csv"
    rows = zip(base.problems, base.correct, base.samples, strict=True)
    table.write_text("problem,correct,samples\n" + "".join(f"{name},{c},{n}\n" for name, c, n in rows))
    for mine, theirs in zip(load_rollouts(table), base, strict=True):
        assert np.array_equal(mine, theirs)
    table.write_text("c,n\n3,4\n0,4.0\n")
    unnamed = load_rollouts(table)
    assert unnamed.correct.tolist() == [3, 0]
    assert unnamed.samples.tolist() == [4, 4]
    assert unnamed.problems is None


def test_recognition_is_by_fields_and_may_be_overridden(tmp_path):
    path = tmp_path / "anything.txt"
    shutil.copy(DATA / "human_eval_results.jsonl", path)
    assert counts(load_rollouts(path)) == counts(load_rollouts(path, format="human-eval"))
    assert counts(load_rollouts(path, format="thermodiff")) == counts(load_rollouts(path))
    with pytest.raises(
        ValueError, match=r"txt, row 1: got no field 'input' among 'task_id', .* need 'input'"
    ):
        load_rollouts(path, format="verl")
    with pytest.raises(
        ValueError, match=r"^format: got 'pickle', need auto or one of inspect, lm-eval, openai"
    ):
        load_rollouts(path, format="pickle")


def test_every_format_of_the_table_has_a_file_here():
    assert {entry.name for entry in FORMATS} == {
        "inspect", "lm-eval", "openai", "math-eval", "tree-of-thought", "human-eval", "verl", "trl", "tunix",
        "counts", "thermodiff",
    }  # fmt: skip
