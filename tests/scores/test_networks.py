"""Networks and the denoising loss: what holds before any training, and that every sampler estimates one integral."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from scipy.integrate import quad
from scipy.stats import norm

from thermodiff.distributions import Gaussian
from thermodiff.processes.custom import CustomProcess
from thermodiff.processes.exploding import VarianceExploding
from thermodiff.processes.preserving import VariancePreserving
from thermodiff.scores.exact import exact_score
from thermodiff.scores.learned import PlainScore, PreconditionedScore
from thermodiff.scores.networks import for_whitened_input, potential_mlp, residual_mlp
from thermodiff.training.losses import (
    EDMWeighting,
    LikelihoodWeighting,
    UniformNoiseWeighting,
    denoising_loss,
    draw_batch,
)
from thermodiff.training.times import ImportanceSampled, Span, UniformLogSNR, UniformTime, stratified

GAUSSIAN = Gaussian([1.0, -2.0, 0.5], [[2.0, 0.6, 0.1], [0.6, 0.5, -0.2], [0.1, -0.2, 1.0]])
PROCESSES = [VarianceExploding(25.0), VariancePreserving(0.1, 20.0)]
SAMPLERS = [UniformTime(), UniformLogSNR(), ImportanceSampled()]
T_MIN = jnp.float32(0.01)


def perturbed(network, key, size=0.3):
    """The network with every weight moved, so that nothing is zero."""
    leaves, structure = jax.tree.flatten(network)
    keys = jax.random.split(key, len(leaves))
    moved = [w + size * jax.random.normal(k, w.shape) for w, k in zip(leaves, keys, strict=True)]
    return jax.tree.unflatten(structure, moved)


@pytest.mark.parametrize("make", [residual_mlp, potential_mlp])
@pytest.mark.parametrize("process", PROCESSES, ids=lambda p: type(p).__name__)
def test_new_preconditioned_score_is_the_exact_gaussian_score(key, make, process):
    score = PreconditionedScore(make(key, 3, 16, 2), process, GAUSSIAN, T_MIN)
    exact = exact_score(GAUSSIAN, process)
    at = jax.jit(jax.vmap(lambda s, x, t: s(x, t), (None, 0, None)))
    x = GAUSSIAN.sample(key, 8)
    for t in (0.01, 0.4, 1.0):
        ours, theirs = (at(s, x, jnp.float32(t)) for s in (score, exact))
        np.testing.assert_allclose(ours, theirs, rtol=2e-4, atol=1e-5)


@pytest.mark.parametrize("parameterisation", [PlainScore, PreconditionedScore])
def test_score_of_a_potential_has_a_symmetric_jacobian(key, parameterisation):
    process, x, t = PROCESSES[1], jnp.array([0.3, -1.0, 0.7]), jnp.float32(0.3)

    def asymmetry(make):
        network = perturbed(make(key, 3, 16, 2), key)
        whitened = parameterisation is PreconditionedScore
        network = for_whitened_input(network, jnp.sqrt(GAUSSIAN.variances) if whitened else jnp.ones(3))
        jacobian = jax.jit(jax.jacfwd(parameterisation(network, process, GAUSSIAN, T_MIN)))(x, t)
        return jnp.abs(jacobian - jacobian.T).max() / jnp.abs(jacobian).max()

    assert asymmetry(potential_mlp) < 1e-5
    assert asymmetry(residual_mlp) > 1e-2


def test_network_depends_on_the_noise_level_and_is_one_program(key):
    network = perturbed(residual_mlp(key, 3, 16, 2), key)
    traces = []

    @jax.jit
    def apply(network, x, ell):
        traces.append(1)
        return network(x, ell)

    x = jnp.ones(3)
    values = [
        apply(perturbed(network, jax.random.key(i)), x, jnp.float32(ell)) for i, ell in enumerate((-2, 2))
    ]
    assert len(traces) == 1
    assert np.abs(values[0] - values[1]).max() > 1e-2
    np.testing.assert_allclose(apply(network, x, jnp.float32(0.5)), network(x, jnp.float32(0.5)), rtol=1e-5)


@pytest.mark.parametrize("make", [residual_mlp, potential_mlp])
@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ((0, 16, 2), "dim: got 0, need a positive whole number"),
        ((2, -16, 2), "width: got -16, need a positive whole number"),
        ((2, 16, 0), "depth: got 0, need a positive whole number"),
    ],
)
def test_bad_sizes(key, make, arguments, message):
    with pytest.raises(ValueError, match=message):
        make(key, *arguments)


# --- times --------------------------------------------------------------------------------------


def cosine_like():
    return CustomProcess(lambda t: jnp.cos(1.5 * t), lambda t: jnp.sin(1.5 * t))


@pytest.mark.parametrize("sampler", SAMPLERS, ids=lambda s: type(s).__name__)
@pytest.mark.parametrize("process", [*PROCESSES, cosine_like()], ids=lambda p: type(p).__name__)
def test_density_is_the_derivative_of_the_distribution_of_times(sampler, process):
    span = Span(process, T_MIN, jnp.float32(1.7))
    u = jnp.linspace(0.05, 0.95, 25)
    slope = jax.vmap(jax.grad(lambda v: sampler.times(v, span)))(u)
    if isinstance(process, CustomProcess):  # its inverse is a bisection, which has no derivative
        h = 1e-2
        slope = (sampler.times(u + h, span) - sampler.times(u - h, span)) / (2 * h)
    t = sampler.times(u, span)
    tolerance = 2e-2 if isinstance(process, CustomProcess) else 2e-3
    np.testing.assert_allclose(slope * sampler.density(t, span), 1.0, rtol=tolerance)
    ends = sampler.times(jnp.array([0.0, 1.0]), span)
    np.testing.assert_allclose(ends, [T_MIN, 1.0], rtol=1e-3)


def test_stratified_numbers_fall_one_in_each_interval(key):
    assert np.array_equal(np.floor(np.asarray(stratified(key, 64)) * 64), np.arange(64))


# --- one integral, whatever the sampler ---------------------------------------------------------


def losses(key, score, sampler, weighting, batches=400, n=64):
    """Independent batch losses, shape (batches,)."""
    span = Span(score.process, score.t_min, jnp.mean(score.reference.variances))

    def one(k):
        return denoising_loss(score, draw_batch(k, GAUSSIAN, span, sampler, weighting, n))

    # Not compiled as a whole: each operation is compiled once for all the cases here.
    return np.asarray(jax.vmap(one)(jax.random.split(key, batches)), dtype=np.float64)


@pytest.mark.parametrize("weighting", [LikelihoodWeighting(), UniformNoiseWeighting(), EDMWeighting()])
def test_every_sampler_estimates_the_same_loss(key, weighting):
    network = perturbed(residual_mlp(key, 3, 16, 2), key, 0.1)
    score = PreconditionedScore(network, PROCESSES[1], GAUSSIAN, T_MIN)
    draws = [losses(k, score, s, weighting) for k, s in zip(jax.random.split(key, 3), SAMPLERS, strict=True)]
    means = [d.mean() for d in draws]
    errors = [d.std(ddof=1) / np.sqrt(len(d)) for d in draws]
    for i, j in ((0, 1), (0, 2), (1, 2)):
        assert abs(means[i] - means[j]) < 4 * np.hypot(errors[i], errors[j])


def log_noise_ratio(process, t):
    """ln(sigma/alpha) from the definitions, in double precision."""
    if isinstance(process, VarianceExploding):
        rate = np.log(25.0)
        return 0.5 * np.log(np.expm1(2 * rate * t) / (2 * rate))
    return 0.5 * np.log(np.expm1(0.1 * t + 9.95 * t**2))


@pytest.mark.parametrize("sampler", SAMPLERS, ids=lambda s: type(s).__name__)
@pytest.mark.parametrize("process", PROCESSES, ids=lambda p: type(p).__name__)
def test_loss_of_zero_networks_on_gaussian_data(key, sampler, process):
    """Plain: |eps|^2 = d at each t. Preconditioned: the irreducible loss of the Gaussian, in closed form."""
    low, high = (log_noise_ratio(process, t) for t in (float(T_MIN), 1.0))
    variances = np.linalg.eigvalsh(np.asarray(GAUSSIAN.cov, dtype=np.float64))
    c = variances[:, None] * np.exp(-2 * np.array([low, high]))
    expected = {
        PlainScore: 3 * (high - low),
        PreconditionedScore: 0.5 * np.sum(np.log1p(c[:, 0]) - np.log1p(c[:, 1])),
    }
    for parameterisation, value in expected.items():
        score = parameterisation(residual_mlp(key, 3, 16, 2), process, GAUSSIAN, T_MIN)
        drawn = losses(key, score, sampler, LikelihoodWeighting())
        assert abs(drawn.mean() - value) < 4 * drawn.std(ddof=1) / np.sqrt(len(drawn)) + 1e-4 * value


def test_weightings_of_a_zero_network_integrate_to_their_closed_forms(key):
    """The weight alone, times d: 1 over t, and over a normal density of ell for Karras et al."""
    process = PROCESSES[0]
    score = PlainScore(residual_mlp(key, 3, 16, 2), process, GAUSSIAN, T_MIN)
    v = np.trace(np.asarray(GAUSSIAN.cov)) / 3
    low, high = (log_noise_ratio(process, t) for t in (float(T_MIN), 1.0))
    edm = quad(lambda y: norm.pdf(y, -1.2, 1.2) * (1 + np.exp(2 * y) / v), low, high)[0]
    for weighting, integral in ((UniformNoiseWeighting(), 1 - float(T_MIN)), (EDMWeighting(), edm)):
        drawn = losses(key, score, UniformLogSNR(), weighting)
        assert abs(drawn.mean() - 3 * integral) < 4 * drawn.std(ddof=1) / np.sqrt(len(drawn)) + 1e-4


def test_importance_sampling_has_the_least_variance_for_a_perfect_score(key):
    score = PreconditionedScore(residual_mlp(key, 3, 16, 2), PROCESSES[0], GAUSSIAN, T_MIN)
    spread = [losses(key, score, sampler, LikelihoodWeighting()).std() for sampler in SAMPLERS]
    assert spread[2] < min(spread[:2])


def test_an_odd_batch_is_refused(key):
    span = Span(PROCESSES[0], T_MIN, jnp.float32(1.0))
    with pytest.raises(ValueError, match="batch_size: got 33, need an even number"):
        draw_batch(key, GAUSSIAN, span, UniformTime(), LikelihoodWeighting(), 33)


def test_width_of_the_lognormal_must_be_positive():
    with pytest.raises(ValueError, match=r"std: got 0\.0, need a positive"):
        EDMWeighting(std=0.0)
