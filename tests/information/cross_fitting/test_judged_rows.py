"""What is missing is taken off once, never added, and doubts of a sum add in squares."""

import numpy as np
import pytest

from thermodiff.information.cross_fitting.judged_rows import added, corrected
from thermodiff.information.cross_fitting.missing import (
    Lost,
    Missing,
    missing_of,
    missing_of_classes,
    missing_of_cross,
    missing_of_cross_maps,
    missing_of_maps,
)

HELD_OUT, HALF = np.array([1.0, 2.0, 4.0]), np.array([1.5, 2.1, 4.3])


def rows(missing):
    return corrected(HELD_OUT, HALF, HELD_OUT + 0.1, HELD_OUT + 0.2, missing)


def test_kappa_times_what_half_the_effort_loses_is_taken_off_row_by_row():
    found = rows(Missing(1.5, 0.2))
    np.testing.assert_allclose(found.best, HELD_OUT - 1.5 * (HALF - HELD_OUT))
    assert found.missing == pytest.approx(1.5 * 0.3)
    low, high = found.bracket
    assert (low + high) / 2 == pytest.approx(found.best.mean())
    assert (high - low) / np.sqrt(12) == pytest.approx(0.2)


def test_what_is_missing_of_an_entropy_is_not_negative():
    """Half of the effort that does as well, or better, leaves the estimate as it is."""
    for lost in (0.0, -0.2):
        assert missing_of(Lost(lost), 3, 5000) == Missing(0.0, 0.0)
    assert missing_of(Lost(0.1), 3, 5000).kappa > 0 < missing_of(Lost(0.1), 3, 5000).doubt


def test_a_loss_that_chance_may_have_hidden_is_in_the_doubt():
    """By as much as folds disagree where D <= 0, without a step where D is its chance, and not at all beyond."""
    kappa = missing_of(Lost(1e-9), 3, 5000).kappa
    for lost in (0.0, -0.2):
        assert missing_of(Lost(lost, 0.002), 3, 5000) == Missing(0.0, pytest.approx(0.002 * kappa))
    below, beyond = (missing_of(Lost(0.1, chance), 3, 5000).doubt for chance in (0.1 + 1e-9, 0.1 - 1e-9))
    assert below == pytest.approx(beyond, rel=1e-3)
    assert beyond == missing_of(Lost(0.1), 3, 5000).doubt < missing_of(Lost(0.1, 0.15), 3, 5000).doubt


def test_chance_is_the_scatter_of_folds():
    rng = np.random.default_rng(0)
    folds = [rng.normal(mean, 1.0, size) for mean, size in ((0.0, 4000), (1.0, 5000), (3.0, 3000))]
    found = Lost.by_fold(folds)
    assert found.mean == pytest.approx(np.concatenate(folds).mean())
    assert found.chance == pytest.approx(np.std([0.0, 1.0, 3.0], ddof=1) / np.sqrt(3), rel=0.05)


def test_what_is_missing_of_maps_of_columns_is_that_of_their_rate():
    """J ~ n^(-2/3): losing D by half of the rows is missing 1.70 D, by whatever factor J was to begin with."""
    missing = 0.03 * np.array([1.0, 2 ** (2 / 3)])
    found = missing_of_maps(Lost(missing[1] - missing[0]))
    assert found.kappa * (missing[1] - missing[0]) == pytest.approx(missing[0])
    # Folds that agree leave the doubt of the rate, of a uniform law between n^(-4/5) and n^(-1/2).
    ends = [1 / (2**power - 1) for power in (0.8, 0.5)]
    assert found.doubt == pytest.approx((ends[1] - ends[0]) / np.sqrt(12) * 0.03 * (2 ** (2 / 3) - 1))


def test_folds_that_disagree_are_in_the_doubt_of_maps_even_where_nothing_is_taken_off():
    found = missing_of_maps(Lost(-0.01, 0.02))
    assert found.kappa == 0.0
    assert found.doubt == pytest.approx(1.7024 * 0.02, rel=1e-4)


def test_what_is_missing_of_a_cross_entropy_is_doubted_either_way():
    """D of either sign leaves the same doubt, of a uniform law from nothing to twice what is taken off."""
    above, below = (missing_of_cross(Lost(lost), 3, 5000) for lost in (0.1, -0.1))
    assert above.doubt == below.doubt == pytest.approx(above.kappa * 0.1 / np.sqrt(3))
    assert below.kappa == 0.0
    assert missing_of_cross_maps(Lost(0.03, 0.04)) == Missing(0.0, pytest.approx(0.05))


def test_what_is_missing_of_an_entropy_of_classes():
    """Uniform between D and 3 D: 2 D, and a standard deviation of D/sqrt(3); never negative, chance where D is none."""
    found = missing_of_classes(Lost(0.3))
    assert found.kappa == 2.0
    assert found.doubt == pytest.approx(0.3 / np.sqrt(3))
    assert missing_of_classes(Lost(-0.3, 0.1)) == Missing(0.0, pytest.approx(0.2))


@pytest.mark.parametrize("n", [200, 2_000, 10_000, 50_000, 10**6])
@pytest.mark.parametrize("lost", [1e-4, 0.05, 3.0, 40.0])
def test_kappa_is_that_of_a_power_of_effort(n, lost):
    """Between beta = 1.6 and 0.25 wherever it is asked for, its doubt a fraction of what it takes off."""
    found = missing_of(Lost(lost), 4, n)
    assert 0.5 < found.kappa < 5.3
    assert 0.1 < found.doubt / (found.kappa * lost) < 0.7


def test_a_sum():
    one, other = rows(Missing(1.0, 0.3)), rows(Missing(2.0, 0.4))
    total = added([(1.0, one), (-1.0, other)])
    np.testing.assert_allclose(total.held_out, 0.0)
    np.testing.assert_allclose(total.best, HALF - HELD_OUT)
    assert total.doubt == pytest.approx(0.5)


def test_a_shift_moves_every_reading_and_no_doubt():
    amount = np.array([0.5, -1.0, 2.0])
    before, after = rows(Missing(1.0, 0.3)), rows(Missing(1.0, 0.3)).shifted(amount)
    for name in ("held_out", "half", "quadratic", "divergence", "best"):
        np.testing.assert_allclose(getattr(after, name), getattr(before, name) + amount)
    assert after.doubt == before.doubt
