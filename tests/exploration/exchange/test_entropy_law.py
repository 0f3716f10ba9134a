"""Laws of reward and entropy: their fits by whole matrices, and when the data can tell them apart."""

import re

import numpy as np
import pytest
from curves_made_up import noise
from scipy.stats import multivariate_normal

from thermodiff.exploration.exchange.entropy_law import fit_entropy_law
from thermodiff.exploration.exchange.law_curves import exchange_curve


def points(kind, low, high, rng, n=80, phi=0.5, size=0.02):
    """A training whose entropy falls from ``high`` to ``low``, and its reward by one of the laws."""
    entropy = low + (high - low) * np.exp(-4 * np.arange(n) / n)
    reward = {
        "exponential": lambda h: 0.7 - 0.5 * (np.exp(h) - np.exp(low)) / (np.exp(high) - np.exp(low)),
        "line": lambda h: 0.7 - 0.5 * (h - low) / (high - low),
        "constant": lambda h: 0.4 + 0 * h,
        "exchange": lambda h: exchange_curve(h, 0.15, 0.9, 4.0),
    }[kind](entropy)
    return np.arange(n), reward + noise(rng, n, phi, size), entropy


def test_the_exchange_curve_satisfies_the_identity():
    s_c, s_w, length = 0.2, 0.6, 12.0
    top = 1 / (1 + np.exp(length * (s_w - s_c)))
    greatest = np.log(np.exp(length * s_c) + np.exp(length * s_w)) / length
    entropy = np.linspace(s_c, greatest, 50)
    r = exchange_curve(entropy, s_c, s_w, length)
    inside = (r > 0) & (r < 1)
    h = np.zeros(50)
    h[inside] = -r[inside] * np.log(r[inside]) - (1 - r[inside]) * np.log(1 - r[inside])
    np.testing.assert_allclose((h + r * length * s_c + (1 - r) * length * s_w) / length, entropy, atol=1e-5)
    assert (np.diff(r) < 0).all()
    assert r[0] == 1
    assert r[-1] == pytest.approx(top, abs=1e-6)


def test_fits_and_aic_by_whole_matrices():
    step, reward, entropy = points("exponential", 0.2, 1.5, np.random.default_rng(0))
    law = fit_entropy_law(step, reward, entropy)
    for name, column in (("exponential", np.exp(entropy)), ("line", entropy)):
        fit = law.fits[name]
        correlations = fit.autocorrelation ** np.abs(step[:, None] - step)
        inverse = np.linalg.inv(correlations)
        design = np.stack([-column, np.ones(80)], 1)
        own = np.linalg.solve(design.T @ inverse @ design, design.T @ inverse @ reward)
        left = reward - design @ own
        sigma = np.sqrt(left @ inverse @ left / 80)
        errors = np.sqrt(np.diag(np.linalg.inv(design.T @ inverse @ design)) * sigma**2 * 80 / 78)
        for i, key in enumerate("ab"):
            assert fit.parameters[key].mean == pytest.approx(own[i], rel=1e-8)
            assert fit.parameters[key].stderr == pytest.approx(errors[i], rel=1e-8)
        score = -2 * multivariate_normal.logpdf(left, cov=sigma**2 * correlations) - 80 * (
            1 + np.log(2 * np.pi)
        )
        assert fit.aic == pytest.approx(score + 2 * 4, abs=1e-6)
    assert law.line_less_exponential == law.fits["line"].aic - law.fits["exponential"].aic


@pytest.mark.parametrize("kind", ["exponential", "line", "exchange"])
def test_a_wide_range_tells(kind):
    law = fit_entropy_law(*points(kind, 0.2, 1.0 if kind == "exchange" else 2.5, np.random.default_rng(1)))
    assert law.verdict == kind
    assert f"H from {law.range[0]:.3g} to {law.range[1]:.3g}: {kind}" in str(law)


@pytest.mark.parametrize("kind", ["exponential", "line"])
def test_a_narrow_range_does_not(kind):
    law = fit_entropy_law(*points(kind, 0.2, 0.37, np.random.default_rng(2)))
    assert law.verdict == "cannot be told apart on this range of H"
    assert law.contrast < 6
    assert "the exponential, if true, would be better than a line by" in str(law)


def test_no_relation_is_an_answer():
    law = fit_entropy_law(*points("constant", 0.2, 1.5, np.random.default_rng(3)))
    assert law.verdict == "no relation of reward and entropy can be seen"


def test_a_known_length_and_rewards_that_are_no_accuracies():
    step, reward, entropy = points("exchange", 0.2, 1.0, np.random.default_rng(4))
    given = fit_entropy_law(step, reward, entropy, length=4.0)
    values = {name: value.mean for name, value in given.fits["exchange"].parameters.items()}
    assert values["L"] == 4
    assert given.verdict == "exchange"
    free = fit_entropy_law(step, reward, entropy)
    # One number more cannot make the likelihood less.
    assert free.fits["exchange"].aic <= given.fits["exchange"].aic + 2 + 1e-3
    outside = fit_entropy_law(step, 3 * reward, entropy)
    assert "exchange" not in outside.fits
    assert outside.remarks[0] == "rewards outside [0, 1] are no accuracies: no exchange curve"
    rising = fit_entropy_law(step, -reward, entropy)
    assert rising.remarks[-1] == "reward rises with entropy here: no entropy is paid for accuracy"


def test_in_long_responses_the_exchange_is_the_line():
    rng = np.random.default_rng(8)
    entropy = np.linspace(0.2, 0.9, 80)
    straight = 1 - (entropy - 0.1) / 0.9
    np.testing.assert_allclose(exchange_curve(entropy, 0.1, 1.0, 1e5), straight, atol=1e-4)
    law = fit_entropy_law(np.arange(80), straight + noise(rng, 80, 0.3, 0.02), entropy)
    # One number more than the line, which it contains.
    assert law.fits["exchange"].aic <= law.fits["line"].aic + 2 + 1e-2
    assert law.verdict == "line"


def test_entropies_of_whole_responses_do_not_overflow():
    step, reward, entropy = points("line", 700.0, 900.0, np.random.default_rng(5))
    law = fit_entropy_law(step, reward, entropy, length=1.0)
    assert np.isfinite(law.fits["line"].aic)
    assert np.isfinite(law.fits["exponential"].aic)
    assert np.isfinite(law.fits["exchange"].aic)


def test_what_is_refused():
    step, reward, entropy = points("line", 0.2, 1.0, np.random.default_rng(6))
    for arguments, options, message in [
        ((step, reward, np.ones(80)), {}, "entropy: got a constant, need a curve that varies"),
        ((step, reward, entropy), {"length": -1.0}, "length: got -1.0, need a positive, finite number"),
        ((step, reward[:5], entropy), {}, "reward: got shape (5,), need one number a step"),
    ]:
        with pytest.raises(ValueError, match=re.escape(message)):
            fit_entropy_law(*arguments, **options)


@pytest.mark.slow
@pytest.mark.parametrize(
    ("kind", "high"), [("exponential", 1.0), ("line", 1.0), ("constant", 1.0), ("line", 0.4)]
)
def test_how_often_a_wrong_curve_is_named(kind, high):
    """60 trainings each: a curve that is not the true one is named in at most 5 %, within the error."""
    rng = np.random.default_rng(7)
    wrong = 0
    for _ in range(60):
        verdict = fit_entropy_law(*points(kind, 0.2, high, rng)).verdict
        wrong += verdict in {"exponential", "line", "exchange", "constant"} - {kind}
    assert wrong / 60 < 0.05 + 3.5 * np.sqrt(0.05 * 0.95 / 60)
