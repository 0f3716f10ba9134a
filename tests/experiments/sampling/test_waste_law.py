"""The waste law's experiment: cells, table and figure from made-up records."""

import dataclasses
import json

from experiments.sampling import waste_law, waste_law_figure

PAPER = waste_law.PRESETS["paper"]


def rows():
    """Waste is ell^2/(4 N) with ell = 2, times 1 to 7 by clock; paths are 2 errors off, and ten times less sure."""
    made = []
    for cell in waste_law.cells(PAPER):
        runs = []
        for kernel in waste_law.LENGTHS:
            for i, clock in enumerate(PAPER.clocks[::-1]):
                for steps in PAPER.schedule_steps:
                    waste = (1 + i) / steps
                    run = {"kernel": kernel, "clock": clock, "steps": steps, "waste": [waste, 1e-4]}
                    if steps in PAPER.simulated_steps:
                        run |= {"divergence": [waste + 0.1, 1e-3], "quadrature_error": 0.0}
                        run["simulated"] = [waste + 0.1 + 2 * 0.0100499, 0.01]
                    runs.append(run)
        evaluations = PAPER.nodes * PAPER.replicates * PAPER.points
        row = {
            **cell,
            "length": {"posterior": [2.0, 0.01], "analytic": [2.0, 0.01]},
            "evaluations": evaluations,
        }
        made.append({**row, "runs": runs, "config": dataclasses.asdict(PAPER)})
    return made


def test_cells_are_distinct():
    cells = waste_law.cells(PAPER)
    assert len({json.dumps(cell) for cell in cells}) == len(cells) == 4 * 2


def test_table_has_wastes_law_and_agreement():
    table = waste_law_figure.table(rows())
    assert "ring, exact score, posterior: ell = 2.0000 ± 0.0100" in table
    best, law = (
        next(line.split() for line in table.splitlines() if line.split()[0] == name)
        for name in ("best", "ell^2/(4")
    )
    assert best[1::3] == law[2:] == ["0.25", "0.125", "0.0625", "0.03125", "0.01562", "0.007812"]
    assert set(best[3::3]) == {"0.0001"}
    assert "root mean square 2.00 s.e., largest 2.0, 224 schedules" in table
    # 100 times the variance, from 8192 paths of 8 or 32 steps in place of 129 x 4096 evaluations.
    assert "posterior: paths need 31 times the score calls" in table


def test_figure_is_drawn(tmp_path):
    assert all(path.stat().st_size > 10_000 for path in waste_law_figure.draw(rows(), tmp_path))


def test_dry_run(capsys, tmp_path):
    assert waste_law.main(["--preset", "smoke", "--out", str(tmp_path / "x"), "--dry-run"]) == 0
    assert json.loads(capsys.readouterr().out)["simulated_steps"] == [8]
