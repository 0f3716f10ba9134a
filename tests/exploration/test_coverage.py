"""Coverage of 95 % intervals on simulated data; ``coverage_table.py`` prints all of it at 2000 repetitions."""

import numpy as np
import pytest
from coverage_table import SCENARIOS, coverage

REPETITIONS = 300


@pytest.mark.slow
@pytest.mark.parametrize("problems", ["drawn", "fixed"])
@pytest.mark.parametrize("design", ["16", "8-64"])
@pytest.mark.parametrize("scenario", SCENARIOS)
def test_within_92_and_98_5_or_said(scenario, design, problems):
    for cell in coverage(scenario, 100, design, problems, REPETITIONS, 1):
        slack = 3.5 * np.sqrt(0.95 * 0.05 / REPETITIONS)
        held = (cell.inside > 0.92 - slack) & (cell.inside < 0.985 + slack)
        # Where it is not held the answer says so, on at least nine data sets of ten.
        assert (held | (cell.warned > 0.9)).all()
        assert (cell.inside > 0.92 - slack).all()
