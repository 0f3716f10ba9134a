"""The reverse SDE's likelihood: exact where the model is Gaussian, unbiased in p, ordered in K, honest about few."""

import jax
import jax.numpy as jnp
import numpy as np
import oracles_diffusion as oracle
import oracles_paths as algebra
import pytest
from problems_diffusion import PROCESSES, close, unit_gaussian

import thermodiff as td
from thermodiff.numerics.path_ratio import log_mean_exp
from thermodiff.paths.path_likelihood import likelihood_of

T_MIN, STEPS = 1e-3, 16
PLAN = td.Schedule([1.0, 0.1], [1.0, 0.1])
ROWS = np.random.default_rng(0).normal(size=(256, 1))


def likelihood(name, factor, kernel, x=ROWS, paths=64, seed=0, steps=STEPS, **options):
    process, schedule = PROCESSES[name]
    plan = td.schedule("log_snr", process, steps, t_min=T_MIN)
    score = td.scaled(td.exact_score(unit_gaussian, process), factor)
    found = td.path_log_likelihood(jax.random.key(seed), score, process, x, plan, kernel, paths, **options)
    return found, plan, schedule


def model(plan, factor, kernel):
    """ln p_th of rows, in units of the data: the generator's own Gaussian."""
    v = algebra.linear_paths(plan.noise_ratio[::-1], factor, kernel).model_variance()
    return lambda x: oracle.gaussian_log_prob(x, np.zeros(1), np.array([[v]]))


@pytest.mark.parametrize("name", ["VE", pytest.param("VP", marks=pytest.mark.slow)])
def test_a_perfect_model_is_known_from_one_path(name):
    """Exact score, analytic variances measured on the distribution: W is ln p(x) on every path."""
    found, plan, _ = likelihood(name, 1.0, "analytic", data=unit_gaussian)
    expected = model(plan, 1.0, "analytic")(ROWS)
    np.testing.assert_allclose(found.log_likelihood, expected, atol=5e-3)
    np.testing.assert_allclose(found.dissipated, 0.0, atol=1e-3)
    assert found.ess.min() > 63.9
    assert found.converged
    assert found.t_min == pytest.approx(T_MIN)
    assert found.steps == STEPS
    assert "NLL_SDE <=" in str(found)


def test_a_wrong_score_has_the_likelihood_of_what_it_generates():
    """10 % too small, posterior variances: p_th = N(0, 0.93428) in 16 steps, from 64 paths; e^-NLL is unbiased."""
    found, plan, _ = likelihood("VE", 0.9, "posterior", paths=64)
    exact = model(plan, 0.9, "posterior")(ROWS)
    ratio = np.exp(found.log_likelihood - exact)
    assert abs(ratio.mean() - 1) < 4 * ratio.std() / 16
    gap = exact - found.log_likelihood
    assert gap.mean() == pytest.approx(found.bias.mean, abs=4 * gap.std() / 16 + 0.5 * found.bias.mean)
    corrected = exact - found.jackknife()
    assert abs(corrected.mean()) < abs(gap.mean()) + 4 * corrected.std() / 16
    # -ELBO lies above by the work dissipated: the waste of the algebra less KL(p_0 || p_th), over x ~ p_0.
    mean = algebra.linear_paths(plan.noise_ratio[::-1], 0.9).ratio_moments()[0]
    v = 1 + plan.noise_ratio[-1] ** 2
    close(
        td.Estimate((exact - found.elbo).mean(), (exact - found.elbo).std() / 16, 256),
        mean - algebra.gaussian_divergence(v, 0.934280),
        0.02,
        z=4,
    )


def test_more_paths_are_never_worse_on_average():
    """NLL_1 >= NLL_4 >= NLL_16 >= NLL_64, of the same paths in groups."""
    found, plan, _ = likelihood("VE", 1.0, "posterior", paths=64)
    means = [-log_mean_exp(-found.work.reshape(256, -1, K)).mean() for K in (1, 4, 16, 64)]
    assert means == sorted(means, reverse=True)
    exact = model(plan, 1.0, "posterior")(ROWS)
    assert means[-1] > -exact.mean() - 4 * np.std(found.log_likelihood - exact) / 16


def works(variance, n, K):
    return likelihood_of(np.random.default_rng(1).normal(0.5 * variance, variance**0.5, (n, K)), PLAN)


def test_what_is_not_converged_is_said():
    """Gaussian W of variance v has p_th = 1, ESS K e^-v, bias (e^v - 1)/(2 K)."""
    good = works(0.2, 64, 64)
    assert good.converged
    assert good.bias.mean == pytest.approx((np.exp(0.2) - 1) / 128, rel=0.1)
    assert good.variance.mean() == pytest.approx(0.2, rel=0.1)
    biased = works(0.2, 4096, 8)
    assert not biased.converged
    assert "is larger than the standard error: take more paths, or the jackknife()" in str(biased)
    assert abs(biased.jackknife().mean()) < 4 * biased.jackknife().std() / 64 + 1e-3
    assert abs(-biased.nll.mean + biased.bias.mean) < 4 * biased.nll.stderr + 1e-3
    few = works(6.0, 100, 16)
    assert not few.converged
    assert "of the rows have fewer than 4 effective paths of 16" in str(few)


def test_one_path_is_the_elbo():
    found = works(1.0, 50, 1)
    np.testing.assert_allclose(found.log_likelihood, found.elbo)
    assert np.isnan(found.jackknife()).all()
    assert not found.converged


def test_the_same_key_gives_the_same_numbers_and_rows_do_not_meet():
    one, again, other = (likelihood("VE", 0.9, "posterior", paths=64, seed=seed)[0] for seed in (0, 0, 1))
    np.testing.assert_array_equal(one.work, again.work)
    assert np.abs(one.work - other.work).min() > 0


@pytest.mark.slow
def test_agrees_with_paths_that_are_kept():
    """W streamed and W of given paths have the same mean and spread, score and noise being the same."""
    process, _ = PROCESSES["VP"]
    plan = td.schedule("log_snr", process, STEPS, t_min=T_MIN)
    score = td.scaled(td.exact_score(unit_gaussian, process), 0.9)
    found = td.path_log_likelihood(jax.random.key(0), score, process, ROWS, plan, "posterior", 16)
    paths = td.noising_paths(jax.random.key(1), process, ROWS, plan, per_point=16)
    kept = td.path_waste(paths, score, process, "posterior").work.mean(axis=1)
    streamed = found.work.mean(axis=1)
    difference = kept - streamed
    assert abs(difference.mean()) < 4 * difference.std() / 16
    assert kept.std() == pytest.approx(streamed.std(), rel=0.3)


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"x": np.zeros(3)}, r"x: got shape \(3,\)"),
        ({"x": np.full((3, 1), np.nan)}, "x: got 3 NaN"),
        ({"paths": 0}, "paths: got 0, need a positive whole number"),
        ({"kernel": "beta"}, "kernel: got 'beta'"),
        (
            {"x": ROWS[:1], "kernel": "analytic"},
            "x: got 1 row.*need at least 2 rows, .*; or give other rows as data",
        ),
        (
            {"x": np.zeros((8, 1)), "kernel": "analytic"},
            "x: got .*; or give other rows as data, or another kernel: the analytic variances are measured on x",
        ),
    ],
)
def test_refused(changes, message):
    with pytest.raises(ValueError, match=f"^{message}"):
        likelihood("VE", 1.0, **{"kernel": "posterior", **changes})


def test_a_score_that_gives_nan_is_named():
    process, _ = PROCESSES["VE"]
    plan = td.schedule("log_snr", process, STEPS, t_min=T_MIN)
    with pytest.raises(RuntimeError, match="score: NaN or infinite along the paths of"):
        td.path_log_likelihood(
            jax.random.key(0),
            lambda x, t: jnp.where(t > 0.5, jnp.nan, -x),
            process,
            ROWS,
            plan,
            "posterior",
            2,
        )


def test_a_schedule_below_the_scores_own_start():
    process, _ = PROCESSES["VE"]

    class Late:
        t_min = 0.05

        def __call__(self, x, t):
            return -x

    plan = td.schedule("log_snr", process, 4, t_min=T_MIN)
    with pytest.raises(ValueError, match=r"^schedule: got a last time of 0.001, need at least t_min = 0.05"):
        td.path_log_likelihood(jax.random.key(0), Late(), process, ROWS, plan, "posterior", 2)
