"""A model asked in the wrong way is refused, with the way that is right; one asked rightly passes."""

import warnings

import jax
import jax.numpy as jnp
import numpy as np
import pytest

import thermodiff as td
from thermodiff.thermodynamics.moments import ScoreError

WEIGHTS, MEANS, VARIANCES = jnp.array([0.3, 0.7]), jnp.array([-2.0, 1.0]), jnp.array([0.05, 0.2])
MIXTURE = td.GaussianMixture(WEIGHTS, MEANS[:, None], VARIANCES[:, None, None])
VP = td.VariancePreserving(0.1, 20.0)
ROUNDING = 1e-6
"""Of n = (x - alpha x_0)/sigma in single precision, squared, and of the loss."""
LINE = td.LinearInterpolant()


def denoised(x, alpha, sigma):
    """E[x_0 | x] of the mixture, by hand."""
    v = alpha**2 * VARIANCES + sigma**2
    log_w = jnp.log(WEIGHTS) - 0.5 * (x - alpha * MEANS) ** 2 / v - 0.5 * jnp.log(v)
    means = MEANS + alpha * VARIANCES / v * (x - alpha * MEANS)
    return jnp.sum(jax.nn.softmax(log_w) * means, keepdims=True)


def model(kind, process):
    """A network that says ``kind`` on the clock t."""

    def f(x, t):
        t = jnp.clip(t, 1e-5, 0.99999)  # as a network, it has an answer wherever it is asked
        alpha, sigma = process.alpha(t), process.sigma(t)
        x0 = denoised(x, alpha, sigma)
        n = (x - alpha * x0) / sigma
        return {"noise": n, "denoiser": x0, "v": alpha * n - sigma * x0, "velocity": n - x0}[kind]

    return f


RIGHT = {
    "noise": td.score_from_noise_prediction(model("noise", VP), VP),
    "denoiser": td.score_from_denoiser(model("denoiser", VP), VP),
    "v": td.score_from_v_prediction(model("v", VP), VP),
    "velocity": td.score_from_velocity(model("velocity", LINE), LINE),
}


@pytest.mark.parametrize("kind", RIGHT)
def test_right_ones_pass(kind, key):
    seen = td.check_model(key, RIGHT[kind], RIGHT[kind].process, MIXTURE)
    assert seen.fits
    assert np.all(seen.loss.mean < seen.gaussian + 5 * seen.loss.stderr + ROUNDING)
    assert seen.explained > 0.99
    assert "sigma/alpha   loss" in str(seen)
    assert len(str(seen).splitlines()) == 2 + len(seen.time)


def test_the_loss_is_that_of_the_exact_answer(key):
    """For N(m, c) the least loss is 1 - sigma^2/(alpha^2 c + sigma^2), and the Gaussian's own column."""
    data = td.Gaussian([1.0, -1.0], [[2.0, 0.0], [0.0, 0.5]])
    score = td.score_from_noise_prediction(lambda x, t: td.exact_score(data, VP)(x, t) * -VP.sigma(t), VP)
    seen = td.check_model(key, score, VP, data)
    r = seen.noise_ratio[:, None]
    expected = 1 - (r**2 / (np.array([2.0, 0.5]) + r**2)).mean(axis=1)
    np.testing.assert_allclose(seen.gaussian, expected, rtol=1e-4, atol=1e-6)
    assert np.all(np.abs(seen.loss.mean - expected) < 5 * seen.loss.stderr + ROUNDING)


BACKWARDS = td.ContinuousTime(noise=0.0, data=1.0)
WRONG = {
    "noise, a clock that runs the other way": (
        td.score_from_noise_prediction(model("noise", VP), VP, time=BACKWARDS),
        r"need a clock that runs the other way, time=td\.ContinuousTime\(noise=1, data=0\), with which these are",
    ),
    "denoiser, a clock that runs the other way": (
        td.score_from_denoiser(model("denoiser", VP), VP, time=lambda t: 1 - t),
        r"need a clock that runs the other way, with which these are",
    ),
    "velocity that points at the data": (
        td.score_from_velocity(lambda x, t: -model("velocity", LINE)(x, t), LINE),
        r"need the opposite sign, lambda x, time: -f\(x, time\)",
    ),
    "velocity with data at 1": (
        td.score_from_velocity(lambda x, t: -model("velocity", LINE)(x, 1 - t), LINE),
        r"need a clock that runs the other way, time=td\.ContinuousTime\(noise=0, data=1\)",
    ),
    "v taken for noise": (
        td.score_from_noise_prediction(model("v", VP), VP),
        r"need td\.score_from_v_prediction: that fits better",
    ),
    "x_0 taken for noise": (
        td.score_from_noise_prediction(model("denoiser", VP), VP),
        r"need td\.score_from_denoiser: that fits better",
    ),
}


@pytest.mark.parametrize("name", WRONG)
def test_wrong_ones_are_refused_with_what_is_right(name, key):
    score, need = WRONG[name]
    with pytest.raises(ValueError, match=need) as caught:
        td.check_model(key, score, score.process, MIXTURE)
    said = str(caught.value)
    assert said.startswith("model: got a noise prediction n with E|eps - n|^2/d = ")
    assert "1 is no prediction at all" in said
    assert "\n" not in said


def test_one_that_nothing_mends_is_warned_of(key):
    noise = td.score_from_noise_prediction(lambda x, t: 3 * jnp.sin(5 * x), VP)
    with pytest.warns(
        UserWarning, match="^model: a noise prediction n with .*; none of the other conventions"
    ):
        assert not td.check_model(key, noise, VP, MIXTURE).fits


@pytest.mark.slow
def test_an_audit_refuses_a_clock_that_runs_the_other_way(key):
    score, need = WRONG["noise, a clock that runs the other way"]
    with pytest.raises(ValueError, match=need):
        td.audit(key, score, VP, MIXTURE, nodes=9, replicates=4, points=16)


def test_nan_at_small_times_names_the_time(key):
    """A model with a division by its own clock."""
    score = td.score_from_noise_prediction(
        lambda x, k: x * jnp.log(k), VP, time=td.StepNumber(100), t_min=1e-4
    )
    with pytest.raises(
        ScoreError,
        match=r"^model: NaN or infinite at t = 0\.0001 \(.*\), finite from 0\.\d+ on; give t_min= if",
    ):
        td.check_model(key, score, VP, MIXTURE)


def test_nothing_is_advised_that_does_not_convince(key):
    """Few rows leave much open: a prediction that is wrong in every reading is not taken for one that nearly fits."""
    rows = np.asarray(MIXTURE.sample(key, 40))
    noise = td.score_from_noise_prediction(lambda x, t: 3 * jnp.sin(5 * x), VP)
    with pytest.warns(UserWarning, match=r"^model: .*; none of the other conventions tried fits"):
        td.check_model(key, noise, VP, rows)


WIDE = td.Gaussian([0.0], [[0.49]])


def of_wide(kind, process):
    """The exact network of N(0, 0.7^2), by hand."""

    def f(x, t):
        t = jnp.clip(t, 1e-5, 0.99999)
        alpha, sigma = process.alpha(t), process.sigma(t)
        n, x0 = jnp.array([sigma, 0.49 * alpha])[:, None] * x / (0.49 * alpha**2 + sigma**2)
        return {"noise": n, "v": alpha * n - sigma * x0, "velocity": n - x0}[kind]

    return f


MILD = {
    "a flow's clock": (
        td.score_from_velocity(of_wide("velocity", LINE), LINE, time=BACKWARDS),
        r"where the Gaussian of the data has .*; they are .* with a clock that runs the other way, time=td\.Con",
    ),
    "the sign of v": (
        td.score_from_v_prediction(lambda x, t: -of_wide("v", VP)(x, t), VP),
        r"; they are .* with the opposite sign",
    ),
    "sigma_data": (  # EDM's F for N(0, 0.7^2) is 0 with sigma_data = 0.7
        td.score_from_denoiser(lambda x, c: 0.0 * x, VP, scaling=td.EDMScaling(2.0), time=td.EDMNoise()),
        r"none of the other conventions tried fits .* \(scaling=td\.EDMScaling",
    ),
    "noise for a score": (of_wide("noise", VP), r"^score: .* made a score by td\.score_from_"),
}


@pytest.mark.parametrize("name", MILD)
def test_worse_than_the_gaussian_is_warned_of(name, key):
    score, advice = MILD[name]
    with pytest.warns(UserWarning, match=advice):
        seen = td.check_model(key, score, getattr(score, "process", VP), WIDE)
    assert not seen.fits


def test_the_scale_of_the_time_is_found(key):
    f = model("noise", VP)
    score = td.score_from_noise_prediction(lambda x, c: f(x, jnp.clip(c / 1000, 0.0, 1.0)), VP)
    with pytest.raises(ValueError, match=r"need time=td\.ContinuousTime\(noise=(999|1000), data=0\), with"):
        td.check_model(key, score, VP, MIXTURE)


def test_few_rows_in_many_dimensions_are_no_fault(key):
    """The law's own score on 80 rows in 64 dimensions, whose own Gaussian is far better than the law's."""
    law = td.Gaussian(np.zeros(64), np.eye(64))
    rows = np.random.default_rng(0).normal(size=(80, 64))
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        assert td.check_model(key, td.exact_score(law, VP), VP, rows).fits
