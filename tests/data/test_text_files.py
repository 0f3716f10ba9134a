"""Text files: equal numbers from every dialect, what is guessed is said, and what cannot be told is asked for."""

import numpy as np
import pytest

from thermodiff.data.files import open_file
from thermodiff.data.text_files import read_text

X = np.random.default_rng(0).normal(size=(40, 3)) * [1.0, 10.0, 1e-3] + [0.0, 5.0, 2.0]
NAMES = ("a", "b", "c")


def text(separator=",", decimal=".", rows=X, before=(), ending=""):
    lines = [separator.join(repr(v).replace(".", decimal) for v in row) + ending for row in rows.tolist()]
    return "\n".join([*before, *lines]) + "\n\n"


def read(folder, content, **told):
    (folder / "x.csv").write_text(content, encoding="utf-8")
    return read_text(folder / "x.csv", **told)


GOOD = {
    "commas": (text(), None, ()),
    "a header": (text(before=["a,b,c"]), NAMES, ()),
    "a quoted header": (text(before=['"a","b","c"']), NAMES, ()),
    "a comment for a header": (
        text(before=["# a,b,c"]),
        NAMES,
        ("names of columns from the comment above the numbers",),
    ),
    "a byte order mark": (text(before=["\ufeffa,b,c"]), NAMES, ()),
    "semicolons": (text(";"), None, ("cells separated by semicolons",)),
    "tabs": (text("\t"), None, ("cells separated by tabs",)),
    "spaces": (text("  "), None, ("cells separated by spaces",)),
    "commas and spaces": (text(" ,  "), None, ()),
    "other line ends": (text().replace("\n", "\r\n"), None, ()),
    "decimal commas": (text(";", ","), None, ("cells separated by semicolons, decimal commas",)),
    "decimal commas in white space": (text(" ", ","), None, ("cells separated by spaces, decimal commas",)),
    "pandas without names": (
        text(before=["0,1,2"]),
        ("0", "1", "2"),
        ("the first line, 0,1,2, taken for names of columns (--header no if it is a row)",),
    ),
    "years": (
        text(before=["2019,2020,2022"]),
        ("2019", "2020", "2022"),
        ("the first line, 2019,2020,2022, taken for names of columns (--header no if it is a row)",),
    ),
    "two comments": (
        text(before=["# made on a Monday", "# a,b,c"]),
        NAMES,
        ("1 comment line(s) skipped", "names of columns from the comment above the numbers"),
    ),
    "comments and a header": (
        text(before=["% Monday", "# Tuesday", "a,b,c"]),
        NAMES,
        ("2 comment line(s) skipped",),
    ),
    "a comment that names what could be names": (
        "# a,b,c\n0,1,2\n" + text(),
        NAMES,
        ("names of columns from the comment above the numbers",),
    ),
    "comments that name nothing": (
        text(before=["# made on", "# Monday"]),
        None,
        ("2 comment line(s) skipped",),
    ),
    "separators at the ends": (text(ending=","), None, ("lines end in a separator: no column after it",)),
    "a header and separators at the ends": (
        text(before=["a,b,c"], ending=","),
        NAMES,
        ("lines end in a separator: no column after it",),
    ),
}


@pytest.mark.parametrize("name", GOOD)
def test_every_dialect_gives_the_same_numbers(tmp_path, name):
    content, columns, notes = GOOD[name]
    found = read(tmp_path, content)
    np.testing.assert_array_equal(found.numbers([0, 1, 2])[-len(X) :], X)
    assert (found.columns, found.notes, found.set_aside) == (columns, notes, {})


@pytest.mark.parametrize("ending", [".csv", ".tsv", ".txt", ".dat"])
def test_endings_of_text(tmp_path, ending):
    path = tmp_path / f"x{ending}"
    path.write_text(text("\t"))
    np.testing.assert_array_equal(open_file(path, None).numbers([2, 0]), X[:, [2, 0]])


def test_one_column_with_decimal_commas(tmp_path):
    content = "\n".join(["x", *(f"{i * i % 97},{i * 37 % 100:02d}" for i in range(30))])
    expected = [[i * i % 97 + (i * 37 % 100) / 100] for i in range(30)]
    found = read(tmp_path, content)
    np.testing.assert_allclose(found.numbers([0]), expected, rtol=1e-15)
    assert found.notes == ("decimal commas",)
    without_name = content.partition("\n")[2]
    with pytest.raises(
        ValueError, match=r"two whole numbers, or one with a decimal comma, need --separator comma"
    ):
        read(tmp_path, without_name)
    np.testing.assert_allclose(read(tmp_path, without_name, separator="semicolon").numbers([0]), expected)
    assert read(tmp_path, without_name, separator="comma").width == 2
    assert read(tmp_path, "a,b\n" + without_name).width == 2


@pytest.mark.parametrize(
    "write", [lambda i: f"{i}", lambda i: f"{37 * i % 61}", lambda i: f"{7 * i}", lambda i: f"r{i}"]
)
def test_a_first_column_without_a_name_is_an_index(tmp_path, write):
    lines = [f"{write(i)},{a!r},{b!r}" for i, (a, b, _) in enumerate(X.tolist())]
    found = read(tmp_path, "\n".join([",a,b", *lines]))
    assert found.set_aside == {0: "it has no name, as an index"}
    np.testing.assert_array_equal(found.numbers([1, 2]), X[:, :2])
    as_r_does = read(tmp_path, "\n".join(["a b", *(line.replace(",", " ") for line in lines)]))
    assert (as_r_does.columns, as_r_does.set_aside) == (("", "a", "b"), found.set_aside)


def test_missing_values_in_every_spelling(tmp_path):
    spellings = ("", "NA", "n/a", "#N/A", "NaN", "null", "None", "?", "-", " ")
    found = read(tmp_path, "a,b\n" + "".join(f"{i}.5,{word}\n" for i, word in enumerate(spellings)))
    assert np.isnan(found.numbers([1])).all()
    np.testing.assert_array_equal(found.numbers([0])[:, 0], np.arange(10) + 0.5)


def test_words_in_a_column_that_is_left_out_do_no_harm(tmp_path):
    found = read(tmp_path, "a,species,b\n1.5,setosa,2\n2.5,virginica,3\n")
    np.testing.assert_array_equal(found.numbers([0, 2]), [[1.5, 2.0], [2.5, 3.0]])
    with pytest.raises(
        ValueError, match=r"x.csv, line 2, column 1 \('species'\): got 'setosa', need a number"
    ):
        found.numbers([0, 1])


BAD = {
    "a word": (
        "a,b\n1,2\n3,x\n",
        r"line 3, column 1 \('b'\): got 'x', need a number in every cell: leave the column out, or",
    ),
    "a short row": ("a,b\n1,2\n3\n", r"x.csv, line 3: got 1 cell\(s\), need 2"),
    "half a header": (
        "a,2\n1.5,2\n2.5,3\n",
        r"x.csv, first line: got 'a' beside '2': a header partly of numbers, or a row with a word, need --header yes",
    ),
    "numbers over numbers": (
        "2019,2020,2021\n1,2,5\n3,4,9\n",
        r"first line: got 2019,2020,2021: names of columns, or a row, need --header yes or --header no",
    ),
    "even steps": ("0.1,0.2,0.3\n1.5,2.5,5.5\n", r"got 0.1,0.2,0.3: names of columns, or a row"),
    "a header alone": ("a,b\n", "got no rows of numbers"),
    "comments alone": ("# a\n# b\n", "got no rows of numbers"),
    "white space": (" \n\n", "got no rows of numbers"),
    "an underscore": (
        "1_000,2.5\n3.5,4.5\n",
        r"line 1, column 0 counted from 0: got '1_000', need digits alone",
    ),
    "an underscore below": (
        "a,b\n1.5,2.5\n1_000,4.5\n",
        r"line 3, column 0 \('a'\): got '1_000', need digits alone",
    ),
    "thousands": (
        'a,b\n1.5,2\n"1,000.5",3\n',
        r"line 3, column 0 \('a'\): got '1,000.5', need one decimal mark",
    ),
    "both decimal marks": (
        "1.5;2.5\n3,5;4.5\n",
        r"line 2, column 0 counted from 0: got '3,5', need one decimal mark",
    ),
    "a line in quotes": ('a,b\n1,"2\n', r"x.csv, line 2: got what is no csv \(unexpected end of data\)"),
}


@pytest.mark.parametrize("name", BAD)
def test_one_line_for_what_is_wrong(tmp_path, name):
    content, message = BAD[name]
    with pytest.raises(ValueError, match=message):
        (found := read(tmp_path, content)).numbers(list(range(found.width)))


def test_what_the_first_line_is_can_be_said(tmp_path):
    content = "2019,2020,2021\n1,2,5\n3,4,9\n"
    assert read(tmp_path, content, header="yes").columns == ("2019", "2020", "2021")
    assert len(read(tmp_path, content, header="no").rows) == 3
    assert read(tmp_path, "a,2\n1.5,2\n2.5,3\n", header="yes").columns == ("a", "2")


def test_bytes_that_are_no_text(tmp_path):
    (tmp_path / "x.csv").write_bytes(b"\xff\xfe1,2\n")
    with pytest.raises(ValueError, match="need a csv file in UTF-8"):
        read_text(tmp_path / "x.csv")
