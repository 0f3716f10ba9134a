"""Dequantisation: the noise, the grid it finds, the entropy it keeps; and the check for columns that need it."""

import itertools

import jax
import numpy as np
import pytest
import scipy.stats

import thermodiff as td
from thermodiff.data.dequantisation import grid_step
from thermodiff.distributions.sample_checks import check_continuous

RNG = np.random.default_rng(0)


# --- the law ------------------------------------------------------------------------------------


def test_discrete_entropy_is_that_of_the_density_less_the_log_steps():
    """A law on eight cells, two dependent columns of unlike steps; its density is integrated cell by cell."""
    first, second = (-1.0, 4.0), (0.0, 0.1, 0.2, 0.5)
    cells = list(itertools.product(first, second))
    p = np.array([0.05, 0.2, 0.1, 0.15, 0.02, 0.08, 0.3, 0.1])
    rows = np.array(cells)[np.random.default_rng(1).choice(8, size=40000, p=p)]
    result = td.dequantise(3, rows)
    np.testing.assert_allclose(result.step, [5.0, 0.1])
    np.testing.assert_allclose(result.log_steps, np.log([5.0, 0.1]))
    # Half cells tell whether the noise fills each cell evenly: their histogram is the density.
    edges = [-1.0 + 2.5 * np.arange(5), 0.05 * np.arange(13)]
    mass = np.histogram2d(*result.samples.T, bins=edges)[0] / len(rows)
    mass = mass[mass > 0]
    assert mass.size == 8 * 4
    differential = -np.sum(mass * np.log(mass / (2.5 * 0.05)))
    discrete = -np.sum(p * np.log(p))
    assert differential - result.log_steps.sum() == pytest.approx(discrete, abs=0.01)
    assert result.discrete_correction == pytest.approx(-np.log(5.0 * 0.1))


def test_noise_is_uniform_over_one_step_and_cells_are_recovered():
    counts = RNG.integers(-5, 6, size=(4000, 2)) * [3, 1]
    result = td.dequantise(0, counts)
    noise = result.samples - counts
    assert noise.min() >= 0
    assert np.all(noise < [3, 1])
    assert np.array_equal(np.floor(result.samples / [3, 1]) * [3, 1], counts)
    for column in (noise / [3, 1]).T:
        assert scipy.stats.kstest(column, "uniform").pvalue > 1e-3
    assert abs(np.corrcoef(noise[:, 0], counts[:, 0])[0, 1]) < 0.06


def test_unit_noise_of_a_generator_is_the_generators_own():
    counts = RNG.integers(0, 17, size=(30, 4))
    result = td.dequantise(np.random.default_rng(7), counts, step=1)
    np.testing.assert_array_equal(result.samples, counts + np.random.default_rng(7).random((30, 4)))


def test_seeds_keys_and_generators(key):
    counts = RNG.integers(0, 9, size=(20, 2))
    for seed, other in ((5, 6), (0, 1), (key, jax.random.key(1))):
        same = [td.dequantise(s, counts, 1.0).samples for s in (seed, seed, other)]
        np.testing.assert_array_equal(same[0], same[1])
        assert not np.array_equal(same[0], same[2])


# --- the grid -----------------------------------------------------------------------------------

GRIDS = {
    "whole numbers": (np.array([3, 4, 9]), 1.0),
    "even numbers": (np.array([2, 4, 8, 2]), 2.0),
    "twos and threes": (np.array([0, 2, 5, 9]), 1.0),
    "sixes, tens and fifteens": (np.array([0, 6, 16, 31]), 1.0),
    "tenths": (np.arange(1, 80) * 0.1, 0.1),
    "tenths added up": (np.cumsum(np.full(50, 0.1)), 0.1),
    "tenths of thousands": (1000 + 0.1 * np.arange(500), 0.1),
    "tenths in single precision": ((20 + 0.1 * np.arange(300)).astype(np.float32), 0.1),
    "halves": (np.array([0.5, 1.0, 2.5, 4.0]), 0.5),
    "millionths": (1e-6 * RNG.integers(0, 10**5, size=400), 1e-6),
    "a grid that misses zero": (0.3 + 0.25 * np.arange(9), 0.25),
    "two values": (np.array([1.0, 2.0, 1.0]), 1.0),
    "true and false": (np.array([True, False, True]), 1.0),
    "one value": (np.array([2.0, 2.0]), None),
    "normal": (RNG.normal(size=300), None),
    "normal, few": (RNG.normal(size=5), None),
    "normal in single precision": (RNG.normal(size=5000).astype(np.float32), None),
    "normal, many": (1e4 + RNG.normal(size=20000), None),
    "tenths and one that is not": (np.append(np.arange(50) * 0.1, np.pi), None),
}


@pytest.mark.parametrize("name", GRIDS)
def test_grids_are_found(name):
    column, step = GRIDS[name]
    found = grid_step(column)
    assert found is None if step is None else found == pytest.approx(step, rel=1e-5)


def test_a_step_is_a_round_number():
    assert grid_step(np.arange(1, 80) * 0.1) == 0.1


def test_columns_on_no_grid_are_refused_or_left_alone():
    mixed = np.column_stack([RNG.integers(0, 50, 200), RNG.normal(size=200)])
    with pytest.raises(ValueError, match=r"counts\[:, 1\]: got 200 values on no grid, need values a whole"):
        td.dequantise(0, mixed)
    left = td.dequantise(0, mixed, continuous="leave")
    np.testing.assert_array_equal(left.samples[:, 1], mixed[:, 1])
    np.testing.assert_array_equal(left.step, [1.0, 0.0])
    np.testing.assert_array_equal(left.log_steps, [0.0, 0.0])


BAD = {
    "a fraction": (([[1.0], [0.5]], 1), r"dequantise: got 0.5 at index \(1, 0\), need|dequantise: got 1.0"),
    "a constant": (([[1.0], [1.0]],), r"counts\[:, 0\]: got one value only, need .* or step="),
    "no step": (([[1.0], [2.0]], 0.0), "step: got 0.0, need a positive"),
    "too many steps": (([[1.0], [2.0]], [1.0, 2.0]), r"step: got shape \(2,\), need one number, or 1"),
    "one axis": (([1, 2],), r"counts: got shape \(2,\), need an array of shape \(n, d\)"),
    "NaN": (([[1.0], [np.nan]],), "counts: got 1 NaN or infinite"),
    "strings": (([["a"], ["b"]],), "counts: got entries of type"),
}


@pytest.mark.parametrize("name", BAD)
def test_bad_input(name):
    arguments, message = BAD[name]
    with pytest.raises(ValueError, match=message) as info:
        td.dequantise(0, *arguments)
    assert "\n" not in str(info.value)


def test_a_seed_below_zero():
    with pytest.raises(ValueError, match="seed: got -1, need a positive whole number"):
        td.dequantise(-1, [[1], [2]])


# --- ties ---------------------------------------------------------------------------------------

NORMAL = RNG.normal(size=(1000, 3))
TIED = {
    "a spike": np.where(np.arange(1000) < 60, 0.0, NORMAL[:, 1]),
    "two values": NORMAL[:, 1] > 0,
    "whole numbers": np.round(100 * NORMAL[:, 1] / 4),
    "every value three times": np.repeat(NORMAL[:334, 1], 3)[:1000],
}


@pytest.mark.parametrize("name", TIED)
def test_ties_are_refused(name):
    x = NORMAL.copy()
    x[:, 1] = TIED[name]
    distinct = len(np.unique(x[:, 1]))
    message = (
        rf"x\[:, 1\]: got {distinct} distinct values in 1000 rows, .* need a column without ties: dequan"
    )
    with pytest.raises(ValueError, match=message) as info:
        check_continuous("x", x)
    assert "\n" not in str(info.value)


def test_the_largest_share_is_told():
    x = np.append(NORMAL[:94, :1], np.full((6, 1), 7.0), axis=0)
    with pytest.raises(ValueError, match=r"got 95 distinct values in 100 rows, 6.0% of them 7, need"):
        check_continuous("x", x)


@pytest.mark.parametrize(
    "column",
    [
        NORMAL[:, 0],
        np.round(NORMAL[:, 0], 3),
        NORMAL[RNG.integers(0, 1000, size=1000), 0],
        np.where(np.arange(1000) < 40, 0.0, NORMAL[:, 0]),
        np.arange(20000) % 800,
    ],
    ids=["normal", "rounded to thousandths", "resampled", "a small spike", "many rows of a fine grid"],
)
def test_mild_ties_pass(column):
    check_continuous("x", column[:, None])


def test_few_rows_may_hold_a_pair():
    check_continuous("x", np.array([[1.0], [1.0], [2.0], [3.0]]))


def test_dequantised_columns_pass():
    check_continuous("x", td.dequantise(0, np.round(NORMAL, 1)).samples)
