"""The covariance formula by finite differences, its sample form by enumeration, predictions kept and broken."""

import dataclasses
import re

import numpy as np
import pytest
from character_rollouts import character_rollouts

from thermodiff.exploration.exchange.covariance import entropy_covariance, entropy_derivative
from thermodiff.exploration.rollouts import Rollouts


def softmax(z):
    e = np.exp(z - z.max(-1, keepdims=True))
    return e / e.sum(-1, keepdims=True)


def entropy(z):
    p = softmax(z)
    return -(p * np.log(np.where(p > 0, p, 1))).sum(-1)


def test_the_derivative_by_finite_differences():
    """Richardson's central differences, error h^4: natural and plain gradients, and a token that cannot be drawn."""
    rng = np.random.default_rng(0)
    z, advantage = rng.normal(size=(20, 9)) * 2, rng.normal(size=(20, 9))
    z[0, 4] = -np.inf
    for dz in (advantage, softmax(z) * advantage):

        def slope(h, dz=dz):
            return (entropy(z + h * dz) - entropy(z - h * dz)) / (2 * h)

        exact = (4 * slope(5e-4) - slope(1e-3)) / 3
        np.testing.assert_allclose(entropy_derivative(z, dz), exact, atol=1e-10)
    with pytest.raises(ValueError, match=r"direction: got shape \(3,\), need that of the logits, \(4,\)"):
        entropy_derivative(np.zeros(4), np.zeros(3))


def one_state(z, right, n, rng, step=0):
    """n responses of one token to each of two problems that are the same."""
    drawn = rng.choice(len(z), 2 * n, p=softmax(z))
    return Rollouts(
        np.repeat([0, 1], n),
        right[drawn],
        step=np.full(2 * n, step),
        offsets=np.arange(2 * n + 1),
        log_probs=np.log(softmax(z))[drawn],
        entropies=np.full(2 * n, entropy(z)),
        source="made up",
    )


def test_one_state_against_the_exact_derivative():
    """A natural step along A = (r - p)/sd: dH is -1 times the covariance of the tokens, within four errors of it."""
    rng = np.random.default_rng(2)
    z, right = rng.normal(size=8), np.arange(8) < 3
    p = softmax(z)[right].sum()
    advantage = (right - p) / np.sqrt(p * (1 - p))
    covariance = entropy_covariance(one_state(z, right, 20_000, rng))
    error = np.nanstd(covariance.values) / np.sqrt(len(covariance.values))
    assert abs(-covariance.mean.mean - entropy_derivative(z, advantage)) < 4 * error


def training(eta, steps, rng, drift=0.0):
    """Natural gradient on one state, with rollouts before every update; ``drift`` heats it for another reason.

    Also the exact least-squares slope of the changes of entropy on the exact covariances.
    """
    z, right = rng.normal(size=8), np.arange(8) < 3
    parts, covariance, entropies = [], [], []
    for step in range(steps):
        parts.append(one_state(z, right, 4000, rng, step))
        p = softmax(z)[right].sum()
        advantage = (right - p) / np.sqrt(p * (1 - p))
        covariance.append(-entropy_derivative(z, advantage))
        entropies.append(entropy(z))
        z = (1 - drift) * z + eta * advantage
    both = {
        name: np.concatenate([getattr(part, name) for part in parts])
        for name in ("problem", "correct", "step", "log_probs", "entropies")
    }
    x = np.array(covariance[:-1])
    return Rollouts(**both, offsets=np.arange(len(both["problem"]) + 1)), x @ np.diff(entropies) / (x @ x)


def test_the_prediction_holds_for_small_natural_steps():
    eta = 0.01
    rollouts, exact = training(eta, 60, np.random.default_rng(4))
    covariance = entropy_covariance(rollouts)
    response = covariance.response
    assert abs(response.slope.mean - exact) < 4 * response.slope.stderr
    assert abs(exact + eta) < 0.1 * eta  # the first order is nearly all
    assert response.correlation < -0.95
    assert response.slope.n == 59
    np.testing.assert_array_equal(response.steps, np.arange(60))
    assert "59 changes" in str(covariance)


def test_the_prediction_fails_where_something_else_moves_entropy():
    rollouts, exact = training(0.01, 60, np.random.default_rng(4), drift=0.05)
    response = entropy_covariance(rollouts).response
    assert exact > 0
    assert abs(response.slope.mean - exact) < 4 * response.slope.stderr


def test_products_against_a_loop():
    r = character_rollouts()
    got = entropy_covariance(r)
    advantage = np.zeros(64)
    for problem in range(8):
        own = r.problem == problem
        reward = r.correct[own].astype(float)
        advantage[own] = (reward - reward.mean()) / (reward.std() + 1e-6)
    tokens = np.repeat(advantage, np.diff(r.offsets))
    products = (r.log_probs - r.log_probs.mean()) * (tokens - tokens.mean())
    np.testing.assert_allclose(got.values, products, atol=1e-9)
    assert got.mean.mean == pytest.approx(products.mean(), abs=1e-9)
    assert got.mean.n == 8
    np.testing.assert_allclose(
        got.quantiles, np.quantile(products, [0.5, 0.9, 0.99, 0.999, 0.9998]), atol=1e-9
    )
    assert got.large == (products > 1).mean()
    top = np.sort(products)[::-1][: int(np.ceil(0.01 * len(products)))]
    assert got.top_share == pytest.approx(top.sum() / products[products > 0].sum(), abs=1e-9)
    assert got.response is None
    alike = np.mean([r.correct[r.problem == p].std() == 0 for p in range(8)])
    expected = f"{alike:.1%} of the groups are all right or all wrong: advantage 0"
    assert got.remarks == ((expected,) if alike else ())


def test_advantages_can_be_given():
    r = character_rollouts()
    own = np.random.default_rng(0).normal(size=64)
    tokens = np.repeat(own, np.diff(r.offsets))
    assert entropy_covariance(r, own).mean == entropy_covariance(r, tokens).mean
    assert entropy_covariance(r, np.ones(64)).mean.mean == 0


def test_all_alike_and_tokens_not_listed():
    r = character_rollouts()
    alike = entropy_covariance(dataclasses.replace(r, correct=np.ones(64, bool)))
    assert alike.mean.mean == 0
    assert np.isnan(alike.top_share)
    assert alike.remarks == ("100.0% of the groups are all right or all wrong: advantage 0",)
    r.log_probs[3] = -np.inf
    some = entropy_covariance(r)
    assert np.isnan(some.values[3])
    assert np.isfinite(some.mean.mean)
    assert some.remarks[-1] == "1 drawn tokens have no log-probability: left out"


def test_what_is_refused():
    r = character_rollouts()
    cases = [
        (
            dataclasses.replace(r, log_probs=None),
            None,
            "characters.jsonl.gz: log_probs: got none, need log-prob",
        ),
        (
            dataclasses.replace(r, log_probs=np.full_like(r.log_probs, -np.inf)),
            None,
            "got none that is listed",
        ),
        (r, np.ones(3), "advantages: got shape (3,), need one a response (64,) or one a token"),
        (r, np.full(64, np.nan), "advantages: got NaN or infinity, need finite numbers"),
    ]
    for data, advantages, message in cases:
        with pytest.raises(ValueError, match=re.escape(message)):
            entropy_covariance(data, advantages)
