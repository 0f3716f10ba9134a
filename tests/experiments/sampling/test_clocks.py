"""The table and the figure of clocks need records only; the data sets are what they say."""

import re

import jax
import numpy as np
import pytest

from experiments.sampling import clocks


def made_up(data, score, seed, energy):
    found = [
        {
            "sampler": sampler,
            "evaluations": calls,
            "clock": clock,
            "energy": energy / calls,
            "energy_stderr": 1e-4,
        }
        | ({"kl": 0.5, "kl_stderr": 0.01} if score == "exact" else {})
        for sampler in ("dpmpp_2m", "multistep")
        for calls in (8, 16)
        for clock in ("log_snr", "flow_curvature")
    ]
    return {"data": data, "score": score, "seed": seed, "found": found, "floor": 1e-4, "floor_stderr": 2e-4}


def test_table_and_figure(tmp_path):
    rows = [made_up("ring", s, seed, 0.08 + 0.016 * seed) for s in ("exact", "trained") for seed in (0, 1)]
    text = clocks.table(rows)
    assert "ring, exact score: floor 1.0 ± 0.0" in text
    assert re.search(r"dpmpp_2m +8  log_snr +110.0 ± 10.0 +0.5000 ± 0.0000", text)
    assert sum("0.5000" in line for line in text.splitlines()) == 8
    assert [path.name for path in clocks.draw(rows, tmp_path)] == ["clocks.png", "clocks.pdf"]


@pytest.mark.parametrize(("name", "dim"), [("ring", 2), ("hierarchy", 2), ("spectrum", 8)])
def test_data(name, dim):
    x = np.asarray(clocks.distribution(name).sample(jax.random.key(0), 512))
    assert x.shape == (512, dim)
    if name == "ring":
        assert abs(np.hypot(*x.T).mean() - 1) < 0.02


def test_digits_have_no_exact_score():
    cells = clocks.cells(clocks.Config())
    assert {cell["score"] for cell in cells if cell["data"] == "digits"} == {"trained"}
    with pytest.raises(ValueError, match="data: got 'rings', need ring, hierarchy"):
        clocks.distribution("rings")
