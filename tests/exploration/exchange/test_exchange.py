"""The exchange identity by enumeration of softmax policies, and its estimates from samples of them."""

import dataclasses
import itertools
import re

import numpy as np
import pytest

from thermodiff.exploration.exchange.identity import entropy_exchange, exchange_identity
from thermodiff.exploration.rollouts import Rollouts


def entropy(p):
    p = p[p > 0]
    return float(-(p * np.log(p)).sum())


def whole_responses(first, second):
    """Probabilities of the 16 responses of two tokens: a first token, and a second one that depends on it."""

    def softmax(z):
        return np.exp(z) / np.exp(z).sum()

    return np.array(
        [softmax(first)[i] * softmax(second[i])[j] for i, j in itertools.product(range(4), repeat=2)]
    )


def problems(rng, count, step):
    """Policies before and after an update of size ``step`` that favours correct responses, and what is correct."""
    for _ in range(count):
        correct = np.zeros(16, bool)
        correct[rng.choice(16, 5, replace=False)] = True
        first, second = rng.normal(size=4), rng.normal(size=(4, 4))
        gain = correct.reshape(4, 4).mean(1) - correct.mean()
        later = first + step * gain + 0.3 * rng.normal(size=4), second + 0.3 * step * correct.reshape(4, 4)
        yield whole_responses(first, second), whole_responses(*later), correct


def pieces(pi, correct):
    p = pi[correct].sum()
    return p, entropy(pi[correct] / p), entropy(pi[~correct] / (1 - p))


def test_the_identity_by_enumeration():
    for before, after, correct in problems(np.random.default_rng(0), 50, 2.0):
        ends = np.array([pieces(before, correct), pieces(after, correct)])
        paid, among_correct, among_wrong = exchange_identity(*ends.T)
        assert paid + among_correct + among_wrong == pytest.approx(
            entropy(after) - entropy(before), abs=1e-12
        )
        p, s_c, s_w = ends.T
        assert among_correct == pytest.approx((p[0] + p[1]) / 2 * (s_c[1] - s_c[0]), abs=1e-14)
        assert among_wrong == pytest.approx((2 - p[0] - p[1]) / 2 * (s_w[1] - s_w[0]), abs=1e-14)


def test_on_the_tilt_everything_is_paid_for_accuracy():
    """Probabilities of correct responses raised by one factor: nothing is lost among them or among the wrong."""
    rng = np.random.default_rng(1)
    pi, correct = rng.dirichlet(np.ones(16)), np.arange(16) < 5
    tilted = pi * np.exp(1.3 * correct)
    tilted /= tilted.sum()
    paid, among_correct, among_wrong = exchange_identity(
        *np.array([pieces(pi, correct), pieces(tilted, correct)]).T
    )
    assert among_correct == pytest.approx(0, abs=1e-14)
    assert among_wrong == pytest.approx(0, abs=1e-14)
    assert paid == pytest.approx(entropy(tilted) - entropy(pi), abs=1e-12)


def sampled(policies, correct, n, rng):
    problem = np.repeat(np.arange(len(policies)), n)
    drawn = np.stack([rng.choice(16, n, p=pi) for pi in policies])
    right = np.take_along_axis(correct, drawn, 1).ravel()
    log_probs = np.log(np.take_along_axis(policies, drawn, 1)).ravel()
    return Rollouts(
        problem, right, offsets=np.arange(len(problem) + 1), log_probs=log_probs, source="made up"
    )


def truth_of(before, after, correct):
    """The three parts of each problem, enumerated, (M, 3)."""
    return np.array(
        [
            exchange_identity(*np.array([pieces(a, c), pieces(b, c)]).T)
            for a, b, c in zip(before, after, correct, strict=True)
        ]
    )


@pytest.mark.parametrize(("n", "seed"), [(64, 0), (64, 1), (200, 2)])
def test_estimates_from_samples(n, seed):
    """Problems of p n >= 16 at both ends: every part is right in the mean of 30 runs, within its own spread."""
    rng = np.random.default_rng(seed)
    made = [(a, b, c) for a, b, c in problems(rng, 400, 2.0) if a[c].sum() > 0.25 and b[c].sum() < 0.75]
    before, after, correct = (np.stack(x) for x in zip(*made, strict=True))
    # The same problems over and over: the spread of the answers is the error of sampling responses.
    runs = [
        entropy_exchange(sampled(before, correct, n, rng), sampled(after, correct, n, rng)) for _ in range(30)
    ]
    parts = np.array([[r.accuracy.mean, r.correct.mean, r.wrong.mean] for r in runs])
    np.testing.assert_allclose(parts.sum(1), [r.change.mean for r in runs], atol=1e-12)
    error = parts.std(axis=0, ddof=1) / np.sqrt(len(runs))
    assert (np.abs(parts.mean(0) - truth_of(before, after, correct).mean(0)) < 3.5 * error).all()


def test_from_eight_responses_what_is_unseen_bounds_what_is_missed():
    """Without a correct (wrong) response at an end S_c (S_w), at most ln 5 (ln 11), is unseen: off by no more."""
    rng = np.random.default_rng(9)
    before, after, correct = (np.stack(x) for x in zip(*problems(rng, 3000, 2.0), strict=True))
    run = entropy_exchange(sampled(before, correct, 8, rng), sampled(after, correct, 8, rng))
    truth = truth_of(before, after, correct).mean(0)
    for got, exact, unseen in zip((run.correct, run.wrong), truth[1:], run.unseen, strict=True):
        assert unseen > 0
        assert abs(got.mean - exact) < unseen * np.log(11) + 3 * got.stderr
    assert any("have no wrong response at one end" in remark for remark in run.remarks)
    assert any(
        "have 1 to 2 correct responses at an end: their split is uncertain" in remark
        for remark in run.remarks
    )


def test_errors_are_for_problems_drawn():
    """Means of 30 fresh sets of problems spread as the standard errors say, within the error of a spread."""
    rng = np.random.default_rng(5)
    found, said = [], []
    for _ in range(30):
        before, after, correct = (np.stack(x) for x in zip(*problems(rng, 60, 2.0), strict=True))
        run = entropy_exchange(sampled(before, correct, 40, rng), sampled(after, correct, 40, rng))
        found.append([run.change.mean, run.accuracy.mean, run.correct.mean, run.wrong.mean])
        said.append([run.change.stderr, run.accuracy.stderr, run.correct.stderr, run.wrong.stderr])
    ratio = np.std(found, axis=0, ddof=1) / np.sqrt(np.mean(np.square(said), axis=0))
    assert (np.abs(ratio - 1) < 3.5 / np.sqrt(2 * 29)).all()


def test_all_wrong_at_both_ends_is_lost_among_the_wrong():
    rng = np.random.default_rng(6)
    before, after, correct = (np.stack(x) for x in zip(*problems(rng, 20, 2.0), strict=True))
    none = np.zeros_like(correct)
    run = entropy_exchange(sampled(before, none, 8, rng), sampled(after, none, 8, rng))
    assert run.wrong.mean == pytest.approx(run.change.mean, abs=1e-14)
    assert run.correct.mean == 0
    assert run.accuracy.mean == pytest.approx(0, abs=1e-14)
    assert run.unseen == (0, 0)
    assert run.remarks == ()
    all_right = entropy_exchange(sampled(before, ~none, 8, rng), sampled(after, ~none, 8, rng))
    assert all_right.correct.mean == pytest.approx(all_right.change.mean, abs=1e-14)


def test_only_common_problems_count():
    rng = np.random.default_rng(7)
    before, after, correct = (np.stack(x) for x in zip(*problems(rng, 12, 2.0), strict=True))
    a, b = sampled(before, correct, 20, rng), sampled(after, correct, 20, rng)
    shifted = dataclasses.replace(b, problem=b.problem + 4)
    run = entropy_exchange(a, shifted)
    assert run.change.n == 8
    assert "8 problems are common to both, of 12 before and 12 after: only these are used" in str(run)
    with pytest.raises(ValueError, match="common problems: got 0, need at least two"):
        entropy_exchange(a, dataclasses.replace(b, problem=b.problem + 99))


def test_what_is_refused():
    rng = np.random.default_rng(8)
    before, _, correct = (np.stack(x) for x in zip(*problems(rng, 3, 2.0), strict=True))
    good = sampled(before, correct, 5, rng)
    cases = [
        ({"log_probs": None}, "made up: log_probs: got none, need log-probabilities of the tokens"),
        ({"log_probs": np.full(15, -np.inf)}, "made up, rollout 0, token 0: got a token that is not listed"),
        (
            {"offsets": np.append(np.arange(15), 14), "log_probs": good.log_probs[:14]},
            "rollout 14: got no tokens",
        ),
    ]
    for change, message in cases:
        with pytest.raises(ValueError, match=re.escape(message)):
            entropy_exchange(good, dataclasses.replace(good, **change))
    with pytest.raises(ValueError, match="p: got"):
        exchange_identity([0.2, 1.2], [1, 1], [1, 1])
