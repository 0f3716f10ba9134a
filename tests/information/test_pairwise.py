"""The matrix of mutual informations: against closed forms, its picture, and what is refused."""

import json

import jax
import numpy as np
import pytest
from problems_information import SMALL, gaussian_rows

import thermodiff as td
from thermodiff import plotting

COV = np.array([[1.0, 0.8, 0.0], [0.8, 1.0, 0.3], [0.0, 0.3, 1.0]])


def made():
    """A matrix of three columns without a training."""
    answer = td.Information("mutual information", 0.5, 0.02, 900, (0.4, 0.6), {}, {}, ("distrust this",))
    mean = np.array([[np.nan, 0.5, 0.01], [0.5, np.nan, 0.05], [0.01, 0.05, np.nan]])
    pairs = {(0, 1): answer, (0, 2): answer, (1, 2): answer}
    return td.PairwiseInformation(("a", "b", "c"), mean, np.where(np.isnan(mean), np.nan, 0.02), pairs)


def test_the_record_is_plain_and_the_picture_shows_it():
    record = json.loads(json.dumps(made().to_dict(), allow_nan=False))
    assert record["mean"] == [[None, 0.5, 0.01], [0.5, None, 0.05], [0.01, 0.05, None]]
    assert [pair["columns"] for pair in record["pairs"]] == [["a", "b"], ["a", "c"], ["b", "c"]]
    with plotting.style():
        axes = plotting.plot_pairs(plotting.new_figure().subplots(), record)
    words = [text.get_text() for text in axes.texts]
    assert words.count("0.500\n±0.020") == 2
    assert words.count("[0.010]\n±0.020") == 2  # within two errors of zero
    assert [tick.get_text() for tick in axes.get_xticklabels()] == ["a", "b", "c"]


def test_what_is_printed():
    text = str(made())
    assert "a : b      0.500   ± 0.020   1 warning(s)" in text


def test_what_is_refused(key):
    x = np.random.default_rng(0).normal(size=(200, 3))
    with_classes = np.column_stack([x, np.arange(200) % 2])
    cases = [
        (lambda: td.pairwise_mutual_information(key, x[:, 0]), r"samples: got shape \(200,\), need shape"),
        (lambda: td.pairwise_mutual_information(key, x[:, :1]), r"samples: got shape \(200, 1\), need shape"),
        (lambda: td.pairwise_mutual_information(key, x, names=["a"]), "names: got 1 for 3 columns, need one"),
        (
            lambda: td.pairwise_mutual_information(key, with_classes),
            r"samples\[:, 3\]: got 2 distinct values",
        ),
        (
            lambda: td.pairwise_mutual_information(key, with_classes, discrete=[4]),
            r"discrete: got \[4\] for samples, need columns from 0 to 3",
        ),
    ]
    for call, message in cases:
        with pytest.raises(ValueError, match=f"^{message}"):
            call()


@pytest.mark.slow
def test_pairs_of_a_gaussian_and_a_class():
    x = gaussian_rows(3, np.zeros(3), COV)
    labels = (np.random.default_rng(4).random(len(x)) < 0.5).astype(float)
    table = np.column_stack([x, labels])
    table[:, 2] += 2 * labels
    got = td.pairwise_mutual_information(jax.random.key(0), table, names="abcd", discrete=[3], settings=SMALL)
    # c = N(0, 1) + 2 label: its correlations with a and b shrink by the root of its variance, 2.
    expected = [(0, 1, 0.8), (0, 2, 0.0)]
    for i, j, correlation in expected:
        assert abs(got.mean[i, j] + 0.5 * np.log(1 - correlation**2)) < 4 * got.stderr[i, j]
    assert abs(got.mean[2, 3] - 0.3368) < 4 * got.stderr[2, 3]  # quadrature, as in problems_classes
    assert abs(got.mean[0, 3]) < 4 * got.stderr[0, 3]
    np.testing.assert_array_equal(got.mean, got.mean.T)
    assert np.isnan(np.diag(got.stderr)).all()
