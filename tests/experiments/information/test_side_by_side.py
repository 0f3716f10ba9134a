"""The comparison with other packages: its data, its cells, its tables from made-up rows, its page from kept ones."""

import numpy as np
import pytest
from problems_classes import LABELLED, table_information
from scipy import stats

from experiments.information import side_by_side, side_by_side_page
from experiments.information.estimators_side_by_side import ESTIMATORS
from experiments.information.side_by_side_data import DATA, SHIFT, normal_classes_information
from experiments.information.side_by_side_table import table


def row(data, n, estimator, deviation, interval=None, seconds=1.0):
    of = DATA[data]
    told = {"asked": of.asked, "kind": of.kind, "columns": of.columns, "truth": of.truth}
    found = {"estimate": of.truth + deviation, "deviation": deviation, "interval": interval}
    cell = {"data": data, "n": n, "seed": 0, "estimator": estimator}
    return {**cell, **told, **found, "processor_seconds": seconds}


ROWS = [
    row("uniform-2", 2000, "ennemi", -0.004, seconds=0.25),
    row("uniform-2", 2000, "thermodiff", 0.03, [-0.1, 0.1], seconds=61.0),
    row("dense-5-5", 10_000, "NWJ", -1.25, seconds=100.0),
    row("dense-5-5", 10_000, "thermodiff", 0.0004, [0.6, 0.7]),
]


def test_tables():
    said = table(ROWS)
    assert "| edges, `uniform-2` | 2 | 2000 | 0.000 | +0.030 | **−0.004** |" in said
    assert "| linear, `dense-5-5` | 5 + 5 | 10 000 | 0.593 | **0.000** | −1.25 |" in said
    assert "| entropy: processor seconds, columns in all | n | thermodiff | ennemi |" in said
    assert "| 2 | 2000 | 61 | 0.25 |" in said
    assert "| 10 | 10 000 | 1 | 100 |" in said
    assert "| thermodiff | 0.030 | 0.030 | 0 of 1 | 1 of 1 | 0.200 |" in said
    assert "| NWJ | 1.250 | 1.250 | 0 of 1 | – | – |" in said


def test_figure(tmp_path):
    paths = side_by_side.EXPERIMENT.draw(ROWS, tmp_path)
    assert [path.name for path in paths if path.stat().st_size > 1000] == [
        "side_by_side.png",
        "side_by_side.pdf",
    ]


def test_cells_are_different_and_only_what_an_estimator_takes():
    cells = side_by_side.cells(side_by_side.PRESETS["paper"])
    assert len(cells) == len({tuple(cell[key] for key in side_by_side.CELL_KEYS) for cell in cells})
    assert cells[-1]["estimator"] == "thermodiff"
    asked = {name: [cell for cell in cells if cell["estimator"] == name] for name in ESTIMATORS}
    assert len(asked["thermodiff"]) == 2 * len(DATA)
    assert {(cell["data"], cell["n"]) for cell in asked["MINE"]} == {
        (name, 10_000) for name in side_by_side.PRESETS["paper"].slow_data
    }
    assert {cell["data"] for cell in asked["ennemi"]}.isdisjoint({"dense-5-5", "classes-normal-5"})


def test_unknown_names_are_refused():
    config = side_by_side.Config(estimators=("magic",))
    with pytest.raises(SystemExit, match=r"--estimators: got magic, need some of infomeasure, ennemi"):
        side_by_side.cells(config)


@pytest.mark.parametrize(
    ("name", "module", "said"),
    [
        ("infomeasure", "infomeasure", "got no infomeasure in this environment, need it: install the extra"),
        ("ennemi", "ennemi", "got no ennemi in this environment, need it: install the extra 'peers'"),
        (
            "npeet-plus",
            "npeet_plus.estimators",
            "install the extra 'peers' (pip install 'thermodiff[peers]')",
        ),
    ],
)
def test_a_package_that_is_not_here_is_one_line(name, module, said, tmp_path, monkeypatch):
    gone = ModuleNotFoundError(name=module.partition(".")[0])

    def without(wanted):
        raise gone

    monkeypatch.setattr("thermodiff.runtime.extras.importlib.import_module", without)
    with pytest.raises(SystemExit) as refused:
        side_by_side.main(["--preset", "smoke", "--estimators", name, "--out", str(tmp_path)])
    line = str(refused.value)
    assert line.startswith("estimators: ")
    assert "\n" not in line
    assert said in line


def test_an_environment_that_is_not_made_is_one_line(tmp_path, monkeypatch):
    monkeypatch.setattr("experiments.harness.own_environment.ROOT", tmp_path)
    asked = ["--estimators", "MINE", "--slow-samples", "500", "--out", str(tmp_path)]
    with pytest.raises(SystemExit) as refused:
        side_by_side.main(["--preset", "smoke", *asked])
    assert str(refused.value) == (
        "estimators: got no environment with benchmark-mi==0.1.3, need it: make it by `make benchmark-mi`"
    )


def test_information_on_normal_classes():
    three = LABELLED["three"]
    found = normal_classes_information(three.weights, three.means, three.widths)
    assert found == pytest.approx(three.information(), abs=1e-6)


def test_information_on_steps_is_that_of_unit_intervals():
    """Within one the density is flat, and two classes at most share it."""
    shared = np.zeros((5, 6))
    for c in range(5):
        shared[c, c : c + 2] = 0.1
    assert DATA["classes-steps-1"].truth == pytest.approx(table_information(shared))


def test_five_columns_of_two_classes():
    x, c = DATA["classes-normal-5"].sample(np.random.default_rng(0), 200_000)
    own, other = (stats.norm.pdf(x - SHIFT * one[:, None]).prod(axis=1) for one in (c, 1 - c))
    values = np.log(2 * own / (own + other))
    assert abs(values.mean() - DATA["classes-normal-5"].truth) < 4 * values.std() / np.sqrt(len(values))


def test_the_page_has_the_tables_of_the_kept_rows():
    """Nothing in them is written by hand: python -m experiments.information.side_by_side_page."""
    assert side_by_side_page.measured() in side_by_side_page.PAGE.read_text(encoding="utf-8")
