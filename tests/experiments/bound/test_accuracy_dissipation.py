"""The experiment on accuracy and dissipation: cells, ranks, paired changes and figure, from made-up records."""

import dataclasses
import json

import jax.numpy as jnp
import numpy as np
import pytest

import thermodiff as td
from experiments.bound import accuracy_dissipation, accuracy_dissipation_figure
from experiments.harness import trained

CONFIG = accuracy_dissipation.PRESETS["smoke"]
S0, S1 = 2.0, 6.0
INEQUALITIES = ("NLL_ode >= L_1", "-ELBO >= L_1", "-ELBO >= S0 + (√A - √B)^2 + KL")


def made_up(cell):
    """A score c s that produces c^2 (S1 - S0), c growing to 1 with the steps."""
    c = cell["factor"] * (1 - 10.0 / cell["step"])
    production, gap = c**2 * (S1 - S0), (c - 1) ** 2 * (S1 - S0) + 1e-3
    values = {
        "S0": S0,
        "S1": S1,
        "A": S1 - S0,
        "B": production,
        "B_minus_A": production - (S1 - S0),
        "intrinsic_total": production,
        "nll": S0 + gap,
        "neg_elbo": S0 + gap,
        "nll_minus_S0": gap,
        "elbo_minus_S0": gap,
    }
    errors = {f"{name}_stderr": 1e-3 for name in values}
    return {**cell, **values, **errors, "verdicts": dict.fromkeys(INEQUALITIES, "holds")}


def rows():
    return [made_up(cell) for cell in accuracy_dissipation.cells(CONFIG)]


def test_cells_are_checkpoints_then_factors_of_the_last():
    cells = accuracy_dissipation.cells(CONFIG)
    assert [(c["step"], c["factor"]) for c in cells[:5]] == [
        (25, 1),
        (100, 1),
        (400, 1),
        (400, 0.8),
        (400, 1.2),
    ]
    assert len({json.dumps(cell) for cell in cells}) == len(cells)


def test_rank_of_likelihood_and_production_along_a_training():
    assert accuracy_dissipation_figure.training_ranks(rows(), "uniform", "VE", "B") == (-1.0, 0.0)


def test_changes_are_paired_by_seed():
    shuffled = rows()[::-1]
    c = 1 - 10.0 / 400
    expected = (1.2**2 - 1) * c**2 * (S1 - S0)
    got = accuracy_dissipation_figure.changes(shuffled, "uniform", "VP", 1.2, "intrinsic_total")
    np.testing.assert_allclose(got, [expected, expected])


def test_table_says_where_the_claim_fails():
    table = accuracy_dissipation_figure.table(rows())
    assert table.count("fails: more production, worse NLL") == 2
    assert "broken in 0 of 20; where B > A: 0 of 4" in table


def test_figure_is_drawn(tmp_path):
    half_done = [*rows(), made_up({**accuracy_dissipation.cells(CONFIG)[0], "data": "mixture"})]
    paths = accuracy_dissipation_figure.draw(half_done, tmp_path)
    assert all(path.stat().st_size > 10_000 for path in paths)


@pytest.mark.slow
def test_a_trajectory_ends_where_the_training_ends():
    config = dataclasses.replace(CONFIG, checkpoints=(3, 10), width=8, batch_size=16)
    cell = accuracy_dissipation.cells(config)[0]
    steps, scores = zip(*accuracy_dissipation.trajectory(config, cell), strict=True)
    fit = td.fit(
        trained.cell_key(cell, accuracy_dissipation.WORLD),
        trained.distribution("uniform", 2),
        accuracy_dissipation.diffusion(config, cell),
        parameterisation=td.PlainScore,
        steps=10,
        width=8,
        batch_size=16,
    )
    x, t = jnp.array([0.3, -0.2]), jnp.array(0.5)
    assert steps == (3, 10)
    np.testing.assert_allclose(scores[-1](x, t), fit.score(x, t), rtol=1e-5)
    assert not np.allclose(scores[0](x, t), fit.score(x, t), rtol=1e-3)


def test_dry_run(capsys, tmp_path):
    assert accuracy_dissipation.main(["--preset", "smoke", "--out", str(tmp_path / "x"), "--dry-run"]) == 0
    assert json.loads(capsys.readouterr().out)["factors"] == pytest.approx([0.8, 1.2])
