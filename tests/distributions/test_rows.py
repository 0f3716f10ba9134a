"""Rows as people hold them: the same numbers from every library's tables, masks and missing values refused."""

import sys

import jax
import jax.numpy as jnp
import numpy as np
import pandas
import polars
import pyarrow
import pytest

import thermodiff as td
from thermodiff.distributions.rows import Rows, as_rows
from thermodiff.distributions.sample_checks import check_continuous, check_samples, sample_rows

X = np.random.default_rng(0).normal(size=(90, 3)) @ np.array([[1.0, 0.4, 0], [0, 0.5, 0], [0, 1, 2.0]])
NAMES = ["height", "weight", "age"]
COLUMNS = dict(zip(NAMES, X.T, strict=True))
TABLES = {
    "pandas": lambda: pandas.DataFrame(X, columns=NAMES),
    "pandas, other types": lambda: pandas.DataFrame(X, columns=NAMES).convert_dtypes(dtype_backend="pyarrow"),
    "pandas, its index": lambda: pandas.DataFrame(X, columns=NAMES, index=np.arange(90)[::-1]),
    "polars": lambda: polars.DataFrame(COLUMNS),
    "Arrow": lambda: pyarrow.table(COLUMNS),
}


@pytest.mark.parametrize("name", TABLES)
def test_a_table_is_its_numbers_and_names(name):
    rows = as_rows("samples", TABLES[name]())
    np.testing.assert_array_equal(rows.values, X)
    assert rows.columns == tuple(NAMES)
    assert td.nearest_neighbour_entropy(TABLES[name]()).mean == td.nearest_neighbour_entropy(X).mean
    np.testing.assert_array_equal(td.Samples(TABLES[name]()).array, td.Samples(X).array)


def test_arrays_are_left_as_they_are(tmp_path):
    np.save(tmp_path / "x.npy", X)
    for x in (
        X,
        X.astype(np.float32),
        jnp.asarray(X),
        np.load(tmp_path / "x.npy", mmap_mode="r"),
        X.tolist(),
    ):
        assert as_rows("samples", x).values is x
    assert sample_rows("samples", np.load(tmp_path / "x.npy", mmap_mode="r")).base is not None


def test_whole_numbers_truths_and_single_precision():
    assert as_rows("x", polars.DataFrame({"a": [1, 2], "b": [True, False]})).values.tolist() == [
        [1, 1],
        [2, 0],
    ]
    assert (
        as_rows("x", polars.DataFrame({"a": [1, 2]}, schema={"a": polars.Float32})).values.dtype == np.float32
    )
    assert as_rows("x", pandas.DataFrame({"a": [1, 2]}, dtype="Int64")).values.tolist() == [[1], [2]]
    assert as_rows("x", pandas.DataFrame({2019: [1.5, 2.0]})).columns == ("2019",)


def hole(column):
    return [None if i in (4, 7) else v for i, v in enumerate(column.tolist())]


MISSING = {
    "pandas": lambda: pandas.DataFrame({"a": X[:, 0], "b": np.array(hole(X[:, 1]), dtype=float)}),
    "pandas, whole numbers": lambda: pandas.DataFrame(
        {"a": X[:, 0], "b": pandas.array(hole(np.arange(90)), dtype="Int64")}
    ),
    "polars": lambda: polars.DataFrame({"a": X[:, 0], "b": hole(X[:, 1])}),
    "polars, NaN": lambda: polars.DataFrame({"a": X[:, 0], "b": np.array(hole(X[:, 1]), dtype=float)}),
    "Arrow": lambda: pyarrow.table({"a": X[:, 0], "b": hole(X[:, 1])}),
}


@pytest.mark.parametrize("name", MISSING)
def test_missing_values_are_refused_by_name(name):
    with pytest.raises(
        ValueError,
        match=r"^samples: got 2 missing value\(s\) in 2 row\(s\), first in row 4, column\(s\) \['b'\], need",
    ):
        td.nearest_neighbour_entropy(MISSING[name]())


NO_ROWS = {
    "words": (
        lambda: pandas.DataFrame({"a": [1.0], "b": ["x"]}),
        r"got column 'b' of type String, need columns",
    ),
    "dates": (
        lambda: pandas.DataFrame({"a": pandas.to_datetime(["2020-01-01"])}),
        "got column 'a' of type Datetime",
    ),
    "lazy": (lambda: polars.DataFrame(COLUMNS).lazy(), r"got LazyFrame, need a table in memory"),
    "one column": (
        lambda: polars.Series("a", X[:, 0]),
        r"got one column, a Series, need a table: its .to_frame",
    ),
    "no rows": (lambda: polars.DataFrame({"a": []}), r"got a table of shape \(0, 1\), need rows"),
    "no columns": (lambda: polars.DataFrame(), r"got a table of shape \(0, 0\), need rows"),
    "a name twice": (lambda: pandas.DataFrame(X[:, :2], columns=["a", "a"]), "got two columns with one name"),
}


@pytest.mark.parametrize("name", NO_ROWS)
def test_tables_that_are_no_rows_of_numbers(name):
    make, message = NO_ROWS[name]
    with pytest.raises(ValueError, match=f"^samples: {message}"):
        as_rows("samples", make())


def test_messages_name_the_columns_of_a_table():
    table = pandas.DataFrame(X, columns=NAMES)
    with pytest.raises(
        ValueError, match=r"^samples: got constant column\(s\) \['age'\], need columns that vary"
    ):
        td.data_entropy(jax.random.key(0), table.assign(age=3.0))
    with pytest.raises(
        ValueError, match=r"^array: got linearly dependent columns \['height', 'age'\] \(singular"
    ):
        td.Samples(table.assign(age=2 * table.height))
    with pytest.raises(ValueError, match=r"^x\[:, 'age'\]: got 2 distinct values in 90 rows"):
        check_continuous("x", table.assign(age=np.arange(90) % 2))


def test_without_narwhals(monkeypatch):
    monkeypatch.setitem(sys.modules, "narwhals", None)
    with pytest.raises(ValueError, match=r"^samples: got no narwhals in this environment.*extra 'tables'"):
        td.nearest_neighbour_entropy(polars.DataFrame(COLUMNS))


def test_estimates_take_tables(key):
    """The same rows as an array and as a table are the same number, wherever samples are taken."""
    table, process = polars.DataFrame(COLUMNS), td.VarianceExploding(25.0)
    score = td.exact_score(td.Gaussian(np.zeros(3), np.eye(3)), process)
    for estimate in (
        lambda x: (
            td.gaussian_mutual_information(x, X[:, :1] + np.random.default_rng(1).normal(size=(90, 1))).mean
        ),
        lambda x: td.held_out_entropy(td.GaussianBaseline, x).mean,
        lambda x: td.dequantise(0, x, continuous="leave").samples,
        lambda x: td.flow_log_likelihood(score, process, x[:4]),
    ):
        np.testing.assert_array_equal(estimate(table), estimate(X))


# --- masks --------------------------------------------------------------------------------------

MASKED = np.ma.MaskedArray(X, mask=np.zeros(X.shape, bool))
MASKED[3, 1] = MASKED[5] = np.ma.masked


def test_masked_values_are_refused_everywhere(key):
    process = td.VarianceExploding(25.0)
    score = td.exact_score(td.Gaussian(np.zeros(3), np.eye(3)), process)
    for call in (
        lambda x: td.fit(key, x, process),
        lambda x: td.fit(key, X, process, validation=x),
        lambda x: td.data_entropy(key, x),
        lambda x: td.mutual_information(key, X, x),
        lambda x: td.cross_entropy(key, X, x),
        lambda x: td.nearest_neighbour_entropy(x),
        lambda x: td.gaussian_mutual_information(X, x),
        lambda x: td.GaussianBaseline(x),
        lambda x: td.GaussianBaseline(X).log_prob(x),
        lambda x: td.dequantise(0, x),
        lambda x: td.Samples(x),
        lambda x: td.entropy_rates(key, score, process, x),
        lambda x: td.audit(key, score, process, x),
        lambda x: td.flow_log_likelihood(score, process, x),
        lambda x: td.elbo(key, score, process, x),
    ):
        with pytest.raises(
            ValueError, match=r"got 4 masked value\(s\) in 2 row\(s\) \(first at index \(3, 1\)"
        ):
            call(MASKED)


def test_a_mask_that_hides_nothing_changes_nothing():
    open_ = np.ma.MaskedArray(X, mask=False)
    assert td.nearest_neighbour_entropy(open_).mean == td.nearest_neighbour_entropy(X).mean


# --- why rows repeat, what is constant, what can be squared ---------------------------------------

G = np.random.default_rng(1).normal(size=(1500, 1))
REPEATED = {
    "single precision at an offset": (
        (G + 1e6).astype(np.float32),
        r"float32 keeps steps of 0\.062 at 1e\+06; store them in float64, or less their mean$",
    ),
    "half precision": (
        (G + 100).astype(np.float16),
        r"float16 keeps steps of 0\.062 at 1e\+02; store them in float64",
    ),
    "whole numbers": (
        np.round(5 * G),
        r"add uniform noise of one step to integer data and rounded numbers \(dequantise\)",
    ),
    "tenths": (np.round(G, 1), r"add uniform noise of one step to integer data and rounded numbers"),
    "copies": (np.tile(G[:500], (3, 1)), r"were rows copied\? numpy.unique\(x, axis=0\) keeps one of each"),
}


@pytest.mark.parametrize("name", REPEATED)
def test_why_rows_repeat(name):
    x, message = REPEATED[name]
    with pytest.raises(ValueError, match=rf"^x: got \d+ repeated rows out of 1500: .*{message}"):
        check_samples("x", x)


def test_ties_of_a_short_type_are_called_so():
    x = np.column_stack([G[:, 0], (0.5 * G[::-1, 0] + 1e6)])
    with pytest.raises(
        ValueError, match=r"^x\[:, 1\]: got \d+ distinct values in 1500 rows.*float32 keeps steps"
    ):
        check_continuous("x", x.astype(np.float32))


@pytest.mark.parametrize("scale", [1e-13, 1e-19, 1e-140, 1e140, [1e-12, 1.0, 1e12]])
def test_units_do_not_matter(scale):
    check_samples("x", X * scale)
    check_samples("x", Rows(X * scale, ("a", "b", "c")))


@pytest.mark.parametrize(
    ("scale", "word"), [(1e200, "large"), (1e-200, "small"), (1e308, "large"), (5e-324, "small")]
)
def test_what_cannot_be_squared(scale, word):
    with pytest.raises(
        ValueError, match=rf"^x: got column .* from .* to .*, too {word} to be squared, need columns in"
    ):
        check_samples("x", np.clip(X, -0.9, 0.9) * scale if scale > 1e300 else X * scale)


@pytest.mark.parametrize("value", [0.0, 1e-19, 3.0, 1e200, -1e-300])
def test_constants_of_every_size(value):
    with pytest.raises(
        ValueError, match=r"^x: got constant column\(s\) \[1\], counted from 0, need columns that vary"
    ):
        check_samples("x", np.column_stack([X[:, 0], np.full(90, value)]))


@pytest.mark.parametrize("scale", [1e-25, 1e25])
def test_samples_fit_the_precision_of_jax(scale):
    with pytest.raises(
        ValueError, match=r"^array: got column 0 from .*, whose squares float32 cannot hold, need stand"
    ):
        td.Samples(X * scale)


def test_the_entropy_of_charges_is_that_of_their_number():
    """S(c x) = S(x) + d ln c, also where c is 1.6e-19."""
    shifted = td.nearest_neighbour_entropy(1.6e-19 * X).mean - td.nearest_neighbour_entropy(X).mean
    assert shifted == pytest.approx(3 * np.log(1.6e-19), rel=1e-12)


def test_the_map_of_coordinates_knows_no_units():
    """What networks are trained on is the same for charges as for their number: S(c x) - S(x) is d ln c in the map."""
    for scale in (1e-13, 1.6e-19, 1e120):
        own, other = td.Asinh(X), td.Asinh(scale * X)
        np.testing.assert_allclose(other.forward(scale * X), own.forward(X), rtol=1e-9, atol=1e-12)
        shift = own.log_derivative(X) - other.log_derivative(scale * X)
        np.testing.assert_allclose(shift, 3 * np.log(scale), rtol=1e-12)
