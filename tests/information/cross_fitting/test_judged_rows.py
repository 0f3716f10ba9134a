"""What is missing is taken off once, never added, and doubts of a sum add in squares."""

import numpy as np
import pytest

from thermodiff.information.cross_fitting.judged_rows import added, corrected
from thermodiff.information.cross_fitting.missing import Missing, missing_of, missing_of_classes

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


@pytest.mark.parametrize("missing", [lambda lost: missing_of(lost, 3, 5000), missing_of_classes])
def test_what_is_missing_is_not_negative(missing):
    """Half of the effort that does as well, or better, leaves the estimate as it is."""
    for lost in (0.0, -0.2):
        assert missing(lost) == Missing(0.0, 0.0)
    assert missing(0.1).kappa > 0 < missing(0.1).doubt


@pytest.mark.parametrize("n", [200, 2_000, 10_000, 50_000, 10**6])
@pytest.mark.parametrize("lost", [1e-4, 0.05, 3.0, 40.0])
def test_kappa_is_that_of_a_power_of_effort(n, lost):
    """Between beta = 1.6 and 0.25 wherever it is asked for, its doubt a fraction of what it takes off."""
    found = missing_of(lost, 4, n)
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
