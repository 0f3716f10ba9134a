"""Laws that every family obeys: moments, normalisation, the heat equation, entropy as an average."""

import jax
import jax.numpy as jnp
import numpy as np
import oracles
import pytest
from scipy import stats

import thermodiff.distributions as td
from thermodiff.distributions.quadrature import log_density
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
    "rings": lambda: td.rings((0.5, 2.0), 0.3, (3.0, 1.0)),
    "swiss roll": lambda: td.swiss_roll(0.3),
    "checkerboard": lambda: td.Checkerboard(3, 2.5),
    "line": lambda: td.GaussianMixture([0.3, 0.7], [[-1.0], [2.0]], [[[0.2]], [[1.5]]]),
}
every_family = pytest.mark.parametrize("name", FAMILIES)
ALPHA, SIGMA = 0.8, 0.3
BATCH = 20


def everything(family, x, alpha, sigma):
    log_p, (gradient, blur_rate) = jax.value_and_grad(family.noised_log_prob, argnums=(0, 2))(x, alpha, sigma)
    return {
        "log_p": log_p,
        "gradient": gradient,
        "blur rate": blur_rate,
        "score": family.noised_score(x, alpha, sigma),
        "divergence": jnp.trace(jax.jacfwd(family.noised_score)(x, alpha, sigma)),
    }


mapped = jax.jit(jax.vmap(everything, in_axes=(None, 0, None, None)))
draw = jax.jit(lambda family, key: family.sample(key, 40_000))
transport = jax.jit(jax.vmap(lambda family, u: family.transport(u), in_axes=(None, 0)))


def evaluate(family, x, alpha=ALPHA, sigma=SIGMA):
    """All of the above at x (n, d), n at most BATCH, in float64 under x64 and else in float32."""
    padded = jnp.asarray(np.resize(x, (BATCH, family.dim)), dtype=float)
    values = mapped(family, padded, jnp.asarray(alpha, dtype=float), jnp.asarray(sigma, dtype=float))
    return {name: np.asarray(value)[: len(x)] for name, value in values.items()}


def points(family, n=BATCH):
    """Unkind places to look: off every centre and symmetry axis, out to two or three standard deviations."""
    rng = np.random.default_rng(7)
    mean, cov = (np.asarray(m, float) for m in family.moments())
    return ALPHA * mean + rng.normal(size=(n, family.dim)) * 1.2 * np.sqrt(np.diag(cov)) + 0.05


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
    x = np.asarray(draw(family, key), float)
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
    x = np.asarray(transport(family, u), float)
    assert np.abs(moment_z_scores(x, *family.moments())).max() < 4.5


@every_family
def test_nothing_infinite_is_drawn(name):
    if name == "student":
        x = draw(td.StudentT(1.0, [0.0], [[1.0]]), jax.random.key(5))
    else:
        family = FAMILIES[name]()
        ends = np.float32([2.0**-24, 0.5, 1 - 2.0**-24])
        cube = np.stack(np.meshgrid(*[ends] * family.transport_dim), axis=-1).reshape(
            -1, family.transport_dim
        )
        x = transport(family, np.resize(cube, (40_000, family.transport_dim)))
    assert bool(jnp.all(jnp.isfinite(x)))


def test_uniforms_behind_samples_are_never_zero_or_one():
    # 2^24 float32 uniforms of this key hold an exact zero, whose normal quantile is -inf.
    u = jax.random.uniform(jax.random.key(0), (2**24, 1))
    assert float(u.min()) == 0
    u = td.Uniform([0.0], [1.0]).sample(jax.random.key(0), 2**24)
    assert float(u.min()) > 0
    assert float(u.max()) < 1


@pytest.mark.parametrize(
    ("family", "cdf"),
    [
        (td.Laplace([1.5], [0.4]), stats.laplace(1.5, 0.4).cdf),
        (td.Uniform([-3.0], [0.5]), stats.uniform(-3.0, 3.5).cdf),
        (td.StudentT(1.0, [-2.0], [[9.0]]), stats.cauchy(-2.0, 3.0).cdf),
    ],
)
def test_samples_follow_the_distribution_function(family, cdf, key):
    assert stats.kstest(np.asarray(draw(family, key)[:, 0], float), cdf).pvalue > 1e-3


@every_family
def test_score_and_divergence_are_derivatives_of_the_log_density(name):
    with jax.enable_x64(True):
        family = FAMILIES[name]()
        x = points(family, 6)
        got = evaluate(family, x)
        for i, row in enumerate(x):
            gradient, laplacian = oracles.derivatives(lambda y: evaluate(family, y)["log_p"], row, 2e-3)
            np.testing.assert_allclose(got["score"][i], gradient, rtol=1e-7, atol=1e-7)
            np.testing.assert_allclose(got["divergence"][i], laplacian, rtol=1e-6, atol=1e-5)
        np.testing.assert_allclose(got["score"], got["gradient"], rtol=1e-9, atol=1e-9)


@every_family
def test_heat_equation(name):
    """d ln p/d sigma = sigma (div s + |s|^2): with the right limit at sigma = 0 this is the noised marginal."""
    with jax.enable_x64(True):
        family = FAMILIES[name]()
        got = evaluate(family, points(family))
    squared = np.sum(got["score"] ** 2, axis=-1)
    rate = SIGMA * (got["divergence"] + squared)
    np.testing.assert_allclose(got["blur rate"], rate, rtol=1e-7, atol=1e-8 * float(squared.max()))


@every_family
def test_noised_marginal_tends_to_the_density(name, key):
    family = FAMILIES[name]()
    x = np.asarray(draw(family, key)[:1000], float)
    moved = np.abs(log_density(family, 1.0, 1e-5)(x) - log_density(family, 1.0, 0.0)(x))
    # Only next to an edge or a cusp do 1e-5 and 0 differ at all.
    assert np.mean(moved > 1e-4) <= 2e-3


@every_family
def test_scaling(name):
    """p(x; alpha, sigma) = alpha^-d p(x/alpha; 1, sigma/alpha), and entropies to match."""
    family = FAMILIES[name]()
    x, log_volume = points(family), family.dim * np.log(ALPHA)
    direct, scaled = log_density(family, ALPHA, SIGMA)(x), log_density(family, 1.0, SIGMA / ALPHA)(x / ALPHA)
    np.testing.assert_allclose(direct, scaled - log_volume, rtol=1e-9)
    shift = family.noised_entropy(ALPHA, SIGMA) - family.noised_entropy(1.0, SIGMA / ALPHA)
    assert shift == pytest.approx(log_volume, abs=1e-8)


@every_family
def test_noised_density_integrates_to_one(name):
    family = FAMILIES[name]()
    log_p = log_density(family, ALPHA, 0.5)
    mean, cov = (np.asarray(m, float) for m in family.moments())
    widths = np.sqrt(ALPHA**2 * np.diag(cov) + 0.25)
    marks = [
        ALPHA * m + w * np.array([-45, -10, -4, -2, 0, 2, 4, 10, 45])
        for m, w in zip(mean, widths, strict=True)
    ]
    if family.dim == 1:
        total = oracles.line_integral(lambda x: float(np.exp(log_p(np.array([[x]])))[0]), marks[0][1:-1])
    else:
        total = oracles.plane_integral(lambda x: np.exp(log_p(x)), *marks, n=24)
    assert total == pytest.approx(1, abs=1e-7)


@every_family
@pytest.mark.parametrize("sigma", [0.01, 0.3, 50.0])
def test_single_precision_agrees_with_double(name, sigma):
    alpha, sigma = float(np.float32(ALPHA)), float(np.float32(sigma))
    single = FAMILIES[name]()
    x = points(single).astype(np.float32)
    got = evaluate(single, x, alpha, sigma)
    with jax.enable_x64(True):
        want = evaluate(FAMILIES[name](), x.astype(float), alpha, sigma)
    for what in ("log_p", "score", "divergence"):
        assert got[what].dtype == np.float32
        np.testing.assert_allclose(
            got[what], want[what], rtol=2e-4, atol=2e-4 * float(np.abs(want[what]).mean())
        )


@every_family
def test_sharp_density_has_finite_score_and_clean_gradients(name, key):
    family = FAMILIES[name]()
    x = np.concatenate([draw(family, key)[:12], points(family, 8)])
    got = evaluate(family, x, 1.0, 0.0)
    assert np.all(np.isfinite(got["score"]))
    assert np.all(np.isfinite(got["divergence"]))
    assert not np.any(np.isnan(got["gradient"]))


@pytest.mark.parametrize("name", ["uniform", "student", "line"])
def test_log_prob_takes_any_leading_axes(name):
    family = FAMILIES[name]()
    x = jnp.asarray(points(family, 12), dtype=float)
    log_prob = jax.jit(family.log_prob)
    flat = log_prob(x)
    np.testing.assert_allclose(
        flat, log_density(family, 1.0, 0.0)(np.asarray(x, float)), rtol=1e-4, atol=1e-4
    )
    np.testing.assert_allclose(log_prob(x.reshape(3, 4, -1)).ravel(), flat, rtol=1e-6)
    np.testing.assert_allclose(log_prob(x[0]), flat[0], rtol=1e-6)
    with pytest.raises(ValueError, match=r"x: got shape \(3, 7\), need shape \(\.\.\., "):
        family.log_prob(jnp.zeros((3, 7)))


@every_family
@pytest.mark.parametrize("sigma", [0.0, 0.4])
def test_entropy_is_minus_the_mean_log_density(name, sigma, key):
    family = FAMILIES[name]()
    alpha = ALPHA if sigma else 1.0
    x = alpha * np.asarray(draw(family, key)[:20_000], float)
    x = x + sigma * np.random.default_rng(9).normal(size=x.shape)
    surprise = -log_density(family, alpha, sigma)(x)
    # A sharp uniform density has no spread: what is left is rounding of its edges in single precision.
    tolerance = 5 * surprise.std() / np.sqrt(len(x)) + 1e-9
    assert family.noised_entropy(alpha, sigma) == pytest.approx(surprise.mean(), abs=tolerance)
