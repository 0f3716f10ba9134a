"""NumPy's files: arrays by name, fields as columns, and the cause named where there are none."""

import pickle

import numpy as np
import pytest

from thermodiff.data.files import open_file

X = np.random.default_rng(0).normal(size=(40, 3))


def test_arrays_and_arrays_by_key(tmp_path):
    np.save(tmp_path / "x.npy", X)
    np.savez(tmp_path / "one.npz", only=X)
    np.savez_compressed(tmp_path / "two.npz", first=X, second=2 * X)
    for name, key, expected in (("x.npy", None, X), ("one.npz", None, X), ("two.npz", "second", 2 * X)):
        np.testing.assert_array_equal(open_file(tmp_path / name, key).numbers([0, 1, 2]), expected)


def test_fields_of_a_structured_array_are_columns(tmp_path):
    array = np.zeros(5, dtype=[("a", "f8"), ("n", "i4")])
    array["a"], array["n"] = np.arange(5) / 2, np.arange(5) ** 2
    np.save(tmp_path / "x.npy", array)
    found = open_file(tmp_path / "x.npy", None)
    assert found.columns == ("a", "n")
    np.testing.assert_array_equal(found.numbers([1, 0])[:, 0], np.arange(5) ** 2)


BAD_ARRAYS = {
    "one axis": (X[:, 0], r"got shape \(40,\), need shape \(n, d\), one sample a row"),
    "three axes": (X[None], r"got shape \(1, 40, 3\), need an array of shape \(n, d\)"),
    "no rows": (X[:0], r"got shape \(0, 3\)"),
    "no axis": (np.array(3.0), r"got a single number \(shape \(\)\), need shape \(n, d\)"),
    "text": (X.astype(str), "got entries of type <U"),
    "complex": (X + 0j, "got entries of type complex128, need real numbers"),
    "dates": (np.zeros((3, 2), dtype="M8[s]"), "got entries of type datetime64"),
    "a field of text": (
        np.zeros(3, dtype=[("a", "f8"), ("name", "U3")]),
        r"got a structured array of shape \(3,\) whose field 'name' has type <U3, need one of shape",
    ),
    "fields in two axes": (
        np.zeros((3, 2), dtype=[("a", "f8")]),
        r"got a structured array of shape \(3, 2\)",
    ),
}


@pytest.mark.parametrize("name", BAD_ARRAYS)
def test_what_is_no_table(tmp_path, name):
    array, message = BAD_ARRAYS[name]
    np.save(tmp_path / "x.npy", array)
    with pytest.raises(ValueError, match=f"^x.npy: {message}"):
        open_file(tmp_path / "x.npy", None)


def test_pickles_are_refused_and_not_run(tmp_path):
    class Bomb:
        def __reduce__(self):
            return (pytest.fail, ("a pickle was run",))

    np.save(tmp_path / "x.npy", np.array([Bomb(), 1], dtype=object), allow_pickle=True)
    (tmp_path / "y.npy").write_bytes(pickle.dumps(Bomb()))
    for name in ("x.npy", "y.npy"):
        with pytest.raises(ValueError, match=rf"^{name}: got Python objects.*, need an array of numbers"):
            open_file(tmp_path / name, None)


def test_damaged_files_are_called_so(tmp_path):
    np.save(tmp_path / "x.npy", X)
    np.savez(tmp_path / "x.npz", X)
    for name in ("x.npy", "x.npz"):
        content = (tmp_path / name).read_bytes()
        for cut in (7, 20, 200, len(content) - 9):
            (tmp_path / f"cut.{name[-3:]}").write_bytes(content[:cut])
            with pytest.raises(ValueError, match="got a damaged file"):
                open_file(tmp_path / f"cut.{name[-3:]}", None)
    (tmp_path / "z.npy").write_bytes(b"no array")
    with pytest.raises(ValueError, match=r"got a file that is not NumPy's: it begins with b'no arr'"):
        open_file(tmp_path / "z.npy", None)


def test_keys(tmp_path):
    np.savez(tmp_path / "y.npz", left=X, right=X)
    np.savez(tmp_path / "none.npz")
    np.save(tmp_path / "z.npy", X)
    for key, got in ((None, "no key"), ("up", "'up'")):
        with pytest.raises(ValueError, match=f"got {got} for y.npz, need one of the keys in it: left, right"):
            open_file(tmp_path / "y.npz", key)
    with pytest.raises(ValueError, match=r"need no key: only an \.npz file has several"):
        open_file(tmp_path / "z.npy", "left")
    with pytest.raises(ValueError, match="no arrays at all"):
        open_file(tmp_path / "none.npz", None)
    with pytest.raises(ValueError, match=r"separator: got 'tab' for z.npy, need it for text alone \(\.csv"):
        open_file(tmp_path / "z.npy", None, "tab")
