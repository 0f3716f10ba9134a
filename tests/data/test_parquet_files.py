"""Parquet: columns by name, missing values, pandas' index left out, one line for what is no table of numbers."""

import json
import sys
from decimal import Decimal

import numpy as np
import pyarrow
import pyarrow.parquet
import pytest

from thermodiff.data.files import open_file


def saved(folder, metadata=None, **columns):
    table = pyarrow.table(columns)
    if metadata is not None:
        table = table.replace_schema_metadata({"pandas": json.dumps(metadata)})
    pyarrow.parquet.write_table(table, folder / "x.parquet")
    return open_file(folder / "x.parquet", None)


def test_every_kind_of_number(tmp_path):
    found = saved(
        tmp_path,
        whole=[1, None, 3],
        real=[1.5, 2.5, None],
        said=[True, False, None],
        exact=[Decimal("1.25"), Decimal("2.50"), None],
        word=["a", "b", "c"],
    )
    assert found.columns == ("whole", "real", "said", "exact", "word")
    expected = [[1, 1.5, 1, 1.25], [np.nan, 2.5, 0, 2.5], [3, np.nan, np.nan, np.nan]]
    np.testing.assert_array_equal(found.numbers([0, 1, 2, 3]), expected)
    with pytest.raises(
        ValueError, match=r"x.parquet, column 4 \('word'\): got entries of type string, need numbers"
    ):
        found.numbers([4])


def test_the_index_that_pandas_kept(tmp_path):
    found = saved(tmp_path, {"index_columns": ["time"]}, a=[1.0, 2.0], time=[0, 1])
    assert found.set_aside == {1: "the index that pandas kept"}
    for nothing in ({"index_columns": [{"kind": "range"}]}, [], {}):
        assert saved(tmp_path, nothing, a=[1.0, 2.0]).set_aside == {}


def test_what_is_no_table(tmp_path):
    with pytest.raises(ValueError, match=r"^x.parquet: got a table of shape \(0, 1\), need rows"):
        saved(tmp_path, a=pyarrow.array([], "float64"))
    content = (tmp_path / "x.parquet").read_bytes()
    for damaged in (b"PAR1", content[:40], content[:-5]):
        (tmp_path / "x.parquet").write_bytes(damaged)
        with pytest.raises(ValueError, match=r"^x.parquet: got a damaged file"):
            open_file(tmp_path / "x.parquet", None)


def test_without_pyarrow(tmp_path, monkeypatch):
    saved(tmp_path, a=[1.0])
    monkeypatch.setitem(sys.modules, "pyarrow", None)
    with pytest.raises(
        ValueError, match=r"^file: got no pyarrow in this environment, need it: install the extra 'tables'"
    ):
        open_file(tmp_path / "x.parquet", None)
