"""Trainings compared at one accuracy: paths that rise, fall, and never get there."""

import numpy as np
import pytest

from experiments.exploration.arms.measured import KS
from experiments.exploration.equal_accuracy import at_accuracy, compared, interpolation_error, pass_at


def policy(first, later):
    return {"pass_at_k": [first, *[later] * (len(KS) - 1)]}


def row(arm, seed, points):
    return {"arm": arm, "seed": seed, "policies": [policy(*point) for point in points]}


@pytest.mark.parametrize(
    ("target", "expected"), [(0.1, 0.9), (0.15, 0.8), (0.25, 0.65), (0.3, 0.6), (0.31, None), (0.05, None)]
)
def test_where_a_path_first_has_an_accuracy(target, expected):
    found = at_accuracy(np.array([0.1, 0.2, 0.3, 0.15]), np.array([0.9, 0.7, 0.6, 0.1]), target)
    assert found == (None if expected is None else pytest.approx(expected))


def test_arms_are_compared_at_the_same_accuracy_or_said_to_be_out_of_range():
    rows = [
        row("GRPO", 0, [(0.1, 0.9), (0.2, 0.7)]),
        row("RLOO", 0, [(0.1, 0.9), (0.3, 0.7)]),
        row("GRPO", 1, [(0.1, 0.9), (0.2, 0.7)]),
        row("RLOO", 1, [(0.1, 0.9), (0.12, 0.8)]),
        row("RLOO", 2, [(0.1, 0.9), (0.12, 0.8)]),
    ]
    found, missed = compared(rows, "RLOO", "GRPO", pass_at(256), 0.05)
    assert missed == 1
    assert found == [pytest.approx((0.15, 0.85 - 0.8))]
    found, missed = compared(rows, "RLOO", "GRPO", pass_at(256), None)
    assert missed == 0
    assert [one.accuracy for one in found] == pytest.approx([0.2, 0.12])
    assert [one.difference for one in found] == pytest.approx([0.8 - 0.7, 0.8 - 0.86])


def test_what_a_line_between_kept_policies_misses():
    curved = row("GRPO", 0, [(0.1, 0.9), (0.2, 0.7), (0.3, 0.6)])
    assert interpolation_error(curved, pass_at(256)) == pytest.approx(0.05)
    assert np.isnan(interpolation_error(row("GRPO", 0, [(0.1, 0.9), (0.2, 0.7)]), pass_at(256)))
