"""Mutual information with classes against quadrature, tables and closed forms, at the small setting."""

import dataclasses
import json

import jax
import numpy as np
import pytest
from problems_classes import LABELLED, table_information
from problems_information import SMALL, N

import thermodiff as td

RNG = np.random.default_rng(7)
SETTING = td.CrossFitting(
    training=td.TrainingConfig(
        steps=300, batch_size=256, learning_rate=3e-3, width=64, depth=2, chunk=100, patience=4
    )
)


def near(got, expected, z=4.0):
    assert abs(got.mean - expected) < z * got.stderr, (got.mean, got.stderr, expected)


@pytest.fixture(scope="module")
def two():
    x, labels = LABELLED["two"].draw(0, N)
    return x, labels, td.mutual_information(jax.random.key(0), x, labels, discrete="y", settings=SMALL)


def test_a_label_of_two_classes(two):
    *_, got = two
    near(got, LABELLED["two"].information())
    assert got.stderr < 0.04
    assert sum(got.terms.values()) == pytest.approx(got.mean, abs=1e-9)
    assert list(got.terms) == ["classes of y"]
    assert set(got.readings) == {"classifier"}
    assert json.loads(json.dumps(got.to_dict()))["mean"] == got.mean


def test_values_by_row_and_their_correction_make_the_estimate(two):
    x, labels, got = two
    values, correction = got.pointwise
    assert values.mean() + correction == pytest.approx(got.mean, abs=1e-6)
    # ln p(c | x)/p(c) of each row, p(1 | x) = 1/(1 + exp(2 - 2 x)): the classifier's error is far below its spread.
    true = np.log(2 / (1 + np.exp(np.where(labels == 1, 1, -1) * (2 - 2 * x[:, 0]))))
    assert np.corrcoef(values, true)[0, 1] > 0.95


def test_independent_labels_share_nothing(two):
    x, labels, _ = two
    apart = np.random.default_rng(1).permutation(labels)
    got = td.mutual_information(jax.random.key(1), x, apart, discrete="y", settings=SMALL)
    assert abs(got.mean) < 4 * got.stderr


def test_the_side_of_the_label_and_its_type_do_not_matter(two):
    x, labels, got = two
    words = np.where(labels == 1, "yes", "no")[:, None]
    other = td.mutual_information(jax.random.key(0), words, x, discrete={"x": 0}, settings=SMALL)
    assert list(other.terms) == ["classes of x"]
    assert abs(other.mean - got.mean) < 0.02


def test_classes_that_nobody_named_are_refused(key):
    x, labels = LABELLED["two"].draw(0, 200)
    for table in (labels[:, None].astype(float), np.where(labels, "yes", "no")[:, None]):
        with pytest.raises(
            ValueError, match=r'^y\[:, 0\]: got .* discrete={"y": 0} if its values are classes'
        ):
            td.mutual_information(key, x, table)
    both = np.column_stack([x, labels])
    with pytest.raises(ValueError, match=r"^columns: got x\[:, 0\], y\[:, 0\], one of"):
        td.mutual_information(key, both, np.exp(x), discrete={"x": 1})


@pytest.mark.slow
@pytest.mark.parametrize("name", LABELLED)
def test_error_bars_hold_the_truth(name):
    """10 samples of 1500 rows: the root mean square of error/stderr, which is 1 +- 0.22 for honest normal errors."""
    truth, z = LABELLED[name].information(), []
    for seed in range(10):
        x, labels = LABELLED[name].draw(seed, 1500)
        got = td.mutual_information(jax.random.key(seed), x, labels, discrete="y", settings=SETTING)
        z.append((got.mean - truth) / got.stderr)
    assert np.sqrt(np.mean(np.square(z))) < 1 + 4 * 0.22


@pytest.mark.slow
def test_two_labels_of_one_table():
    """A table of probabilities, and the same within a third class that is given."""
    table = np.array([[0.3, 0.1, 0.05], [0.05, 0.2, 0.3]])
    drawn = RNG.choice(6, 1500, p=table.ravel())
    a, b = np.divmod(drawn, 3)
    got = td.mutual_information(jax.random.key(2), a, b, discrete=("x", "y"), settings=SETTING)
    near(got, table_information(table))
    turned = RNG.integers(0, 2, 1500)
    got = td.mutual_information(
        jax.random.key(3),
        np.where(turned, 1 - a, a),
        b,
        given=turned,
        discrete=("x", "y", "given"),
        settings=SETTING,
    )
    near(got, table_information(table))
    assert got.quantity == "conditional mutual information"


@pytest.mark.slow
def test_several_labels_are_their_joint_classes():
    """x = 2 (a xor b) + noise: neither label says anything, both together what one label of two classes does."""
    a, b = RNG.integers(0, 2, (2, 1500))
    x = 2.0 * (a ^ b)[:, None] + RNG.normal(size=(1500, 1))
    labels = np.column_stack([a, b])
    both = td.mutual_information(jax.random.key(4), labels, x, discrete="x", settings=SETTING)
    near(both, LABELLED["two"].information())
    one = td.mutual_information(jax.random.key(5), a, x, discrete="x", settings=SETTING)
    assert abs(one.mean) < 4 * one.stderr


@pytest.mark.slow
def test_mixed_columns_by_the_chain_rule():
    """y is N(0, 1) in either class, correlated with x by .8 in one and -.8 in the other: I(a, x; y) is within."""
    a = RNG.integers(0, 2, 1500)
    g, h = RNG.normal(size=(2, 1500))
    x, y = g[:, None], (np.where(a, 0.8, -0.8) * g + 0.6 * h)[:, None]
    got = td.mutual_information(
        jax.random.key(6), np.column_stack([x, a]), y, discrete={"x": 1}, settings=SETTING
    )
    near(got, -0.5 * np.log(1 - 0.64))
    assert abs(got.terms["classes of x"]) < 0.05
    assert sum(got.terms.values()) == pytest.approx(got.mean, abs=1e-9)
    assert set(got.readings) == {"quadratic", "divergence", "denoising"}
    values, correction = got.pointwise
    assert values.mean() + correction == pytest.approx(got.mean, abs=1e-6)


@pytest.mark.slow
def test_mixed_columns_on_both_sides():
    """Classes a and b that agree in four of five rows, and columns of correlation .6 within all of them."""
    a = RNG.integers(0, 2, 1500)
    b = np.where(RNG.random(1500) < 0.8, a, 1 - a)
    g, h = RNG.normal(size=(2, 1500))
    x = np.column_stack([g + 3 * a, a])
    y = np.column_stack([0.6 * g + 0.8 * h - 2 * b, b])
    got = td.mutual_information(jax.random.key(8), x, y, discrete={"x": [1], "y": [1]}, settings=SETTING)
    agree = np.array([[0.4, 0.1], [0.1, 0.4]])
    near(got, table_information(agree) - 0.5 * np.log(1 - 0.36))
    assert list(got.terms) == ["classes of x", "classes of y", "within classes"]


def information_of_a_number_and_a_label():
    """I(g; g + h, b) for normal g and h and P(b = 1 | g) = 1/(1 + exp(1 - 2 g^2)), nats, on a grid."""
    grid = np.linspace(-8, 8, 801)
    g, y = grid[:, None], 1.6 * grid[None, :]
    normal = np.exp(-0.5 * g**2) / np.sqrt(2 * np.pi)
    one = 1 / (1 + np.exp(1 - 2 * g**2))
    cells = (grid[1] - grid[0]) * (y[0, 1] - y[0, 0])
    total = 0.0
    for p in (one, 1 - one):
        given = p * np.exp(-0.5 * (y - g) ** 2) / np.sqrt(2 * np.pi)
        marginal = (normal * given).sum(axis=0) * (grid[1] - grid[0])
        ratio = np.log(np.maximum(given, 1e-300)) - np.log(np.maximum(marginal, 1e-300))
        total += np.sum(normal * given * ratio) * cells
    return float(total)


@pytest.mark.slow
def test_a_narrow_block_of_numbers_beside_classes():
    """Of x = (g, g + e h) all that matters is h, which no map of single columns shows where e is small."""
    rng = np.random.default_rng(11)
    g, h, noise = rng.normal(size=(3, 1500))
    label = rng.random(1500) < 1 / (1 + np.exp(1 - 2 * h**2))
    y = np.column_stack([h + noise, label])
    truth, plain = information_of_a_number_and_a_label(), None
    for e in (1.0, 1e-3):
        x = np.column_stack([g, g + e * h])
        got = td.mutual_information(jax.random.key(10), x, y, discrete={"y": 1}, settings=SETTING)
        near(got, truth)
        plain = plain or got
        assert got.stderr < 1.5 * plain.stderr
        assert abs(got.mean - plain.mean) < 4 * plain.stderr


@pytest.mark.slow
def test_what_a_label_tells_when_another_is_given():
    """Given w, x says nothing more: x = 2 w + noise, c = w or another in one of ten."""
    w = RNG.integers(0, 2, 1500)
    x = 2.0 * w[:, None] + RNG.normal(size=(1500, 1))
    c = np.where(RNG.random(1500) < 0.1, 1 - w, w)
    got = td.mutual_information(jax.random.key(9), x, c, given=w, discrete=("y", "given"), settings=SETTING)
    assert abs(got.mean) < 4 * got.stderr


@pytest.mark.slow
def test_training_that_was_cut_short_is_said(two):
    x, _, _ = two
    few = dataclasses.replace(SMALL, training=dataclasses.replace(SMALL.training, steps=20, chunk=10))
    rare = np.where(np.arange(N) < 40, "rare", "often")
    got = td.mutual_information(jax.random.key(0), x, rare, discrete="y", settings=few)
    assert any("joint classes have fewer than 50 rows, the rarest 40" in w for w in got.warnings)
