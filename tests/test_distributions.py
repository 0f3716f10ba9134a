"""Laws that every family obeys: moments, normalisation, the heat equation, entropy as an average."""

import jax
import jax.numpy as jnp
import numpy as np
import oracles
import pytest
from scipy import stats

import thermodiff.distributions as td
from thermodiff.types import NotKnownError

FAMILIES = {
    "gaussian": lambda: td.Gaussian([1.0, -2.0], [[2.0, 0.6], [0.6, 0.5]]),
    "mixture": lambda: td.GaussianMixture(
        [0.2, 0.5, 0.3],
        [[0.0, 0.0], [1.0, 2.0], [-3.0, 1.0]],
        [[[1.0, 0.8], [0.8, 1.0]], [[0.1, 0.0], [0.0, 2.0]], [[0.3, -0.1], [-0.1, 0.2]]],
    ),
    "uniform": lambda: td.Uniform([-1.0, 0.5], [0.2, 4.0]),
    "laplace": lambda: td.Laplace([1.0, -1.0], [0.5, 2.0]),
    "student": lambda: td.StudentT(9.0, [1.0, -1.0], [[2.0, 0.5], [0.5, 0.4]]),
    "moons": td.two_moons,
    "rings": lambda: td.rings((0.5, 2.0), 0.15, (3.0, 1.0)),
    "swiss roll": td.swiss_roll,
    "checkerboard": lambda: td.Checkerboard(3, 2.5),
    "line": lambda: td.GaussianMixture([0.3, 0.7], [[-1.0], [2.0]], [[[0.2]], [[1.5]]]),
}
every_family = pytest.mark.parametrize("name", FAMILIES)
ALPHA, SIGMA = 0.8, 0.3


def points(family, n=12):
    """Unkind places to look: off every centre and symmetry axis, out to two or three standard deviations."""
    rng = np.random.default_rng(7)
    mean, cov = (np.asarray(m, float) for m in family.moments())
    return ALPHA * mean + rng.normal(size=(n, family.dim)) * 1.2 * np.sqrt(np.diag(cov)) + 0.05


def divergence(family, x, alpha, sigma):
    return jnp.trace(jax.jacfwd(family.noised_score)(x, alpha, sigma))


def moment_z_scores(x, mean, cov):
    """Mean and covariance of samples x against the exact ones, in standard errors."""
    apart = x - np.asarray(mean, float)
    products = (apart[:, :, None] * apart[:, None, :]).reshape(len(x), -1)
    seen = np.concatenate([apart, products], axis=1)
    expected = np.concatenate([np.zeros(len(mean)), np.ravel(cov)])
    return (seen.mean(axis=0) - expected) / (seen.std(axis=0, ddof=1) / np.sqrt(len(x)))


@every_family
def test_sample_moments_are_the_exact_moments(name, key):
    family = FAMILIES[name]()
    x = np.asarray(family.sample(key, 40_000), float)
    assert x.shape == (40_000, family.dim)
    assert np.abs(moment_z_scores(x, *family.moments())).max() < 4.5


@every_family
def test_transport_of_uniforms_has_the_exact_moments(name):
    family = FAMILIES[name]()
    if name == "student":
        with pytest.raises(NotKnownError, match="transport from the uniform cube of StudentT"):
            _ = family.transport_dim
        return
    u = np.random.default_rng(3).uniform(size=(40_000, family.transport_dim)).astype(np.float32)
    x = np.asarray(jax.jit(jax.vmap(family.transport))(u), float)
    assert np.abs(moment_z_scores(x, *family.moments())).max() < 4.5


@every_family
def test_nothing_infinite_is_drawn(name):
    family = FAMILIES[name]()
    if name == "student":
        x = td.StudentT(1.0, [0.0], [[1.0]]).sample(jax.random.key(5), 100_000)
    else:
        ends = np.float32([2.0**-24, 0.5, 1 - 2.0**-24])
        cube = np.stack(np.meshgrid(*[ends] * family.transport_dim), axis=-1).reshape(
            -1, family.transport_dim
        )
        x = jax.vmap(family.transport)(cube)
    assert bool(jnp.all(jnp.isfinite(x)))


def test_uniforms_behind_samples_are_never_zero_or_one():
    # 2^24 float32 uniforms hold an exact zero (key 0 gives one), the quantile of which is -inf.
    u = td.Uniform([0.0], [1.0]).sample(jax.random.key(0), 2**24)
    assert 0 < float(u.min())
    assert float(u.max()) < 1


@pytest.mark.parametrize(
    ("family", "cdf"),
    [
        (td.Laplace([1.5], [0.4]), stats.laplace(1.5, 0.4).cdf),
        (td.Uniform([-3.0], [0.5]), stats.uniform(-3.0, 3.5).cdf),
        (td.StudentT(1.0, [-2.0], [[9.0]]), stats.cauchy(-2.0, 3.0).cdf),
        (td.StudentT(4.5, [-2.0], [[9.0]]), stats.t(4.5, -2.0, 3.0).cdf),
    ],
)
def test_samples_follow_the_distribution_function(family, cdf, key):
    x = np.asarray(family.sample(key, 20_000)[:, 0], float)
    assert stats.kstest(x, cdf).pvalue > 1e-3


@every_family
def test_score_and_divergence_are_derivatives_of_the_log_density(name):
    with jax.enable_x64(True):
        family = FAMILIES[name]()
        log_p = jax.jit(jax.vmap(lambda x: family.noised_log_prob(x, ALPHA, SIGMA)))
        for x in points(family, 6):
            gradient, laplacian = oracles.derivatives(lambda y: np.asarray(log_p(y)), x, 2e-3)
            score = family.noised_score(jnp.asarray(x), ALPHA, SIGMA)
            np.testing.assert_allclose(score, gradient, rtol=1e-7, atol=1e-7)
            div = divergence(family, jnp.asarray(x), ALPHA, SIGMA)
            np.testing.assert_allclose(div, laplacian, rtol=1e-6, atol=1e-5)


@every_family
def test_heat_equation(name):
    """d ln p/d sigma^2 = (div s + |s|^2)/2: with the right limit at sigma = 0 this is the noised marginal."""
    with jax.enable_x64(True):
        family = FAMILIES[name]()

        def residual(x):
            rate = jax.grad(lambda v: family.noised_log_prob(x, ALPHA, jnp.sqrt(v)))(SIGMA**2)
            s = family.noised_score(x, ALPHA, SIGMA)
            return rate - 0.5 * (divergence(family, x, ALPHA, SIGMA) + s @ s), jnp.abs(rate) + 1

        wrong, size = jax.jit(jax.vmap(residual))(points(family))
        np.testing.assert_allclose(wrong / size, 0, atol=1e-8)


@every_family
def test_noised_marginal_tends_to_the_density(name):
    with jax.enable_x64(True):
        family = FAMILIES[name]()
        x = family.sample(jax.random.key(2), 50)
        blurred = jax.vmap(lambda x: family.noised_log_prob(x, 1.0, 1e-5))(x)
        # Only next to an edge or a cusp do 1e-5 and 0 differ by more than 1e-4.
        assert np.sum(np.abs(np.asarray(blurred - family.log_prob(x))) > 1e-4) <= 1


@every_family
def test_scaling(name):
    """p(x; alpha, sigma) = alpha^-d p(x/alpha; 1, sigma/alpha), and entropies to match."""
    with jax.enable_x64(True):
        family = FAMILIES[name]()
        x = points(family)
        direct = jax.vmap(lambda x: family.noised_log_prob(x, ALPHA, SIGMA))(x)
        scaled = jax.vmap(lambda x: family.noised_log_prob(x / ALPHA, 1.0, SIGMA / ALPHA))(x)
        np.testing.assert_allclose(direct, scaled - family.dim * np.log(ALPHA), rtol=1e-9)
    shift = family.noised_entropy(ALPHA, SIGMA) - family.noised_entropy(1.0, SIGMA / ALPHA)
    assert shift == pytest.approx(family.dim * np.log(ALPHA), abs=1e-8)


@every_family
def test_noised_density_integrates_to_one(name):
    with jax.enable_x64(True):
        family = FAMILIES[name]()
        log_p = jax.jit(jax.vmap(lambda x: family.noised_log_prob(x, ALPHA, 0.5)))
        mean, cov = family.moments()
        # The trapezoid rule, exponentially convergent here; tails of Laplace and Student-t need the reach.
        reach = 10 if name not in ("laplace", "student") else 40
        axes = [
            np.arange(m - reach * w, m + reach * w, 0.2)
            for m, w in zip(ALPHA * mean, np.sqrt(np.diag(cov) + 0.25), strict=True)
        ]
        grid = np.stack(np.meshgrid(*axes, indexing="ij"), axis=-1).reshape(-1, family.dim)
        total = sum(np.exp(log_p(part)).sum() for part in np.array_split(grid, 1 + len(grid) // 20_000))
    assert total * 0.2**family.dim == pytest.approx(1, abs=3e-7)


@every_family
def test_single_precision_agrees_with_double(name):
    def everything(family, x, alpha, sigma):
        return (
            family.noised_log_prob(x, alpha, sigma),
            family.noised_score(x, alpha, sigma),
            divergence(family, x, alpha, sigma),
        )

    mapped = jax.jit(jax.vmap(everything, in_axes=(None, 0, None, None)))
    single = FAMILIES[name]()
    x = points(single).astype(np.float32)
    for sigma in np.float32([0.01, 0.3, 50.0]):
        got = mapped(single, x, np.float32(ALPHA), sigma)
        with jax.enable_x64(True):
            want = mapped(FAMILIES[name](), x.astype(float), float(np.float32(ALPHA)), float(sigma))
        for value, exact in zip(got, want, strict=True):
            assert value.dtype == jnp.float32
            # An error of 1e-6 in x, the rounding of the data, is what a density of width 0.01 cannot help.
            np.testing.assert_allclose(value, exact, rtol=2e-4, atol=2e-4 * float(np.abs(exact).mean()))


@every_family
def test_mapped_and_compiled_equals_one_by_one(name):
    family = FAMILIES[name]()
    x = points(family, 3).astype(np.float32)
    both = jax.jit(jax.vmap(lambda f, x, a, s: f.noised_score(x, a, s), in_axes=(None, 0, None, None)))
    one_by_one = [family.noised_score(jnp.asarray(row), ALPHA, SIGMA) for row in x]
    np.testing.assert_allclose(both(family, x, ALPHA, SIGMA), np.stack(one_by_one), rtol=1e-4, atol=1e-4)
    gradient = jax.vmap(jax.grad(lambda x: family.noised_log_prob(x, ALPHA, SIGMA)))(x)
    np.testing.assert_allclose(gradient, np.stack(one_by_one), rtol=1e-4, atol=1e-4)


@every_family
def test_sharp_density_has_finite_score_and_clean_gradients(name):
    family = FAMILIES[name]()
    x = np.concatenate([family.sample(jax.random.key(1), 20), points(family, 4)]).astype(np.float32)
    score = jax.vmap(lambda x: family.noised_score(x, 1.0, 0.0))(x)
    gradient = jax.vmap(jax.grad(lambda x: family.noised_log_prob(x, 1.0, 0.0)))(x)
    assert np.all(np.isfinite(score))
    assert not np.any(np.isnan(gradient))


@every_family
def test_log_prob_takes_any_leading_axes(name):
    family = FAMILIES[name]()
    x = points(family).astype(np.float32)
    flat = family.log_prob(x)
    assert flat.shape == (12,)
    np.testing.assert_array_equal(family.log_prob(x.reshape(3, 4, -1)).ravel(), flat)
    np.testing.assert_allclose(family.log_prob(x[0]), flat[0], rtol=1e-6)
    with pytest.raises(ValueError, match=r"x: got shape \(3, 7\), need shape \(\.\.\., "):
        family.log_prob(np.zeros((3, 7)))


@every_family
@pytest.mark.parametrize("sigma", [0.0, 0.4])
def test_entropy_is_minus_the_mean_log_density(name, sigma, key):
    family = FAMILIES[name]()
    x0 = family.sample(key, 20_000)
    x = ALPHA * x0 + sigma * jax.random.normal(jax.random.key(9), x0.shape) if sigma else x0
    alpha = ALPHA if sigma else 1.0
    surprise = -np.asarray(jax.jit(jax.vmap(lambda x: family.noised_log_prob(x, alpha, sigma)))(x), float)
    # Uniform at sigma = 0 has no spread: what is left is the rounding of single precision.
    tolerance = 5 * surprise.std() / np.sqrt(len(x)) + 1e-6
    assert family.noised_entropy(alpha, sigma) == pytest.approx(surprise.mean(), abs=tolerance)
