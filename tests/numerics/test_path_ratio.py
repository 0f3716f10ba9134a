"""Path ratios and fluctuation theorems on Gaussian R, for which everything is known, and on chains of two states."""

import numpy as np
import pytest
from scipy.stats import norm

import thermodiff as td
from thermodiff.paths.waste import PathWork


def gaussian_R(v, n, seed):
    """R ~ N(v/2, v) forward and N(-v/2, v) backward keep every theorem, whatever v."""
    rng = np.random.default_rng(seed)
    return v / 2 + np.sqrt(v) * rng.standard_normal(n), -v / 2 + np.sqrt(v) * rng.standard_normal(n)


def test_gaussian_ratios_keep_both_theorems():
    forward, backward = gaussian_R(1.0, 20000, 0)
    found = td.fluctuation_theorem(forward, backward)
    assert abs(found.mean_exponential.mean - 1) < 4 * found.mean_exponential.stderr
    # Var e^-R = e^v - 1, and the effective share of the sample is e^-v.
    assert found.mean_exponential.stderr == pytest.approx(np.sqrt((np.e - 1) / 20000), rel=0.1)
    assert found.ess == pytest.approx(20000 / np.e, rel=0.1)
    assert abs(found.backward.mean_exponential.mean - 1) < 4 * found.backward.mean_exponential.stderr
    assert abs(found.crooks_slope.mean - 1) < 4 * found.crooks_slope.stderr
    assert abs(found.crooks_intercept.mean) < 4 * found.crooks_intercept.stderr
    assert abs(found.bar.mean) < 4 * found.bar.stderr
    assert abs(found.mean.mean - 0.5) < 4 * found.mean.stderr
    assert abs(found.log_mean_exponential.mean) < 4 * found.log_mean_exponential.stderr
    assert found.converged
    assert not found.remarks
    assert "Crooks: slope" in str(found)


def test_standard_errors_are_those_of_repetition():
    """Of 200 repetitions with 300 paths forward and 600 backward."""
    rng = np.random.default_rng(1)
    v, kept = 0.8, []
    for _ in range(200):
        f = v / 2 + np.sqrt(v) * rng.standard_normal(300)
        b = -v / 2 + np.sqrt(v) * rng.standard_normal(600)
        found = td.fluctuation_theorem(f, b)
        kept.append([found.mean_exponential, found.crooks_slope, found.crooks_intercept, found.bar])
    for column in zip(*kept, strict=True):
        means, errors = np.array([e.mean for e in column]), np.array([e.stderr for e in column])
        # The sd of 200 values is known to 5 %, three of which a ratio may be off.
        assert means.std(ddof=1) / np.sqrt(np.mean(errors**2)) == pytest.approx(1, abs=0.2)


def test_a_constant_shift_is_bennetts():
    """R + c has <e^-R> = e^-c, bar = c, and a line through c; 2 : 1 in numbers."""
    forward, backward = gaussian_R(2.0, 8000, 2)
    found = td.fluctuation_theorem(forward + 0.7, backward[:4000] + 0.7)
    assert abs(found.bar.mean - 0.7) < 4 * found.bar.stderr
    assert found.bar.stderr < 0.5 * found.log_mean_exponential.stderr * 2  # and better than one side alone
    # Bennett's equation itself, sum_F expit(-(M + R - c)) = sum_B expit(M + R - c), M = ln n_F/n_B.
    c, M = found.bar.mean, np.log(2)
    left = np.sum(1 / (1 + np.exp(M + forward + 0.7 - c)))
    right = np.sum(1 / (1 + np.exp(-(M + backward[:4000] + 0.7 - c))))
    assert left == pytest.approx(right, rel=1e-6)
    assert abs(found.crooks_slope.mean - 1) < 4 * found.crooks_slope.stderr


def test_wide_ratios_are_not_converged():
    """At v = 50 the mean of e^-R hangs on paths 7 standard deviations away."""
    forward, backward = gaussian_R(50.0, 5000, 3)
    found = td.fluctuation_theorem(forward)
    assert not found.converged
    assert "not converged: the mean exponential rests on" in str(found)
    assert "of 5000 (100 needed)" in str(found)
    both = td.fluctuation_theorem(np.zeros(5000), backward)
    assert not both.converged
    assert any("of backward paths rests on" in remark for remark in both.remarks)
    # One hundred effective samples of very many are few too.
    share = td.fluctuation_theorem(np.concatenate([np.full(150, -20.0), np.zeros(20000)]))
    assert "(1 % of the sample needed)" in str(share)


def test_a_large_negative_ratio_leaves_the_numbers_but_not_its_logarithm():
    found = td.fluctuation_theorem(np.full(200, -2000.0))
    assert found.mean_exponential.mean == np.inf
    assert found.log_mean_exponential.mean == 2000
    assert found.ess == 200


def test_a_perfect_model_has_no_slope():
    found = td.fluctuation_theorem(np.zeros(300), np.zeros(300))
    assert found.mean_exponential == (1.0, 0.0, 300)
    assert found.converged
    assert np.isnan(found.crooks_slope.mean)
    assert abs(found.bar.mean) < 1e-12
    assert "R is the same on every path" in str(found)


def test_sides_that_do_not_overlap():
    found = td.fluctuation_theorem(np.array([3.0, 4.0]), np.array([-4.0, -3.0]))
    assert np.isnan(found.bar.mean)
    assert "do not overlap" in str(found)


def test_rows_of_paths_are_the_independent_units():
    rng = np.random.default_rng(4)
    R = 0.5 + rng.standard_normal((400, 1)) * np.ones((1, 8))  # eight times the same
    rows, flat = td.fluctuation_theorem(R), td.fluctuation_theorem(R[:, 0])
    assert rows.mean_exponential.mean == pytest.approx(flat.mean_exponential.mean)
    assert rows.mean_exponential.stderr == pytest.approx(flat.mean_exponential.stderr)
    assert rows.mean_exponential.n == 400
    assert rows.ess == pytest.approx(flat.ess)


def chain(seed, n=4000, steps=5):
    """Paths of a Markov chain of three states, and ln P of each step forward and of the same pairs by another chain."""
    rng = np.random.default_rng(seed)
    P, Q = (rng.dirichlet(np.ones(3) * 4, size=3) for _ in range(2))
    start_P, start_Q = rng.dirichlet(np.ones(3) * 4, size=2)

    def draw(start, kernel):
        states = [rng.choice(3, size=n, p=start)]
        for _ in range(steps):
            states.append((rng.random((n, 1)) > np.cumsum(kernel[states[-1]], axis=1)).sum(axis=1))
        return np.stack(states, axis=1)

    def log_p(paths, start, kernel):
        return np.log(np.concatenate([start[paths[:, :1]], kernel[paths[:, :-1], paths[:, 1:]]], axis=1))

    both = draw(start_P, P), draw(start_Q, Q)
    logs = [(log_p(paths, start_P, P), log_p(paths, start_Q, Q)) for paths in both]
    divergence, at = 0.0, start_P
    divergence += np.sum(start_P * np.log(start_P / start_Q))
    for _ in range(steps):
        divergence += np.sum(at[:, None] * P * np.log(P / Q))
        at = at @ P
    return logs, divergence


def test_two_chains():
    ((forward, backward), (of_backward, own)), divergence = chain(5)
    found = td.path_ratio(forward, backward)
    np.testing.assert_allclose(found.ratio, (forward - backward).sum(axis=1))
    assert abs(found.mean.mean - divergence) < 4 * found.mean.stderr
    theorem = found.fluctuation_theorem(td.path_ratio(of_backward, own).ratio)
    assert abs(theorem.mean_exponential.mean - 1) < 4 * theorem.mean_exponential.stderr
    assert abs(theorem.crooks_slope.mean - 1) < 4 * theorem.crooks_slope.stderr
    assert abs(theorem.bar.mean) < 4 * theorem.bar.stderr
    assert "nats a path" in str(found)


def test_what_is_impossible_backward():
    found = td.path_ratio(np.log([[0.5, 0.5], [0.5, 0.5]]), [[-1.0, -1.0], [-1.0, -np.inf]])
    assert found.ratio[1] == np.inf
    assert found.mean.mean == np.inf
    assert found.impossible.mean == 0.5
    assert found.possible.mean == pytest.approx(2 - 2 * np.log(2))
    theorem = found.fluctuation_theorem()
    assert theorem.mean.mean == np.inf
    assert theorem.mean_exponential.mean == pytest.approx(0.5 * np.exp(2 * np.log(2) - 2))
    nothing = td.fluctuation_theorem([np.inf, np.inf])
    assert nothing.mean_exponential.mean == 0
    assert "rests on 0 effective samples" in str(nothing)


def test_units_weigh_the_same():
    found = td.path_ratio([0.0, 0, 0, 0], [-1.0, -1, -1, -4], units=["a", "a", "a", "b"])
    assert found.mean == pytest.approx((2.5, 1.5, 2))
    alone = td.path_ratio([0.0, 0], [-1.0, -3.0], units=["a", "a"])
    assert alone.mean == pytest.approx((2.0, 1.0, 2))


def test_the_line_is_that_of_the_two_densities():
    """Whatever they are: N(1, 1) against N(-1, 1) has slope 2."""
    rng = np.random.default_rng(6)
    f, b = 1 + rng.standard_normal(6000), -1 + rng.standard_normal(6000)
    found = td.fluctuation_theorem(f, b)
    log_ratio = norm.logpdf(0.3, 1) - norm.logpdf(0.3, -1)
    line = found.crooks_intercept.mean + 0.3 * found.crooks_slope.mean
    assert abs(found.crooks_slope.mean - 2) < 4 * found.crooks_slope.stderr
    assert abs(line - log_ratio) < 4 * (found.crooks_intercept.stderr + 0.3 * found.crooks_slope.stderr)


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda: td.path_ratio([1.0], [[1.0]]), r"log_forward, log_backward: got shapes \(1,\), \(1, 1\)"),
        (lambda: td.path_ratio([], []), "log_forward, log_backward: got shapes"),
        (lambda: td.path_ratio([-np.inf], [0.0]), r"log_forward: got -inf at \(0,\), need finite numbers"),
        (lambda: td.path_ratio([0.0, 0.0], [0.0, np.inf]), r"log_backward: got inf at \(1,\), need numbers"),
        (
            lambda: td.path_ratio([0.0], [0.0], units=[1, 2]),
            r"units: got shape \(2,\), need one entry a path",
        ),
        (lambda: td.fluctuation_theorem([1.0]), r"forward_R: got shape \(1,\), need \(n,\) or \(n, K\) with"),
        (lambda: td.fluctuation_theorem([1.0, np.nan]), r"forward_R: got nan at \(1,\), need numbers"),
        (lambda: td.fluctuation_theorem([1.0, -np.inf]), r"forward_R: got -inf at \(1,\)"),
        (lambda: td.fluctuation_theorem([1.0, 2.0], [1.0, np.inf]), r"backward_R: got inf at \(1,\)"),
        (
            lambda: td.fluctuation_theorem(td.path_ratio([0.0], [0.0])),
            "forward_R: got PathRatio, need an array of R, one for each path: its .ratio$",
        ),
        (
            lambda: td.fluctuation_theorem([1.0, 2.0], PathWork(*[np.zeros((2, 1))] * 5)),
            "backward_R: got PathWork, need an array of R, one for each path: its .waste$",
        ),
        (
            lambda: td.fluctuation_theorem(None),
            r"forward_R: got None, need an array of R \(td.path_waste has",
        ),
        (lambda: td.fluctuation_theorem(["a", "b"]), "forward_R: got entries of type"),
    ],
)
def test_refused(call, message):
    with pytest.raises(ValueError, match=f"^{message}"):
        call()
