"""Entropies against closed forms, scipy's entropies and independent quadrature, to 1e-6 nats."""

import numpy as np
import oracles
import pytest
from scipy import stats
from scipy.special import log_ndtr, voigt_profile, xlogy

import thermodiff.distributions as td
from thermodiff.distributions import quadrature
from thermodiff.types import NotKnownError

WITHIN = 1e-6
RATIOS = [1e-3, 0.01, 0.02, 0.03, 0.1, 0.3, 1.0, 3.0, 10.0]


def line_entropy(log_p, marks):
    return oracles.line_integral(lambda x: -np.exp(log_p(x)) * log_p(x), marks)


@pytest.mark.parametrize("ratio", RATIOS)
def test_uniform(ratio):
    s = 2.5 * ratio
    marks = np.unique(np.clip([-9 * s, -s, 0, s, 9 * s, 1.25], None, 1.25))
    want = 2 * line_entropy(lambda x: oracles.blurred_box(x, 0, 2.5, s)[0], marks)
    assert td.Uniform([-1.0], [1.5]).noised_entropy(1.0, s) == pytest.approx(want, abs=WITHIN)


@pytest.mark.parametrize("ratio", RATIOS)
def test_laplace(ratio):
    s = 0.5 * ratio
    marks = [0, s, 5 * s, 10 * s, 10 * s + 2, 10 * s + 20]
    want = 2 * line_entropy(lambda x: oracles.blurred_laplace(x, 0.5, s)[0], marks)
    assert td.Laplace([7.0], [0.5]).noised_entropy(1.0, s) == pytest.approx(want, abs=WITHIN)


def test_a_blurred_edge_adds_its_entropy():
    """-int Phi ln Phi = 0.9032 per edge, in units of sigma/width, as long as edges are far apart."""
    edge = oracles.line_integral(lambda u: -np.exp(log_ndtr(u)) * log_ndtr(u), [-40, -5, 0, 5, 40])
    assert edge == pytest.approx(0.9032, abs=5e-5)
    for sigma in (1e-8, 1e-4, 0.02, 0.024, 0.026, 0.04):  # both sides of where quadrature takes over
        gained = td.Uniform([0.0], [1.0]).noised_entropy(1.0, sigma)
        assert gained == pytest.approx(2 * edge * sigma, abs=1e-10)


def test_products_add_up_in_any_dimension():
    low, high = np.arange(7) - 3.0, np.arange(7) - 3.0 + np.geomspace(0.125, 8, 7)
    parts = [td.Uniform(low[i : i + 1], high[i : i + 1]).noised_entropy(0.5, 0.2) for i in range(7)]
    assert td.Uniform(low, high).noised_entropy(0.5, 0.2) == pytest.approx(sum(parts), abs=1e-9)
    scale = np.array([0.5, 2.0, 0.5])
    parts = [td.Laplace([0.0], [b]).noised_entropy(0.5, 0.2) for b in scale]
    assert td.Laplace(low[:3], scale).noised_entropy(0.5, 0.2) == pytest.approx(sum(parts), abs=1e-9)


def test_sharp_entropies_of_scipy():
    assert td.Uniform([-1.0, 2.0], [0.5, 2.25]).entropy() == pytest.approx(np.log(1.5 * 0.25))
    assert td.Laplace([3.0, 0.0], [0.5, 2.0]).entropy() == pytest.approx(
        stats.laplace(scale=0.5).entropy() + stats.laplace(scale=2).entropy()
    )
    assert td.Checkerboard(4, 6.0).entropy() == pytest.approx(np.log(8 * 1.5**2))
    assert td.Checkerboard(3, 3.0).noised_entropy(0.5, 0.0) == pytest.approx(np.log(5 / 4))


@pytest.mark.parametrize("df", [1.0, 2.5, 40.0])
@pytest.mark.parametrize("dim", [1, 2, 5])
def test_sharp_student(df, dim):
    root = np.tril(np.arange(1.0, dim * dim + 1).reshape(dim, dim))
    want = stats.multivariate_t(np.zeros(dim), root @ root.T, df).entropy()
    family = td.StudentT(df, np.ones(dim), root @ root.T)
    assert family.entropy() == pytest.approx(want, abs=1e-5)
    assert family.noised_entropy(0.5, 0.0) == pytest.approx(want - dim * np.log(2), abs=1e-5)


@pytest.mark.parametrize("sigma", [1e-3, 0.1, 1.0, 10.0])
def test_blurred_cauchy(sigma):
    """The Voigt profile's entropy, with tails that fall as x^-2 taken out to 10^12."""

    def integrand(u):
        p = voigt_profile(np.sinh(u), sigma, 0.5)
        return -xlogy(p, p) * np.cosh(u)

    want = 2 * oracles.line_integral(integrand, [0, 0.1, 1, 3, 6, 12, 28])
    assert td.StudentT(1.0, [4.0], [[0.25]]).noised_entropy(1.0, sigma) == pytest.approx(want, abs=WITHIN)


def test_blurred_student_in_the_plane():
    """Radial where scale and noise are round; elongated, the limits of little noise and of a nearly Gaussian law."""
    df, sigma = 4.0, 0.5
    log_p = quadrature.log_density(td.StudentT(df, [0.0, 0.0], np.eye(2)), 1.0, sigma)

    def ring(r):
        value = float(log_p(np.array([[0.6 * r, 0.8 * r]]))[0])
        return -2 * np.pi * r * np.exp(value) * value

    want = oracles.line_integral(ring, [0, 1, 3, 10, 100, 3000])
    assert td.StudentT(df, [3.0, 1.0], np.eye(2)).noised_entropy(1.0, sigma) == pytest.approx(
        want, abs=WITHIN
    )

    elongated = np.array([[4.0, 1.0], [1.0, 0.5]])
    sharp, blurred = (td.StudentT(2.0, [0.0, 0.0], elongated).noised_entropy(1.0, s) for s in (0.0, 1e-4))
    assert blurred == pytest.approx(sharp, abs=WITHIN)
    # Of many degrees of freedom it is nearly the Gaussian of its moments, which is all that its entropy sees.
    family = td.StudentT(1000.0, [0.0, 0.0], elongated)
    gaussian = td.Gaussian(*family.moments()).noised_entropy(1.0, 0.7)
    assert family.noised_entropy(1.0, 0.7) == pytest.approx(gaussian, abs=5e-6)


def test_eight_gaussians():
    assert td.eight_gaussians().entropy() == pytest.approx(3.52473, abs=5e-6)
    # ln 8 + that of one, when they stand apart.
    assert td.eight_gaussians(40.0, 0.5).entropy() == pytest.approx(
        np.log(8) + np.log(2 * np.pi * np.e / 4), abs=WITHIN
    )


@pytest.mark.parametrize("sigma", [0.0, 1e-3, 0.03, 1.0, 10.0])
def test_mixture_of_very_different_widths_on_a_line(sigma):
    """A needle of 10^-3 in a Gaussian of width 1, off its centre, and one beside it."""
    weights, means, widths = [0.5, 0.2, 0.3], np.array([0.0, 0.75, 3.0]), np.array([1.0, 2.0**-10, 0.125])
    covs = widths[:, None, None] ** 2
    v = covs + sigma**2
    reach = 9 * np.sqrt(v.ravel())
    fine = np.linspace(-1, 1, 7)
    marks = np.unique(np.concatenate([m + r * fine for m, r in zip(means, reach, strict=True)]))

    def log_p(x):
        return oracles.mixture_log_density(np.array([[x]]), weights, means[:, None], v)[0]

    family = td.GaussianMixture(weights, means[:, None], covs)
    assert family.noised_entropy(1.0, sigma) == pytest.approx(line_entropy(log_p, marks), abs=WITHIN)


@pytest.mark.parametrize("sigma", [0.0, 0.1, 5.0])
def test_mixture_in_the_plane(sigma):
    weights, means = [0.2, 0.5, 0.3], np.array([[0.0, 0.0], [1.0, 2.0], [-3.0, 1.0]])
    covs = np.array([[[1.0, 0.75], [0.75, 1.0]], [[0.125, 0.0], [0.0, 2.0]], [[0.5, -0.25], [-0.25, 0.25]]])
    v = 0.25 * covs + sigma**2 * np.eye(2)

    def integrand(x):
        log_p = oracles.mixture_log_density(x, weights, 0.5 * means, v)
        return -np.exp(log_p) * log_p

    reach = 10 + 8 * sigma
    marks = np.concatenate([[-reach], np.linspace(-5, 5, 21) * (1 + sigma), [reach + 5 * sigma]])
    want = oracles.plane_integral(integrand, np.unique(marks), np.unique(marks), 24)
    family = td.GaussianMixture(weights, means, covs)
    assert family.noised_entropy(0.5, sigma) == pytest.approx(want, abs=WITHIN)


def test_a_needle_inside_a_wide_component_is_found():
    """Widths 1 and 1/512, in the plane: the sum of both entropies, less what the overlap takes away."""
    narrow = 2.0**-9
    family = td.GaussianMixture(
        [0.5, 0.5], [[0.0, 0.0], [0.3125, 0.21875]], [np.eye(2).tolist(), (narrow**2 * np.eye(2)).tolist()]
    )
    # Around the needle the wide density is constant, c: the exact correction is a radial integral.
    c = 0.5 / (2 * np.pi) * np.exp(-0.5 * (0.3125**2 + 0.21875**2))

    def extra(u):
        """-(p ln p) less that of the two alone, in polar coordinates about the needle, per du = dr/width."""
        n = 0.5 / (2 * np.pi * narrow**2) * np.exp(-0.5 * u * u)
        return -2 * np.pi * u * narrow**2 * ((n + c) * np.log(n + c) - xlogy(n, n) - c * np.log(c))

    apart = np.log(2) + 0.5 * (2 + 2 * np.log(2 * np.pi)) + 0.5 * (2 * np.log(narrow))
    want = apart + oracles.line_integral(extra, [0, 3, 5, 8, 12, 20])
    assert family.entropy() == pytest.approx(want, abs=1e-5)  # c varies by 1e-5 of the overlap


@pytest.mark.parametrize("sigma", [1e-3, 0.05, 0.3, 4.0])
def test_checkerboard(sigma):
    board = ["#.#.", ".#.#", "#.#.", ".#.#"]

    def integrand(x):
        with np.errstate(divide="ignore"):
            p = np.exp(oracles.blurred_board(x, board, 4.0, sigma))
        return -xlogy(p, p)

    edges = np.arange(5) - 2.0
    layers = np.concatenate([edges + k * sigma for k in (-8, -4, -2, 0, 2, 4, 8)])
    outside = 2 + 8 * sigma
    marks = np.unique(np.concatenate([np.clip(layers, -outside, outside), [-outside, outside]]))
    want = oracles.plane_integral(integrand, marks, marks, 20)
    assert td.Checkerboard().noised_entropy(1.0, sigma) == pytest.approx(want, abs=WITHIN)


@pytest.mark.parametrize("sigma", [0.0, 0.2, 5.0])
def test_one_ring(sigma):
    """A ring is round: its entropy is a radial integral."""
    family, width = td.rings((1.5,), 0.25), np.sqrt(0.25**2 + sigma**2)
    log_p = quadrature.log_density(family, 1.0, sigma)

    def ring(r):
        value = float(log_p(np.array([[-0.6 * r, 0.8 * r]]))[0])
        return -2 * np.pi * r * np.exp(value) * value

    marks = [0, *(1.5 + width * np.linspace(-1, 9, 5))]
    want = oracles.line_integral(ring, sorted(m for m in marks if m >= 0))
    assert family.noised_entropy(1.0, sigma) == pytest.approx(want, abs=WITHIN)


@pytest.mark.parametrize("make", [td.two_moons, td.swiss_roll])
def test_open_curves(make):
    family = make(0.25)
    log_p = quadrature.log_density(family, 0.5, 0.125)

    def integrand(x):
        value = log_p(x)
        return -np.exp(value) * value

    marks = np.arange(-2.5, 2.51, 0.5)
    assert family.noised_entropy(0.5, 0.125) == pytest.approx(
        oracles.plane_integral(integrand, marks, marks, 16), abs=WITHIN
    )


def test_what_quadrature_cannot_reach_it_does_not_pretend_to_know():
    for family in (
        td.GaussianMixture([1.0], [[0.0, 0.0, 0.0]], [np.eye(3).tolist()]),
        td.StudentT(3.0, [0.0, 0.0, 0.0], np.eye(3)),
    ):
        with pytest.raises(
            NotKnownError, match=f"entropy of {type(family).__name__} in 3 dimensions: not known"
        ):
            family.noised_entropy(1.0, 0.5)
    # A needle 2000 times longer than wide, across a round component: too many boxes along it.
    needle = np.diag([1.0, 0.25e-6])
    with pytest.raises(
        NotKnownError, match="entropy of GaussianMixture: quadrature does not reach 1e-7 nats"
    ):
        td.GaussianMixture([0.5, 0.5], [[0.0, 0.0], [0.0, 0.0]], np.stack([np.eye(2), needle])).entropy()
    noise = np.random.default_rng(0)
    with pytest.raises(
        NotKnownError, match="entropy of noise: quadrature does not reach 1e-7 nats within 16777216"
    ):
        quadrature.integrate(
            lambda x: noise.normal(size=len(x)), quadrature.panels([0, 1]), "entropy of noise"
        )


def test_adaptive_quadrature_of_known_integrals():
    boxes = quadrature.panels([-1, 0, 2], [0, 3])
    assert boxes.shape == (2, 2, 2)
    halves = quadrature.halves(boxes)
    np.testing.assert_allclose(np.prod(halves[..., 1] - halves[..., 0], axis=1).sum(), 9)
    assert quadrature.integrate(lambda x: x[:, 0] ** 2 * x[:, 1], boxes) == pytest.approx(3 * 4.5, abs=1e-10)
    kink = quadrature.integrate(lambda x: np.abs(x[:, 0] - 1 / 3), quadrature.panels([0, 1]))
    assert kink == pytest.approx(5 / 18, abs=1e-8)
