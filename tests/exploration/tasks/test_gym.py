"""reasoning-gym as verifier and as a source of tasks; and its Countdown scorer beside our verifiers."""

import sys

import countdown_words as oracle
import jax
import numpy as np
import pytest

from thermodiff.exploration.tasks.checks import check_task
from thermodiff.exploration.tasks.countdown import Countdown
from thermodiff.exploration.tasks.countdown_free import DEFECTS, CountdownFree
from thermodiff.exploration.tasks.gym import ReasoningGym
from thermodiff.exploration.tasks.task import words_of


class Doubles:
    """A data set as reasoning-gym's are, with its habit of a little for a wrong answer."""

    def __len__(self):
        return 4

    def __getitem__(self, index):
        return {"question": f"{index} + {index}", "answer": str(2 * index), "metadata": {}}

    def score_answer(self, answer, entry):
        if answer and answer.lstrip("0") == entry["answer"].lstrip("0"):
            return 1.0
        return 0.05 if answer else 0.01


def test_scores_are_no_verdict():
    gym = ReasoningGym(Doubles(), threshold=1.0)
    assert gym.scores(3, ["6", "06", "7", ""]).tolist() == [1, 1, 0.05, 0.01]
    assert gym.rewards(3, ["6", "06", "7", ""]).tolist() == [1, 1, 0, 0]
    assert ReasoningGym(Doubles(), threshold=0.02).rewards(3, ["7"]).tolist() == [1]  # what was asked for


def test_a_task_of_candidates():
    gym = ReasoningGym(Doubles(), threshold=1.0)
    task = gym.task(candidates=lambda entry: ["0", "2", "4", "6", "06"])
    check_task(task)
    assert task.vocabulary == (" ", "+", *"012346", "pad", "end")
    forms = task.forms(task.prompts)
    assert forms.real.all()
    right = [
        {words_of(task, y) for y in row[good]}
        for row, good in zip(forms.responses, forms.correct, strict=True)
    ]
    assert right == [{"0"}, {"2"}, {"4"}, {"6", "0 6"}]
    alone = gym.task(question=lambda entry: entry["question"][0])
    assert alone.prompt_length == 1
    assert alone.forms(alone.prompts).correct.tolist() == [[True]] * 4


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (
            lambda: ReasoningGym(Doubles(), threshold=0.0),
            r"threshold: got 0.0, need a score above 0 and at most 1",
        ),
        (
            lambda: ReasoningGym(Doubles(), threshold=0.01),
            r"threshold: got 0.01, which an empty answer reaches, need more than 0.01",
        ),
        (
            lambda: ReasoningGym(Doubles(), threshold=1.0, min_terms=2),
            r"settings: got min_terms, need none beside a data set",
        ),
        (
            lambda: ReasoningGym(Doubles(), threshold=1.0).scores(4, ["1"]),
            r"problem: got 4, need one from 0 to 3",
        ),
        (
            lambda: ReasoningGym(Doubles(), threshold=1.0).task(candidates=lambda entry: ["0"]),
            r"problems: got '1   \+   1' without a correct response",
        ),
        (
            lambda: ReasoningGym(Doubles(), threshold=1.0).task(response_length=1),
            r"response_length: got 1, need at least 2: the longest response is '0', then end",
        ),
        (
            lambda: ReasoningGym("chain_sum", threshold=1.0, problems=0),
            r"problems: got 0, need a positive whole",
        ),
    ],
)
def test_bad_input(make, message):
    with pytest.raises(ValueError, match=message):
        make()


def test_without_reasoning_gym(monkeypatch):
    monkeypatch.setitem(sys.modules, "reasoning_gym", None)
    with pytest.raises(
        ValueError, match=r"generator: got no reasoning-gym .*\(pip install 'thermodiff\[gym\]'\)"
    ):
        ReasoningGym("chain_sum", threshold=1.0)


# --- with reasoning-gym itself ------------------------------------------------------------------


@pytest.fixture(scope="module")
def countdown():
    pytest.importorskip("reasoning_gym")
    settings = {
        "min_numbers": 3,
        "max_numbers": 3,
        "min_value": 1,
        "max_value": 12,
        "min_target": 1,
        "max_target": 60,
    }
    return ReasoningGym("countdown", threshold=1.0, problems=2, **settings)


def theirs(countdown, prompt, expression):
    entry = {"metadata": {"numbers": list(prompt[:3]), "target": prompt[3]}}
    return countdown.generator.score_answer(expression.replace("x", "*"), entry)


@pytest.mark.peer
def test_countdown_forms_are_scored_alike(countdown):
    """Every strict form of 15 problems, right and wrong, as the expression that its equations make."""
    task = Countdown()
    prompts = task.prompts[np.random.default_rng(0).choice(len(task.prompts), 15, replace=False)]
    for prompt, responses, correct, real in zip(prompts.tolist(), *task.forms(prompts), strict=True):
        for response, right in zip(responses[real], correct[real], strict=True):
            first, second = words_of(task, response).split(" ; ")
            pair, result = first.split(" = ")
            e, sign, f = second.split(" = ")[0].split()
            # Where result and third number are equal either may be the brackets.
            expressions = [f"( {pair} ) {sign} {f}"] * (e == result) + [f"{e} {sign} ( {pair} )"] * (
                f == result
            )
            assert any(theirs(countdown, prompt, text) == 1 for text in expressions) == right


@pytest.mark.peer
def test_countdown_answers_are_scored_alike(countdown):
    """Free answers and mutated ones. Theirs also takes forms that are none of ours, such as 3 x 7 + 5."""
    task, rng = CountdownFree(), np.random.default_rng(1)
    prompts = task.prompts[rng.choice(len(task.prompts), 5, replace=False)]
    forms = task.answers(prompts)
    rows, lines, texts = [], [], []
    for prompt, answers, real in zip(prompts, forms.responses, forms.real, strict=True):
        for line in answers[real]:
            mutated = line.copy()
            place = rng.integers(1, 8)
            mutated[place] = rng.choice([*prompt[:3], *range(100, 103), 105, 106])
            rows += [prompt, prompt]
            lines += [line, mutated]
            texts += [" ".join(task.vocabulary[token] for token in made[1:8]) for made in (line, mutated)]
    responses = np.concatenate([lines, np.full((len(lines), 31), task.end)], axis=1).astype(np.int32)
    defects = [DEFECTS[code] for code in jax.jit(jax.vmap(task.defect))(np.array(rows), responses)]
    assert {"correct", "malformed", "wrong operands", "wrong value"} <= set(defects)
    for prompt, text, defect in zip(np.array(rows).tolist(), texts, defects, strict=True):
        if defect != "malformed":
            assert (theirs(countdown, prompt, text) == 1) == (defect == "correct"), text
        else:
            assert not oracle.ANSWER.fullmatch(text)


@pytest.mark.peer
def test_chain_sums_as_a_task():
    pytest.importorskip("reasoning_gym")
    gym = ReasoningGym(
        "chain_sum", threshold=1.0, problems=60, min_terms=2, max_terms=2, min_digits=1, max_digits=1
    )
    assert gym.scores(0, [f"1{gym.entries[0]['answer']}"])[0] < 1
    task = gym.task(
        question=lambda entry: entry["metadata"]["expression"].replace(" ", ""),
        candidates=lambda entry: map(str, range(-9, 19)),
    )
    check_task(task)
    forms = task.forms(task.prompts)
    assert np.all(forms.correct.sum(axis=1) == 1)
    for prompt, responses, correct in zip(task.prompts, forms.responses, forms.correct, strict=True):
        truth = oracle.value(words_of(task, prompt).replace("pad", "").replace(" ", ""))
        assert words_of(task, responses[correct][0]).replace(" ", "") == str(truth)


@pytest.mark.peer
@pytest.mark.parametrize(
    ("name", "settings", "message"),
    [
        (
            "chain_sums",
            {},
            r"generator: got 'chain_sums', need one of reasoning-gym's \d+, such as chain_sum",
        ),
        ("chain_sum", {"terms": 2}, r"settings: got .*unexpected keyword argument 'terms' from chain_sum"),
        ("chain_sum", {"min_terms": 0}, r"settings: got min_terms must be positive from chain_sum"),
    ],
)
def test_settings_that_it_does_not_know(name, settings, message):
    pytest.importorskip("reasoning_gym")
    with pytest.raises(ValueError, match=message):
        ReasoningGym(name, threshold=1.0, **settings)
