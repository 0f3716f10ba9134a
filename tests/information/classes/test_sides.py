"""Which columns are classes: what is said, what is refused, and how joint classes are counted."""

import numpy as np
import pandas
import pytest

from thermodiff.information import arguments
from thermodiff.information.classes.sides import check_no_classes, joint, one_hot, rare_warning, sides

RNG = np.random.default_rng(0)
X = RNG.normal(size=(200, 2))
CODES = RNG.integers(0, 3, 200)
WORDS = np.array(["red", "green", "blue"])[CODES]


def test_a_table_of_classes_alone():
    told = sides({"x": X, "y": WORDS}, "y")
    assert told["x"].codes is None
    assert told["x"].dim == 2
    assert told["y"].dim == 0
    assert told["y"].classes == ("blue", "green", "red")
    names = np.array(told["y"].classes)[told["y"].codes]
    np.testing.assert_array_equal(names, WORDS)


@pytest.mark.parametrize("kind", [int, float, str, bool, object])
def test_any_type_of_label(kind):
    labels = (CODES > 0).astype(kind)
    told = sides({"x": X, "y": labels}, ["y"])["y"]
    np.testing.assert_array_equal(told.codes, CODES > 0)


def test_mixed_columns_and_joint_classes():
    table = np.column_stack([X, CODES, CODES % 2])
    told = sides({"x": table, "y": X}, {"x": [2, 3]})["x"]
    np.testing.assert_array_equal(told.rows, X)
    assert told.classes == ("0.0, 0.0", "1.0, 1.0", "2.0, 0.0")
    np.testing.assert_array_equal(told.codes, CODES)
    of_objects = np.empty((200, 2), dtype=object)
    of_objects[:, 0], of_objects[:, 1] = X[:, 0], WORDS
    told = sides({"x": of_objects, "y": X}, {"x": 1})["x"]
    np.testing.assert_array_equal(told.rows, X[:, :1])


def test_joint_and_one_hot():
    a, b = np.array([0, 1, 0, 1]), np.array([2, 0, 2, 1])
    np.testing.assert_array_equal(joint([a, None, b]), [0, 1, 0, 2])
    assert joint([None]) is None
    np.testing.assert_array_equal(one_hot(np.array([0, 2, 1])), [[0, 0], [0, 1], [1, 0]])


def rare(times):
    return np.repeat(["often", "seldom"], [200 - times, times])


@pytest.mark.parametrize(
    ("y", "discrete", "message"),
    [
        (WORDS, "z", "discrete: got 'z', need a name among x, y"),
        (WORDS, {"y": [1]}, r"discrete: got \[1\] for y, need columns from 0 to 0"),
        (WORDS[:150], "y", "y: got 150 rows, need as many as x has, 200"),
        (np.zeros(200), "y", "y: got one class, '0.0', need at least two"),
        (rare(9), "y", r"y: got 9 row\(s\) of class 'seldom', and 1 of 2 classes like it, need at least 10"),
        (X[:, :1], "y", r"y: got 1 row\(s\) of class '.*', and 200 of 200 classes like it, need at least 10"),
        (np.where(CODES > 1, np.nan, CODES), "y", r"y\[:, 0\]: got \d+ missing label\(s\), the first in row"),
        (np.array([None, *WORDS[1:]]), "y", r"y\[:, 0\]: got 1 missing label\(s\), the first in row 0"),
        (WORDS, "x", r"x: got 1 row\(s\) of class"),
        (WORDS[:, None], {"x": 0}, r"x: got 1 row\(s\) of class"),
    ],
)
def test_what_is_refused(y, discrete, message):
    with pytest.raises(ValueError, match=f"^{message}"):
        sides({"x": X, "y": y}, discrete)


@pytest.mark.parametrize("labels", [WORDS[:, None], CODES[:, None], (CODES > 0)[:, None]])
def test_classes_that_nobody_named_are_refused_with_the_hint(labels):
    hint = (
        r'^y\[:, 0\]: got .*, need a column with a density, or discrete={"y": 0} if its values are classes$'
    )
    with pytest.raises(ValueError, match=hint):
        check_no_classes({"x": X, "y": labels})
    check_no_classes({"x": X, "y": X + 1})


def test_the_hint_is_given_for_a_column_among_others():
    with pytest.raises(
        ValueError, match=r'^x\[:, 2\]: got 3 distinct values in 200 rows, .*discrete={"x": 2}'
    ):
        check_no_classes({"x": np.column_stack([X, CODES])})


def test_columns_of_a_table_go_by_their_names():
    table = pandas.DataFrame({"height": X[:, 0], "species": CODES, "kind": WORDS})
    with pytest.raises(
        ValueError, match=r'^x\[:, \'species\'\]: got 3 distinct .*discrete={"x": \'species\'}'
    ):
        check_no_classes({"x": table}, {"x": "kind"})
    found = sides({"x": table, "y": X}, {"x": ["kind", 1]})["x"]
    assert (found.dim, found.named.columns, found.named.places) == (1, ("height",), (0,))
    with pytest.raises(
        ValueError, match=r"^discrete: got 'kin' for x, need columns from 0 to 2 or of height, spec"
    ):
        sides({"x": table, "y": X}, {"x": "kin"})
    assert arguments.labels({"x": table[["height"]], "y": X}) == ("x[:, 'height']", "y[:, 0]", "y[:, 1]")


def test_rare_classes_are_said():
    assert rare_warning([None, CODES]) == []
    assert rare_warning([None]) == []
    (said,) = rare_warning([(np.arange(200) < 20).astype(int)])
    assert said.startswith("1 of 2 joint classes have fewer than 50 rows, the rarest 20")
