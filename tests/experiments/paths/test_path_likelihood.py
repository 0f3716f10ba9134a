"""The path likelihood experiment: cells, table and figure, from made-up records."""

import json

import numpy as np

from experiments.paths import path_likelihood, path_likelihood_figure

CONFIG = path_likelihood.PRESETS["smoke"]


def rows():
    """-ELBO_N lies above S0 by 0.1 and the waste 8/N, the formula is right, more paths halve it."""
    made = []
    for cell in path_likelihood.cells(path_likelihood.PRESETS["paper"]):
        runs = [
            {
                "kernel": kernel,
                "steps": n,
                "above_S0": {str(K): [(0.1 + share * 8 / n) / K**0.5, 0.01] for K in (1, 4, 16)},
                "jackknife": [0.02, 0.01],
                "waste": [share * 8 / n, 1e-4],
                "ess": 3.0,
            }
            for kernel, share in (("posterior", 1.0), ("analytic", 0.1))
            for n in (8, 32, 128)
        ]
        made.append({**cell, "S0": 2.0, "nll": 2.05, "neg_elbo": 2.1, "neg_elbo_stderr": 0.001, "runs": runs})
    return made


def test_cells_are_distinct():
    cells = path_likelihood.cells(path_likelihood.PRESETS["paper"])
    assert len({json.dumps(cell) for cell in cells}) == len(cells) == 2 * 2


def test_table_has_both_wastes():
    table = path_likelihood_figure.table(rows())
    assert table.count("mixture VE, 1 networks: NLL_ode 0.0500, -ELBO 0.1000") == 1
    line = next(line for line in table.splitlines() if line.split()[:2] == ["posterior", "8"])
    assert "1.1000 ± 0.0100" in line
    assert line.count("1.0000 ±") == 2
    assert "0.2750 ±" in line


def test_waste_of_a_network_has_the_errors_of_both():
    row = rows()[0]
    mean, error = path_likelihood_figure.measured_waste(row, row["runs"][0])
    assert mean == 1.0 or abs(mean - 1.0) < 1e-12
    assert error == np.hypot(0.01, 0.001)


def test_figure_is_drawn(tmp_path):
    assert all(path.stat().st_size > 10_000 for path in path_likelihood_figure.draw(rows(), tmp_path))


def test_dry_run(capsys, tmp_path):
    assert path_likelihood.main(["--preset", "smoke", "--out", str(tmp_path / "x"), "--dry-run"]) == 0
    assert json.loads(capsys.readouterr().out)["kernels"] == list(CONFIG.kernels)
