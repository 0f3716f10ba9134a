"""Reading, preparing and writing: equal arrays from equal files, one line for each thing that can be wrong with one."""

import numpy as np
import pytest
import scipy.stats

from thermodiff.data.named import load_digits
from thermodiff.data.splits import check_table, dequantise_counts, remarks, split_rows, standardisation
from thermodiff.data.tables import Table, load
from thermodiff.runtime.files import write_atomically


@pytest.fixture
def samples():
    return np.random.default_rng(0).normal(size=(40, 3)) * [1.0, 10.0, 1e-3] + [0.0, 5.0, 2.0]


def write(path, samples, kind):
    if kind == "npy":
        np.save(path.with_suffix(".npy"), samples)
    elif kind == "npz":
        np.savez(path.with_suffix(".npz"), only=samples)
    else:
        header = {"csv": "", "header": "a,b,c", "hash": "# a,b,c", "bom": "\ufeffa,b,c"}.get(kind, "")
        separator = {"semicolon": ";", "tab": "\t"}.get(kind, ",")
        lines = [separator.join(repr(float(v)) for v in row) for row in samples]
        lines = [header, *lines] if header else lines
        path.with_suffix(".csv").write_text("\n".join(lines) + "\n\n", encoding="utf-8")
    return next(path.parent.glob(f"{path.name}.*"))


@pytest.mark.parametrize("kind", ["npy", "npz", "csv", "header", "hash", "bom", "semicolon", "tab"])
def test_every_format_loads_the_same_numbers(tmp_path, samples, kind):
    table = load(write(tmp_path / "x", samples, kind))
    np.testing.assert_array_equal(table.values, samples)
    assert table.columns == (("a", "b", "c") if kind in ("header", "hash", "bom") else None)


def test_an_array_is_chosen_by_key(tmp_path, samples):
    path = tmp_path / "x.npz"
    np.savez(path, first=samples, second=2 * samples)
    np.testing.assert_array_equal(load(path, "second").values, 2 * samples)


CSV_ERRORS = {
    "a string": ("a,b\n1,2\n3,x\n", r"line 3, column 2 \('b'\): got 'x', need a number in every cell"),
    "an empty cell": ("1,2\n3,\n", r"line 2, column 2: got an empty cell"),
    "a short row": ("a,b\n1,2\n3\n", r"line 3: got 1 cell\(s\), need 2"),
    "half a header": ("a,2\n1,2\n", r"line 1, column 1: got 'a'"),
    "a header alone": ("a,b\n", "got no rows of numbers"),
    "nothing": ("", "x.csv: got an empty file"),
    "an index": (
        ",a,b\n0,2,3\n1,2,4\n2,1,1\n",
        r"column 1 \(''\): got row numbers, need columns of data alone",
    ),
}


@pytest.mark.parametrize("name", CSV_ERRORS)
def test_csv_errors_name_the_place(tmp_path, name):
    content, message = CSV_ERRORS[name]
    (tmp_path / "x.csv").write_text(content)
    with pytest.raises(ValueError, match=message):
        load(tmp_path / "x.csv")


def test_bytes_that_are_no_text(tmp_path):
    (tmp_path / "x.csv").write_bytes(b"\xff\xfe1,2\n")
    with pytest.raises(ValueError, match="need a csv file in UTF-8"):
        load(tmp_path / "x.csv")


def test_pickles_are_refused_and_not_run(tmp_path):
    class Bomb:
        def __reduce__(self):
            return (pytest.fail, ("a pickle was run",))

    np.save(tmp_path / "x.npy", np.array([Bomb(), 1], dtype=object), allow_pickle=True)
    with pytest.raises(ValueError, match="got Python objects, need an array of numbers"):
        load(tmp_path / "x.npy")


def test_other_numpy_errors(tmp_path, samples):
    (tmp_path / "x.npy").write_bytes(b"no array")
    with pytest.raises(ValueError, match=r"x.npy: got (an unreadable file|Python objects)"):
        load(tmp_path / "x.npy")
    np.savez(tmp_path / "y.npz", left=samples, right=samples)
    for key, got in ((None, "no key"), ("up", "'up'")):
        with pytest.raises(ValueError, match=f"got {got} for y.npz, need one of the keys in it: left, right"):
            load(tmp_path / "y.npz", key)
    np.save(tmp_path / "z.npy", samples[:, 0])
    with pytest.raises(ValueError, match=r"got shape \(40,\), need shape \(n, d\), one sample a row"):
        load(tmp_path / "z.npy")
    with pytest.raises(ValueError, match=r"need no key: only an \.npz file has several"):
        load(tmp_path / "z.npy", "left")


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
    with pytest.raises(ValueError, match=r"x.csv, column 2 \('b'\): got one value in all training rows"):
        standardisation(np.array([[1.0, 2.0], [3.0, 2.0]]), table)


def test_dequantising_adds_less_than_one_and_refuses_fractions():
    counts = np.random.default_rng(0).integers(0, 5, size=(50, 2))
    table = dequantise_counts(Table(counts, None, "x"), np.random.default_rng(1))
    assert np.array_equal(np.floor(table.values), counts)
    assert len(np.unique(table.values)) == counts.size
    check_table(table)
    with pytest.raises(ValueError, match=r"got 0.5 at index \(1, 0\) of x, need integer data"):
        dequantise_counts(Table(np.array([[1.0], [0.5]]), None, "x"), np.random.default_rng(1))


def test_too_few_rows_to_split(samples):
    wide = np.random.default_rng(0).normal(size=(40, 30))
    with pytest.raises(ValueError, match="got 40 rows of dimension 30, need at least 160"):
        check_table(Table(wide, None, "x"))
    with pytest.raises(ValueError, match="got 15 rows of dimension 3, need at least 25"):
        check_table(Table(samples[:15], None, "x"))


def test_remarks_on_data_that_pass(samples):
    assert remarks(Table(samples, None, "x")) == []
    samples = np.tile(samples, (3, 1)) + np.random.default_rng(0).normal(size=(120, 3))
    samples[:, 1] = np.arange(120) % 2
    samples[1] = samples[0]
    found = remarks(Table(samples, ("a", "b", "c"), "x"))
    assert len(found) == 2
    assert "1 of 120 rows repeat" in found[0]
    assert "few distinct values in column 2 ('b')" in found[1]


def test_digits():
    pytest.importorskip("sklearn")
    table = load_digits()
    assert table.values.shape == (1797, 64)
    assert (table.values.min(), table.values.max()) == (0, 16)


# --- writing ------------------------------------------------------------------------------------


def test_a_file_is_written_whole_or_not_at_all(tmp_path, monkeypatch):
    path = tmp_path / "result.txt"
    write_atomically(path, "first")
    monkeypatch.setattr("os.fsync", lambda _: (_ for _ in ()).throw(KeyboardInterrupt))
    with pytest.raises(KeyboardInterrupt):
        write_atomically(path, "second")
    assert [p.name for p in tmp_path.iterdir()] == ["result.txt"]
    assert path.read_text() == "first"
