"""A change point where there is one, "no stage" where there is none, and how often either is wrong."""

import re

import numpy as np
import pytest
from curves_made_up import training

from thermodiff.exploration.exchange.stages import entropy_stages


def test_a_kink_is_found():
    step, reward, entropy = training("kink", np.random.default_rng(0))
    stages = entropy_stages(step, reward, entropy)
    assert stages.verdict == "rising, then plateau"
    assert stages.interval[0] <= 240 <= stages.interval[1]
    assert stages.interval[0] <= stages.change <= stages.interval[1]
    assert stages.p_value == 1 / 500
    before, after = stages.reward
    assert abs(before.mean - 0.3 / 240) < 4 * before.stderr
    assert abs(after.mean - 0.3 * 0.07 / 600) < 4 * after.stderr
    assert stages.entropy[0].mean < stages.entropy[1].mean
    assert "rising, then plateau at step" in str(stages)


@pytest.mark.parametrize(
    ("kind", "verdict"),
    [
        ("line", "no stage: straight lines do as well"),
        ("smooth", "no stage: a smooth slowing does as well"),
        ("late", "no stage: a kink, but not from rising to plateau"),
        ("none", "no stage: straight lines do as well"),
    ],
)
def test_no_stage_is_an_answer(kind, verdict):
    stages = entropy_stages(*training(kind, np.random.default_rng(1)))
    assert stages.verdict == verdict
    assert np.isnan(stages.change)
    assert np.isnan(stages.interval).all()
    assert str(stages).startswith("no stage")


def test_neither_order_nor_units_matter():
    rng = np.random.default_rng(2)
    step, reward, entropy = training("kink", rng)
    order = rng.permutation(60)
    one = entropy_stages(step, reward, entropy)
    other = entropy_stages(step[order] / 7, 100 * reward[order], entropy[order] / np.log(2))
    assert other.verdict == one.verdict
    np.testing.assert_allclose(other.interval, np.array(one.interval) / 7)
    assert other.smooth_aic == pytest.approx(one.smooth_aic, abs=1e-6)


def test_uneven_steps():
    rng = np.random.default_rng(3)
    step, reward, entropy = training("kink", rng, n=120)
    some = np.sort(rng.choice(120, 70, replace=False))
    stages = entropy_stages(step[some], reward[some], entropy[some])
    assert stages.interval[0] <= 480 <= stages.interval[1]


def test_what_is_refused():
    step, reward, entropy = training("line", np.random.default_rng(4))
    for arguments, options, message in [
        ((step, np.ones(60), entropy), {}, "reward and entropy: got a constant, need curves that vary"),
        ((step, reward, entropy[:-1]), {}, "entropy: got shape (59,), need one number a step"),
        ((step, reward, entropy), {"level": 1.0}, "level: got 1.0, need a probability in (0, 1)"),
    ]:
        with pytest.raises(ValueError, match=re.escape(message)):
            entropy_stages(*arguments, **options)


@pytest.mark.slow
@pytest.mark.parametrize("phi", [0.0, 0.5, 0.8])
def test_size_and_coverage(phi):
    """200 trainings of 40 steps each: a kink that is none in 5 %, an interval without the kink in at most 5 %."""
    rng = np.random.default_rng(int(10 * phi))
    repetitions = 200
    error = np.sqrt(0.05 * 0.95 / repetitions)
    found = sum(
        entropy_stages(*training("line", rng, 40, phi, 0.05)).p_value <= 0.05 for _ in range(repetitions)
    )
    assert found / repetitions < 0.05 + 3.5 * error
    intervals = [entropy_stages(*training("kink", rng, 40, phi, 0.05)).interval for _ in range(repetitions)]
    told = [low <= 160 <= high for low, high in intervals if not np.isnan(low)]
    assert len(told) > repetitions / 2
    assert np.mean(told) > 0.95 - 3.5 * np.sqrt(0.05 * 0.95 / len(told))
