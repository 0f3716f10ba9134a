"""Columns that are narrow together: coordinates, refusals, warnings; and, slowly, values and invariance.

Small networks of 300 steps on 1500 rows, as those of users in a hurry.
"""

import jax
import numpy as np
import pytest
from scipy.stats import ortho_group

import thermodiff as td
from thermodiff.information.coordinates import Coordinates, narrowest
from thermodiff.information.cross_fitting.white_rows import white_rows
from thermodiff.information.overlap import apart_share, overlap_warnings
from thermodiff.information.warnings import (
    above_gaussian_warning,
    below_scatter_warning,
    narrowest_in_ranks,
    rank_warnings,
)

N = 1500
SMALL = td.CrossFitting(
    training=td.TrainingConfig(
        steps=300, batch_size=256, learning_rate=3e-3, width=64, depth=2, chunk=100, patience=4
    )
)
RNG = np.random.default_rng(0)
G, H = RNG.normal(size=(2, N, 4))
CAUCHY = RNG.standard_cauchy(size=(N, 3))
NARROWEST = 1 - 1e-9


def correlated(rho):
    return np.column_stack([G[:, 0], rho * G[:, 0] + np.sqrt((1 - rho) * (1 + rho)) * G[:, 1]])


def gaussian_entropy(variances):
    return 0.5 * np.log(2 * np.pi * np.e * np.asarray(variances)).sum()


def near(got, expected, z=4.0):
    assert abs(got.mean - expected) < z * got.stderr, (got.mean, got.stderr, expected)


# --- coordinates ----------------------------------------------------------------------------------


@pytest.mark.parametrize("e", [1.0, 1e-2, 3e-5])
def test_rows_that_are_shown_are_narrow_in_no_direction(e):
    """Of y = A w + e noise given w; what the map and the Gaussian of the rows leave is that of the residuals."""
    w = np.column_stack([G[:, 0], G[:, 0] + e * G[:, 1]])
    y = np.column_stack([w[:, 0] + e * G[:, 2], 1e3 * (w[:, 1] - w[:, 0]) + 5 * e * H[:, 0]])
    found = white_rows(np.hstack([y, w]), 2)
    rows = found.forward(np.hstack([y, w]))
    assert rows.dtype == np.float32
    cov = np.cov(rows.astype(float), rowvar=False, ddof=0)
    assert np.linalg.eigvalsh(cov[2:, 2:])[0] > 0.005
    left = cov[:2, :2] - cov[:2, 2:] @ np.linalg.solve(cov[2:, 2:], cov[2:, :2])
    assert np.linalg.eigvalsh(left)[0] > 0.005
    # The same residuals from the numbers the columns were made of, which are not narrow.
    known = np.column_stack([G[:, :2], np.ones(N)])
    own = np.column_stack([G[:, 2], 1e3 * G[:, 1] + 5 * H[:, 0]])
    residual = own - known @ np.linalg.lstsq(known, own, rcond=None)[0]
    expected = 2 * np.log(e) + 0.5 * np.linalg.slogdet(residual.T @ residual / N)[1]
    assert found.log_jacobian + 0.5 * np.linalg.slogdet(left)[1] == pytest.approx(expected, abs=1e-5)


def test_few_rows_tell_of_no_regression():
    """Thirty columns by sixty rows: nothing is mixed that chance can have made; a width of 1e-4 is no chance."""
    x = np.random.default_rng(1).normal(size=(60, 30))
    found = white_rows(x, 10)
    np.testing.assert_allclose(found.slope, 0.0)
    np.testing.assert_allclose(found.mix, np.eye(10), atol=1e-12)
    x[:, 0] = x[:, 20] + 1e-4 * x[:, 0]
    assert white_rows(x, 10).forward(x)[:, 0].std() > 0.1


@pytest.mark.parametrize("x", [G, CAUCHY, np.where(np.arange(N)[:, None] == 3, 1e9, G)])
def test_columns_that_are_not_narrow_stay_as_they_are(x):
    np.testing.assert_array_equal(Coordinates(x, td.Asinh).forward(x), td.Asinh(x).forward(x))


def test_narrow_columns_under_long_tails_are_mixed_and_the_determinant_kept():
    x = np.column_stack([CAUCHY[:, 0], CAUCHY[:, 0] + 1e-4 * G[:, 0], CAUCHY[:, 1]])
    np.testing.assert_array_equal(narrowest(x)[1], [0, 1])
    found = Coordinates(x, td.Asinh)
    z = found.forward(x)
    assert narrowest(z)[0] > 0.5
    np.testing.assert_allclose(z[:, 2], td.Asinh(x[:, 2:]).forward(x[:, 2:])[:, 0], rtol=1e-9, atol=1e-9)
    point, h = np.array([[0.3, 0.3001, -1.0]]), 1e-6
    jacobian = [(found.forward(point + h * s) - found.forward(point - h * s))[0] / (2 * h) for s in np.eye(3)]
    expected = np.linalg.slogdet(np.array(jacobian))[1]
    assert found.log_derivative(point)[0] == pytest.approx(expected, abs=1e-4)


# --- what is refused, and warned of ---------------------------------------------------------------


@pytest.mark.parametrize("given", [G[:, :2], np.exp(G[:, :1]), -(G[:, :1] ** 3), G[:, :1] + 2 * G[:, 1:2]])
def test_an_entropy_of_minus_infinity_is_refused(given):
    message = (
        r"^columns: got samples\[:, 0\], .*given\[:, .\], one of them given by the others, need columns .*: their "
        "entropy given the others is minus"
    )
    with pytest.raises(ValueError, match=message):
        td.conditional_entropy(jax.random.key(0), G[:, :2], given, settings=SMALL)


def test_correlations_up_to_one_less_a_billionth_are_rows_of_a_density():
    td.Samples(correlated(NARROWEST))
    with pytest.raises(ValueError, match=r"linearly dependent columns \[0, 1\]"):
        td.Samples(np.column_stack([G[:, 0], 3 * G[:, 0] + 1]))


def test_training_says_how_to_whiten():
    message = (
        r"^data: got columns \[0, 1\], counted from 0, together 2e-05 times as wide as the widest direction, need .*: "
        r"white = td.whiten\(data\), train on white.rows, and add white.log_jacobian"
    )
    with pytest.raises(ValueError, match=message):
        td.fit(jax.random.key(0), correlated(NARROWEST), td.VarianceExploding())


def test_overlap():
    assert apart_share(G, H) < 0.01
    assert overlap_warnings(G, H) == []
    assert apart_share(G[:, :1], H[:, :1] + 20) == 1.0
    (warning,) = overlap_warnings(G[:, :1], H[:, :1] + 20)
    assert warning.startswith("100% of the rows of p lie where q has none")
    assert "infinite" in warning


def test_ranks_that_do_not_resolve_say_so():
    """Two columns of ten nearly the same: the dependence a column is small, and yet ranks lose much of it."""
    z = td.Gaussianise(G).forward(np.column_stack([G, np.exp(G[:, 0] + 1e-3 * H[:, 0])]))
    called = [*(f"x[:, {j}]" for j in range(G.shape[1])), "y[:, 'dose']"]
    (warning,) = rank_warnings(0.5, z, called)
    assert warning.startswith("columns x[:, 0], y[:, 'dose'] are nearly functions of one another")
    assert rank_warnings(0.5, td.Gaussianise(G).forward(G), called) == []
    # exp(-2 I)/2 where 3 exp(I)/n reaches 0.03 nats.
    assert narrowest_in_ranks(N) == pytest.approx(0.5 * np.exp(-2 * np.log(0.03 * N / 3)))


def test_answers_beyond_a_gaussian_of_the_rows_say_so():
    value = td.Estimate(1.0, 0.02, N)
    assert above_gaussian_warning(value, 0.95) == []
    assert "no density of the rows' covariance has more than 0.800" in above_gaussian_warning(value, 0.8)[0]
    assert below_scatter_warning(value, 1.1, 0.9, 0.0) == []
    assert (
        "0.900 of a Gaussian of the mapped rows, but 1.400" in below_scatter_warning(value, 1.4, 0.9, 0.0)[0]
    )


@pytest.mark.parametrize("rho", [0.9, 0.999])
def test_gaussian_rows_are_not_beyond_their_own_gaussian(rho):
    """However they are correlated: the entropy that none exceeds is that of the covariance, not of the columns."""
    found = td.data_entropy(jax.random.key(1), correlated(rho), settings=SMALL)
    assert not any("no density of the rows" in warning for warning in found.warnings)


# --- values ---------------------------------------------------------------------------------------


@pytest.mark.slow
def test_entropies_of_narrow_columns():
    """Within the error, which is that of the same columns uncorrelated."""
    key = jax.random.key(0)
    plain = td.data_entropy(key, correlated(0.0), settings=SMALL)
    for rho in (0.99, 1 - 1e-5, NARROWEST):
        got = td.data_entropy(key, correlated(rho), settings=SMALL)
        near(got, gaussian_entropy([1, (1 - rho) * (1 + rho)]))
        assert got.stderr < 1.5 * plain.stderr
    for e in (1e-2, 3e-5):
        pair = np.column_stack([CAUCHY[:, 0], CAUCHY[:, 0] + e * G[:, 0]])
        near(td.data_entropy(key, pair, settings=SMALL), np.log(4 * np.pi) + gaussian_entropy([e**2]))
        near(td.conditional_entropy(key, pair[:, 1:], pair[:, :1], settings=SMALL), gaussian_entropy([e**2]))
        given = td.conditional_entropy(key, G[:, :1] + e * H[:, :1], G[:, :1], settings=SMALL)
        near(given, gaussian_entropy([e**2]))


@pytest.mark.slow
def test_dependence_on_what_is_narrow():
    """I of a narrow direction of x, of y or given, or of x and y together, is what it is when wide."""
    key = jax.random.key(0)
    half, pair = 0.5 * np.log(2), np.column_stack([G[:, 1] + H[:, 0], H[:, 1]])
    plain = td.mutual_information(key, pair, G[:, :2], settings=SMALL)
    for e in (0.1, 0.01, 3e-5):
        narrow = np.column_stack([G[:, 0] + e * G[:, 1], G[:, 0] - e * G[:, 1]])
        for x, y in ((pair, narrow), (narrow, pair[:, :1])):
            got = td.mutual_information(key, x, y, settings=SMALL)
            near(got, half)
            assert got.stderr < 1.5 * plain.stderr
        strong = td.mutual_information(key, G[:, :1], G[:, :1] + e * H[:, :1], settings=SMALL)
        near(strong, 0.5 * np.log1p(e**-2))
        beside = np.column_stack([G[:, :1], G[:, :1] + e * H[:, :1]])
        near(td.total_correlation(key, beside, settings=SMALL), 0.5 * np.log1p(e**-2))


@pytest.mark.slow
def test_divergences_along_what_is_narrow():
    key, plain = jax.random.key(0), None
    for e in (1.0, 1e-3, 3e-5):
        axes = np.array([[1, 1], [e, -e]]) / np.sqrt(2)
        p, q, shift = G[:, :2] @ axes, H[:, :2] @ axes, np.array([e, -e]) / np.sqrt(2)
        got = td.kl_divergence(key, p + shift, q, settings=SMALL)
        near(got, 0.5)
        plain = plain or got
        assert got.stderr < 1.5 * plain.stderr
        only_p = td.kl_divergence(key, p, H[:, :2], settings=SMALL)
        cov = axes.T @ axes
        near(only_p, 0.5 * (np.trace(cov) - 2 - np.log(e**2)))
    wide = td.kl_divergence(key, G[:, :2], q, settings=SMALL)
    assert any("cannot be told from infinite" in warning for warning in wide.warnings)
    apart = td.kl_divergence(key, RNG.uniform(size=(N, 1)), 2 + RNG.uniform(size=(N, 1)), settings=SMALL)
    assert any("100% of the rows of p lie where q has none" in warning for warning in apart.warnings)


def matrices(d, count=12):
    """Drawn d by d matrices of conditions from 1 to 1e4."""
    rng = np.random.default_rng(5)
    for condition in np.geomspace(1, 1e4, count):
        u, v = ortho_group.rvs(d, size=2, random_state=rng)
        yield (u * np.geomspace(1, 1 / condition, d)) @ v


@pytest.mark.slow
def test_mixing_columns_moves_nothing():
    """Entropies but for ln|det|, information and divergence, of skewed columns with a dependence that is not linear.

    The rows are the same, so sampling errors are common and the combined standard error is more than the scatter.
    """
    rng = np.random.default_rng(6)
    a, b, c = rng.exponential(size=N), rng.normal(size=N), rng.normal(size=N)
    x = np.column_stack([a, b * np.sqrt(0.3 + a), c + 0.5 * b])
    y = (0.5 * x[:, :1] + x[:, 2:] ** 2 / 2) + rng.normal(size=(N, 1))
    q = np.column_stack([rng.exponential(size=N), 1.3 * rng.normal(size=N), rng.normal(size=N)])
    key = jax.random.key(1)

    def answers(m):
        shift = np.linalg.slogdet(m)[1]
        return [
            (td.data_entropy(key, x @ m.T, settings=SMALL), shift),
            (td.mutual_information(key, x @ m.T, y, settings=SMALL), 0.0),
            (td.kl_divergence(key, x @ m.T, q @ m.T, settings=SMALL), 0.0),
        ]

    plain = answers(np.eye(3))
    ratios = np.array(
        [
            [
                (got.mean - shift - first.mean) / np.hypot(got.stderr, first.stderr)
                for (got, shift), (first, _) in zip(answers(m), plain, strict=True)
            ]
            for m in matrices(3)
        ]
    )
    assert np.sqrt(np.mean(ratios**2, axis=0)).max() < 1.5, ratios
    assert np.abs(ratios).max() < 4, ratios
