"""Folds that are stretches of time: who judges, who stops, who trains, and the gaps between them."""

import numpy as np
import pytest
from problems_information import SMALL

from thermodiff.information.time_series.blocked import folds_in_time, gap_of


@pytest.mark.parametrize(("n", "gap"), [(900, 0), (901, 7), (1500, 40)])
def test_folds_keep_their_distance(n, gap):
    folds = folds_in_time(n, gap, SMALL)
    judged = np.concatenate([fold.held_out for fold in folds])
    np.testing.assert_array_equal(np.sort(judged), np.arange(n))
    for fold in folds:
        assert np.all(np.diff(fold.held_out) == 1)
        assert np.all(np.diff(fold.validation) == 1)
        for other in (fold.held_out, fold.validation):
            assert np.abs(fold.training[:, None] - other).min() > gap
        assert np.abs(fold.held_out[:, None] - fold.validation).min() > gap
        assert set(fold.half) < set(fold.training)
        assert fold.half.max() < fold.training[len(fold.half)]
    for part in range(1, 4):
        assert len({len(fold[part]) for fold in folds}) == 1


@pytest.mark.parametrize(("n", "gap"), [(200, 50), (120, 20), (300, 90)])
def test_a_series_too_short_for_its_memory(n, gap):
    message = rf"^rows: got {n} of them in time, need a longer series: each of 3 folds leaves a gap of {gap}"
    with pytest.raises(ValueError, match=message):
        folds_in_time(n, gap, SMALL)


def test_the_gap_is_the_reach_and_the_longest_block():
    rng = np.random.default_rng(0)
    white = rng.normal(size=(1000, 2))
    assert gap_of(white, 5) <= 5 + 4
    slow = np.convolve(rng.normal(size=1099), np.ones(100), "valid")
    assert gap_of(np.column_stack([white, slow]), 5) > 5 + 30
