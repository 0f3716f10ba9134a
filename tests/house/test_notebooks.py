"""Every notebook runs from top to bottom, shows a picture in each of its sections, and is small with its outputs."""

import re
from pathlib import Path

import nbformat
import pytest
from nbclient import NotebookClient

FOLDER = Path(__file__).resolve().parents[2] / "notebooks"
NOTEBOOKS = sorted(FOLDER.glob("*.ipynb"))
NAMES = [path.stem for path in NOTEBOOKS]
LONG = {
    "02_train_and_audit",
    "03_when_the_bound_fails",
    "04_entropy_of_your_data",
    "05_what_a_policy_can_reach",
    "06_what_accuracy_costs",
    "08_the_price_of_a_sample",
}
"""Minutes of training: run with the slow tests."""
OF_PEERS = {"07_audit_your_model"}
"""Need a package of the extra ``peers``."""
LARGEST = 400_000
"""Bytes of a notebook with its outputs."""


def pictures(cells):
    outputs = [output for cell in cells for output in cell.get("outputs", [])]
    return sum("image/png" in output.get("data", {}) for output in outputs)


def sections(notebook):
    """The cells of each section, by heading."""
    found = {}
    for cell in notebook.cells:
        heading = (
            re.match(r"## (.*)|.*?\n## (.*)", cell.source, re.DOTALL)
            if cell.cell_type == "markdown"
            else None
        )
        if heading:
            name = (heading[1] or heading[2]).splitlines()[0]
            found[name] = []
        elif found:
            found[name].append(cell)
    return found


def test_they_are_numbered_in_order():
    assert [name[:2] for name in NAMES] == ["01", "02", "03", "04", "05", "06", "07", "08"]


@pytest.mark.parametrize("path", NOTEBOOKS, ids=NAMES)
def test_what_is_committed_is_small_and_illustrated(path):
    assert path.stat().st_size < LARGEST
    found = sections(nbformat.read(path, as_version=4))
    assert len(found) >= 3
    for heading, cells in found.items():
        assert pictures(cells) > 0, heading


@pytest.mark.parametrize(
    "path",
    [
        pytest.param(
            path,
            marks=[pytest.mark.slow] * (path.stem in LONG) + [pytest.mark.peer] * (path.stem in OF_PEERS),
            id=path.stem,
        )
        for path in NOTEBOOKS
    ],
)
def test_it_runs(path, tmp_path):
    notebook = nbformat.read(path, as_version=4)
    expected = pictures(notebook.cells)
    client = NotebookClient(
        notebook, timeout=600, kernel_name="python3", resources={"metadata": {"path": str(tmp_path)}}
    )
    client.execute()
    assert pictures(notebook.cells) == expected
