"""Likelihoods and rates under jax.grad, jax.vmap and jax.jit: gradients against exact scores and finite differences."""

import diffrax
import jax
import jax.numpy as jnp
import numpy as np
import oracles_diffusion as oracle
import pytest
from problems_diffusion import PROCESSES, Errors

import thermodiff as td
from thermodiff.likelihood import flow_likelihood
from thermodiff.scores.base import starting_time
from thermodiff.scores.networks import residual_mlp
from thermodiff.trajectories.probability_flow import Tolerance

WEIGHTS = np.array([0.5, 0.35, 0.15])
MEANS = np.array([[-1.0, 0.5], [2.0, 3.0], [0.0, -4.0]])
COVS = np.array([[[0.4, 0.25], [0.25, 0.5]], [[1.0, -0.6], [-0.6, 0.6]], [[0.1, 0.0], [0.0, 2.0]]])
POINTS = np.array([[0.0, 0.0], [-1.1, 0.4], [2.5, 2.0], [0.7, -3.0], [4.0, -6.0]])
SMALL = {"nodes": 17, "replicates": 4, "points": 64}
# Local error of the solver where gradients are held against closed forms; ten to a hundred of it add up on the way.
TIGHT = Tolerance(1e-9, 1e-9)
STEP = 1e-4
# One point's likelihood at the default tolerance, nats, and its slope.
POINT = 1e-3


def law():
    return td.GaussianMixture(WEIGHTS, MEANS, COVS)


def differences(f, x, step=STEP):
    """Fourth-order central differences of f: (m, d) -> (m,), all in one group, which shares the solver's steps."""
    n, d = x.shape
    moves = step * np.array([1.0, -1.0, 2.0, -2.0])
    moved = x[:, None, None] + moves[:, None] * np.eye(d)[:, None]
    values = np.asarray(f(moved.reshape(-1, d))).reshape(n, d, 4)
    return values @ np.array([8.0, -8.0, -1.0, 1.0]) / (12 * step)


@pytest.mark.slow
def test_the_gradient_of_a_flow_likelihood_is_the_score_of_the_blurred_density():
    """ln p_1(x_1) + growth is ln p(t_min) for an exact score; with the Gaussian prior, finite differences of itself."""
    with jax.enable_x64(True):
        mixture, process = law(), td.VarianceExploding(25.0)
        score = td.exact_score(mixture, process)
        sigma = process.sigma(1.0)
        end = td.GaussianMixture(WEIGHTS, MEANS, COVS + float(sigma) ** 2 * np.eye(2))

        def values(x):
            flow = flow_likelihood(score, process, x, tolerance=TIGHT)
            own = jax.vmap(lambda y: end.noised_log_prob(y, 1.0, 0.0))(flow.terminal) + flow.growth
            return jnp.stack([own, flow.log_likelihood])

        @jax.jit
        def values_and_slopes(x):
            value, pull = jax.vjp(values, x)
            slopes = jax.vmap(lambda row: pull(jnp.ones_like(value) * row[:, None])[0])(jnp.eye(2))
            return value, slopes

        x = np.concatenate([POINTS, np.zeros((8 * len(POINTS), 2))])

        def shared(moved):
            return values_and_slopes(np.concatenate([POINTS, moved]))[0][1][len(POINTS) :]

        slopes = np.asarray(values_and_slopes(x)[1])[:, : len(POINTS)]
        by_differences = differences(shared, POINTS)
        blur = float(jnp.exp(-0.5 * process.log_snr(starting_time(score, process))))
    exact = [
        oracle.gradient(lambda y: oracle.mixture_log_prob(y, WEIGHTS, MEANS, COVS, 1.0, blur**2), y)
        for y in POINTS
    ]
    np.testing.assert_allclose(slopes[0], exact, rtol=1e-6, atol=1e-6)
    np.testing.assert_allclose(slopes[1], by_differences, rtol=1e-6, atol=1e-6)


def test_elbo_under_common_random_numbers_has_the_gradient_of_its_differences(key):
    """One key draws the same noise wherever x is, so that each row's random value is a smooth function of the row."""
    p, _ = PROCESSES["VP"]
    with jax.enable_x64(True):
        score = td.exact_score(law(), td.VariancePreserving(0.1, 20.0))
        values = jax.jit(lambda x: td.elbo(key, score, p, x))
        slopes = jax.jit(jax.grad(lambda x: td.elbo(key, score, p, x).sum()))(POINTS)
        for j in range(2):
            moved = [values(POINTS + s * STEP * np.eye(2)[j]) for s in (1, -1, 2, -2)]
            expected = np.array([8, -8, -1, 1]) @ np.array(moved) / (12 * STEP)
            np.testing.assert_allclose(slopes[:, j], expected, rtol=1e-7, atol=1e-7)


def test_rates_under_jit_and_vmap(key):
    """The same numbers as outside, the whole answer or a part of it; over keys each its own."""
    p, _ = PROCESSES["VE"]
    score = td.exact_score(law(), p)

    def rates(key):
        return td.entropy_rates(key, score, p, law(), **SMALL)

    compiled, plain = jax.jit(rates)(key), rates(key)
    assert (compiled.reading, compiled.orientation) == ("quadratic", "diffusion")
    np.testing.assert_allclose(compiled.system.mean, plain.system.mean, rtol=1e-5)
    np.testing.assert_allclose(compiled.integral().system.mean, plain.integral().system.mean, rtol=1e-5)
    assert compiled.to_dict().keys() == plain.to_dict().keys()
    mapped = jax.vmap(lambda k: rates(k).integral().system.mean)(jax.random.split(key, 3))
    alone = [rates(k).integral().system.mean for k in jax.random.split(key, 3)]
    np.testing.assert_allclose(mapped, alone, rtol=1e-5)


def test_rates_of_traced_rows_are_refused(key):
    p, _ = PROCESSES["VE"]
    score = td.exact_score(law(), p)
    message = (
        r"^data: got rows that JAX is tracing, need numbers: close over them, trace key, score or process"
    )
    with pytest.raises(ValueError, match=message):
        jax.jit(lambda x: td.entropy_rates(key, score, p, x).system.mean)(jnp.asarray(POINTS))


def test_rates_have_the_slope_of_a_scaled_score(key):
    """The divergence reading is linear in the score's factor c: d/dc int R2 = int R2 at c = 1, without drift."""
    p, _ = PROCESSES["VE"]
    score = td.exact_score(law(), p)

    def integral(c):
        rates = td.entropy_rates(key, td.scaled(score, c), p, law(), reading="divergence", **SMALL)
        return rates.integral().system.mean

    value, slope = jax.value_and_grad(integral)(1.0)
    np.testing.assert_allclose(slope, value, rtol=1e-4)


@pytest.mark.slow
def test_a_batch_a_map_and_a_compiled_call_agree():
    p, _ = PROCESSES["VE"]
    score = td.exact_score(law(), p)
    flow = lambda x: td.flow_log_likelihood(score, p, x)  # noqa: E731
    expected = flow(POINTS)
    np.testing.assert_allclose(jax.jit(flow)(POINTS), expected, atol=1e-4)
    one = lambda x: flow(x[None])[0]  # noqa: E731
    values, slopes = jax.jit(jax.vmap(jax.value_and_grad(one)))(jnp.asarray(POINTS))
    # Steps of their own, each to the default tolerance.
    np.testing.assert_allclose(values, expected, atol=POINT)
    together = jax.grad(lambda x: flow(x).sum())(jnp.asarray(POINTS))
    np.testing.assert_allclose(slopes, together, atol=POINT, rtol=POINT)
    forward = lambda x: td.flow_log_likelihood(score, p, x[None], adjoint=diffrax.ForwardMode())[0]  # noqa: E731
    slopes = jax.vmap(jax.jacfwd(forward))(jnp.asarray(POINTS))
    np.testing.assert_allclose(slopes, together, atol=POINT, rtol=POINT)


@pytest.mark.slow
@pytest.mark.parametrize("traced", [False, True], ids=["jvp", "compiled jvp"])
def test_forward_mode_says_what_it_needs(traced):
    p, _ = PROCESSES["VE"]
    score = td.exact_score(law(), p)
    slope = jax.jacfwd(lambda x: td.flow_log_likelihood(score, p, x))
    message = (
        r"^adjoint: got one of reverse mode under jax.jvp or jax.jacfwd, "
        r"need adjoint=diffrax.ForwardMode\(\) there, or jax.grad, jax.vjp, jax.jacrev"
    )
    with pytest.raises(ValueError, match=message):
        (jax.jit(slope) if traced else slope)(jnp.asarray(POINTS))


@pytest.mark.slow
def test_likelihoods_mapped_over_processes_and_temperatures(key):
    """A row for each sigma and factor, with starting time, prior and grid of its own."""
    sigmas, factors = jnp.array([10.0, 25.0]), jnp.array([0.9, 1.0])

    def flow(sigma, factor):
        p = td.VarianceExploding(sigma)
        return td.flow_log_likelihood(td.scaled(td.exact_score(law(), p), factor), p, POINTS)

    def bound(sigma, factor):
        p = td.VarianceExploding(sigma)
        return td.elbo(key, td.scaled(td.exact_score(law(), p), factor), p, POINTS)

    for function in (flow, bound):
        together = jax.vmap(function)(sigmas, factors)
        for row, sigma, factor in zip(together, sigmas, factors, strict=True):
            np.testing.assert_allclose(row, function(float(sigma), float(factor)), atol=2e-3, rtol=1e-4)


def small_score():
    """A network of random weights, so that nothing in it is zero."""
    network = residual_mlp(jax.random.key(1), 2, 8, 1)
    leaves, tree = jax.tree.flatten(network)
    keys = jax.random.split(jax.random.key(2), len(leaves))
    leaves = [
        jnp.asarray(a + 0.2 * jax.random.normal(k, a.shape), float) for k, a in zip(keys, leaves, strict=True)
    ]
    process = td.VariancePreserving(0.1, 20.0)
    return td.PreconditionedScore(
        jax.tree.unflatten(tree, leaves), process, td.Gaussian([0.0, 0.0], np.eye(2)), 1e-4
    )


@pytest.mark.slow
@pytest.mark.parametrize("kind", ["flow", "elbo"])
def test_the_gradient_in_a_networks_weights(key, kind):
    """Along a random direction in the weights, against differences; the whole score may be differentiated at once."""
    with jax.enable_x64(True):
        score = small_score()

        def total(score):
            if kind == "flow":
                return td.flow_log_likelihood(score, score.process, POINTS, tolerance=TIGHT).sum()
            return td.elbo(key, score, score.process, POINTS).sum()

        value = jax.jit(total)
        slopes = jax.jit(jax.grad(total))(score)
        assert all(bool(jnp.all(jnp.isfinite(leaf))) for leaf in jax.tree.leaves(slopes))
        leaves, tree = jax.tree.flatten(score.network)
        keys = jax.random.split(jax.random.key(3), len(leaves))
        direction = [jax.random.normal(k, a.shape) for k, a in zip(keys, leaves, strict=True)]

        def at(step):
            moved = jax.tree.unflatten(tree, [a + step * b for a, b in zip(leaves, direction, strict=True)])
            return float(value(td.PreconditionedScore(moved, score.process, score.reference, score.t_min)))

        along = sum(
            float(jnp.vdot(a, b)) for a, b in zip(jax.tree.leaves(slopes.network), direction, strict=True)
        )
        h = 1e-4
        expected = (8 * (at(h) - at(-h)) - at(2 * h) + at(-2 * h)) / (12 * h)
    np.testing.assert_allclose(along, expected, rtol=1e-5)


@pytest.mark.slow
def test_parameters_that_a_users_function_closes_over(key):
    """A plain lambda is compiled in, and yet its traced parameters have gradients: of c s, in c."""
    p, _ = PROCESSES["VE"]
    exact = td.exact_score(law(), p)
    prior = td.moment_prior(exact.reference, p)

    def total(c):
        score = lambda x, t: c * exact(x, t)  # noqa: E731
        return td.flow_log_likelihood(score, p, POINTS, prior=prior, t_min=1e-5).sum()

    def known(c):
        return td.flow_log_likelihood(td.scaled(exact, c), p, POINTS, prior=prior, t_min=1e-5).sum()

    np.testing.assert_allclose(jax.grad(total)(0.9), jax.grad(known)(0.9), rtol=1e-3)


@pytest.mark.slow
def test_a_flow_that_fails_under_a_trace_is_nan():
    """Outside it is an error; inside nothing can be raised, and NaN says that the whole group did not arrive."""
    p, _ = PROCESSES["VE"]

    def score(x, t):
        return jnp.where(x[0] > 0, jnp.nan, -x / (1 + p.sigma(t) ** 2))

    inside = jax.jit(lambda x: td.flow_log_likelihood(score, p, x))
    assert np.isnan(inside(np.array([[1.0, 1.0], [-1.0, 0.5]]))).all()
    assert np.isfinite(inside(np.array([[-1.0, 1.0], [-1.0, 0.5]]))).all()


def test_gradients_of_a_score_that_is_wrong():
    """Rotated and shifted it is the gradient of nothing; its likelihood has that of the linear flow all the same."""
    p, schedule = PROCESSES["VE"]
    wrong = Errors(factor=0.9, shift=(0.2, -0.3), angle=0.4)
    mean, cov = np.array([1.5, -2.0]), np.array([[1.2, 0.7], [0.7, 0.8]])
    score = wrong.score(td.Gaussian(mean, cov), p)
    slopes = jax.grad(lambda x: td.flow_log_likelihood(score, p, x).sum())(jnp.asarray(POINTS))
    model = wrong.affine(schedule, mean, cov)
    P, shift, _ = model.flow(starting_time(score, p))
    prior_mean, prior_cov = model.marginal(1.0)
    expected = -(POINTS @ P.T + shift - prior_mean) @ np.linalg.solve(prior_cov, P)
    np.testing.assert_allclose(slopes, expected, atol=2e-3)
