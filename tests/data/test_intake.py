"""One way in: columns chosen, values missing, noise added, each said; the same for every file and name."""

import numpy as np
import pytest

import thermodiff as td
from thermodiff.data.columns import Choice
from thermodiff.data.intake import Wanted, check_density, divide, read, read_pair
from thermodiff.data.remarks import far_out, few_values, identifiers, repeats
from thermodiff.data.tables import Table

RNG = np.random.default_rng(0)
X = RNG.normal(size=(100, 3)) * [1.0, 10.0, 1e-3] + [0.0, 5.0, 2.0]
TENTHS = np.round(RNG.normal(size=(100, 2)), 1)


@pytest.fixture
def folder(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    return tmp_path


def written(rows, header="a,b,c", index=None):
    lines = [
        ",".join("" if np.isnan(v) else repr(v) for v in row) for row in np.asarray(rows, float).tolist()
    ]
    if index is not None:
        lines = [f"{i},{line}" for i, line in zip(index, lines, strict=True)]
    with open("x.csv", "w") as file:
        file.write("\n".join([header, *lines]))
    return "x.csv"


def got(file, **wanted):
    return read(Wanted(file, **wanted), np.random.default_rng(0))


CHOICES = {
    "all": (Choice(), [0, 1, 2]),
    "names": (Choice("columns", "c, a"), [2, 0]),
    "numbers from 0": (Choice("columns", "2,0"), [2, 0]),
    "without a name": (Choice("columns", None, "b"), [0, 2]),
    "both": (Choice("columns", "a,b", "0"), [1]),
}


@pytest.mark.parametrize("name", CHOICES)
def test_columns_are_chosen(folder, name):
    choice, places = CHOICES[name]
    samples = got(written(X), choice=choice)
    np.testing.assert_array_equal(samples.table.values, X[:, places])
    assert samples.table.columns == tuple("abc"[j] for j in places)
    np.save("x.npy", X)
    numbers = [
        None if words is None else words.translate(str.maketrans("abc", "012")) for words in choice[1:]
    ]
    np.testing.assert_array_equal(got("x.npy", choice=Choice("columns", *numbers)).table.values, X[:, places])


def test_chosen_columns_keep_the_numbers_that_they_have_in_the_file(folder):
    """In notes, remarks and refusals; by name too where there is one."""
    names, halves = np.random.default_rng(1).permutation(100), 0.5 * (np.arange(100) % 7)
    np.save("x.npy", np.column_stack([X[:, 0], names, halves, X[:, 1]]))
    chosen = got("x.npy", choice=Choice("columns", "2,1"))
    assert (chosen.table.words, chosen.table.column(0)) == (("2", "1"), "2")
    assert chosen.remarks[0].startswith("column 1 holds a distinct whole number in every row")
    with pytest.raises(ValueError, match=r"^x.npy\[:, 2\]: got \d+ distinct values"):
        check_density(chosen)
    left = got("x.npy", choice=Choice("columns", None, "0,1"), dequantise=True)
    assert left.notes[-2:] == (
        "uniform noise of one step: 0.5 in column 2",
        "column 3 lies on no grid and is left as it is",
    )
    with pytest.raises(
        ValueError, match=r"^x.csv: got 1 infinite value\(s\), first in line 5, column 2 \('c'\), need"
    ):
        got(
            written(np.where(np.arange(300).reshape(100, 3) == 11, np.inf, X)),
            choice=Choice("columns", "c,a"),
        )
    np.save("x.npy", np.column_stack([X[:, 0], X[:, 1], np.arange(100)]))
    with pytest.raises(ValueError, match=r"^x.npy, column 2: got row numbers, need .* \(--without 2\)"):
        got("x.npy", choice=Choice("columns", None, "0"))


BAD_CHOICES = {
    "too large": (
        Choice("columns", "3"),
        r"columns: got '3', need numbers from 0 to 2 or names \(a, b, c\), with",
    ),
    "no such name": (Choice("x-columns", "d"), "x-columns: got 'd', need numbers from 0 to 2 or names"),
    "twice": (
        Choice("columns", "0,a"),
        r"columns: got '0,a', which are columns \[0, 0\], need every column once",
    ),
    "nothing left": (Choice("columns", "a", "a"), "without: got 'a', need a column that is left"),
    "not there": (Choice("columns", None, "id"), "without: got 'id', need numbers from 0 to 2"),
}


@pytest.mark.parametrize("name", BAD_CHOICES)
def test_choices_that_cannot_be(folder, name):
    choice, message = BAD_CHOICES[name]
    with pytest.raises(ValueError, match=f"^{message}"):
        got(written(X), choice=choice)


def test_a_name_twice_is_asked_for_by_number(folder):
    with pytest.raises(ValueError, match=r"got 'a', the name of columns \[0, 2\], need one of these numbers"):
        got(written(X, "a,b,a"), choice=Choice("columns", "a"))
    assert got(written(X, "a,b,a"), choice=Choice("columns", "2,1")).table.columns == ("a", "b")


def test_an_index_is_left_out_and_said_so(folder):
    samples = got(written(X, ",a,b,c", RNG.permutation(100)))
    np.testing.assert_array_equal(samples.table.values, X)
    assert samples.notes == ("column 0 ('') left out: it has no name, as an index (--columns takes it)",)
    kept = got("x.csv", choice=Choice("columns", "0,a"))
    assert kept.table.values.shape == (100, 2)
    assert "column 0 ('') holds a distinct whole number in every row" in kept.remarks[0]


def test_row_numbers_and_identifiers(folder):
    with pytest.raises(
        ValueError, match=r"column 0 \('id'\): got row numbers, need columns of data alone \(--without id\)"
    ):
        got(written(X, "id,a,b,c", np.arange(100)))
    assert got("x.csv", choice=Choice("columns", None, "id")).remarks == ()
    shuffled = got(written(X, "id,a,b,c", 3 * RNG.permutation(100) + 1000))
    assert len(shuffled.remarks) == 1
    assert shuffled.remarks[0].startswith("column 0 ('id') holds a distinct whole number in every row")
    np.save("x.npy", np.column_stack([X, np.arange(100)]))
    with pytest.raises(ValueError, match=r"^x.npy, column 3: got row numbers, need .* \(--without 3\)"):
        got("x.npy")


def test_missing_values_are_refused_or_dropped_and_counted(folder):
    holes = X.copy()
    holes[3, 1] = holes[50, 1] = holes[50, 2] = np.nan
    np.save("x.npy", holes)
    for file, first in ((written(holes), "line 5"), ("x.npy", "row 3, counted from 0")):
        with pytest.raises(
            ValueError,
            match=rf"^{file}: got 3 missing value\(s\) in 2 of 100 rows, first in {first}, column 1.*, need",
        ):
            got(file)
        samples = got(file, missing="drop")
        np.testing.assert_array_equal(samples.table.values, np.delete(X, [3, 50], axis=0))
        assert samples.notes[0].startswith("2 of 100 rows dropped for missing values: 2 in column 1")
    # What lies in columns that were not chosen is nobody's loss.
    assert got("x.csv", choice=Choice("columns", "a")).table.values.shape == (100, 1)
    np.save("x.npy", np.full((5, 2), np.nan))
    with pytest.raises(ValueError, match="got missing values in every row"):
        got("x.npy", missing="drop")


def test_pairs_lose_the_same_rows(folder):
    holes = X.copy()
    holes[3, 0] = holes[50, 1] = np.nan
    file = written(holes)
    x, y = (Wanted(file, choice=Choice("columns", c), missing="drop") for c in ("a", "b"))
    first, second = read_pair(x, y, np.random.default_rng(0))
    kept = np.delete(X, [3, 50], axis=0)
    np.testing.assert_array_equal(first.table.values[:, 0], kept[:, 0])
    np.testing.assert_array_equal(second.table.values[:, 0], kept[:, 1])
    assert second.notes == ("2 of 100 rows dropped for missing values: 1 in column 1 ('b')",)
    np.save("short.npy", X[:90])
    with pytest.raises(
        ValueError, match=r"short.npy: got 90 rows, need as many as x.csv has, 100: row i of both"
    ):
        read_pair(x, Wanted("short.npy", missing="drop"), np.random.default_rng(0))


def test_noise_is_of_one_step_and_said(folder):
    np.save("tenths.npy", TENTHS)
    samples = got("tenths.npy", dequantise=True)
    assert samples.notes == ("uniform noise of one step: 0.1 in every column",)
    assert samples.log_steps == pytest.approx(2 * np.log(0.1))
    expected = td.dequantise(np.random.default_rng(0), TENTHS).samples
    np.testing.assert_array_equal(samples.table.values, expected)
    np.save("mixed.npy", np.column_stack([X[:, 0], TENTHS[:, 1], RNG.integers(0, 9, 100)]))
    samples = got("mixed.npy", dequantise=True)
    assert samples.notes == (
        "uniform noise of one step: 0.1 in column 1; 1 in column 2",
        "column 0 lies on no grid and is left as it is",
    )
    assert samples.log_steps is None
    np.testing.assert_array_equal(samples.table.values[:, 0], X[:, 0])
    # Counts repeat before the noise and not after it; what was an identifier stays one.
    counts = np.column_stack([RNG.permutation(100), RNG.integers(0, 9, 100)])
    np.save("counts.npy", counts)
    (remark,) = got("counts.npy", dequantise=True).remarks
    assert remark.startswith("column 0 holds a distinct whole number")


def test_small_and_mixed_units_are_no_constants(folder):
    for scale in ([1e-13] * 3, [1e-19] * 3, [1e-12, 1.0, 1e12]):
        np.save("x.npy", RNG.normal(size=(100, 3)) * scale)
        check_density(got("x.npy"))
    np.save("x.npy", X * [1e200, 1.0, 1.0])
    with pytest.raises(
        ValueError, match=r"^x.npy: got column \[0\], counted from 0 from -.*e\+200.*, too large to be"
    ):
        got("x.npy")


def test_named_data_keep_their_own_split():
    pytest.importorskip("sklearn")
    iris = td.named_data("iris")
    for seed in (0, 1):
        rng = np.random.default_rng(seed)
        training, test = divide(read(Wanted("iris"), rng), rng)
        np.testing.assert_array_equal(training, iris.training)
        np.testing.assert_array_equal(test, iris.test)
    part = got("iris", choice=Choice("columns", "petal length (cm),0"))
    np.testing.assert_array_equal(part.table.values, iris.table.values[:, [2, 0]])
    np.testing.assert_array_equal(part.fixed[1], iris.test[:, [2, 0]])
    assert part.log_steps is None
    for said in ({"key": "a"}, {"separator": "tab"}, {"header": "no"}):
        option, word = next(iter(said.items()))
        with pytest.raises(ValueError, match=f"^{option}: got '{word}' for iris, need "):
            got("iris", **said)


def test_remarks():
    assert [f(Table(X, None, "x")) for f in (far_out, few_values, identifiers, repeats)] == [[]] * 4
    odd = X.copy()
    odd[:, 1] = np.arange(100) // 2 % 2
    odd[1], odd[2, 2] = odd[0], 1e9
    table = Table(odd, ("a", "b", "c"), "x")
    assert repeats(table) == ["1 of 100 rows repeat another: training and test rows then overlap"]
    assert "few distinct values in column 1 ('b')" in few_values(table)[0]
    assert far_out(table) == [
        "column 2 ('c') has 1 value(s) far out, up to 1e+09, that carry 100% of its variance: an outlier, or a long "
        "tail; the scale of the column and every number here depend on it"
    ]
    odd[5, 0] = -1e5
    assert far_out(table)[0].endswith(" (so do those of column 0 ('a'))")
    # A heavy tail that carries little of the variance is no remark: the far values of exp(N(0, 1)) carry a fifth.
    assert far_out(Table(np.exp(RNG.normal(size=(3000, 1))), None, "x")) == []
    # Whole numbers far apart are as distinct as chance makes them: incomes, populations.
    assert identifiers(Table(RNG.integers(0, 10**9, (100, 1)), None, "x")) == []
