"""Preparing and writing: disjoint parts, one scale, files whole or not at all."""

import numpy as np
import pytest
import scipy.stats

from thermodiff.data.splits import check_table, split_rows, standardisation
from thermodiff.data.tables import Table
from thermodiff.runtime.files import write_atomically


@pytest.fixture
def samples():
    return np.random.default_rng(0).normal(size=(40, 3)) * [1.0, 10.0, 1e-3] + [0.0, 5.0, 2.0]


# --- preparing ----------------------------------------------------------------------------------


def test_standardising_shifts_the_nll_by_the_log_jacobian():
    rng = np.random.default_rng(1)
    scale, shift = np.array([3.0, 0.02, 50.0]), np.array([-4.0, 1.0, 1e4])
    cov = np.array([[1.0, 0.5, 0.2], [0.5, 2.0, -0.3], [0.2, -0.3, 0.7]])
    x = rng.multivariate_normal([0.0, 1.0, 2.0], cov, size=200) * scale + shift
    scaling = standardisation(x, Table(x, None, "x"))
    own = scipy.stats.multivariate_normal([0.0, 1.0, 2.0] * scale + shift, cov * np.outer(scale, scale))
    matrix = scaling.mix / scaling.std
    of_z = scipy.stats.multivariate_normal(matrix @ (own.mean - scaling.mean), matrix @ own.cov @ matrix.T)
    z = (x - scaling.mean) @ matrix.T
    np.testing.assert_allclose(
        -own.logpdf(x), -of_z.logpdf(z) + scaling.log_jacobian, rtol=1e-8
    )  # cond(cov) eps
    np.testing.assert_allclose(scaling(x), z, rtol=1e-6, atol=1e-9)
    np.testing.assert_allclose(scaling.mix, np.eye(3), atol=1e-12)
    # Columns narrow together are mixed, exactly.
    x[:, 1] = 2 * x[:, 0] + 1e-4 * x[:, 1]
    mixed = standardisation(x, Table(x, None, "x"))
    assert np.linalg.eigvalsh(np.corrcoef(mixed(x), rowvar=False))[0] > 0.2
    jacobian = np.linalg.slogdet(mixed.mix / mixed.std)[1]
    assert mixed.log_jacobian == pytest.approx(-jacobian, abs=1e-9)
    x[:, 1] = rng.normal(size=200)
    scaling = standardisation(x, Table(x, None, "x"))
    # Doubling a column adds ln 2 to every entropy.
    twice = standardisation(x * [2.0, 1.0, 1.0], Table(x, None, "x"))
    assert twice.log_jacobian - scaling.log_jacobian == pytest.approx(np.log(2.0), rel=1e-12)


def test_the_split_is_disjoint_complete_and_the_seeds_own():
    rows = np.arange(101)[:, None]
    split = split_rows(rows, np.random.default_rng(3))
    assert [len(part) for part in split] == [71, 10, 20]
    assert sorted(np.concatenate(split).ravel()) == list(range(101))
    again = split_rows(rows, np.random.default_rng(3))
    assert all(np.array_equal(a, b) for a, b in zip(split, again, strict=True))
    assert not np.array_equal(split.test, split_rows(rows, np.random.default_rng(4)).test)


def test_a_column_that_varies_in_no_training_row():
    table = Table(np.zeros((5, 2)), ("a", "b"), "x.csv")
    with pytest.raises(ValueError, match=r"x.csv, column 1 \('b'\): got one value in all training rows"):
        standardisation(np.array([[1.0, 2.0], [3.0, 2.0]]), table)


def test_too_few_rows_to_split(samples):
    wide = np.random.default_rng(0).normal(size=(40, 30))
    with pytest.raises(ValueError, match="got 40 rows of dimension 30, need at least 160"):
        check_table(Table(wide, None, "x"))
    with pytest.raises(ValueError, match="got 15 rows of dimension 3, need at least 25"):
        check_table(Table(samples[:15], None, "x"))


# --- writing ------------------------------------------------------------------------------------


def test_a_file_is_written_whole_or_not_at_all(tmp_path, monkeypatch):
    path = tmp_path / "result.txt"
    write_atomically(path, "first")
    monkeypatch.setattr("os.fsync", lambda _: (_ for _ in ()).throw(KeyboardInterrupt))
    with pytest.raises(KeyboardInterrupt):
        write_atomically(path, "second")
    assert [p.name for p in tmp_path.iterdir()] == ["result.txt"]
    assert path.read_text() == "first"
