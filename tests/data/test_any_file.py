"""Files of anything: what is read is what was written, and what is not is refused in one line, never by a traceback."""

import csv
import io
import re
import zipfile

import numpy as np
import pyarrow
import pyarrow.parquet
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as arrays

from thermodiff.data.columns import Choice
from thermodiff.data.files import open_file
from thermodiff.data.intake import Wanted, read

QUICK = settings(max_examples=25, deadline=None, derandomize=True)
THOROUGH = settings(
    max_examples=2500, deadline=None, derandomize=True, suppress_health_check=[HealthCheck.too_slow]
)
pytestmark = pytest.mark.filterwarnings("ignore:Stored array in format 3.0")
FORM = re.compile(r"[^\n]+: got [^\n]+, need [^\n]+")
SEPARATORS = {"comma": ",", "semicolon": ";", "tab": "\t", "space": " "}


@pytest.fixture(scope="module")
def place(tmp_path_factory):
    return tmp_path_factory.mktemp("any")


def attempt(function, *arguments):
    """What it returns, or the one line of its complaint."""
    try:
        return function(*arguments)
    except ValueError as error:
        said = str(error)
    assert FORM.fullmatch(said), f"no line of our form: {said!r}"
    return said


# --- text ---------------------------------------------------------------------------------------

NUMBERS = st.floats(allow_nan=False, allow_infinity=False)
TABLES = st.tuples(st.integers(1, 8), st.integers(1, 5)).flatmap(
    lambda shape: arrays.arrays(np.float64, shape, elements=NUMBERS)
)
WORDS = st.lists(st.text("abcXYZ_é", min_size=1, max_size=6), min_size=5, max_size=5)
DIALECTS = st.fixed_dictionaries(
    {
        "separator": st.sampled_from(list(SEPARATORS)),
        "decimal": st.sampled_from([".", ","]),
        "header": st.booleans(),
        "quoted": st.booleans(),
        "comments": st.lists(st.sampled_from(["# made on a Monday", "% two words", "#"]), max_size=3),
        "end": st.sampled_from(["\n", "\r\n"]),
        "mark": st.sampled_from(["", "\ufeff"]),
        "trailing": st.booleans(),
    }
)


def written(x, words, told):
    """The rows as text of a dialect."""
    stream = io.StringIO()
    quoting = csv.QUOTE_ALL if told["quoted"] else csv.QUOTE_MINIMAL
    writer = csv.writer(
        stream, delimiter=SEPARATORS[told["separator"]], quoting=quoting, lineterminator=told["end"]
    )
    stream.write(told["mark"] + "".join(line + told["end"] for line in told["comments"]))
    more = [""] if told["trailing"] and told["separator"] != "space" else []
    if told["header"]:
        writer.writerow([*words[: x.shape[1]], *more])
    for row in x.tolist():
        writer.writerow([*(repr(v).replace(".", told["decimal"]) for v in row), *more])
    return stream.getvalue()


def check_text(place, x, words, told):
    """All that is said of a file leaves nothing to guess; where it is left to the file, it is right or it asks."""
    if told["separator"] == "comma":
        told = told | {"decimal": "."}
    path = place / "x.csv"
    path.write_bytes(written(x, words, told).encode())
    header = "yes" if told["header"] else "no"
    found = open_file(path, None, told["separator"], header)
    np.testing.assert_array_equal(found.numbers(list(range(x.shape[1]))), x)
    guessed = attempt(open_file, path, None)
    if isinstance(guessed, str):
        assert "--header" in guessed or "--separator" in guessed
    else:
        np.testing.assert_array_equal(guessed.numbers(list(range(x.shape[1]))), x)


@QUICK
@given(x=TABLES, words=WORDS, told=DIALECTS)
def test_text_of_any_dialect(place, x, words, told):
    check_text(place, x, words, told)


@pytest.mark.slow
@THOROUGH
@given(x=TABLES, words=WORDS, told=DIALECTS)
def test_text_of_any_dialect_thoroughly(place, x, words, told):
    check_text(place, x, words, told)


CELLS = st.one_of(
    st.sampled_from(
        ["", "NA", "-", "1_000", "1,5", "1.5", "2019", "0", "1", "2", "inf", "1e400", '"', "a,b", "x"]
    ),
    st.text("0123456789.,;-+eE_#%\"' \tax\r\n\x00", max_size=8),
)
ODD_TEXT = st.one_of(
    st.lists(st.lists(CELLS, max_size=4), max_size=6).flatmap(
        lambda rows: st.sampled_from([",", ";", " ", "\t"]).map(lambda s: "\n".join(map(s.join, rows)))
    ),
    st.text(max_size=60),
)
ASKED = st.fixed_dictionaries(
    {},
    optional={
        "choice": st.builds(
            Choice,
            st.just("columns"),
            st.sampled_from([None, "0", "1,0", "x", ""]),
            st.sampled_from([None, "0"]),
        ),
        "dequantise": st.booleans(),
        "missing": st.sampled_from(["refuse", "drop"]),
        "separator": st.sampled_from(["auto", *SEPARATORS]),
        "header": st.sampled_from(["auto", "yes", "no"]),
    },
)


def check_odd_text(place, content, asked):
    path = place / "odd.csv"
    path.write_text(content, encoding="utf-8", errors="replace", newline="")
    samples = attempt(read, Wanted(str(path), **asked), np.random.default_rng(0))
    if not isinstance(samples, str):
        assert np.isfinite(samples.table.values).all()


@QUICK
@given(content=ODD_TEXT, asked=ASKED)
def test_odd_text_is_refused_in_one_line(place, content, asked):
    check_odd_text(place, content, asked)


@pytest.mark.slow
@THOROUGH
@given(content=ODD_TEXT, asked=ASKED)
def test_odd_text_is_refused_in_one_line_thoroughly(place, content, asked):
    check_odd_text(place, content, asked)


# --- arrays -------------------------------------------------------------------------------------

KINDS = st.one_of(
    arrays.scalar_dtypes(),
    arrays.array_dtypes(arrays.scalar_dtypes(), min_size=1, max_size=3),
)
ARRAYS = KINDS.flatmap(
    lambda kind: arrays.arrays(kind, arrays.array_shapes(min_dims=0, max_dims=3, min_side=0, max_side=4))
)


def check_array(place, x, compressed):
    path = place / ("x.npz" if compressed else "x.npy")
    (np.savez_compressed if compressed else np.save)(path, x)
    found = attempt(open_file, path, None)
    if not isinstance(found, str) and x.dtype.names is None:
        np.testing.assert_array_equal(found.numbers(list(range(found.width))), x)
    plain = x.dtype.kind in "biuf" and x.ndim == 2 and x.size > 0
    assert not (plain and isinstance(found, str))
    if not isinstance(found, str):
        attempt(read, Wanted(str(path)), np.random.default_rng(0))


@QUICK
@given(x=ARRAYS, compressed=st.booleans())
def test_arrays_of_any_type_and_shape(place, x, compressed):
    check_array(place, x, compressed)


@pytest.mark.slow
@THOROUGH
@given(x=ARRAYS, compressed=st.booleans())
def test_arrays_of_any_type_and_shape_thoroughly(place, x, compressed):
    check_array(place, x, compressed)


# --- damaged files ------------------------------------------------------------------------------


def originals(place):
    """The bytes of a healthy file of each binary format."""
    x = np.random.default_rng(0).normal(size=(6, 2))
    np.save(place / "good.npy", x)
    np.savez(place / "good.npz", x=x)
    np.savez_compressed(place / "good_too.npz", x=x)
    pyarrow.parquet.write_table(pyarrow.table({"a": x[:, 0], "b": x[:, 1]}), place / "good.parquet")
    return [(p.suffix, p.read_bytes()) for p in sorted(place.glob("good*"))]


CHANGES = st.lists(st.tuples(st.floats(0, 1, exclude_max=True), st.integers(0, 255)), max_size=4)


def check_damaged(place, which, changes, kept):
    suffix, content = originals(place)[which]
    damaged = bytearray(content)
    for where, byte in changes:
        damaged[int(where * len(damaged))] = byte
    path = place / f"damaged{suffix}"
    path.write_bytes(bytes(damaged[: int(kept * len(damaged)) + 1]))
    found = attempt(open_file, path, None)
    if not isinstance(found, str):
        attempt(found.numbers, list(range(found.width)))


@QUICK
@given(which=st.integers(0, 3), changes=CHANGES, kept=st.sampled_from([1.0, 1.0, 0.9, 0.5, 0.1]))
def test_damaged_files_are_refused_in_one_line(place, which, changes, kept):
    check_damaged(place, which, changes, kept)


@pytest.mark.slow
@THOROUGH
@given(which=st.integers(0, 3), changes=CHANGES, kept=st.sampled_from([1.0, 1.0, 0.9, 0.5, 0.1]))
def test_damaged_files_are_refused_in_one_line_thoroughly(place, which, changes, kept):
    check_damaged(place, which, changes, kept)


@pytest.mark.parametrize("suffix", [".npy", ".npz", ".parquet", ".csv"])
@QUICK
@given(
    content=st.binary(max_size=80), magic=st.sampled_from([b"", b"\x93NUMPY\x01\x00", b"PK\x03\x04", b"PAR1"])
)
def test_any_bytes_are_refused_in_one_line(place, suffix, content, magic):
    path = place / f"bytes{suffix}"
    path.write_bytes(magic + content)
    found = attempt(open_file, path, None)
    if not isinstance(found, str):
        attempt(found.numbers, list(range(found.width)))


def test_an_archive_of_something_else(place):
    with zipfile.ZipFile(place / "other.npz", "w") as archive:
        archive.writestr("readme.txt", "no array")
    assert "one of the keys in it: readme.txt" in attempt(open_file, place / "other.npz", None)
