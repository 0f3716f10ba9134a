"""The exact ledger against fractions and conditional policies formed one by one; bounds from merged responses."""

import warnings

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from tables import fractions, plain_divergence, random_tables

from thermodiff.exploration import (
    cost_of_accuracy,
    exact_cost_by_problem,
    exact_cost_of_accuracy,
    exact_entropies,
    exchange_identity,
)

BASE, NEW, RIGHT = [3, 1, 4, 8], [6, 1, 2, 7], [1, 1, 0, 0]


def conditional(weights, chosen):
    return fractions([w for w, r in zip(weights, RIGHT, strict=True) if r == chosen])


def test_one_problem_in_fractions():
    before, after = fractions(BASE), fractions(NEW)
    cost = exact_cost_by_problem(*(np.log([[float(p) for p in row]]) for row in (before, after)), [RIGHT])
    p, p_new = sum(before[:2]), sum(after[:2])
    assert (cost.p[0], cost.p_new[0]) == pytest.approx((float(p), float(p_new)), abs=1e-15)
    paid = plain_divergence([p_new, 1 - p_new], [p, 1 - p])
    correct = float(p_new) * plain_divergence(conditional(NEW, 1), conditional(BASE, 1))
    wrong = float(1 - p_new) * plain_divergence(conditional(NEW, 0), conditional(BASE, 0))
    assert cost.paid[0] == pytest.approx(paid, abs=1e-15)
    assert cost.among_correct[0] == pytest.approx(correct, abs=1e-15)
    assert cost.among_wrong[0] == pytest.approx(wrong, abs=1e-15)
    assert cost.divergence[0] == pytest.approx(plain_divergence(after, before), abs=1e-15)


@given(seed=st.integers(0, 10_000), spread=st.sampled_from([0.1, 1.0, 6.0]))
def test_the_parts_add_up_and_none_is_negative(seed, spread):
    base, new, correct, real = random_tables(seed, spread=spread)
    cost = exact_cost_by_problem(base, new, correct, real=real)
    parts = cost.paid + cost.among_correct + cost.among_wrong
    assert np.allclose(parts, cost.divergence, rtol=1e-12, atol=1e-12)
    assert min(part.min() for part in (cost.paid, cost.among_correct, cost.among_wrong)) > -1e-12
    mean = cost.mean()
    assert mean.won.mean + mean.lost.mean == pytest.approx(mean.paid.mean, abs=1e-12)
    assert mean.divergence.stderr == pytest.approx(cost.divergence.std(ddof=1) / np.sqrt(5))


@given(seed=st.integers(0, 10_000))
def test_merging_wrong_responses_gives_a_lower_bound_and_leaves_the_rest(seed):
    base, new, correct, real = random_tables(seed)
    listed = real & (correct | (np.arange(real.shape[1]) % 2 == 1))
    whole = exact_cost_by_problem(base, new, correct, real=real)
    part = exact_cost_by_problem(base, new, correct, real=listed, remainder=True)
    assert (part.divergence <= whole.divergence + 1e-12).all()
    assert (part.among_wrong <= whole.among_wrong + 1e-12).all()
    assert np.allclose(part.paid, whole.paid, atol=1e-12)
    assert np.allclose(part.among_correct, whole.among_correct, atol=1e-12)
    assert "lower bounds" in str(part.mean())
    assert not whole.mean().remarks


@pytest.mark.parametrize("dtype", [np.float64, np.float32])
def test_a_remainder_that_is_only_rounding_costs_nothing(dtype):
    base, new, correct, real = random_tables(3)
    base, new = base.astype(dtype), new.astype(dtype)
    whole = exact_cost_by_problem(base, new, correct, real=real)
    with_rest = exact_cost_by_problem(base, new, correct, real=real, remainder=True)
    assert np.allclose(with_rest.divergence, whole.divergence, atol=100 * np.finfo(dtype).eps)


def test_the_tilt_wastes_nothing_however_rare_the_correct_answers_are():
    base, _, correct, real = random_tables(1)
    base = np.where(correct, base - 300.0, base)
    base -= np.log(np.exp(base).sum(1, keepdims=True))
    new = base + 305.0 * correct
    new -= np.log(np.exp(new).sum(1, keepdims=True))
    cost = exact_cost_by_problem(base, new, correct, real=real)
    assert (cost.p < 1e-120).all()
    assert np.abs(cost.among_correct).max() < 1e-12 * cost.divergence.max()
    assert np.abs(cost.among_wrong).max() < 1e-12


def test_what_the_base_cannot_do_costs_without_end():
    third = np.log(np.full((1, 3), 1 / 3))
    base = np.log([[0.0 + 1e-300, 0.5, 0.5]])
    base[0, 0] = -np.inf
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        cost = exact_cost_of_accuracy(np.repeat(base, 2, 0), np.repeat(third, 2, 0), [[1, 0, 0]] * 2)
    assert cost.divergence.mean == cost.paid.mean == np.inf
    assert (cost.among_correct.mean, cost.among_wrong.mean) == pytest.approx((0, 0), abs=1e-15)
    assert np.isnan(cost.paid.stderr)
    backwards = exact_cost_of_accuracy(third, base, [[1, 0, 0]])
    assert backwards.divergence.mean == pytest.approx(np.log(1.5))
    assert backwards.lost.mean == pytest.approx(np.log(1.5))


def test_the_ledger_from_rollouts_estimates_the_exact_one():
    base, new, correct, real = random_tables(7, M=40, R=6)
    rng = np.random.default_rng(0)
    n, rows = 4000, np.arange(40)[:, None]
    y = np.array([rng.choice(6, n, p=row) for row in np.exp(new)])
    right_0 = rng.binomial(n, (np.exp(base) * correct).sum(1))
    ratio = (new - np.where(real, base, 0))[rows, y]
    found = cost_of_accuracy(np.repeat(np.arange(40), n), correct[rows, y].ravel(), ratio.ravel(), right_0, n)
    exact = exact_cost_of_accuracy(base, new, correct, real=real)
    error = np.sqrt(ratio.var(1, ddof=1).sum() / n) / 40  # of these very problems
    assert abs(found.divergence.mean - exact.divergence.mean) < 4 * error


@given(seed=st.integers(0, 10_000))
def test_entropies_add_up_and_their_change_is_split_exactly(seed):
    base, new, correct, real = random_tables(seed, spread=2.0)
    ends = [exact_entropies(table, correct, real=real) for table in (base, new)]
    for end, table in zip(ends, (base, new), strict=True):
        plain = [-sum(np.exp(t) * t for t in row if t > -np.inf) for row in table]
        assert np.allclose(end.entropy, plain, atol=1e-12)
        assert np.allclose(end.binary + end.correct + end.wrong, plain, atol=1e-12)
        assert np.allclose(end.p + end.q, 1)
    parts = exchange_identity(
        np.array([end.p for end in ends]),
        *(np.array(s) for s in zip(*(end.among() for end in ends), strict=True)),
    )
    assert np.allclose(sum(parts), ends[1].entropy - ends[0].entropy, atol=1e-12)


def test_entropies_of_one_response_and_of_a_remainder():
    alone = exact_entropies([[0.0, 5.0]], [[1, 0]], real=[[1, 0]])
    assert (alone.entropy[0], alone.p[0], alone.q[0]) == (0, 1, 0)
    assert alone.among()[0][0] == 0
    assert np.isnan(alone.among()[1][0])
    rest = exact_entropies(np.log([[0.2, 0.3]]), [[1, 0]], remainder=True)
    assert rest.entropy[0] == pytest.approx(-0.2 * np.log(0.2) - 0.3 * np.log(0.3) - 0.5 * np.log(0.5))
    assert rest.lower_bound


GOOD = np.log([[0.5, 0.5]])


@pytest.mark.parametrize(
    ("arguments", "options", "message"),
    [
        (
            (GOOD, GOOD, [1, 0]),
            {},
            r"log_probs_base, log_probs, correct, real: got shapes .* \(problems, responses\)",
        ),
        ((GOOD, GOOD[:, :1], [[1, 0]]), {}, "got shapes"),
        (
            (GOOD[:0], GOOD[:0], np.zeros((0, 2))),
            {},
            r"correct: got an empty table, shape \(0, 2\), need a problem",
        ),
        ((GOOD, GOOD, [[2, 0]]), {}, "correct, real: got other entries, need 0 and 1"),
        ((GOOD, GOOD, [[1, 0]]), {"real": [[1, 3]]}, "correct, real: got other entries"),
        (
            (GOOD, [[np.nan, -0.7]], [[1, 0]]),
            {},
            "log_probs: got nan at problem 0, response 0, need ln pi <= 0",
        ),
        ((GOOD, [[0.5, -0.7]], [[1, 0]]), {}, "log_probs: got 0.5 at problem 0, response 0"),
        (
            (GOOD - 0.1, GOOD, [[1, 0]]),
            {},
            "log_probs_base: got probabilities of sum 0.904837418 for problem 0, need 1",
        ),
        (
            (GOOD, GOOD + 0.1, [[1, 0]]),
            {"remainder": True},
            "log_probs: got probabilities of sum 1.1051709.*at most 1",
        ),
        ((GOOD, np.array([["a", "b"]]), [[1, 0]]), {}, "log_probs: got entries of type <U1"),
    ],
)
def test_refused(arguments, options, message):
    with pytest.raises(ValueError, match=message):
        exact_cost_of_accuracy(*arguments, **options)
