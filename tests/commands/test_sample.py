"""``thermodiff sample`` as a user meets it: rows in two files, a record, a picture, and one line a mistake."""

from pathlib import Path

import numpy as np
import pytest
from checks import names_in, strict

import thermodiff as td
from thermodiff.commands import main as cli
from thermodiff.commands import sample as command


@pytest.fixture(scope="module")
def score(tmp_path_factory):
    """A saved score whose samples are those of a Gaussian."""
    folder = tmp_path_factory.mktemp("saved") / "score"
    process = td.VarianceExploding(25.0)
    td.save_score(folder, td.exact_score(td.Gaussian([3.0, -1.0], [[1.0, 0.5], [0.5, 0.5]]), process))
    return folder


def test_samples_are_written(score, tmp_path, capsys):
    out = tmp_path / "new"
    asked = [
        "sample",
        str(score),
        "--out",
        str(out),
        "--n",
        "500",
        "--steps",
        "12",
        "--clock",
        "cosine",
        "--seed",
        "4",
    ]
    assert cli.main(asked) == 0
    assert "500 samples of 2 columns, 12 score calls each" in capsys.readouterr().out
    assert names_in(out) == set(command.RESULTS)
    x, record = np.load(out / "samples.npy"), strict(out / "samples.json")
    np.testing.assert_allclose(np.loadtxt(out / "samples.csv", delimiter=","), x, rtol=1e-6)
    assert np.all(np.abs(x.mean(axis=0) - [3.0, -1.0]) < 4 * np.sqrt(np.array([1.0, 0.5]) / 500))
    assert record["schedule"]["time"][0] == 1.0
    assert len(record["schedule"]["time"]) == 13
    assert (record["evaluations"], record["options"]["seed"]) == (12, 4)


@pytest.mark.parametrize(
    ("options", "message"),
    [
        (["--steps", "0"], "steps: got 0, need a positive whole number"),
        (["--n", "0"], "n: got 0, need a positive whole number"),
        (["--stochasticity", "-1"], "stochasticity: got -1.0, need a number of at least 0"),
        (["--seed", "-1"], "seed: got -1, need a whole number from 0"),
    ],
)
def test_a_mistake_is_one_line(score, options, message, tmp_path, capsys):
    assert cli.main(["sample", str(score), "--out", str(tmp_path / "never"), *options]) == 2
    told = capsys.readouterr().err
    assert message in told
    assert told.count("\n") == 1
    assert not Path(tmp_path / "never").exists()


def test_no_score_there(tmp_path, capsys):
    assert cli.main(["sample", str(tmp_path), "--out", str(tmp_path / "never")]) == 2
    assert "which holds no readable score" in capsys.readouterr().err
