"""Growth: exponents from known power laws, the rows on disk, one probe in this process, and the figure."""

import numpy as np
import pytest

from experiments.speed import scaling, scaling_figure, scaling_probe


def row(axis, task, value, elapsed, peak):
    cell = {"n": 1, "dim": 1, "width": 1, "nodes": 1, axis: value}
    return {"axis": axis, "task": task, **cell, "elapsed": elapsed, "peak_bytes": peak}


def test_exponents_come_from_the_largest_values(tmp_path):
    rows = [row("n", "audit", n, max(1.0, 1e-3 * n), 2.0**30) for n in (10, 100, 1000, 10_000, 100_000)]
    said = scaling_figure.table(rows)
    assert "1.00 ± 0.00" in said
    assert "0.00 ± 0.00" in said
    assert scaling_figure.curve(rows, "n", "audit", "peak_bytes")[1] == [1.0] * 5
    silent = [row("width", "rates", w, float(w), 0.0) for w in (8, 16, 32)]
    paths = scaling_figure.draw(rows + silent, tmp_path)
    assert paths[0].stat().st_size > 1000


def test_rows_on_disk_are_standard_normal(tmp_path):
    scaling.write_rows(tmp_path / "rows.npy", 100_000, 2)
    rows = np.load(tmp_path / "rows.npy", mmap_mode="r")
    assert rows.dtype == np.float32
    np.testing.assert_allclose(rows.mean(axis=0), 0.0, atol=0.02)
    np.testing.assert_allclose(np.cov(rows, rowvar=False), np.eye(2), atol=0.03)


def test_a_cell_is_one_value_on_one_axis():
    cells = scaling.cells(scaling.Config())
    assert len({tuple(cell[key] for key in scaling.CELL_KEYS) for cell in cells}) == len(cells)
    assert {cell["task"] for cell in cells} == set(scaling_figure.LOOKS)


@pytest.mark.parametrize(
    "task",
    ["closed", *(pytest.param(name, marks=pytest.mark.slow) for name in ("rates", "products", "hutchinson"))],
)
def test_a_probe_measures(task):
    measured = scaling_probe.measure({"task": task, "n": 16, "dim": 2, "width": 8, "nodes": 5})
    assert measured["elapsed"] > 0
    assert measured["peak_bytes"] >= 0
