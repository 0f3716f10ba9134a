"""Transfer entropy and lagged mutual information of linear Gaussian processes, against Lyapunov's equation."""

import itertools
import re

import jax
import numpy as np
import pytest
from problems_information import SMALL
from scipy.linalg import solve_discrete_lyapunov

import thermodiff as td
from thermodiff.information.time_series.transfer import _mapped

DRIVES = np.array([[0.7, 0.0], [0.4, 0.5]])
"""The first coordinate drives the second, not the other way round."""
NOISE = np.array([[1.0, 0.3], [0.3, 0.8]])
SETTING = td.CrossFitting(
    training=td.TrainingConfig(
        steps=300, batch_size=256, learning_rate=3e-3, width=64, depth=2, chunk=100, patience=4
    )
)


def series(seed, n):
    rng, root, state = np.random.default_rng(seed), np.linalg.cholesky(NOISE), np.zeros(2)
    out = np.empty((n + 300, 2))
    for t in range(n + 300):
        state = DRIVES @ state + root @ rng.normal(size=2)
        out[t] = state
    return out[300:]


def covariance(places):
    """Of s_(t - lag, coordinate) for (lag, coordinate) in ``places``, stationary."""
    now = solve_discrete_lyapunov(DRIVES, NOISE)
    found = np.empty((len(places), len(places)))
    for (i, (lag, a)), (j, (other, b)) in itertools.product(enumerate(places), repeat=2):
        power = np.linalg.matrix_power(DRIVES, abs(other - lag)) @ now
        found[i, j] = power[a, b] if other >= lag else power[b, a]
    return found


def information(first, second, given=()):
    """I(first; second | given) of places of the process, nats."""

    def log_det(places):
        return np.linalg.slogdet(covariance(places))[1] if places else 0.0

    first, second, given = list(first), list(second), list(given)
    return 0.5 * (
        log_det(first + given) + log_det(second + given) - log_det(first + second + given) - log_det(given)
    )


def test_the_oracle_itself():
    """y_t given both pasts is left with the noise's own variance; one past alone leaves more."""
    all_of_it = information([(0, 1)], [(1, 0), (1, 1)])
    assert all_of_it == pytest.approx(0.5 * np.log(covariance([(0, 1)])[0, 0] / NOISE[1, 1]))
    assert information([(0, 0)], [(1, 1)], [(1, 0)]) == pytest.approx(0.0, abs=1e-12)


@pytest.mark.slow
@pytest.mark.parametrize(("source", "history"), [(0, 1), (0, 2), (1, 1)])
def test_transfer_entropy_of_a_linear_process(source, history):
    s = series(0, 1500)
    got = td.transfer_entropy(
        jax.random.key(0),
        s[:, source],
        s[:, 1 - source],
        source_history=history,
        target_history=history,
        settings=SETTING,
    )
    lags = range(1, history + 1)
    expected = information(
        [(0, 1 - source)], [(lag, source) for lag in lags], [(lag, 1 - source) for lag in lags]
    )
    assert abs(got.mean - expected) < 4 * got.stderr
    assert got.n == 1500 - history
    values, correction = got.pointwise
    assert values.mean() + correction == pytest.approx(got.mean, abs=1e-6)
    assert got.to_dict()["block"] == got.block >= 1


@pytest.mark.slow
def test_lagged_mutual_information_finds_the_delay():
    """Before, at and after: by lag as Lyapunov says, each within its error, all of as many rows."""
    s = series(1, 1500)
    got = td.lagged_mutual_information(jax.random.key(1), s[:, :1], s[:, 1:], [-1, 0, 1, 4], settings=SETTING)
    expected = [information([(max(lag, 0), 0)], [(max(-lag, 0), 1)]) for lag in (-1, 0, 1, 4)]
    assert np.all(np.abs(got.mean - expected) < 4 * got.stderr)
    assert {answer.n for answer in got.answers} == {1500 - 5}
    assert got.lag[np.argmax(got.mean)] == 1
    assert len(re.findall(r"^ *-?[014]  +-?0\.\d{2,4} +± 0\.\d+$", str(got), re.MULTILINE)) == 4
    assert got.to_dict()["lag"] == [-1, 0, 1, 4]


@pytest.mark.slow
def test_a_common_driver_that_is_given_explains_it_away():
    """x and y follow w by one and by two steps: x seems to drive y, until w is given."""
    rng = np.random.default_rng(2)
    w, noise = rng.normal(size=1502), 0.5 * rng.normal(size=(2, 1500))
    x, y = w[1:-1] + noise[0], w[:-2] + noise[1]
    plain = td.transfer_entropy(jax.random.key(2), x, y, settings=SETTING)
    # x_(t-1) = w_(t-1) + noise and y_t = w_(t-1) + noise: correlation 1/1.25.
    assert abs(plain.mean + 0.5 * np.log(1 - 0.8**2)) < 4 * plain.stderr
    explained = td.transfer_entropy(jax.random.key(2), x, y, given=w[1:-1], settings=SETTING)
    assert abs(explained.mean) < 4 * explained.stderr


def test_columns_of_a_series_that_are_narrow_together_are_mixed():
    """And others are not touched."""
    g, h = np.random.default_rng(4).normal(size=(2, 500))
    (narrow, wide), _ = _mapped({"source": np.column_stack([g, g + 1e-4 * h]), "target": h}, td.Gaussianise)
    assert abs(np.corrcoef(narrow, rowvar=False)[0, 1]) < 0.5
    np.testing.assert_array_equal(wide, td.Gaussianise(h[:, None]).forward(h[:, None]))


def test_arguments_that_do_not_fit(key):
    s = series(3, 300)
    x, y = s[:, 0], s[:, 1]
    cases = [
        (lambda: td.transfer_entropy(key, x, y[1:]), "target: got 299 rows, need as many as source has, 300"),
        (lambda: td.transfer_entropy(key, x, y, given=y[1:]), "given: got 299 rows, need as many as source"),
        (lambda: td.transfer_entropy(key, x, y, source_history=0), "source_history: got 0, need a positive"),
        (
            lambda: td.transfer_entropy(key, x, x),
            r"columns: got target\[:, 0\] at t - 1, source\[:, 0\] at t - 1, one",
        ),
        (lambda: td.transfer_entropy(key, x[:50], y[:50]), "source: got 50 rows, need at least 60"),
        (lambda: td.transfer_entropy(key, x[:90], y[:90], source_history=20), "rows: got 70 of them in time"),
        (lambda: td.lagged_mutual_information(key, x, y, []), r"lags: got \[\], need a list of whole"),
        (lambda: td.lagged_mutual_information(key, x, y, [0.5]), r"lags: got \[0.5\], need a list of whole"),
        (lambda: td.lagged_mutual_information(key, x, y, [-200, 200]), "lags: got 400 steps apart, need few"),
        (
            lambda: td.lagged_mutual_information(key, x, x, [0], settings=SMALL),
            r"columns: got y\[:, 0\] at t, x\[:, 0\] at t, one",
        ),
    ]
    for call, message in cases:
        with pytest.raises(ValueError, match=f"^{message}"):
            call()
