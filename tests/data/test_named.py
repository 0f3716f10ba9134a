"""Named data: the arrays they promise, densities where they have none of their own, no test row among the training."""

import numpy as np
import pytest

import thermodiff as td
from thermodiff.data.named import NAMES
from thermodiff.data.patches import STRIP, TEST_STRIPS
from thermodiff.distributions.sample_checks import check_continuous, check_samples

datasets = pytest.importorskip("sklearn.datasets")

SHAPES = {
    "digits": (1437, 360, 64),
    "iris": (120, 30, 4),
    "wine": (142, 36, 13),
    "breast_cancer": (444, 112, 30),
    "diabetes": (353, 89, 7),
    "patches": (16000, 4000, 64),
    "patches_without_mean": (16000, 4000, 63),
}


@pytest.fixture(scope="module")
def all_data():
    return {name: td.named_data(name) for name in NAMES}


@pytest.mark.parametrize("name", NAMES)
def test_every_set_is_a_sample_of_a_density_in_two_parts(name, all_data):
    data = all_data[name]
    training, test, dim = SHAPES[name]
    assert data.training.shape == (training, dim)
    assert data.test.shape == (test, dim)
    np.testing.assert_array_equal(data.table.values, np.concatenate([data.training, data.test]))
    assert len(np.unique(data.table.values, axis=0)) == training + test
    check_samples(name, data.table.values)
    check_continuous(name, data.table.values)
    assert data.notes
    assert all("\n" not in note for note in data.notes)
    assert data.table.columns is None or len(data.table.columns) == dim


@pytest.mark.parametrize("name", NAMES)
def test_the_same_arrays_again(name, all_data):
    np.testing.assert_array_equal(td.named_data(name).table.values, all_data[name].table.values)


def test_digits_are_those_of_the_recipe(all_data):
    rng = np.random.default_rng(0)
    order = rng.permutation(1797)
    rows = (datasets.load_digits().data + rng.random((1797, 64)))[order]
    np.testing.assert_array_equal(all_data["digits"].training, rows[:1437])
    np.testing.assert_array_equal(all_data["digits"].test, rows[1437:])
    assert all_data["digits"].log_steps == 0.0


def test_iris_returns_when_the_noise_is_taken_off(all_data):
    tenths = np.sort(np.floor(all_data["iris"].table.values * 10 + 1e-9), axis=0)
    np.testing.assert_array_equal(tenths, np.sort(np.round(datasets.load_iris().data * 10), axis=0))
    assert all_data["iris"].log_steps == pytest.approx(4 * np.log(0.1))


def test_diabetes_is_whole_but_for_its_columns_and_steps(all_data):
    raw = datasets.load_diabetes(scaled=False).data
    data = all_data["diabetes"]
    here = np.sort(data.table.values, axis=0)
    for column, original, step in ((0, raw[:, 0], 1), (1, raw[:, 2], 0.1), (5, np.exp(raw[:, 8]), 1)):
        apart = here[:, column] - np.sort(original)
        assert apart.min() > -0.02 - 1e-9
        assert apart.max() < step + 0.02
    assert data.log_steps == pytest.approx(np.log(0.1))
    assert data.table.columns[5] == "exp(s5)"


def test_diabetes_leaves_out_what_the_other_columns_determine():
    raw = datasets.load_diabetes(scaled=False).data
    implied = raw[:, 4] - raw[:, 6] - np.round(np.exp(raw[:, 8])) / 5
    assert np.mean(np.abs(raw[:, 5] - implied) < 0.05) > 0.985
    assert np.mean(raw[:, 7] == 3) == pytest.approx(0.29, abs=0.005)


def test_breast_cancer_leaves_out_the_atom(all_data):
    raw = datasets.load_breast_cancer().data
    data = all_data["breast_cancer"].table.values
    assert len(data) == np.sum(raw[:, 6] > 0) == 556
    noise = np.sort(data, axis=0) - np.sort(raw[raw[:, 6] > 0], axis=0)
    assert np.all(np.abs(noise).max(axis=0) < 0.01 * raw.std(axis=0))


def test_patches_of_the_two_parts_share_no_pixel(all_data):
    """Every pixel's noise is its own, so that a value names its pixel."""
    training, test = (np.unique(rows) for rows in (all_data["patches"].training, all_data["patches"].test))
    assert not np.intersect1d(training, test).size
    photographs = [np.round(p @ [0.299, 0.587, 0.114]) for p in datasets.load_sample_images().images]
    strips = [p[:, STRIP * s : STRIP * (s + 1)] for p in photographs for s in TEST_STRIPS]
    windows = {
        w.tobytes()
        for strip in strips
        for w in np.lib.stride_tricks.sliding_window_view(strip, (8, 8)).reshape(-1, 64)
    }
    assert all(np.floor(row).tobytes() in windows for row in all_data["patches"].test)


def test_patches_without_mean_keep_distances_but_for_the_mean(all_data):
    whole, rest = all_data["patches"].test, all_data["patches_without_mean"].test
    expected = np.sum((whole - whole.mean(axis=1, keepdims=True)) ** 2, axis=1)
    np.testing.assert_allclose(np.sum(rest**2, axis=1), expected, rtol=1e-9)
    products = (whole - whole.mean(axis=1, keepdims=True))[:5] @ whole[5:10].T
    np.testing.assert_allclose(rest[:5] @ rest[5:10].T, products, rtol=1e-7, atol=1e-6)


def test_another_name():
    with pytest.raises(ValueError, match="name: got 'mnist', need one of digits, iris, wine"):
        td.named_data("mnist")


def test_without_scikit_learn(without_scikit_learn):
    for name in NAMES:
        with pytest.raises(ValueError, match=r"no scikit-learn .*pip install 'thermodiff\[data\]'"):
            td.named_data(name)
