"""Certified bounds hold for any score at all: a hundred scores that are wrong in every way at once, at random."""

import pytest

from experiments.bound.score_errors import Config, cells, measure

CERTIFIED = ("certified_elbo_slack", "certified_elbo_rate_slack", "certified_flow_slack", "floor_slack_flow")
SIGMAS = 5.0
"""Each bound is broken by chance beyond these standard errors once in a million."""


@pytest.mark.slow
def test_no_random_score_breaks_a_certified_bound():
    config = Config(dims=(2,), processes=("VE",), sizes=(), draws=100, nodes=33, replicates=8, points=64)
    drawn = [cell for cell in cells(config) if cell["kind"] == "random"]
    assert len(drawn) == 100
    for cell in drawn:
        row = measure(config, cell)
        for name in CERTIFIED:
            if name in row:
                assert row[name] > -SIGMAS * row[f"{name}_stderr"] - row["quadrature_error"], (cell, name)
