"""Parts of the experiment on replaced tokens, and the experiment run small."""

import dataclasses
import json
from types import SimpleNamespace

import numpy as np
import pytest

from experiments.exploration import token_interventions
from experiments.exploration.arms import free, trained
from experiments.exploration.arms.problems import Sizes
from experiments.exploration.token_interventions_free import first_operation, terciles
from thermodiff.exploration.tasks.countdown_free import CountdownFree

SMALL = Sizes(5, 5, 5, 5)


def test_terciles_of_all_and_of_a_problem():
    perplexity = np.array([[1.0, 2.0, 3.0], [4.0, 6.0, 5.0]])
    assert terciles(perplexity).tolist() == [[0, 0, 1], [1, 2, 2]]
    assert terciles(perplexity, within=True).tolist() == [[0, 1, 2], [0, 2, 1]]


def test_first_operation_of_lines_and_of_bare_answers():
    task = CountdownFree()
    words = {word: i for i, word in enumerate(task.vocabulary)}
    texts = (
        "3 x 7 = 21 ; answer ( 3 x 7 ) + 5 end",
        "3 + 5 = 8 ; answer ( 3 x 7 ) + 5 end",
        "answer 5 + ( 7 x 3 ) end",
        "answer ( 3 + 5 ) x 7 end",
        "= 7 end",
    )
    responses = np.full((1, len(texts), task.response_length), task.end)
    for row, text in zip(responses[0], texts, strict=True):
        row[: len(text.split())] = [words[word] for word in text.split()]
    drawn = SimpleNamespace(responses=responses, rewards=np.array([[1.0, 1.0, 1.0, 0.0, 0.0]]))
    row = first_operation(task, np.array([[3, 5, 7, 26]]), drawn)
    assert [row[name][0] for name in ("access", "execution", "otherwise")] == [2 / 5, 1.0, 1 / 3]


def test_a_base_is_kept_apart_from_what_is_done_to_it():
    scale = free.FreeScale(SMALL, free.SMOKE)
    other = free.FreeScale(SMALL, dataclasses.replace(free.SMOKE, reward_rate=1.0))
    wider = free.FreeScale(SMALL, dataclasses.replace(free.SMOKE, units=17))
    assert free.folder_of(free.BASE, 0, scale) == free.folder_of(free.BASE, 0, other)
    assert free.folder_of(free.REWARDED, 0, scale) != free.folder_of(free.REWARDED, 0, other)
    for name in (free.BASE, free.REWARDED):
        assert free.folder_of(name, 0, scale) != free.folder_of(name, 0, wider)
        assert free.folder_of(name, 0, scale) != free.folder_of(name, 1, scale)


def test_texts_are_of_problems_that_rewards_and_measures_do_not_see():
    scale = free.FreeScale(Sizes(20, 20, 20, 20), free.SMOKE)
    texts, pools = free.texts_of(3, scale), free.problems_of(3, scale)
    read = {tuple(prompt) for prompt in texts.prompts.tolist()}
    assert len(texts.prompts) == 40 * free.SMOKE.texts
    assert not read & {tuple(prompt) for prompt in (*pools.rl.tolist(), *pools.test.tolist())}


@pytest.mark.slow
def test_token_interventions_of_a_seed(tmp_path, capsys, monkeypatch):
    monkeypatch.setattr(trained, "FOLDER", tmp_path / "arms")
    command = ["--preset", "smoke", "--seeds", "0", "--out", str(tmp_path)]
    assert token_interventions.main(command) == 0
    said = capsys.readouterr().out
    assert "Strict form, exact" in said
    rows = [json.loads(line) for line in (tmp_path / "records.jsonl").read_text().splitlines()]
    base, _, strict = rows
    assert np.sum([share for share, _ in base["defects"]]) == pytest.approx(1)
    assert base["position"]["divergence"][0] == pytest.approx(np.zeros(10), abs=1e-6)
    owed = np.add(strict["by_access"], strict["by_execution"])
    assert owed == pytest.approx(np.full(13, strict["p"][1] - strict["p"][0]), abs=1e-12)
    assert (tmp_path / "token_interventions.png").stat().st_size > 1000
