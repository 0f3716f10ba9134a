"""Schedules: equal steps in their clock, at times whose noise is what they say, and what is refused."""

import jax
import numpy as np
import pytest

import thermodiff as td

VE, VP = td.VarianceExploding(25.0), td.VariancePreserving(0.1, 20.0)
NAMED = ("log_snr", "edm", "cosine", "linear_beta")


def beta_time(s):
    """The time at which e^B - 1 = s^2 for B = 0.1 t + 9.95 t^2, as a root of numpy's."""
    return np.array([np.roots([9.95, 0.1, -np.log1p(r * r)]).max() for r in s])


CLOCKS = {
    "log_snr": np.log,
    "edm": lambda s: s ** (1 / 7),
    "cosine": lambda s: np.arctan(s / np.sqrt(0.625)),
    "linear_beta": beta_time,
}


@pytest.mark.parametrize("process", [VE, VP, td.CosineVariancePreserving()])
@pytest.mark.parametrize("name", NAMED)
def test_steps_are_equal_in_the_named_clock(name, process):
    with jax.enable_x64(True):
        reference = td.Gaussian([1.0, 2.0], [[1.0, 0.1], [0.1, 0.25]])
        made = td.schedule(name, process, 12, t_min=2e-3, reference=reference)
        assert (made.name, made.steps, made.t_min, made.time[0]) == (name, 12, 2e-3, 1.0)
        np.testing.assert_allclose(
            process.sigma(made.time) / process.alpha(made.time), made.noise_ratio, rtol=1e-5
        )
    steps = np.diff(CLOCKS[name](made.noise_ratio))
    np.testing.assert_allclose(steps, steps.mean(), rtol=1e-6)
    assert made.time.dtype == made.noise_ratio.dtype == np.float64
    assert not made.time.flags.writeable


def test_a_schedule_ends_where_noise_is_small_beside_the_data():
    assert td.schedule("log_snr", VE, 4).noise_ratio[-1] == pytest.approx(1e-3, rel=1e-5)
    wide = td.schedule("log_snr", VE, 4, reference=td.Gaussian([0.0], [[9.0]]))
    assert wide.noise_ratio[-1] == pytest.approx(3e-3, rel=1e-5)


def test_linear_beta_is_the_linear_schedules_own_time():
    made = td.schedule("linear_beta", VP, 10, t_min=0.01)
    np.testing.assert_allclose(made.time, np.linspace(1.0, 0.01, 11), rtol=1e-5)


def test_one_step():
    made = td.Schedule([1.0, 0.5], [3.0, 1.0])
    assert repr(made) == "Schedule(given: 1 steps, sigma/alpha from 3 to 1)"


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (
            ([1.0, 0.5, 0.6], [3, 2, 1]),
            r"time: got 0.6 after 0.5 \(at index 2, counted from 0\), need decreasing",
        ),
        (([1.0, 0.5, 0.2], [3, 3, 1]), "noise_ratio: got 3 after 3 .at index 1, .*need decreasing values"),
        (([1.0, 0.0], [3, 1]), "time: got 0 at the end, need values above 0"),
        (([1.0, 0.5], [3, -1]), "noise_ratio: got -1 at the end, need values above 0"),
        (([1.5, 0.5], [3, 1]), r"time: got 1.5, need times in \(0, 1\]"),
        (([1.0, float("nan")], [3, 1]), "time: got 1 NaN or infinite value"),
        (([1.0], [3.0]), r"time: got shape \(1,\), need shape \(N \+ 1,\)"),
        (([1.0, 0.5], [3, 2, 1]), "noise_ratio: got 3 of them for 2 times, need one for each"),
    ],
)
def test_what_is_no_schedule(arguments, message):
    with pytest.raises(ValueError, match=message):
        td.Schedule(*arguments)


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"name": "karras"}, "name: got 'karras', need one of log_snr, edm, cosine, linear_beta"),
        ({"steps": 0}, "steps: got 0, need a positive whole number"),
        ({"t_min": 0.0}, "t_min: got 0.0, need a time strictly between 0 and 1"),
        ({"process": "VP"}, "process: got str, need a diffusion process"),
    ],
)
def test_what_cannot_be_scheduled(change, message):
    with pytest.raises(ValueError, match=message):
        td.schedule(**{"name": "log_snr", "process": VE, "steps": 8, **change})
