"""The free form: verifier, defects, work and answers against regular expressions on the words."""

import countdown_words as oracle
import hypothesis.strategies as st
import jax
import numpy as np
import pytest
from hypothesis import given

from thermodiff.exploration.tasks.countdown_attempts import (
    KINDS,
    SOLVED,
    WANDERING,
    AttemptMixture,
    countdown_attempts,
)
from thermodiff.exploration.tasks.countdown_free import DEFECTS, CountdownFree
from thermodiff.exploration.tasks.task import EnumeratedTask, Task, tokens_of

TASK = CountdownFree()
DEFECT, WORK, REWARD, ANSWER = (
    jax.jit(jax.vmap(f)) for f in (TASK.defect, TASK.work, TASK.reward, TASK.answer)
)


def words(response):
    return [TASK.vocabulary[token] for token in response]


def judged(prompts, responses):
    """What package and oracle say of each response: defects, then work."""
    defects = [DEFECTS[code] for code in np.asarray(DEFECT(prompts, responses))]
    truth = [oracle.free_defect(p, words(y)) for p, y in zip(prompts.tolist(), responses, strict=True)]
    work = np.stack(WORK(responses), axis=1).tolist()
    return defects, truth, work, [list(oracle.free_work(words(y))) for y in responses]


@pytest.fixture(scope="module")
def texts():
    rng = np.random.default_rng(3)
    prompts = TASK.prompts[rng.integers(0, len(TASK.prompts), 4000)]
    mixture = AttemptMixture(solved=0.4, foreign=0.1, malformed=0.1, endless=0.1, slips=0.4)
    return prompts, *countdown_attempts(TASK, prompts, rng, mixture)


def test_the_verifier_on_texts_of_every_kind(texts):
    prompts, responses, kinds = texts
    defects, truth, work, counted = judged(prompts, responses)
    assert defects == truth
    assert work == counted
    assert set(defects) == set(DEFECTS)
    np.testing.assert_array_equal(REWARD(prompts, responses), np.array(defects) == "correct")
    of = {kind: set(np.array(defects)[kinds == n]) for n, kind in enumerate(KINDS)}
    assert of == {
        "solved": {"correct"},
        "wandering": {"false work", "wrong value"},
        "foreign": {"wrong operands"},
        "malformed": {"malformed"},
        "endless": {"truncated"},
    }


def test_the_verifier_on_mutated_texts(texts):
    """Tokens replaced, left out, put twice, and texts cut."""
    prompts, responses, _ = texts
    rng, made = np.random.default_rng(4), np.array(responses)
    likely = [*range(13), *range(100, 109)]
    for n, row in enumerate(made):
        inside = int(np.asarray(row == TASK.end).argmax()) or len(row)
        for _ in range(rng.integers(1, 4)):
            place = rng.integers(0, min(inside + 1, len(row)))
            kind = rng.integers(0, 3)
            if kind == 0:
                row[place] = rng.choice(likely)
            elif kind == 1:
                row[place:] = [*row[place + 1 :], row[-1]]
            else:
                row[place:] = [row[place], *row[place:-1]]
        made[n] = row
    defects, truth, work, counted = judged(prompts, made)
    assert defects == truth
    assert work == counted
    assert set(defects) == set(DEFECTS)


PARTS = st.one_of(
    st.builds(
        lambda a, o, b, c: [a, o, b, "=", c, ";"],
        *(st.sampled_from(s) for s in (("1", "2", "3"), "+-x", ("2", "3", "99"), ("3", "5", "6"))),
    ),
    st.builds(
        lambda p, q, left, close: [
            "answer",
            *(["(", *p, ")", *q] if left else [*q[::-1], "(", *p, ")"]),
            close,
        ],
        st.sampled_from([("1", "+", "2"), ("2", "x", "3"), ("2", "-", "3"), ("1", "+", "1")]),
        st.sampled_from([("x", "3"), ("+", "1"), ("-", "1")]),
        st.booleans(),
        st.sampled_from([";", "end", "7"]),
    ),
    st.lists(st.sampled_from(["1", "2", "+", "=", ";", "(", ")", "answer", "end"]), min_size=1, max_size=2),
)


@given(st.lists(PARTS, max_size=6), st.sampled_from([9, 7, 5, 1]), st.booleans())
def test_the_verifier_on_parts_in_any_order(parts, target, ends):
    text = [word for part in parts for word in part][: TASK.response_length - 1] + ["end"] * ends
    prompts = np.array([[1, 2, 3, target]])
    filler = "end" if ends else "1"
    response = tokens_of(TASK, " ".join([*text, *[filler] * TASK.response_length][:40]), 40)[None]
    defects, truth, work, counted = judged(prompts, response)
    assert (defects, work) == (truth, counted)


@pytest.mark.parametrize(
    ("text", "defect"),
    [
        ("answer ( 3 x 7 ) + 5 end", "correct"),
        ("answer 5 + ( 3 x 7 ) ; 1 + 1 = 7 ; ) ( end", "correct"),
        ("3 x 7 = 20 ; 20 + 5 = 26 ; answer 5 + ( 7 x 3 ) ; end", "correct"),
        ("answer ( 3 + 5 ) + 7 ; answer ( 3 x 7 ) + 5 ; end", "correct"),  # the last counts
        ("answer ( 3 x 7 ) + 5 ; answer ( 3 + 5 ) + 7 ; end", "wrong value"),
        ("answer ( 3 x 7 ) + 5 ; answer end", "malformed"),
        ("answer ( 3 x 7 ) + 5 + 0 end", "malformed"),
        ("( 3 x 7 ) + 5 end", "malformed"),
        ("answer ( 3 x 7 ) + 6 ; end", "wrong operands"),
        ("3 x 7 = 22 ; answer ( 3 x 7 ) - 5 ; end", "false work"),
        ("answer ( 3 x 7 ) - 5 ; 3 x 7 = 22 ; end", "wrong value"),  # false, but after the answer
        (" ".join(["3 x 7 = 21 ;"] * 5 + ["answer ( 3 x 7 ) + 5 ;", "3"]), "truncated"),
        ("end answer ( 3 x 7 ) + 5 ; end", "malformed"),  # what follows an end is not read
    ],
)
def test_what_counts(text, defect):
    prompt, response = np.array([[3, 5, 7, 26]]), tokens_of(TASK, text, TASK.response_length)[None]
    assert DEFECTS[int(DEFECT(prompt, response)[0])] == defect
    assert float(REWARD(prompt, response)[0]) == (defect == "correct")


def test_answers_are_all_there_are():
    prompts = TASK.prompts[np.random.default_rng(5).choice(len(TASK.prompts), 60, replace=False)]
    for prompt, lines, correct, real in zip(prompts.tolist(), *TASK.answers(prompts), strict=True):
        truth = oracle.free_answers(prompt[:3])
        listed = [" ".join(words(line)[1:-1]) for line in lines[real]]
        assert len(listed) == len(set(listed))
        assert set(listed) == set(truth)
        assert correct[real].tolist() == [truth[text] == prompt[3] for text in listed]
        assert not correct[~real].any()
        assert any(correct)
        line = lines[correct.argmax()]
        response = np.append(line, np.full(31, TASK.end))
        given_answers = ANSWER(np.stack([response, np.append(response[1:], TASK.end)]))
        np.testing.assert_array_equal(given_answers, [line[1:], np.full(8, TASK.end)])


def test_it_is_a_task_but_no_enumerated_one():
    assert isinstance(TASK, Task)
    assert not isinstance(TASK, EnumeratedTask)


# --- texts to train on ------------------------------------------------------------------------


def test_shares_of_the_mixture():
    """Each within 4 standard errors of a share, and the words of a text end once."""
    prompts = np.repeat(TASK.prompts, 3, axis=0)
    mixture = AttemptMixture()
    responses, kinds = countdown_attempts(TASK, prompts, np.random.default_rng(6), mixture)
    shares = [getattr(mixture, kind) for kind in KINDS]
    assert sum(shares) == pytest.approx(1)
    for share, found in zip(shares, np.bincount(kinds) / len(kinds), strict=True):
        assert abs(found - share) < 4 * np.sqrt(share * (1 - share) / len(kinds))
    ended = np.cumsum(responses == TASK.end, axis=1) > 0
    assert np.all(responses[ended] == TASK.end)
    lines, false, broken = (np.asarray(kind) for kind in WORK(responses))
    works = kinds < 2
    assert set(lines[works].tolist()) == {0, 1, 2, 3, 4}
    assert not broken[works].any()
    with_work = 0.75 * mixture.slips  # no work to slip in for a quarter
    error = np.sqrt(with_work * (1 - with_work) / works.sum())
    assert abs(np.mean(false[works] == 1) - with_work) < 4 * error
    assert false[works].max() == 1


def test_a_narrow_base_gives_one_answer_a_problem():
    prompts = np.repeat(TASK.prompts[::50], 20, axis=0)
    mixture = AttemptMixture(solved=0.5, foreign=0.0, malformed=0.0, endless=0.0, breadth=1)
    responses, kinds = countdown_attempts(TASK, prompts, np.random.default_rng(7), mixture)
    given_ = np.asarray(ANSWER(responses)).reshape(len(prompts) // 20, 20, -1)
    kinds = kinds.reshape(len(prompts) // 20, 20)
    for answers, kind in zip(given_, kinds, strict=True):
        for which in (SOLVED, WANDERING):
            assert len(np.unique(answers[kind == which], axis=0)) <= 1
    broad = countdown_attempts(
        TASK,
        prompts,
        np.random.default_rng(7),
        AttemptMixture(solved=1.0, foreign=0.0, malformed=0.0, endless=0.0),
    )
    assert len(np.unique(np.asarray(ANSWER(broad.responses))[:20], axis=0)) > 1


def test_a_short_response_has_less_work():
    task = CountdownFree(response_length=16)
    prompts = task.prompts[::20]
    responses, kinds = countdown_attempts(task, prompts, np.random.default_rng(8))
    assert np.all((responses[:, -1] == task.end) == (kinds != KINDS.index("endless")))
    solved = np.asarray(jax.jit(jax.vmap(task.reward))(prompts, responses)) == 1
    np.testing.assert_array_equal(solved, kinds == SOLVED)


def test_numbers_as_large_as_tokens():
    """Lines of work whose results are no tokens are not written. (A task of numbers to 99 would list its problems.)"""
    prompts = np.tile([[99, 98, 1, 2], [50, 60, 97, 13]], (500, 1))
    mixture = AttemptMixture(solved=0.0, slips=0.0)
    responses, kinds = countdown_attempts(TASK, prompts, np.random.default_rng(9), mixture)
    assert responses.min() >= 0
    _, false, broken = (np.asarray(kind) for kind in WORK(responses))
    assert not false.any()
    assert not broken[kinds == WANDERING].any()


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (
            lambda: CountdownFree(response_length=9),
            r"response_length: got 9, need at least 10, an answer line and its end",
        ),
        (lambda: CountdownFree(largest_number=120), r"largest_number: got 120, need at most 99"),
        (
            lambda: TASK.answers(np.ones((1, 5), int)),
            r"prompts: got shape \(1, 5\), need whole numbers \(problems, 4\)",
        ),
        (lambda: AttemptMixture(solved=1.5), r"solved: got 1.5, need a share from 0 to 1"),
        (
            lambda: AttemptMixture(solved=0.9, malformed=0.3),
            r"solved \+ foreign \+ malformed \+ endless: got 1.33, need at most 1 in all",
        ),
        (
            lambda: countdown_attempts(TASK, TASK.prompts[:2], 0),
            r"rng: got 0, need a generator, such as numpy.random.default_rng\(0\)",
        ),
        (lambda: AttemptMixture(most_lines=4), r"most_lines: got 4, need 0, 1, 2 or 3"),
        (lambda: AttemptMixture(breadth=0), r"breadth: got 0, need a positive whole number"),
        (
            lambda: countdown_attempts(
                TASK, np.array([[1, 1, 1, 60]]), np.random.default_rng(0), AttemptMixture(0.9, 0.1, 0.0, 0.0)
            ),
            r"prompts: got 1 1 1 60 \(row 0\), which has no answer, need problems of the task",
        ),
    ],
)
def test_bad_input(as_users_run_it, make, message):
    with pytest.raises(ValueError, match=message):
        make()
