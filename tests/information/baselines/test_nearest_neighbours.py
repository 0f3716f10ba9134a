"""Nearest-neighbour estimates: values in closed form, laws, and every distance by hand on few points."""

import numpy as np
import pytest
from problems_information import gaussian_entropy
from scipy.special import digamma, gamma
from scipy.stats import laplace

import thermodiff as td

N = 3000
COV = np.array([[2.0, -1.2], [-1.2, 1.5]])


def draws(seed, n, cov=COV, mean=(40.0, -3.0)):
    return np.random.default_rng(seed).multivariate_normal(mean, cov, n)


# --- brute force ----------------------------------------------------------------------------------


def apart(a, b, norm):
    """Distances (n, m) of rows; ``norm`` 2 or infinity."""
    difference = np.abs(a[:, None] - b[None])
    return np.sqrt((difference**2).sum(-1)) if norm == 2 else difference.max(-1)


@pytest.mark.parametrize("d", [1, 2, 3])
@pytest.mark.parametrize("k", [1, 3, 6])
def test_every_distance_by_hand(d, k):
    rng = np.random.default_rng(10 * d + k)
    p, q = rng.exponential(size=(40, d)), rng.normal(size=(25, d)) + 1
    n, m = len(p), len(q)
    own = np.sort(apart(p, p, 2), axis=1)[:, k]
    ball = np.pi ** (d / 2) / gamma(d / 2 + 1)
    entropy = digamma(n) - digamma(k) + np.log(ball) + d * np.log(own).mean()
    assert td.nearest_neighbour_entropy(p, k).mean == pytest.approx(entropy, abs=1e-12)

    across = np.sort(apart(p, q, 2), axis=1)[:, k - 1]
    divergence = d * np.log(across / own).mean() + np.log(m / (n - 1))
    assert td.nearest_neighbour_divergence(p, q, k).mean == pytest.approx(divergence, abs=1e-12)

    x, y = (
        p / p.std(axis=0),
        np.hstack([p[:, :1] ** 2 + 0.1 * rng.normal(size=(n, 1)), rng.normal(size=(n, 1))]),
    )
    y = y / y.std(axis=0)
    eps = np.sort(apart(np.hstack([x, y]), np.hstack([x, y]), np.inf), axis=1)[:, k]
    inside = [(apart(part, part, np.inf) < eps[:, None]).sum(axis=1) - 1 for part in (x, y)]
    information = digamma(k) + digamma(n) - np.mean(sum(digamma(c + 1) for c in inside))
    got = td.nearest_neighbour_mutual_information(p, 7 * y, k)
    assert got.mean == pytest.approx(information, abs=1e-12)
    assert got.n == n


def test_three_points_with_pencil():
    """0, 1 and 3: nearest distances 1, 1, 2; in one dimension the ball has volume 2."""
    x = np.array([[0.0], [1.0], [3.0]])
    expected = digamma(3) - digamma(1) + np.log(2) + np.log(2) / 3
    assert td.nearest_neighbour_entropy(x, k=1).mean == pytest.approx(expected, abs=1e-12)
    terms = np.log([1.0, 1.0, 2.0])
    assert td.nearest_neighbour_entropy(x, k=1).stderr == pytest.approx(terms.std(ddof=1) / np.sqrt(3))


# --- closed forms ---------------------------------------------------------------------------------


@pytest.mark.parametrize("k", [1, 3, 10])
def test_entropies_in_closed_form(k):
    rng = np.random.default_rng(k)
    cases = [
        (draws(k, N), gaussian_entropy(COV)),
        (rng.exponential(3.0, (N, 1)), 1 + np.log(3.0)),
        (rng.laplace(-2.0, 0.5, (N, 1)), laplace(scale=0.5).entropy()),
        (rng.uniform(-1, 4, (N, 1)), np.log(5.0)),
    ]
    for x, expected in cases:
        got = td.nearest_neighbour_entropy(x, k)
        assert abs(got.mean - expected) < 4 * got.stderr, (got, expected)


@pytest.mark.parametrize("rho", [0.0, -0.6, 0.9])
def test_mutual_information_of_gaussians(rho):
    z = draws(1, N, [[1, rho], [rho, 1]])
    got = td.nearest_neighbour_mutual_information(z[:, :1], z[:, 1:])
    # The bias of k = 10 neighbours, +-0.01 measured.
    assert abs(got.mean + 0.5 * np.log(1 - rho**2)) < 4 * got.stderr + 0.01


def test_divergence_of_gaussians():
    p, q = draws(2, N), draws(3, 2 * N, 2 * COV, (41.0, -3.5))
    shift = np.array([1.0, -0.5])
    expected = 0.5 * (1 + shift @ np.linalg.solve(2 * COV, shift) - 2 + 2 * np.log(2))
    got = td.nearest_neighbour_divergence(p, q)
    assert abs(got.mean - expected) < 4 * got.stderr + 0.01
    same = td.nearest_neighbour_divergence(p, draws(4, 2 * N))
    assert abs(same.mean) < 4 * same.stderr


def test_standard_errors_are_of_the_size_of_the_scatter():
    got = [td.nearest_neighbour_entropy(draws(100 + i, 400)) for i in range(60)]
    scatter = np.std([g.mean for g in got], ddof=1)
    assert 0.75 < np.mean([g.stderr for g in got]) / scatter < 1.35


# --- laws -----------------------------------------------------------------------------------------


def test_entropy_moves_with_the_units_and_with_nothing_else():
    x = draws(5, 500)
    c, s = np.cos(0.7), np.sin(0.7)
    base = td.nearest_neighbour_entropy(x).mean
    assert td.nearest_neighbour_entropy(x + np.array([1000.0, -7.0])).mean == pytest.approx(base, abs=1e-8)
    assert td.nearest_neighbour_entropy(x @ [[c, s], [-s, c]]).mean == pytest.approx(base, abs=1e-9)
    assert td.nearest_neighbour_entropy(0.01 * x).mean == pytest.approx(base + 2 * np.log(0.01), abs=1e-9)
    assert td.nearest_neighbour_entropy(x[::-1]).mean == pytest.approx(base, abs=1e-12)


def test_mutual_information_knows_no_units_and_no_order():
    rng = np.random.default_rng(6)
    x = rng.normal(size=(500, 2))
    y = x[:, :1] ** 2 + 0.3 * rng.normal(size=(500, 1))
    base = td.nearest_neighbour_mutual_information(x, y).mean
    assert base > 0.3
    assert td.nearest_neighbour_mutual_information(x * [100, 1e-3], -5 * y + 2).mean == pytest.approx(
        base, abs=1e-3
    )
    assert td.nearest_neighbour_mutual_information(y, x).mean == pytest.approx(base, abs=1e-12)


def test_divergence_knows_no_units_if_both_have_the_same():
    p, q = draws(7, 400), draws(8, 300, np.eye(2))
    base = td.nearest_neighbour_divergence(p, q).mean
    assert td.nearest_neighbour_divergence(8 * p - 1, 8 * q - 1).mean == pytest.approx(base, abs=1e-9)


def test_a_few_repeated_rows_do_no_harm():
    x = draws(9, 300)
    x[1], x[3] = x[0], x[2]
    for got in (
        td.nearest_neighbour_entropy(x, k=1),
        td.nearest_neighbour_mutual_information(x[:, :1], x[:, 1:], k=1),
        td.nearest_neighbour_divergence(x, np.vstack([x[:3], draws(11, 300)]), k=1),
    ):
        assert np.isfinite(got.mean)


def test_ties_are_not_strictly_closer():
    """On a grid of whole numbers eps itself is a distance that many others share; none of them is counted."""
    rng = np.random.default_rng(12)
    x, y = rng.normal(size=(30, 1)), rng.normal(size=(30, 1))
    x[:6, 0], y[:6, 0] = [0, 1, 2, 3, 4, 5], [0, 2, 4, 6, 8, 10]
    a, b = x / x.std(axis=0), y / y.std(axis=0)
    eps = np.sort(apart(np.hstack([a, b]), np.hstack([a, b]), np.inf), axis=1)[:, 2]
    inside = [(apart(part, part, np.inf) < eps[:, None]).sum(axis=1) - 1 for part in (a, b)]
    expected = digamma(2) + digamma(30) - np.mean(sum(digamma(c + 1) for c in inside))
    assert td.nearest_neighbour_mutual_information(x, y, k=2).mean == pytest.approx(expected, abs=1e-12)


# --- what is refused ------------------------------------------------------------------------------


@pytest.mark.parametrize("k", [0, -1, 20, 25])
def test_neighbours_out_of_range(k):
    x = draws(13, 20)
    for call in (
        lambda: td.nearest_neighbour_entropy(x, k),
        lambda: td.nearest_neighbour_mutual_information(x[:, :1], x[:, 1:], k),
        lambda: td.nearest_neighbour_divergence(x, x + 1, k),
    ):
        with pytest.raises(ValueError, match=r"^k: got"):
            call()


def test_arguments_that_do_not_fit():
    x = draws(14, 50)
    with pytest.raises(ValueError, match="y: got 49 rows, need as many as x has, 50"):
        td.nearest_neighbour_mutual_information(x, x[1:])
    with pytest.raises(ValueError, match="samples_q: got 1 columns, need as many as samples_p has, 2"):
        td.nearest_neighbour_divergence(x, x[:, :1])
    with pytest.raises(ValueError, match="constant column"):
        td.nearest_neighbour_entropy(x * [1, 0])
    with pytest.raises(ValueError, match="samples: got"):
        td.nearest_neighbour_entropy(np.repeat(x, 2, axis=0))


def test_what_is_infinite_is_refused():
    x = draws(15, 200)
    for y in (x, 3 * x[:, 1:] - 1, x[:, :1] - x[:, 1:]):
        with pytest.raises(ValueError, match=r"^x and y side by side: got linearly dependent columns"):
            td.nearest_neighbour_mutual_information(x, y)
    for y in (np.arctan(x[:, 1:]), np.exp(-x[:, :1] / 40)):
        with pytest.raises(
            ValueError, match=r"^y\[:, 0\]: got a monotone function of x\[:, [01]\], need columns with"
        ):
            td.nearest_neighbour_mutual_information(x, y)


def test_shared_rows_have_no_divergence():
    """Rows of both samples have distance 0 to each other; counted as the smallest that is not, they gave -0.45."""
    x = draws(16, 200)
    with pytest.raises(
        ValueError, match=r"^samples_q: got 200 row\(s\) that samples_p has too, need rows of their own"
    ):
        td.nearest_neighbour_divergence(x, x)
    with pytest.raises(ValueError, match=r"^samples_q: got 40 row\(s\) that samples_p has too"):
        td.nearest_neighbour_divergence(x, np.vstack([x[::5], draws(17, 100)]))
