"""The times at which a sampler calls the score, from the noise at t = 1 down to t_min.

A schedule of N steps has N + 1 times 1 = t_0 > ... > t_N = t_min and the noise ratios s = sigma/alpha there. Each named
one makes equal steps in a function tau of s, its clock:

    log_snr       tau = ln s                         equal steps in the log signal-to-noise ratio
    edm           tau = s^(1/7)                      Karras et al. (2022), eq. 5, rho = 7
    cosine        tau = arctan(s/r)                  r^2 the mean variance of the data; optimal for Gaussian data
    linear_beta   tau the time of VariancePreserving(0.1, 20) with that s, whose beta grows linearly

Clocks that are measured on data are in ``sampling.clocks``.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, NamedTuple

import numpy as np

from thermodiff.distributions.gaussian import Gaussian
from thermodiff.processes.base import last_time
from thermodiff.scores.base import starting_time
from thermodiff.scores.exact import exact_score
from thermodiff.types import is_concrete
from thermodiff.validation import check_count, check_finite, check_process, complain


@dataclass(frozen=True, eq=False)
class Schedule:
    """Times (N+1,) at which a sampler of N steps stands, decreasing, and sigma/alpha there: double precision, fixed.

    ``time`` lies in (0, 1], ``noise_ratio`` is in units of the data, ``name`` says what made it. Raises ValueError for
    arrays that are not finite, of different lengths, not decreasing or out of range.
    """

    time: np.ndarray
    noise_ratio: np.ndarray
    name: str

    def __init__(self, time: Any, noise_ratio: Any, name: str = "given") -> None:
        object.__setattr__(self, "time", _decreasing("time", time))
        object.__setattr__(self, "noise_ratio", _decreasing("noise_ratio", noise_ratio))
        object.__setattr__(self, "name", name)
        if self.time[0] > 1:
            raise complain("time", f"{self.time[0]:g}", "times in (0, 1] (data at 0, noise at 1)")
        if len(self.time) != len(self.noise_ratio):
            got = f"{len(self.noise_ratio)} of them for {len(self.time)} times"
            raise complain("noise_ratio", got, "one for each time")

    @property
    def steps(self) -> int:
        """N, the number of steps."""
        return len(self.time) - 1

    @property
    def t_min(self) -> float:
        """The last time, at which the sample is taken."""
        return float(self.time[-1])

    def __repr__(self) -> str:
        ends = f"{self.noise_ratio[0]:.4g} to {self.noise_ratio[-1]:.4g}"
        return f"Schedule({self.name}: {self.steps} steps, sigma/alpha from {ends})"


def _decreasing(field: str, given: Any) -> np.ndarray:
    """The values as a fixed array of their own, checked."""
    check_finite(field, given)
    values = np.array(given, dtype=np.float64)
    if values.ndim != 1 or len(values) < 2:
        raise complain(field, f"shape {values.shape}", "shape (N + 1,) for N >= 1 steps")
    rising = np.flatnonzero(np.diff(values) >= 0)
    if rising.size:
        first, second = values[rising[0] : rising[0] + 2]
        got = f"{second:.9g} after {first:.9g} (at index {rising[0] + 1}, counted from 0)"
        raise complain(field, got, "decreasing values, from the noise to the data")
    if not values[-1] > 0:
        raise complain(field, f"{values[-1]:g} at the end", "values above 0: the score has no value there")
    values.setflags(write=False)
    return values


class Spacing(NamedTuple):
    """tau(s, r) and its inverse, for the noise ratio s and the data's scale r = sqrt(mean variance)."""

    clock: Callable[[Any, float], Any]
    noise_ratio: Callable[[Any, float], Any]


EDM_RHO = 7.0
LINEAR_BETA = (0.1, 20.0)


def _linear_beta_time(s: Any, r: float) -> Any:
    low, slope = LINEAR_BETA[0], LINEAR_BETA[1] - LINEAR_BETA[0]
    b = np.log1p(np.square(s))
    return 2 * b / (low + np.sqrt(low**2 + 2 * slope * b))


def _linear_beta_ratio(tau: Any, r: float) -> Any:
    low, slope = LINEAR_BETA[0], LINEAR_BETA[1] - LINEAR_BETA[0]
    return np.sqrt(np.expm1(tau * (low + 0.5 * slope * tau)))


SPACINGS = {
    "log_snr": Spacing(lambda s, r: np.log(s), lambda tau, r: np.exp(tau)),
    "edm": Spacing(lambda s, r: s ** (1 / EDM_RHO), lambda tau, r: tau**EDM_RHO),
    "cosine": Spacing(lambda s, r: np.arctan(s / r), lambda tau, r: r * np.tan(tau)),
    "linear_beta": Spacing(_linear_beta_time, _linear_beta_ratio),
}
"""The named schedules. A new one is a line here."""


def schedule(
    name: str, process: Any, steps: int, t_min: float | None = None, reference: Gaussian | None = None
) -> Schedule:
    """The ``Schedule`` of ``steps`` steps of equal length in a named clock: log_snr, edm, cosine or linear_beta.

    It goes from t = 1 to ``t_min``. ``reference``, the Gaussian of the data's moments (None: variance 1), sets the
    scale of the cosine clock and, where ``t_min`` is None, where the schedule ends (``scores.base.starting_time``).
    Raises ValueError for another name, fewer than one step, and t_min outside (0, 1). Source: this project for the
    cosine clock's scale; Karras et al. (2022) for edm.
    """
    check_spacing("name", name)
    check_count("steps", steps)
    check_process(process)
    reference = reference or Gaussian(np.zeros(1), np.eye(1))
    end = starting_time(exact_score(reference, process), process, t_min)
    return schedule_between(name, process, steps, end, reference)


def check_spacing(argument: str, name: Any) -> None:
    """Raise unless ``name``, given as ``argument``, is that of a schedule."""
    if name not in SPACINGS:
        need = f"one of {', '.join(SPACINGS)}; measured ones are made by td.clock"
        raise complain(argument, repr(name), need)


def schedule_between(name: str, process: Any, steps: int, t_min: Any, reference: Gaussian) -> Schedule:
    """The named schedule from t = 1 to ``t_min`` for data of these moments."""
    if not is_concrete((process, t_min, reference)):
        raise complain(
            "process", "a process that JAX is tracing", "numbers: a schedule is made outside jax.jit"
        )
    spacing = SPACINGS[name]
    r = float(np.sqrt(np.mean(np.asarray(reference.variances, dtype=np.float64))))
    high, low = noise_ratios(process, np.array([float(last_time(process)), t_min]))
    tau = np.linspace(spacing.clock(high, r), spacing.clock(low, r), steps + 1)
    return schedule_of_ratios(process, spacing.noise_ratio(tau, r), t_min, name)


def schedule_of_ratios(process: Any, noise_ratio: np.ndarray, t_min: float, name: str) -> Schedule:
    """The schedule with these noise ratios (N+1,), the first of which is that of t = 1 and the last that of t_min."""
    inside = noise_ratio[1:-1]
    times = np.asarray(process.time_of_log_snr(-2 * np.log(inside)), dtype=np.float64)
    last = float(last_time(process))
    time = np.concatenate([[last], np.clip(times, t_min, last), [t_min]])
    return Schedule(time, noise_ratio, name)


SAME_RATIO = 1e-2
"""Relative difference of sigma/alpha by which a schedule is taken for another process's."""


def check_made_for(schedule: Schedule, process: Any) -> None:
    """Raise unless sigma/alpha of the schedule are those of the process at its times."""
    if not is_concrete(process):
        return
    ratios = noise_ratios(process, schedule.time)
    off = np.abs(np.log(schedule.noise_ratio / ratios))
    if off.max() > SAME_RATIO:
        i = int(off.argmax())
        raise complain(
            "schedule",
            f"sigma/alpha = {schedule.noise_ratio[i]:.4g} at t = {schedule.time[i]:.4g}, where the process has "
            f"{ratios[i]:.4g}",
            "a schedule made for this process",
        )


def noise_ratios(process: Any, time: np.ndarray) -> np.ndarray:
    """sigma/alpha at the times, in double precision as far as JAX computes in it."""
    return np.exp(-0.5 * np.asarray(process.log_snr(time), dtype=np.float64))
