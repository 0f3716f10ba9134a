"""Families against independent answers: scipy's densities, closed forms, convolutions by quadrature."""

import jax
import jax.numpy as jnp
import numpy as np
import oracles
import pytest
from scipy import stats
from scipy.special import voigt_profile

import thermodiff.distributions as td
from thermodiff.distributions.quadrature import log_density
from thermodiff.types import NotKnownError

WEIGHTS = [0.2, 0.5, 0.3]
MEANS = [[0.0, 0.0], [1.0, 2.0], [-3.0, 1.0]]
COVS = [[[1.0, 0.8], [0.8, 1.0]], [[0.1, 0.0], [0.0, 2.0]], [[0.3, -0.1], [-0.1, 0.2]]]


@pytest.mark.parametrize(("alpha", "sigma"), [(1.0, 0.0), (0.6, 0.2), (0.01, 1.0), (1.0, 97.0)])
def test_mixture_density(alpha, sigma):
    x = np.random.default_rng(0).normal(size=(30, 2)) * (3 + sigma)
    covs = alpha**2 * np.array(COVS) + sigma**2 * np.eye(2)
    want = oracles.mixture_log_density(x, WEIGHTS, alpha * np.array(MEANS), covs)
    # The family holds its parameters in single precision.
    np.testing.assert_allclose(
        log_density(td.GaussianMixture(WEIGHTS, MEANS, COVS), alpha, sigma)(x), want, rtol=1e-6
    )


def test_mixture_score_far_away_is_that_of_one_component():
    family = td.GaussianMixture([0.5, 0.5], [[-3.0], [3.0]], [[[1.0]], [[0.25]]])
    # 40 sigma out every component's density underflows; the wide one wins by far.
    assert float(family.noised_score(jnp.float32([80.0]), 1.0, 0.0)[0]) == pytest.approx(-83.0, rel=1e-6)


def test_mixture_weights_are_normalised_and_shared_out():
    family = td.GaussianMixture([0.30001, 0.7], [[0.0], [100.0]], [[[1.0]], [[1.0]]])
    assert float(family.weights.sum()) == pytest.approx(1, abs=1e-7)
    u = np.random.default_rng(1).uniform(size=(20_000, 2)).astype(np.float32)
    share = np.mean(np.asarray(jax.jit(jax.vmap(family.transport))(u)) > 50)
    assert share == pytest.approx(0.7, abs=4 * np.sqrt(0.21 / 20_000))


def test_moments_of_a_mixture_by_hand():
    mean, cov = td.GaussianMixture(WEIGHTS, MEANS, COVS).moments()
    want = np.average(MEANS, axis=0, weights=WEIGHTS)
    second = np.average(np.array(COVS) + np.einsum("ki,kj->kij", MEANS, MEANS), axis=0, weights=WEIGHTS)
    np.testing.assert_allclose(mean, want, rtol=1e-6)
    np.testing.assert_allclose(cov, second - np.outer(want, want), rtol=1e-6)


@pytest.mark.parametrize("sigma", [0.01, 1.0, 30.0])
@pytest.mark.parametrize("family", ["uniform", "laplace"])
def test_noised_marginal_in_three_dimensions_is_a_product(family, sigma):
    loc, scale, alpha = np.array([0.5, -2.0, 0.0]), np.array([0.25, 1.0, 4.0]), 0.75
    x = np.random.default_rng(4).normal(size=(10, 3)) * (alpha * scale + sigma)
    if family == "uniform":
        log_p = log_density(td.Uniform(loc - scale, loc + scale), alpha, sigma)
        ends = zip(alpha * (loc - scale), alpha * (loc + scale), strict=True)
        want = sum(
            np.array([oracles.blurred_box(v, a, b, sigma)[0] for v in x[:, i]])
            for i, (a, b) in enumerate(ends)
        )
    else:
        log_p = log_density(td.Laplace(loc, scale), alpha, sigma)
        apart, scales = x - alpha * loc, alpha * scale
        want = sum(
            np.array([oracles.blurred_laplace(v, b, sigma)[0] for v in apart[:, i]])
            for i, b in enumerate(scales)
        )
    np.testing.assert_allclose(log_p(x), want, rtol=1e-9)


def test_sharp_densities_of_scipy():
    x = np.random.default_rng(5).normal(size=(50, 2)) * 3
    loc, scale = np.array([0.5, -2.0]), np.array([0.25, 1.0])
    np.testing.assert_allclose(
        td.Laplace(loc, scale).log_prob(jnp.asarray(x)),
        stats.laplace(loc, scale).logpdf(x).sum(axis=1),
        rtol=1e-5,
    )
    np.testing.assert_allclose(
        td.Uniform([-2.0, -1.0], [1.0, 2.0]).log_prob(jnp.asarray(x)),
        stats.uniform([-2, -1], 3).logpdf(x).sum(axis=1),
        rtol=1e-6,
    )


@pytest.mark.parametrize("df", [1.0, 2.5, 30.0, 1e5])
@pytest.mark.parametrize("dim", [1, 3])
def test_student_density(df, dim):
    root = np.tril(np.arange(1.0, dim * dim + 1).reshape(dim, dim))
    loc, scale_matrix = np.arange(dim) - 1.0, root @ root.T
    oracle = stats.multivariate_t(loc, scale_matrix, df)
    # Out to a thousand scales, in single precision.
    x = np.random.default_rng(6).normal(size=(20, dim)) * np.geomspace(0.1, 1000, 20)[:, None]
    x = np.float32(loc + x @ root.T)
    family = td.StudentT(df, loc, scale_matrix)
    want = oracle.logpdf(x.astype(float))
    np.testing.assert_allclose(jax.jit(family.log_prob)(x), want, rtol=1e-5, atol=1e-4)
    noised = jax.jit(jax.vmap(lambda x: family.noised_log_prob(x, 1.0, 0.0)))(x)
    np.testing.assert_allclose(noised, want, rtol=1e-5, atol=1e-4)


@pytest.mark.parametrize("sigma", [1e-3, 0.3, 3.0, 97.0])
def test_blurred_cauchy_is_a_voigt_profile(sigma):
    x = np.concatenate([np.linspace(0, 8 * (sigma + 1), 40), [100, 1000, 1e4]])
    log_p = log_density(td.StudentT(1.0, [2.0], [[0.25]]), 0.5, sigma)
    np.testing.assert_allclose(log_p(1.0 + x[:, None]), np.log(voigt_profile(x, sigma, 0.25)), atol=1e-9)


@pytest.mark.parametrize("df", [3.0, 50.0])
@pytest.mark.parametrize("sigma", [0.05, 2.0])
def test_blurred_student_is_a_convolution(df, sigma):
    x = np.array([0.0, 0.7, 3.0, 11.0, 40.0])
    want = [oracles.blurred_student(v, df, 0.5, sigma) for v in x]
    np.testing.assert_allclose(
        log_density(td.StudentT(df, [0.0], [[0.25]]), 1.0, sigma)(x[:, None]), want, atol=1e-8
    )


def test_student_moments_exist_above_two_degrees_of_freedom():
    mean, cov = td.StudentT(5.0, [1.0, 2.0], [[2.0, 0.5], [0.5, 0.4]]).moments()
    np.testing.assert_allclose(mean, [1, 2])
    np.testing.assert_allclose(cov, 5 / 3 * np.array([[2.0, 0.5], [0.5, 0.4]]), rtol=1e-6)
    with pytest.raises(
        NotKnownError, match="covariance does not exist for StudentT with df = 2; need df > 2"
    ):
        td.StudentT(2.0, [0.0], [[1.0]]).moments()
    with pytest.raises(NotKnownError, match="mean and covariance do not exist for StudentT with df = 1"):
        td.StudentT(1.0, [0.0], [[1.0]]).moments()


def moons(u):
    angle = 2 * np.pi * u if u < 0.5 else 2 * np.pi * u - np.pi
    return (
        np.array([np.cos(angle), np.sin(angle)])
        if u < 0.5
        else np.array([1 - np.cos(angle), 0.5 - np.sin(angle)])
    )


def two_rings(u):
    radius, angle = (0.5, 2 * np.pi * u / 0.75) if u < 0.75 else (2.0, 2 * np.pi * (u - 0.75) / 0.25)
    return radius * np.array([np.cos(angle), np.sin(angle)])


def roll(u):
    angle = 1.5 * np.pi * (1 + 2 * u)
    return angle / 10 * np.array([np.cos(angle), np.sin(angle)])


CURVES = {
    "moons": (lambda noise: td.two_moons(noise), moons, [0, 0.5, 1]),
    "rings": (lambda noise: td.rings((0.5, 2.0), noise, (3.0, 1.0)), two_rings, [0, 0.75, 1]),
    "roll": (lambda noise: td.swiss_roll(noise), roll, [0, 1]),
}


@pytest.mark.parametrize("name", CURVES)
@pytest.mark.parametrize(("noise", "alpha", "sigma"), [(0.125, 1.0, 0.0), (0.5, 0.5, 0.3)])
def test_noisy_curve_is_an_integral_over_the_curve(name, noise, alpha, sigma):
    make, path, breaks = CURVES[name]
    x = np.array([[0.7, 0.9], [-0.5, -0.7], [0.1, 0.4]])
    want = [
        oracles.blurred_curve(p, lambda u: alpha * path(u), breaks, (alpha * noise) ** 2 + sigma**2)
        for p in x
    ]
    np.testing.assert_allclose(log_density(make(noise), alpha, sigma)(x), want, atol=2e-7)


@pytest.mark.parametrize("name", CURVES)
def test_moments_of_a_curve(name):
    make, path, _ = CURVES[name]
    mean, cov = make(0.25).moments()
    on_curve = np.array([path(u) for u in (np.arange(60_000) + 0.5) / 60_000])
    np.testing.assert_allclose(mean, on_curve.mean(axis=0), atol=1e-5)
    np.testing.assert_allclose(cov, np.cov(on_curve.T) + 0.0625 * np.eye(2), atol=1e-4)


def test_a_curve_of_ones_own():
    """A straight segment from (0, 0) to (3, 4): a blurred box along it, a Gaussian across."""
    family = td.NoisyCurve(lambda u: u * jnp.array([3.0, 4.0]), 0.3)
    along, across = np.array([0.6, 0.8]), np.array([-0.8, 0.6])
    for a, b in [(-0.2, 0.1), (2.0, -0.5), (5.3, 0.4)]:
        want = oracles.blurred_box(a, 0, 5, 0.3)[0] + stats.norm(0, 0.3).logpdf(b)
        assert float(family.log_prob(jnp.asarray(a * along + b * across))) == pytest.approx(want, rel=1e-5)


BOARDS = {2: ["#.", ".#"], 3: ["#.#", ".#.", "#.#"], 4: ["#.#.", ".#.#", "#.#.", ".#.#"]}


@pytest.mark.parametrize("cells", BOARDS)
def test_checkerboard_square_by_square(cells):
    family = td.Checkerboard(cells, 3.0)
    x = np.random.default_rng(8).uniform(-1.6, 1.6, size=(60, 2))
    want = oracles.blurred_board(0.5 * x, BOARDS[cells], 1.5, 0.07)
    np.testing.assert_allclose(log_density(family, 0.5, 0.07)(0.5 * x), want, rtol=1e-6, atol=1e-6)
    index = np.floor((x + 1.5) * cells / 3).astype(int)
    filled = [bool(np.all((p >= 0) & (p < cells))) and BOARDS[cells][p[1]][p[0]] == "#" for p in index]
    area = sum(row.count("#") for row in BOARDS[cells]) * (3 / cells) ** 2
    np.testing.assert_allclose(
        jax.jit(family.log_prob)(x), np.where(filled, -np.log(area), -np.inf), rtol=1e-6
    )


def test_checkerboard_samples_fall_on_filled_squares(key):
    x = np.asarray(td.Checkerboard().sample(key, 8000))
    index = np.floor(x + 2).astype(int)
    assert np.all(index.sum(axis=1) % 2 == 0)
    counts = np.unique(index, axis=0, return_counts=True)[1]
    assert len(counts) == 8
    assert stats.chisquare(counts).pvalue > 1e-3


def test_eight_gaussians_stand_on_a_circle():
    family = td.eight_gaussians(radius=2.0, width=0.1)
    np.testing.assert_allclose(np.linalg.norm(family.means, axis=1), 2, rtol=1e-6)
    np.testing.assert_allclose(family.means[0], [2, 0], atol=1e-6)
    np.testing.assert_allclose(family.moments()[1], (2 + 0.01) * np.eye(2), atol=1e-5)


def test_samples_are_rows_of_the_data(key):
    rows = np.random.default_rng(0).normal(size=(50, 3)).astype(np.float32)
    family = td.Samples(rows)
    drawn = np.asarray(family.sample(key, 400))
    assert {tuple(r) for r in drawn} <= {tuple(r) for r in rows}
    # With replacement: 400 of 50 repeat, and e^-8 of the rows are not seen.
    assert 40 < len(np.unique(drawn, axis=0)) <= 50
    mean, cov = family.moments()
    np.testing.assert_allclose(mean, rows.mean(axis=0), rtol=1e-5)
    np.testing.assert_allclose(cov, np.cov(rows.T), rtol=1e-5)
    np.testing.assert_array_equal(family.array, rows)
