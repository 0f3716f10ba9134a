"""The rollouts that ship with the package: what the files hold, read here without the package's readers."""

import gzip
import json

import numpy as np
import pytest

from thermodiff.exploration.named import FOLDER, NAMES, named_rollouts
from thermodiff.exploration.rollouts import Counts, Rollouts


def rows(file):
    content = (FOLDER / file).read_bytes()
    text = gzip.decompress(content) if file.endswith(".gz") else content
    return [json.loads(line) for line in text.decode().splitlines()]


def test_deepscaler_is_two_policies_of_the_same_problems():
    policies = named_rollouts("deepscaler")
    assert list(policies) == ["base", "RL"]
    for label, file in (("base", "base"), ("RL", "rl")):
        counts, expected = policies[label], rows(f"deepscaler32k/{file}.jsonl")
        assert isinstance(counts, Counts)
        assert counts.correct.tolist() == [row["c"] for row in expected]
        assert counts.samples.tolist() == [128] * 1060
        assert counts.problems.tolist() == [row["id"] for row in expected]
    assert policies["base"].problems.tolist() == policies["RL"].problems.tolist()


def test_characters_have_exact_tokens():
    (label, rollouts), expected = *named_rollouts("characters").items(), rows("characters.jsonl.gz")
    assert label == "characters"
    assert isinstance(rollouts, Rollouts)
    assert rollouts.source == "characters"
    assert rollouts.vocabulary == 465
    assert np.unique(rollouts.problem, return_counts=True)[1].tolist() == [32] * 8
    assert rollouts.correct.tolist() == [row["correct"] for row in expected]
    for name, field in (
        ("log_probs", "logprobs"),
        ("entropies", "entropies"),
        ("nucleus_sizes", "branching"),
    ):
        assert np.array_equal(getattr(rollouts, name), np.concatenate([row[field] for row in expected]))
    assert np.array_equal(rollouts.top_log_probs, np.concatenate([row["top5_logprobs"] for row in expected]))


def test_licence_and_source_lie_beside_the_data():
    assert "MIT License" in (FOLDER / "deepscaler32k" / "LICENSE").read_text()
    text = (FOLDER / "README.md").read_text()
    assert "2609.22547" in text
    assert "textgenrnn 2.0.0 (weights MIT)" in text
    assert sum(file.stat().st_size for file in FOLDER.rglob("*") if file.is_file()) < 700_000


def test_other_names_are_refused():
    with pytest.raises(ValueError, match=r"^name: got 'math', need one of deepscaler, characters$"):
        named_rollouts("math")
    assert NAMES == ("deepscaler", "characters")
