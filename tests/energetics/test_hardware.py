"""Joules and seconds by hand; no JAX."""

from types import SimpleNamespace

import numpy as np
import pytest

import thermodiff as td
from thermodiff.types import Estimate

DEVICE = td.Hardware()
# VP 0.1 to 20 on N(0, 1/4), from the closed forms.
COST = SimpleNamespace(
    entropy_production=Estimate(0.318147, 0.0, 1),
    action=5.025,
    path_length=Estimate(0.499984, 0.0, 1),
    wasserstein_low=Estimate(0.499984**2, 0.0, 1),
    wasserstein_high=Estimate(0.499984**2, 0.0, 1),
)


def test_joules_of_a_nat_and_of_a_bit():
    assert DEVICE.nat == pytest.approx(4.141947e-21, rel=1e-7)
    assert DEVICE.bit == pytest.approx(2.870979e-21, rel=1e-6)
    assert DEVICE.energy(2.0) == 2 * DEVICE.nat
    assert DEVICE.energy(Estimate(3.0, 0.5, 7)) == (3 * DEVICE.nat, 0.5 * DEVICE.nat, 7)


def test_duration_is_the_action_in_relaxation_times():
    assert DEVICE.duration(48.464125) == pytest.approx(48.5e-6, rel=1e-3)
    assert DEVICE.duration(5.025, 2.0) == pytest.approx(10.05e-6)
    assert td.Hardware(relaxation_time=2e-6, length=3.0).duration(1.0) == pytest.approx(18e-6)
    assert DEVICE.duration(5.025, 0.0) == 0.0


def test_the_frontier():
    """At its own speed the cycle costs 0.636 k_B T; for the same time re-timed 0.318 + 0.0497."""
    own = DEVICE.duration(COST.action)
    frontier = DEVICE.tradeoff(COST, [own, 4 * own])
    assert frontier.schedule[0] == pytest.approx(0.636294 * DEVICE.nat, rel=1e-5)
    assert frontier.retimed[0] == pytest.approx((0.318147 + 0.0497) * DEVICE.nat, rel=1e-4)
    assert frontier.schedule[1] == pytest.approx((1 + 1 / 4) * 0.318147 * DEVICE.nat, rel=1e-5)
    assert (frontier.bound_low <= frontier.retimed).all()
    assert (frontier.retimed <= frontier.schedule).all()
    # What the frontier says the energy is, the shortest duration for that energy undoes.
    assert DEVICE.least_duration(COST, frontier.bound_low[0]) == pytest.approx(own)
    assert DEVICE.least_duration(COST, 0.9 * frontier.quasistatic) == np.inf


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda: td.Hardware(temperature=-1.0), "temperature: got -1.0, need a positive"),
        (lambda: td.Hardware(relaxation_time=0.0), "relaxation_time: got 0.0, need a positive"),
        (lambda: td.Hardware(length=np.nan), "length: got nan, need a positive"),
        (lambda: DEVICE.duration(1.0, -0.5), "stochasticity: got -0.5, need a number that is 0"),
        (lambda: DEVICE.duration(np.inf), "action: got 1 NaN or infinite"),
        (lambda: DEVICE.tradeoff(COST, [1.0, 0.0]), "times: got 0, need positive, finite durations in sec"),
        (lambda: DEVICE.tradeoff(COST, [-1e-6]), "times: got -1e-06, need positive, finite durations"),
        (lambda: DEVICE.tradeoff(1.0, [1e-6]), "cost: got float, need a driving cost, as td.driving_cost"),
        (lambda: DEVICE.least_duration(1.0, 1e-20), "cost: got float, need a driving cost"),
        (lambda: DEVICE.least_duration(COST, -1.0), "energy: got -1.0"),
    ],
)
def test_bad_input_gets_one_line(call, message):
    with pytest.raises(ValueError, match=message):
        call()
