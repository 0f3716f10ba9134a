"""The rescaling experiment: changes, counts and figure, from made-up records."""

import json

import numpy as np

from experiments.bound import rescaling, rescaling_figure

CONFIG = rescaling.PRESETS["smoke"]
NAMES = (
    "elbo_minus_S0",
    "nll_minus_S0",
    "neg_elbo",
    "nll",
    "J",
    "slack_quadratic",
    "readings_spread",
    "B_minus_A",
)


def audit(value, held):
    verdict = "holds" if held else "violated"
    numbers = {name: value for name in NAMES} | {f"{name}_stderr": 1e-3 for name in NAMES}
    return {**numbers, "verdicts": {"NLL_ode >= L_1": verdict, "-ELBO >= L_1": verdict}}


def rows():
    """Rescaling halves everything, and mends the bound of the badly trained."""
    return [
        {
            **cell,
            "before": audit(0.1 * (1 + cell["seed"]), cell["kind"] != "short"),
            "after": audit(0.05 * (1 + cell["seed"]), True),
        }
        for cell in rescaling.cells(CONFIG)
    ]


def test_cells_are_distinct_and_use_known_kinds():
    cells = rescaling.cells(rescaling.PRESETS["paper"])
    assert len({json.dumps(cell) for cell in cells}) == len(cells) == 2 * 2 * 7 * 4
    assert {cell["kind"] for cell in cells} == set(rescaling_figure.KINDS)


def test_kinds_of_one_world_and_seed_share_their_rows():
    cells = {cell["kind"]: cell for cell in rescaling.cells(CONFIG) if cell["seed"] == 1}
    well, short = (rescaling.training_rows(CONFIG, cells[kind]) for kind in ("well", "short"))
    np.testing.assert_array_equal(well, short)
    assert well.shape == (CONFIG.rows, CONFIG.dim)


def test_table_has_paired_changes_and_counts():
    table = rescaling_figure.table(rows())
    assert table.count("-0.0750 ± 0.0250") == 3 * 5
    short = next(line for line in table.splitlines() if line.strip().startswith("short"))
    assert short.split()[1:7] == ["0", "->", "2", "0", "->", "2"]


def test_a_miss_within_error_counts_as_holding():
    row = {"before": {"B_minus_A": -0.002, "B_minus_A_stderr": 0.001}}
    assert rescaling_figure.holds(row, "before", "B >= A")
    row["before"]["B_minus_A"] = -0.004
    assert not rescaling_figure.holds(row, "before", "B >= A")


def test_figure_is_drawn(tmp_path):
    assert all(path.stat().st_size > 10_000 for path in rescaling_figure.draw(rows(), tmp_path))


def test_dry_run(capsys, tmp_path):
    assert rescaling.main(["--preset", "smoke", "--out", str(tmp_path / "x"), "--dry-run"]) == 0
    assert json.loads(capsys.readouterr().out)["kinds"] == list(CONFIG.kinds)
