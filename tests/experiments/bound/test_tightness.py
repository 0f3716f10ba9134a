"""The tightness experiment: its cells, its tables and its figure, from made-up records."""

import dataclasses
import json

import numpy as np
import pytest

from experiments.bound import tightness, tightness_figure, tightness_table

CONFIG = tightness.PRESETS["smoke"]


def made_up(cell, config=CONFIG):
    """A row whose J falls as 1/steps and whose numbers obey the identities."""
    rng = np.random.default_rng(cell["seed"])
    J = 10.0 / cell["steps"] * np.exp(0.1 * rng.normal())
    B_minus_A = 0.02 * rng.normal()
    values = {
        "J": J,
        "KL": 0.0,
        "B_minus_A": B_minus_A,
        "nll_minus_S0": 0.9 * J,
        "slack_quadratic": 0.9 * J + B_minus_A / 2,
        "elbo_slack_quadratic": J + B_minus_A / 2,
        "readings_spread": J + B_minus_A,
    }
    slacks = {"NLL_ode >= L_1": "slack_quadratic", "-ELBO >= L_1": "elbo_slack_quadratic"}
    verdict = {name: "holds" if values[key] >= 0 else "violated" for name, key in slacks.items()}
    errors = {f"{name}_stderr": 1e-4 for name in values}
    return {**cell, **values, **errors, "verdicts": verdict, "config": dataclasses.asdict(config)}


def rows():
    return [made_up(cell) for cell in tightness.cells(CONFIG)]


def test_each_network_differs_from_the_default_in_one_entry():
    config = tightness.PRESETS["paper"]
    cells = tightness.cells(config)
    default = {"steps": 2000, "width": 64, "rows": None, "dim": 2, "noise": 25.0}
    assert max(sum(cell[k] != v for k, v in default.items()) for cell in cells) == 1
    assert len({json.dumps(cell) for cell in cells}) == len(cells) == 2 * 5 * (1 + 5 + 4 + 5 + 4 + 5)


def test_along_has_the_default_on_every_axis_and_fresh_data_last():
    assert list(tightness_table.along(rows(), "steps", "uniform")) == [100, 400]
    assert list(tightness_table.along(rows(), "rows", "uniform")) == [100, None]


def test_table_finds_the_exponent_and_the_floor():
    table = tightness_table.table(rows())
    exponent = next(line for line in table.splitlines() if "J ~ steps^k" in line)
    assert float(exponent.split("k =")[1].split("±")[0]) == pytest.approx(-1.0, abs=0.05)
    assert "broken in 0 of 8" in table
    assert "int R1 above int R3 by more than 3 s.e. (8 networks): NLL_ode >= L_1 broken in 0" in table


def test_figure_is_drawn(tmp_path):
    assert all(path.stat().st_size > 10_000 for path in tightness_figure.draw(rows(), tmp_path))


def test_dry_run(capsys, tmp_path):
    assert tightness.main(["--preset", "smoke", "--out", str(tmp_path / "x"), "--dry-run"]) == 0
    assert json.loads(capsys.readouterr().out)["steps"] == CONFIG.steps
    assert not (tmp_path / "x").exists()
