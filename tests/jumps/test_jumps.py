"""Jumps held against matrix exponentials and plain enumeration, which share no code with the room."""

import itertools

import numpy as np
import pytest
from scipy.integrate import quad_vec, solve_ivp
from scipy.linalg import expm

import thermodiff as td

P0 = np.array([0.4, 0.1, 0.2, 0.3])
SPINS = td.jumps.UniformNoise(2, 2, rate=3.0)  # flip rate 1 for a time of 3
UNKIND = td.jumps.UniformNoise(3, 3, rate=0.7)  # three values, correlated, with states left out


def unkind_p0():
    p = np.random.default_rng(3).gamma(0.3, size=27)
    p[[4, 11]] = 0.0
    return p / p.sum()


def generator(values, sites, rate):
    states = list(itertools.product(range(values), repeat=sites))
    apart = np.array([[sum(a != b for a, b in zip(x, y, strict=True)) for y in states] for x in states])
    Q = rate * (apart == 1)
    return Q - np.diag(Q.sum(axis=1))


def shannon(p):
    return -sum(x * np.log(x) for x in p if x > 0)


def wrong(noise, p0, eps):
    """The true ratios times e^{eps cos(i + 2j)}."""
    true, i = td.jumps.concrete_score(noise, p0), np.arange(noise.size)[:, None, None]
    return lambda x, t: true(x, t) * np.exp(eps * np.cos(i + 2 * noise.moves))


@pytest.mark.parametrize(("noise", "p0"), [(SPINS, P0), (UNKIND, unkind_p0())], ids=["spins", "unkind"])
def test_marginals_are_those_of_the_matrix_exponential(noise, p0):
    Q = generator(noise.values, noise.sites, noise.rate)
    for t in (0.0, 0.03, 0.4, 1.0):
        np.testing.assert_allclose(noise.marginal(p0, t), p0 @ expm(t * Q), atol=1e-14)


def test_entropy_production_of_two_spins():
    production = td.jumps.entropy_production(SPINS, P0)
    assert production.reason == ""
    assert round(production.value, 8) == 0.10644001
    p1 = P0 @ expm(generator(2, 2, 3.0))
    assert production.value == pytest.approx(shannon(p1) - shannon(P0), abs=1e-13)
    drop = [sum(p * np.log(4 * p)) for p in (P0, p1)]
    assert production.value == pytest.approx(drop[0] - drop[1], abs=1e-13)


@pytest.mark.parametrize(("noise", "p0"), [(SPINS, P0), (UNKIND, unkind_p0())], ids=["spins", "unkind"])
def test_rates_are_the_double_sum_and_add_up(noise, p0):
    Q = generator(noise.values, noise.sites, noise.rate)

    def double_sum(t):
        p = p0 @ expm(t * Q)
        pairs = [(i, j) for i in range(len(p)) for j in range(len(p)) if i != j and Q[i, j] > 0]
        terms = ((p[i] * Q[i, j] - p[j] * Q[j, i], p[i] * Q[i, j] / (p[j] * Q[j, i])) for i, j in pairs)
        return 0.5 * sum(flux * np.log(ratio) for flux, ratio in terms)

    rates = td.jumps.jump_rates(noise, p0, [0.1, 0.6])
    np.testing.assert_allclose(rates.intrinsic, [double_sum(0.1), double_sum(0.6)], rtol=1e-12)
    np.testing.assert_array_equal(rates.exchange, 0.0)
    # What is infinite at t = 0 is integrable: t = u^4 takes the logarithm away.
    u, w = np.polynomial.legendre.leggauss(40)
    u = 0.5 * (1 + u)
    total = 0.5 * w @ (4 * u**3 * td.jumps.jump_rates(noise, p0, u**4).intrinsic)
    assert total == pytest.approx(td.jumps.entropy_production(noise, p0).value, abs=2e-8)


def test_rates_at_states_of_probability_zero_are_infinite_and_say_why():
    rates = td.jumps.jump_rates(UNKIND, unkind_p0(), 0.0)
    assert rates.intrinsic[0] == np.inf
    assert "probability zero" in rates.reason


def test_the_true_ratio_wastes_nothing_and_generates_the_data():
    answer = td.jumps.score_entropy(SPINS, P0, td.jumps.concrete_score(SPINS, P0))
    assert abs(answer.waste) < 1e-14
    p1 = SPINS.marginal(P0, 1.0)
    model = td.jumps.model_distribution(SPINS, td.jumps.concrete_score(SPINS, P0), prior=p1)
    np.testing.assert_allclose(model, P0, atol=1e-10)


@pytest.mark.parametrize(
    ("eps", "waste", "kl"), [(0.1, 0.00877293, 0.00107821), (0.3, 0.08057949, 0.00967831)]
)
def test_a_wrong_ratio_wastes_what_the_matrix_exponential_says(eps, waste, kl):
    """The KL to the digits of the master equation solved to 1e-12; a midpoint rule of 2000 steps is 6e-8 below it."""
    score, Q = wrong(SPINS, P0, eps), generator(2, 2, 3.0)
    answer = td.jumps.score_entropy(SPINS, P0, score)

    def rate(t):
        p, total = P0 @ expm(t * Q), 0.0
        for i, j in itertools.permutations(range(4), 2):
            r = p[j] / p[i]
            s = r * np.exp(eps * np.cos(i + 2 * j))
            total += p[i] * Q[j, i] * (s - r * np.log(s) + r * np.log(r) - r)
        return total

    def reverse(back, q):
        p = P0 @ expm((1 - back) * Q)
        R = Q.T * p / p[:, None] * np.exp(eps * np.cos(np.arange(4)[:, None] + 2 * np.arange(4)))
        np.fill_diagonal(R, 0.0)
        return q @ R - q * R.sum(axis=1)

    assert round(answer.waste, 8) == waste
    assert answer.waste == pytest.approx(quad_vec(rate, 0, 1, epsabs=1e-12)[0], abs=1e-11)
    assert answer.quadrature_error < 1e-10
    model = td.jumps.model_distribution(SPINS, score)
    oracle = solve_ivp(reverse, (0, 1), np.full(4, 0.25), method="DOP853", rtol=1e-12, atol=1e-14).y[:, -1]
    np.testing.assert_allclose(model, oracle, atol=1e-10)
    assert round(float(P0 @ np.log(P0 / model)), 8) == kl
    assert answer.neg_elbo - answer.entropy == pytest.approx(answer.waste + answer.terminal, abs=1e-14)
    assert answer.waste + answer.terminal > kl


def test_waste_bounds_the_divergence_where_states_are_left_out():
    p0 = unkind_p0()
    score = wrong(UNKIND, p0, 0.2)
    answer = td.jumps.score_entropy(UNKIND, p0, score, nodes=128)
    start = UNKIND.marginal(p0, 1e-3)
    model = td.jumps.model_distribution(UNKIND, score, t_min=1e-3)
    assert model.sum() == pytest.approx(1.0, abs=1e-9)
    assert 0 < start @ np.log(start / model) < answer.waste + answer.terminal


# --- masks --------------------------------------------------------------------------------------

MASKS = td.jumps.MaskedNoise(2, 2)


def test_masked_entropy_production_is_infinite_and_says_why():
    production = td.jumps.entropy_production(MASKS, P0)
    assert production.value == np.inf
    assert "absorbing" in production.reason
    rates = td.jumps.jump_rates(MASKS, P0, [0.3])
    assert rates.intrinsic[0] == np.inf
    assert rates.exchange[0] == -np.inf
    assert rates.reason == production.reason


@pytest.mark.parametrize(
    ("values", "sites", "p0"), [(2, 2, P0), (3, 3, unkind_p0())], ids=["spins", "unkind"]
)
def test_the_integral_of_unmasking_is_the_entropy(values, sites, p0):
    noise = td.jumps.MaskedNoise(values, sites)
    u, w = np.polynomial.legendre.leggauss(8)
    rate, total = td.jumps.unmasking_entropy(noise, p0, 0.5 * (1 + u))
    assert total == pytest.approx(shannon(p0), abs=1e-13)
    assert 0.5 * w @ rate == pytest.approx(total, abs=1e-13)
    if sites == 2:
        assert round(total, 10) == 1.2798542258
        # By hand: H(x_0|x_t) = t^2 H(0,1) + t(1 - t)(H(0|1) + H(1|0)).
        H, H0, H1 = shannon(P0), shannon([0.5, 0.5]), shannon([0.6, 0.4])
        np.testing.assert_allclose(
            td.jumps.unmasking_entropy(noise, p0, [0.3])[0][0], 0.6 * H + 0.4 * (2 * H - H0 - H1)
        )


def test_the_masked_sequence_has_its_own_entropy_rate():
    """Against differences of the entropy of all nine states, enumerated."""

    def nine(t):
        p, parts = P0.reshape(2, 2), []
        parts += [(1 - t) ** 2 * P0, (1 - t) * t * p.sum(axis=0), (1 - t) * t * p.sum(axis=1), [t**2]]
        return shannon(np.concatenate(parts))

    rate = td.jumps.jump_rates(MASKS, P0, [0.35]).system[0]
    assert rate == pytest.approx((nine(0.3501) - nine(0.3499)) / 2e-4, abs=1e-6)


def conditionals(p, values, sites, tilt=0.0):
    """ln q(x_l | seen) by summing over every state that agrees with what is seen; ``tilt`` makes it wrong."""
    states = np.array(list(itertools.product(range(values), repeat=sites)))

    def of(x):
        out = np.empty((len(x), sites, values))
        for n, row in enumerate(x):
            agrees = ((row == -1) | (states == row)).all(axis=1)
            for site, value in itertools.product(range(sites), range(values)):
                out[n, site, value] = p[agrees & (states[:, site] == value)].sum() + 1e-12
        out *= np.exp(tilt * np.arange(values))
        return np.log(out / out.sum(axis=2, keepdims=True))

    return of


def test_true_conditionals_give_the_entropy_and_wrong_ones_more():
    p0 = unkind_p0()
    noise = td.jumps.MaskedNoise(3, 3)
    _, elbo = td.jumps.unmasking_cross_entropy(noise, p0, conditionals(p0, 3, 3), [0.5])
    assert elbo == pytest.approx(shannon(p0), abs=1e-9)
    # An order in which the wrong model generates: its -ELBO is the mean over orders of the chain rule's cross-entropy.
    wrong_q = conditionals(p0, 3, 3, tilt=0.4)
    _, elbo = td.jumps.unmasking_cross_entropy(noise, p0, wrong_q, [0.5])
    by_order, states = [], list(itertools.product(range(3), repeat=3))
    for order in itertools.permutations(range(3)):
        total = 0.0
        for i, x in enumerate(states):
            seen = np.full(3, -1)
            for site in order:
                total -= p0[i] * wrong_q(seen[None])[0, site, x[site]]
                seen[site] = x[site]
        by_order.append(total)
    assert elbo == pytest.approx(np.mean(by_order), abs=1e-9)
    assert elbo > shannon(p0) + 0.01


# --- bad input ----------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda: td.jumps.UniformNoise(2, 13), "sites: got 13 of 2 values, 8192 states, need at most 4096"),
        (lambda: td.jumps.MaskedNoise(3, 7), "sites: got 7 of 4 values, 16384 states"),
        (lambda: td.jumps.UniformNoise(1, 3), "values: got 1, need at least 2"),
        (lambda: td.jumps.UniformNoise(2, 2, rate=-1.0), "rate: got -1.0, need a positive"),
        (lambda: SPINS.marginal(P0, 1.5), r"t: got 1.5, need times in \[0, 1\]"),
        (lambda: td.jumps.entropy_production(SPINS, P0[:3]), "p0: got 3 probabilities, need 4"),
        (lambda: td.jumps.entropy_production(SPINS, [0.5, 0.6, -0.1, 0.0]), "p0: got -0.1 for state 2"),
        (lambda: td.jumps.entropy_production(SPINS, 2 * P0), "p0: got probabilities that add up to 2"),
        (lambda: td.jumps.entropy_production("uniform", P0), "noise: got str, need a UniformNoise or"),
        (lambda: td.jumps.score_entropy(MASKS, P0, None), "noise: got MaskedNoise, need a UniformNoise"),
        (
            lambda: td.jumps.score_entropy(SPINS, P0, None),
            r"score: got NoneType, need a callable score\(x, t",
        ),
        (lambda: td.jumps.model_distribution(SPINS, P0), "score: got ndarray, need a callable score"),
        (lambda: td.jumps.concrete_score(MASKS, P0), "noise: got MaskedNoise, need a UniformNoise"),
        (lambda: td.jumps.unmasking_entropy(SPINS, P0, [0.5]), "noise: got UniformNoise, need a MaskedNoise"),
        (
            lambda: td.jumps.unmasking_cross_entropy(SPINS, P0, lambda x: x, [0.5]),
            "noise: got UniformNoise, need a MaskedNoise",
        ),
        (lambda: td.jumps.score_entropy(SPINS, P0, None, nodes=2), "nodes: got 2, need at least 4"),
        (
            lambda: td.jumps.score_entropy(SPINS, P0, lambda x, t: np.ones((4, 2))),
            r"score: got an output of shape \(4, 2\) at t = .*, need shape \(4, 2, 2\)",
        ),
        (
            lambda: td.jumps.model_distribution(UNKIND, td.jumps.concrete_score(UNKIND, unkind_p0())),
            "score: got inf at t = 0, need finite ratios",
        ),
        (
            lambda: td.jumps.unmasking_cross_entropy(MASKS, P0, lambda x: np.zeros((len(x), 2, 2)), [0.5]),
            "log_conditionals: got probabilities off a sum of 1 by 1, need normalised ones",
        ),
        (
            lambda: td.jumps.unmasking_cross_entropy(MASKS, P0, lambda x: np.zeros(2), [0.5]),
            r"log_conditionals: got an output of shape \(2,\), need shape \(1, 2, 2\)",
        ),
    ],
)
def test_bad_input_gets_one_line(call, message):
    with pytest.raises(ValueError, match=message) as told:
        call()
    assert "\n" not in str(told.value)
