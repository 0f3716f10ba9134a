"""pass@k against exact rational arithmetic, subsets and binomial sums."""

from fractions import Fraction
from itertools import combinations
from math import comb

import numpy as np
import pytest
from counts import CHARACTERS, GAME24_COT, GAME24_IO, deepscaler, listed

from thermodiff.exploration.boundary.pass_at_k import failure_table, pass_at_k
from thermodiff.exploration.rollouts import Counts, Rollouts


def exact(counts, k):
    """1 - mean C(n-c, k)/C(n, k) in rationals."""
    pairs, times = np.unique(np.stack(counts[:2], 1), axis=0, return_counts=True)
    terms = (
        int(t) * Fraction(comb(int(n - c), k), comb(int(n), k))
        for (c, n), t in zip(pairs, times, strict=True)
    )
    return 1 - sum(terms) / int(times.sum())


def real(name):
    if name in ("base", "rl"):
        return deepscaler(name)
    text, n = {"cot": (GAME24_COT, 100), "io": (GAME24_IO, 100), "characters": (CHARACTERS, 32)}[name]
    return listed(text, n)


@pytest.mark.parametrize("name", ["base", "rl", "cot", "io", "characters"])
def test_every_k_of_real_counts(name):
    counts = real(name)
    got = pass_at_k(counts).mean
    want = [float(exact(counts, k)) for k in range(1, counts.samples.min() + 1)]
    np.testing.assert_allclose(got, want, rtol=0, atol=1e-12)


# Published values: passk-inference's example, and sums made for this project in other code.
@pytest.mark.parametrize(
    ("name", "k", "value"),
    [
        ("base", 1, 0.6041052476415094), ("base", 16, 0.8214858583327623), ("base", 128, 0.8905660377358491),
        ("rl", 1, 0.6800633844339623), ("rl", 16, 0.8252846710116399), ("rl", 128, 0.870754716981132),
        ("cot", 10, 0.21476924101631448), ("cot", 64, 0.43663819335156995), ("cot", 100, 0.49),
        ("io", 10, 0.1788870891446286), ("io", 64, 0.29287169781759337), ("io", 100, 0.33),
        ("characters", 1, 0.138671875), ("characters", 4, 0.441263731), ("characters", 32, 0.96875),
    ],
)  # fmt: skip
def test_published_values(name, k, value):
    assert pass_at_k(real(name), k).mean == pytest.approx(value, abs=1e-9)


def test_unequal_samples_by_subsets():
    rows = [[1, 0, 0, 1, 0], [0, 0, 0], [1, 1, 1, 1], [0, 1, 0, 0, 0, 0]]
    for k in (1, 2, 3):
        solved = [np.mean([any(part) for part in combinations(row, k)]) for row in rows]
        counts = ([sum(row) for row in rows], [len(row) for row in rows])
        answer = pass_at_k(counts, k)
        assert answer.mean == pytest.approx(np.mean(solved), abs=1e-14)
        assert answer.stderr == pytest.approx(np.std(solved, ddof=1) / 2, abs=1e-14)
        assert answer.n == 4


@pytest.mark.parametrize(("n", "p"), [(1, 0.3), (7, 0.05), (12, 0.9)])
def test_unbiased(n, p):
    q = failure_table((np.arange(n + 1), n))
    weights = [comb(n, c) * p**c * (1 - p) ** (n - c) for c in range(n + 1)]
    np.testing.assert_allclose(weights @ q, (1 - p) ** np.arange(n + 1), rtol=1e-13)


def test_relative_error_of_large_samples():
    c, n = np.array([1, 17, 400]), 20_000
    table = failure_table((c, n))
    for k in (1, 100, 5_000):
        want = [float(Fraction(comb(n - int(one), k), comb(n, k))) for one in c]
        np.testing.assert_allclose(table[:, k], want, rtol=1e-12)


def test_kinds_of_data_agree():
    table = np.array([[1, 0, 0], [0, 0, 0], [1, 1, 0]])
    rollouts = Rollouts(np.repeat(["x", "y", "z"], 3), table.ravel().astype(bool))
    for data in (table, (table.sum(1), 3), Counts(table.sum(1), np.full(3, 3)), rollouts):
        np.testing.assert_array_equal(pass_at_k(data).mean, pass_at_k(table, [1, 2, 3]).mean)


def test_extremes():
    assert pass_at_k(([4, 4], 4)).mean == pytest.approx([1, 1, 1, 1], abs=0)
    assert pass_at_k(([0, 0], 4)).mean == pytest.approx([0, 0, 0, 0], abs=0)
    assert pass_at_k(([0, 1, 5], 8), 8).mean == pytest.approx(2 / 3)  # k = n: solved at all
    one = pass_at_k(([1], 4), 2)
    assert one.mean == pytest.approx(0.5)
    assert np.isnan(one.stderr)


def test_shapes():
    counts = ([1, 2], 4)
    assert np.shape(pass_at_k(counts, 2).mean) == ()
    assert np.shape(pass_at_k(counts, [2]).stderr) == (1,)
    assert np.shape(pass_at_k(counts).mean) == (4,)
    assert failure_table(([1, 2], [4, 2]), 3).shape == (2, 4)


def test_beyond_n_is_not_known():
    assert np.isnan(failure_table(([1, 2], [4, 2]), 3)[1, 3])
    assert np.isfinite(failure_table(([1, 2], [4, 2]), 3)[0]).all()


@pytest.mark.parametrize(
    ("k", "message"),
    [
        (
            5,
            r"^k: got 5, need at most 4, the rollouts of the problem that has fewest: beyond n pass@k is not known$",
        ),
        ([1, 9], r"^k: got 9, need at most 4"),
        (0, r"^k: got 0, need positive whole numbers$"),
        (1.5, r"^k: got 1.5, need positive whole numbers$"),
        ([], r"^k: got \[\], need positive whole numbers$"),
        ("many", r"^k: got many, need positive whole numbers$"),
    ],
)
def test_k_that_cannot_be(k, message):
    with pytest.raises(ValueError, match=message):
        pass_at_k(([1, 2], [4, 6]), k)
