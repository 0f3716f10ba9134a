"""Statistics of tokens against sums written out, in three libraries, and what a loop that logs them gives back."""

import numpy as np
import pytest

from thermodiff.exploration.rollouts import Rollouts
from thermodiff.exploration.tokens.statistics import token_statistics
from thermodiff.exploration.tokens.surprise import surprise_entropy_gap

RNG = np.random.default_rng(5)
LOGITS = RNG.normal(size=(3, 4, 7)) * 3
LOGITS[0, 0, 2] = -np.inf
TOKENS = RNG.integers(0, 7, size=(3, 4))
TOKENS[0, 0] = 1


def by_hand(logits, token, temperature, mass, top):
    z = [float(value) / temperature for value in logits]
    total = sum(np.exp(np.array(z, dtype=np.longdouble)))
    p = [np.exp(np.longdouble(value)) / total for value in z]
    order = sorted(p, reverse=True)
    size, reached = 0, np.longdouble(0)
    while reached < mass and size < len(order):
        reached += order[size]
        size += 1
    entropy = -sum(value * np.log(value) for value in p if value > 0)
    return float(np.log(p[token])), float(entropy), size, [float(np.log(v)) for v in order[:top]]


def compare(got, temperature, mass, rtol):
    for index in np.ndindex(3, 4):
        log_prob, entropy, size, top = by_hand(LOGITS[index], TOKENS[index], temperature, mass, 4)
        assert float(got.log_prob[index]) == pytest.approx(log_prob, rel=rtol)
        assert float(got.entropy[index]) == pytest.approx(entropy, rel=rtol)
        assert int(got.nucleus_size[index]) == size
        np.testing.assert_allclose(np.asarray(got.top_log_probs[index]), top, rtol=rtol)


@pytest.mark.parametrize("temperature", [0.5, 1.0, 2.0])
@pytest.mark.parametrize("mass", [0.5, 0.95])
def test_numpy_against_sums_written_out(temperature, mass):
    compare(token_statistics(LOGITS, TOKENS, temperature, mass, top=4), temperature, mass, 1e-12)


def test_jax_compiled():
    import jax
    import jax.numpy as jnp

    logits, tokens = jnp.asarray(LOGITS), jnp.asarray(TOKENS)
    got = jax.jit(token_statistics, static_argnames=("temperature", "mass", "top"))(
        logits, tokens, temperature=0.7, mass=0.95, top=4
    )
    assert isinstance(got.entropy, jax.Array)
    compare(got, 0.7, 0.95, 2e-5)


def test_a_tie_with_all_and_one_certain_token():
    even = token_statistics(np.zeros((1, 100)), np.array([3]), 1.0, mass=0.955)
    assert even.nucleus_size[0] == 96
    assert even.entropy[0] == pytest.approx(np.log(100), abs=1e-12)
    certain = token_statistics(np.array([[0.0, -np.inf, -np.inf]]), np.array([0]), 1.0, top=3)
    assert certain.entropy[0] == 0
    assert certain.log_prob[0] == 0
    assert certain.nucleus_size[0] == 1
    np.testing.assert_array_equal(certain.top_log_probs[0], [0, -np.inf, -np.inf])
    assert token_statistics(np.zeros((1, 6)), np.array([3]), 1.0, mass=1.0).nucleus_size[0] == 6


def test_padding_has_no_log_probability():
    got = token_statistics(np.zeros((3, 8)), np.array([-100, 8, 7]), 1.0)
    np.testing.assert_array_equal(np.isnan(got.log_prob), [True, True, False])


@pytest.mark.parametrize(
    ("tokens", "options", "message"),
    [
        (np.zeros(2, int), {}, r"tokens: got shape \(2,\), need one token a row of logits, \(3,\)"),
        (np.zeros(3, int), {"temperature": 0.0}, r"temperature: got 0.0, need a positive number"),
        (np.zeros(3, int), {"mass": 1.2}, r"mass: got 1.2, need a probability"),
        (np.zeros(3, int), {"top": 9}, r"top: got 9, need 1 to V = 8"),
    ],
)
def test_what_is_refused(tokens, options, message):
    with pytest.raises(ValueError, match=message):
        token_statistics(np.zeros((3, 8)), tokens, **{"temperature": 1.0, **options})


def logged(temperature_of_log, problems=60, rollouts=8, seed=0):
    """A loop as a user writes it: a table of logits per problem and last token, 8 symbols, symbol 0 ends."""
    rng = np.random.default_rng(seed)
    tables = rng.normal(size=(problems, 8, 8)) * 1.5
    problem, lengths, log_probs, entropies = [], [], [], []
    for i in range(problems):
        for _ in range(rollouts):
            last, steps = 1, 0
            while last != 0 and steps < 30:
                logits = tables[i, last]
                p = np.exp(logits) / np.exp(logits).sum()
                last = rng.choice(8, p=p)
                row = token_statistics(logits[None], np.array([last]), temperature_of_log, top=1)
                log_probs.append(row.log_prob[0])
                entropies.append(row.entropy[0])
                steps += 1
            problem.append(i)
            lengths.append(steps)
    offsets = np.concatenate([[0], np.cumsum(lengths)])
    return Rollouts(
        np.array(problem),
        np.zeros(len(problem), bool),
        offsets=offsets,
        log_probs=np.array(log_probs),
        entropies=np.array(entropies),
    )


def test_what_a_loop_logs_passes_the_gap_and_another_temperature_does_not():
    assert abs(surprise_entropy_gap(logged(1.0)).z[0]) < 3
    assert surprise_entropy_gap(logged(1.4)).z[0] < -4
    assert surprise_entropy_gap(logged(0.7)).z[0] > 4
