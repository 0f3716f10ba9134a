"""The price of accuracy: expectations by enumeration in exact sums, the ledger on enumerable policies, simulation."""

from math import comb, log

import numpy as np
import pytest

from thermodiff.exploration.exchange.cost import binary_divergence, cost_of_accuracy, paid_from_counts


def plain_kl(p_new: float, p: float) -> float:
    return p_new * log(p_new / p) + (1 - p_new) * log((1 - p_new) / (1 - p))


def binomial(n: int, p: float) -> np.ndarray:
    return np.array([comb(n, c) * p**c * (1 - p) ** (n - c) for c in range(n + 1)])


def tail(q: float, n: int) -> float:
    """sum_{j > n} q^j/j, the bias of psi(c + 1) - psi(n + 1) as ln(1 - q)."""
    return -log(1 - q) - sum(q**j / j for j in range(1, n + 1))


@pytest.mark.parametrize(
    ("p_new", "p", "n_new", "n"), [(0.4, 0.2, 12, 20), (0.1, 0.6, 30, 9), (0.5, 0.5, 16, 16)]
)
def test_expectation_over_all_counts_is_the_divergence_and_the_stated_bias(p_new, p, n_new, n):
    c_new, c = np.meshgrid(np.arange(n_new + 1), np.arange(n + 1), indexing="ij")
    weights = binomial(n_new, p_new)[:, None] * binomial(n, p)[None]
    expected = (weights * paid_from_counts(c_new, n_new, c, n)).sum()
    # E (c/n)(psi(c) - psi(n)) = p (E psi(c' + 1) - psi(n)), c' of n - 1: again ln p and a tail, of n - 1.
    own = p_new * tail(1 - p_new, n_new - 1) + (1 - p_new) * tail(p_new, n_new - 1)
    other = p_new * tail(1 - p, n) + (1 - p_new) * tail(p, n)
    assert expected == pytest.approx(plain_kl(p_new, p) + own - other, abs=1e-10)


def two_policies(M: int = 6, answers: int = 8) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    rng = np.random.default_rng(0)
    base = rng.dirichlet(np.full(answers, 2.0), M)
    trained = base * np.exp(0.7 * rng.standard_normal((M, answers)))
    reward = np.zeros((M, answers))
    reward[:, :3] = 1
    trained *= np.exp(reward)
    return base, trained / trained.sum(1, keepdims=True), reward


def test_the_ledger_of_enumerable_policies():
    base, trained, reward = two_policies()
    M, n = len(base), 400
    p, p_new = (base * reward).sum(1), (trained * reward).sum(1)
    total = (trained * np.log(trained / base)).sum(1)
    paid = binary_divergence(p_new, p)
    correct = (reward * trained * np.log(trained / base)).sum(1) - p_new * np.log(p_new / p)
    truths = [total.mean(), paid.mean(), correct.mean(), (total - paid - correct).mean()]
    rng = np.random.default_rng(1)
    found = []
    for _ in range(200):
        y = np.array([rng.choice(8, n, p=row) for row in trained])
        rows = np.arange(M)[:, None]
        ratio = np.log(trained / base)[rows, y]
        out = cost_of_accuracy(
            np.repeat(np.arange(M), n), reward[rows, y].ravel(), ratio.ravel(), rng.binomial(n, p), n
        )
        found.append([out.divergence.mean, out.paid.mean, out.among_correct.mean, out.among_wrong.mean])
        assert out.paid.mean + out.among_correct.mean + out.among_wrong.mean == pytest.approx(
            out.divergence.mean
        )
    mean, error = np.mean(found, 0), np.std(found, 0, ddof=1) / np.sqrt(200)
    # Biases of (1-p)^n/n are far below any error here.
    assert np.all(np.abs(mean - truths) < 4 * error)


def test_binary_divergence():
    assert binary_divergence(0.4, 0.2) == pytest.approx(plain_kl(0.4, 0.2))
    assert binary_divergence([0, 1, 0.5], [0.5, 0.5, 0.5]) == pytest.approx([log(2), log(2), 0])
    assert binary_divergence(0.1, 0) == np.inf
    with pytest.raises(ValueError, match=r"p: got 2.0, need probabilities in \[0, 1\]"):
        binary_divergence(0.5, 2)


def test_unkind_counts_stay_finite_and_one_problem_has_no_error():
    values = paid_from_counts([0, 5, 5, 0, 1], 5, [5, 0, 5, 0, 1], [5, 5, 5, 5, 1])
    assert np.isfinite(values).all()
    out = cost_of_accuracy([0, 0], [1, 0], [0.2, -0.1], [1], [2])
    assert np.isnan(out.paid.stderr)
    assert out.divergence.mean == pytest.approx(0.05)
    assert "paid for accuracy" in str(out)


def test_won_and_lost_are_told_apart():
    out = cost_of_accuracy([0] * 4 + [1] * 4, [1, 1, 1, 0, 0, 0, 0, 1], np.zeros(8), [1, 3], 4)
    assert out.won.mean == pytest.approx(paid_from_counts(3, 4, 1, 4) / 2)
    assert out.lost.mean == pytest.approx(paid_from_counts(1, 4, 3, 4) / 2)
    assert out.won.mean + out.lost.mean == pytest.approx(out.paid.mean)


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (([0, 1], [1], [0.0], [1, 1], 2), "problem, correct, log_ratio: got shapes"),
        (([0, 1], [1, 2], [0.0, 0.0], [1, 1], 2), "correct: got 2 at rollout 1, need 0 and 1"),
        (([0, 1], [1, 0], [0.0, np.inf], [1, 1], 2), "log_ratio: got inf at rollout 1, need finite numbers"),
        (
            ([0, 1], [1, 0], [0.0, 0.0], [1, 3], 2),
            "base_correct, base_samples: got 3 correct of 2 for problem 1",
        ),
        (
            ([0, 2], [1, 0], [0.0, 0.0], [1, 1, 1], 2),
            r"problem: got 2 labels, 0, 2, need whole numbers, rollouts of each of 0\.\.2",
        ),
        (([1, 2], [1, 0], [0.0, 0.0], [1, 1], 2), r"problem: got 2 labels, 1, 2, need whole numbers"),
    ],
)
def test_refused(arguments, message):
    with pytest.raises(ValueError, match=message):
        cost_of_accuracy(*arguments)
