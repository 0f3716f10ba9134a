"""The fluctuation theorems' experiment: cells, table and figure from made-up records, and the bins of Crooks' line."""

import json

import numpy as np
import pytest

from experiments.paths import fluctuation_theorems, fluctuation_theorems_figure

PAPER = fluctuation_theorems.PRESETS["paper"]


def rows():
    """Every mean is 2 of its errors too large; (a) did not converge."""
    bins = {"edges": np.linspace(-2, 2, 5).tolist(), "of": [200, 200]}
    histogram = {**bins, "forward": [10, 20, 40, 100], "backward": [80, 60, 30, 20]}
    made = []
    for cell in fluctuation_theorems.cells(PAPER):
        runs = []
        for steps in PAPER.schedule_steps:
            integral = {
                "mean_exponential": [1.02, 0.01],
                "mean": [4 / steps, 0.01],
                "ess_share": 0.5,
                "converged": True,
            }
            runs.append({"ratio": "a", "steps": steps, **integral, "converged": False})
            runs.append({"ratio": "b", "kernel": "posterior", "steps": steps, **integral})
            both = {"backward": [None, None], "backward_converged": True, "slope": [0.9, 0.1]}
            for kernel in ("posterior", "analytic"):
                run = {"ratio": "c", "kernel": kernel, "steps": steps, **integral, **both}
                run |= {"bar": [0.0, 0.1], "variance": [1 / steps, 0.01]}
                runs.append(run | ({"histogram": histogram} if steps == PAPER.crooks_steps else {}))
        made.append({**cell, "runs": runs})
    return made


def test_cells_are_distinct():
    cells = fluctuation_theorems.cells(PAPER)
    assert len({json.dumps(cell) for cell in cells}) == len(cells) == 2 * 2 * 4


def test_table_counts_what_converged_and_how_far_it_is_off():
    lines = fluctuation_theorems_figure.table(rows()).splitlines()
    first = {ratio: next(line for line in lines if line.startswith(f"({ratio})")) for ratio in "abc"}
    assert first["a"].split()[-3:] == ["0", "of", "16"]
    assert first["b"].split()[-5:] == ["16", "of", "16", "2.00", "2.0"]
    assert first["c"].split()[-5:] == ["64", "of", "64", "2.00", "2.0"]
    crooks = next(line for line in lines if line.startswith("Crooks"))
    assert crooks.split()[-2:] == ["1.00", "1.0"]


def test_figure_is_drawn(tmp_path):
    assert all(path.stat().st_size > 10_000 for path in fluctuation_theorems_figure.draw(rows(), tmp_path))


def test_bins_lie_where_both_sides_are():
    rng = np.random.default_rng(0)
    found = fluctuation_theorems.histogram(rng.normal(0.5, 1, 20000), rng.normal(-0.5, 1, 10000))
    edges, f, b = (np.array(found[key]) for key in ("edges", "forward", "backward"))
    # ln P_F/P_B = R for Gaussians of variance 1 at +-1/2.
    middle = 0.5 * (edges[1:] + edges[:-1])
    ratio, error = np.log(f / b) - np.log(2), np.sqrt(1 / f + 1 / b)
    assert found["of"] == [20000, 10000]
    assert np.sqrt(np.mean(((ratio - middle) / error) ** 2)) == pytest.approx(1, abs=0.45)


def test_dry_run(capsys, tmp_path):
    command = ["--preset", "smoke", "--out", str(tmp_path / "x"), "--dry-run"]
    assert fluctuation_theorems.main(command) == 0
    assert json.loads(capsys.readouterr().out)["per_point"] == 2
