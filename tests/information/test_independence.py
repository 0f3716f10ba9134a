"""The permutation test of independence: its level, its power beside distance correlation, and what is refused."""

import jax
import numpy as np
import pytest
from scipy.stats import binom, pearsonr

import thermodiff as td
from thermodiff.information.independence import IndependenceTest

QUICK = td.TrainingConfig(
    steps=300, batch_size=128, learning_rate=3e-3, width=32, depth=2, chunk=50, patience=4
)
HARDLY = td.TrainingConfig(
    steps=20, batch_size=128, learning_rate=3e-3, width=32, depth=2, chunk=10, patience=2
)


def p_value(seed, x, y, training=QUICK, **options):
    return td.independence_test(
        jax.random.key(seed), x, y, permutations=199, training=training, **options
    ).p_value


def distance_correlation_p(x, y, rng, permutations=199):
    """Szekely, Rizzo & Bakirov (2007): the V-statistic of centred distances, its p-value by permutations."""

    def centred(a):
        d = np.abs(a[:, None] - a)
        return d - d.mean(axis=0) - d.mean(axis=1)[:, None] + d.mean()

    a, b = centred(x), centred(y)
    statistic, count = np.sum(a * b), 1
    for _ in range(permutations):
        order = rng.permutation(len(x))
        count += np.sum(a * b[np.ix_(order, order)]) >= statistic
    return count / (1 + permutations)


def test_dependence_that_no_correlation_shows():
    """y = cos(3 x) and noise: found, and undone by another order of y."""
    rng = np.random.default_rng(0)
    x = rng.normal(size=600)
    y = np.cos(3 * x) + 0.5 * rng.normal(size=600)
    found = td.independence_test(jax.random.key(0), x, y, training=QUICK)
    assert found.p_value == 1 / 1000
    assert found.rows == 300
    assert len(found.null) == 999
    assert found.statistic > found.null.max()
    assert "p = 0.001" in str(found)
    assert found.to_dict()["null"]["permutations"] == 999
    again = td.independence_test(jax.random.key(0), x, y, training=QUICK)
    assert again.p_value == found.p_value
    assert again.statistic == found.statistic
    assert pearsonr(x, y).pvalue > 0.05
    assert p_value(1, x, rng.permutation(y)) > 0.01


def test_it_prints_the_digits_that_chance_leaves():
    found = IndependenceTest(0.25, 0.0123456, np.array([0.01, -0.01, 0.0]), 90)
    told = "(statistic 0.0123; 0.0000 ± 0.0082 in 3 random orders of 90 held-out rows)"
    assert str(found) == f"independence: p = 0.25   {told}"


@pytest.mark.slow
@pytest.mark.parametrize("training", [QUICK, HARDLY], ids=["trained", "hardly"])
def test_the_level(training):
    """Of 200 samples of independent rows with long tails 5 % are to be rejected, whatever the critic knows."""
    found = []
    for seed in range(200):
        rng = np.random.default_rng(seed)
        found.append(p_value(seed, rng.normal(size=300), rng.standard_t(2, size=300), training))
    rejected = int(np.sum(np.array(found) <= 0.05))
    assert binom.ppf(1e-3, 200, 0.05) <= rejected <= binom.ppf(1 - 1e-3, 200, 0.05)
    below_half = int(np.sum(np.array(found) <= 0.5))
    assert binom.ppf(1e-3, 200, 0.5) <= below_half <= binom.ppf(1 - 1e-3, 200, 0.5)


@pytest.mark.slow
def test_the_power_on_weak_dependence():
    """x of correlation .15 with y in 600 rows: half of the rows judge, so somewhat less than distance correlation."""
    ours, theirs = [], []
    for seed in range(40):
        rng = np.random.default_rng(seed)
        x = rng.normal(size=600)
        y = 0.15 * x + rng.normal(size=600)
        ours.append(p_value(seed, x, y) <= 0.05)
        theirs.append(distance_correlation_p(x, y, rng) <= 0.05)
    # One-sided at n = 300 and correlation .148 a critic that knew it were to reject in 0.83.
    assert np.mean(ours) > 0.83 - 4 * np.sqrt(0.83 * 0.17 / 40)
    assert np.mean(theirs) > np.mean(ours) - 4 * np.sqrt(0.25 / 40)


@pytest.mark.slow
def test_classes_and_several_columns():
    rng = np.random.default_rng(1)
    labels = rng.integers(0, 3, 600)
    x = np.column_stack([rng.normal(size=600), np.where(labels == 1, 2.0, 1.0) * rng.normal(size=600)])
    assert p_value(2, x, labels, discrete="y") <= 0.01
    assert p_value(3, x, rng.permutation(labels), discrete="y") > 0.01


def test_what_is_refused(key):
    x = np.random.default_rng(2).normal(size=(200, 2))
    labels = (x[:, :1] > 0).astype(int)
    without = td.TrainingConfig()
    cases = [
        (lambda: td.independence_test(key, x, x[1:]), "y: got 199 rows, need as many as x has, 200"),
        (
            lambda: td.independence_test(key, x, labels > 0),
            r'y\[:, 0\]: got true or false, .* discrete={"y": 0}',
        ),
        (lambda: td.independence_test(key, x, x, permutations=18), "permutations: got 18, need at least 19"),
        (lambda: td.independence_test(key, x, x, permutations=0), "permutations: got 0, need a positive"),
        (lambda: td.independence_test(key, x, x, training=without), "training: got no patience, need a Tr"),
        (lambda: td.independence_test(key, x[:50], x[:50]), "x: got 50 rows, need at least 60"),
    ]
    for call, message in cases:
        with pytest.raises(ValueError, match=f"^{message}"):
            call()
