"""The experiments on the price of a sample: the rotation's closed form, cells, tables and figures from made-up rows."""

import json

import numpy as np
import pytest

from experiments.energetics import (
    demon_ledger,
    demon_ledger_figure,
    extraction,
    extraction_figure,
    hardware,
    hardware_figure,
    speed_accuracy,
    speed_accuracy_figure,
)


@pytest.mark.parametrize(("g", "cost"), [(0.0, 0.417701), (3.0, 1.598345), (5.0, 3.697267)])
def test_rotation_raises_the_bound_and_moves_no_response(g, cost):
    row = speed_accuracy.rotation(g)
    assert row["cost"] == pytest.approx(cost, abs=1.1e-6)
    assert row["marginal_cost"] == pytest.approx(0.417701, abs=1.1e-6)
    assert row["response"] == pytest.approx(0.042760, abs=1.1e-6)


@pytest.mark.parametrize("experiment", [demon_ledger, hardware, speed_accuracy, extraction])
def test_cells_are_distinct(experiment):
    cells = experiment.cells(experiment.PRESETS["paper"])
    assert len({json.dumps(cell) for cell in cells}) == len(cells) > 10


def test_tables_and_figures_from_rows_alone(tmp_path):
    rng = np.random.default_rng(0)
    cycles = []
    for cell in demon_ledger.cells(demon_ledger.PRESETS["paper"]):
        theorem, error = 2 * (1 + 1 / cell["zeta"]), 0.02
        cycles.append(
            {
                **cell,
                "Sig": 2.0,
                "theorem": theorem,
                "theorem_stderr": 0.0,
                "cycle": theorem + error * rng.normal(),
                "cycle_stderr": error,
            }
        )
    assert "s.e. in 60 cells, root mean square" in demon_ledger_figure.table(cycles)
    lines = [
        {**cell, "response": 0.1, "error_speed": 0.2, "cost": 0.15, "marginal_cost": 0.1}
        for cell in speed_accuracy.cells(speed_accuracy.PRESETS["paper"])
    ]
    assert "BROKEN" in speed_accuracy_figure.table(lines)
    duration = hardware.DURATIONS
    frontiers = [
        {
            **cell,
            "action": 5.0,
            "entropy_production": 0.3,
            "path_length": 0.5,
            "overhead_schedule": 6.4,
            "overhead_path": [1.0, 1.2],
            "own": {"duration": 5e-6, "energy": 2.6e-21},
            "frontier": {
                name: [4e-21 * (0.3 + share * 1e-6 / t) for t in duration]
                for name, share in (
                    ("schedule", 1.5),
                    ("retimed", 0.25),
                    ("bound_low", 0.2),
                    ("bound_high", 0.22),
                )
            }
            | {"duration": duration.tolist(), "quasistatic": 1e-21},
        }
        for cell in hardware.cells(hardware.PRESETS["paper"])
    ]
    assert "1.0000 to 1.2" in hardware_figure.table(frontiers)
    for figure, rows in (
        (demon_ledger_figure, cycles),
        (speed_accuracy_figure, lines),
        (hardware_figure, frontiers),
    ):
        png, pdf = figure.draw(rows, tmp_path)
        assert png.stat().st_size > 1000
        assert pdf.stat().st_size > 1000


def test_what_is_lost_and_what_is_stored(tmp_path):
    """J = 10/steps of which half is the divergence; S_NN is 0.1 J above Sig - J before calibration, and on it after."""
    rows = []
    for cell in extraction.cells(extraction.PRESETS["paper"]):
        J = 10 / cell["training"]
        as_trained = {"J": [J, 0.01], "held": [2.0, 0.0], "lost": [J / 2, 0.0], "above": [0.1 * J, 0.01 * J]}
        row = {**cell, "as_trained": {**as_trained, "quadrature_error": [0.0, 0.0]}}
        row["nll"] = {"above_S0": [J / 2, 0.01], "converged": True}
        if cell["process"] == "VE":
            row["calibrated"] = {
                "J": [0.9 * J, 0.01],
                "above": [0.003, 0.003],
                "quadrature_error": [0.004, 0.0],
            }
        rows.append(row)
    table = extraction_figure.table(rows)
    assert (
        "VE, as trained: S_NN off Sig - J by s.e.: root mean square 10.00, largest 10.0, 8 networks" in table
    )
    assert "VE, calibrated: S_NN off Sig - J by s.e.: root mean square 0.60" in table
    line = next(line for line in table.splitlines() if line.split()[:3] == ["mixture", "VE", "200"])
    assert "0.9750 ± 0.0000" in line
    assert "0.9875 ± 0.0000" in line
    assert all(path.stat().st_size > 10_000 for path in extraction_figure.draw(rows, tmp_path))
