"""One step of noising, exact, and one of generation, Gaussian: ancestral samplers and all path ratios are made of it.

In z = x/alpha with noise ratio s = sigma/alpha, times t_min = t_0 < ... < t_N = 1, a_k = (s_{k-1}/s_k)^2 and n_th the
noise prediction, D_th = z - s n_th:
    noising      z_k = z_{k-1} + sqrt(s_k^2 - s_{k-1}^2) eps_k
    generation   z_{k-1} = z_k - g_k s_k n_th(z_k) + sqrt(v_k) xi_k,     v_k = s_{k-1}^2 (1 - a_k)(1 + e_k)
A kernel is a choice of g and e. g = 1 - a makes the mean that of the posterior, a z + (1 - a) D; e is
    posterior    0                                 beta-tilde of Ho et al. (2020)
    forward      1/a - 1                           their beta
    analytic     Dgamma E|x0 - D_th|^2/d           the least path divergence (Bao et al. 2022)
with Dgamma = 1/s_{k-1}^2 - 1/s_k^2. ``StochasticKernel`` is the exact step, for a D that stands still, of the generator
with any stochasticity.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, NamedTuple, Protocol, runtime_checkable

import jax
import numpy as np
from jaxtyping import Float

from thermodiff.processes.base import last_time
from thermodiff.sampling.schedules import Schedule, check_made_for
from thermodiff.types import is_concrete
from thermodiff.validation import check_finite, complain


class Steps(NamedTuple):
    """A schedule in the direction of noising, data first, in double precision: arrays over k = 0..N, or k = 1..N.

    time, alpha, s = sigma/alpha (N+1,); a = (s_{k-1}/s_k)^2, rest = 1 - a, dgamma (N,).
    """

    time: Float[np.ndarray, " N1"]
    alpha: Float[np.ndarray, " N1"]
    s: Float[np.ndarray, " N1"]
    a: Float[np.ndarray, " N"]
    rest: Float[np.ndarray, " N"]
    dgamma: Float[np.ndarray, " N"]

    @property
    def spread(self) -> Float[np.ndarray, " N"]:
        """sqrt(s_k^2 - s_{k-1}^2), the noise that step k adds."""
        return self.s[1:] * np.sqrt(self.rest)


def steps_of(process: Any, schedule: Any, t_min: Any = None) -> Steps:
    """The steps of a schedule from t = 1 to its end, which must not lie below ``t_min`` where a score has its own.

    Raises ValueError for what is no schedule, one that does not begin at t = 1, where the prior stands, ends too low,
    or was made for another process.
    """
    _check_schedule(schedule)
    if not is_concrete(process):
        raise complain("process", "a process that JAX is tracing", "numbers: paths are made outside jax.jit")
    time, s = schedule.time[::-1], schedule.noise_ratio[::-1]
    last = float(last_time(process))
    if abs(time[-1] - last) > 1e-6:
        raise complain("schedule", f"a first time of {time[-1]:g}", f"{last:g}, where the prior stands")
    if t_min is not None and time[0] < t_min * (1 - 1e-6):
        raise complain("schedule", f"a last time of {time[0]:.3g}", f"at least t_min = {float(t_min):.3g}")
    check_made_for(schedule, process)
    # In double precision whatever JAX computes in otherwise: 1 - alpha is small where a path begins.
    with jax.enable_x64(True):
        alpha = np.asarray(process.alpha(time), dtype=np.float64)
    return _steps(time, alpha, s)


def steps_of_ratios(schedule: Any) -> Steps:
    """The steps of a schedule in z alone, where alpha is 1 and no process is asked."""
    _check_schedule(schedule)
    return _steps(schedule.time[::-1], np.ones(len(schedule.time)), schedule.noise_ratio[::-1])


def _check_schedule(schedule: Any) -> None:
    if not isinstance(schedule, Schedule):
        raise complain("schedule", type(schedule).__name__, "a td.Schedule, such as td.schedule makes")


def _steps(time: np.ndarray, alpha: np.ndarray, s: np.ndarray) -> Steps:
    log_a = 2 * np.log(s[:-1] / s[1:])
    rest = -np.expm1(log_a)
    return Steps(time, alpha, s, np.exp(log_a), rest, rest / s[:-1] ** 2)


class KernelSteps(NamedTuple):
    """g and 1 + e of a kernel at every step, each (N,)."""

    gain: Float[np.ndarray, " N"]
    inflation: Float[np.ndarray, " N"]

    def lift(self, steps: Steps) -> Float[np.ndarray, " N"]:
        """g/sqrt(1 - a), what the noise prediction is multiplied by to tell eps."""
        return self.gain / np.sqrt(steps.rest)

    def deviation(self, steps: Steps) -> Float[np.ndarray, " N"]:
        """sqrt(v), in units of z."""
        return steps.s[:-1] * np.sqrt(steps.rest * self.inflation)


@runtime_checkable
class Kernel(Protocol):
    """A choice of one step of generation. Anything with this method is one."""

    def at(self, steps: Steps, dim: int) -> KernelSteps:
        """g and 1 + e at the steps, for data of ``dim`` columns."""


@dataclass(frozen=True)
class PosteriorKernel:
    """e = 0: the variance of the noise's posterior given the data, beta-tilde."""

    def at(self, steps: Steps, dim: int) -> KernelSteps:
        """g = 1 - a, e = 0."""
        return KernelSteps(steps.rest, np.ones_like(steps.a))


@dataclass(frozen=True)
class ForwardKernel:
    """e = 1/a - 1: the variance of the forward step, beta."""

    def at(self, steps: Steps, dim: int) -> KernelSteps:
        """g = 1 - a, 1 + e = 1/a."""
        return KernelSteps(steps.rest, 1 / steps.a)


@dataclass(frozen=True, eq=False)
class AnalyticKernel:
    """e = Dgamma E|x0 - D_th|^2/d, the isotropic variance of least path divergence.

    ``error`` (T,) is E|x0 - D_th(x)|^2 summed over the columns, at increasing ``noise_ratio`` (T,); between these it
    is interpolated, logarithms in logarithms. Raises ValueError for other shapes, order or signs. Source: Bao et al.
    (2022), eq. 8; Rao-Blackwellised over the posterior of the noise.
    """

    noise_ratio: Any
    error: Any

    def __post_init__(self) -> None:
        for name in ("noise_ratio", "error"):
            check_finite(name, getattr(self, name))
            object.__setattr__(self, name, np.atleast_1d(np.asarray(getattr(self, name), dtype=np.float64)))
        s, error = self.noise_ratio, self.error
        if s.ndim != 1 or s.shape != error.shape or np.any(np.diff(s) <= 0) or not s[0] > 0:
            raise complain(
                "noise_ratio, error", f"shapes {s.shape}, {error.shape}", "(T,) both, the first increasing"
            )
        if np.any(error < 0):
            raise complain("error", f"{error.min():g}", "mean squares, 0 or more")

    def at(self, steps: Steps, dim: int) -> KernelSteps:
        """g = 1 - a, 1 + e = 1 + Dgamma E|x0 - D|^2/d."""
        s, tiny = steps.s[1:], np.finfo(float).tiny
        slack = 1e-6 * (s[-1] - s[0]) + 1e-6 * s[0]
        if s[0] < self.noise_ratio[0] - slack or s[-1] > self.noise_ratio[-1] * (1 + 1e-6):
            got = f"E|x0 - D|^2 for sigma/alpha from {self.noise_ratio[0]:.4g} to {self.noise_ratio[-1]:.4g}"
            raise complain("kernel", got, f"it from {s[0]:.4g} to {s[-1]:.4g}, where the schedule steps")
        log_error = np.log(np.maximum(self.error, tiny))
        error = np.exp(np.interp(np.log(s), np.log(self.noise_ratio), log_error))
        return KernelSteps(steps.rest, 1 + steps.dgamma * error / dim)


@dataclass(frozen=True)
class StochasticKernel:
    """The generator of stochasticity zeta: score term (1 + zeta) D s_th, noise sqrt(2 zeta D); 0 is the flow.

    z - D shrinks by (s_{k-1}/s_k)^(1 + zeta), the noise has variance s_{k-1}^2 (1 - (s_{k-1}/s_k)^(2 zeta)): exact
    where D stands still; the posterior kernel for zeta = 1. Raises ValueError for zeta < 0. Source: this project.
    """

    stochasticity: float = 1.0

    def __post_init__(self) -> None:
        if not (np.isfinite(self.stochasticity) and self.stochasticity >= 0):
            raise complain("stochasticity", f"{self.stochasticity}", "a number of at least 0")

    def at(self, steps: Steps, dim: int) -> KernelSteps:
        """g = 1 - rho^(1 + zeta), 1 + e = (1 - rho^(2 zeta))/(1 - rho^2), rho = s_{k-1}/s_k."""
        log_rho, zeta = 0.5 * np.log(steps.a), self.stochasticity
        return KernelSteps(-np.expm1((1 + zeta) * log_rho), np.expm1(2 * zeta * log_rho) / -steps.rest)


ANALYTIC = "analytic"
KERNELS: dict[str, Kernel] = {"posterior": PosteriorKernel(), "forward": ForwardKernel()}
"""Those that need no data, by name at the door."""


def named_kernel(kernel: Any) -> Kernel | None:
    """The kernel of a name, or the object itself; None for "analytic", which has to be measured."""
    if isinstance(kernel, str):
        if kernel == ANALYTIC:
            return None
        if kernel not in KERNELS:
            raise complain("kernel", repr(kernel), f"one of {', '.join([*KERNELS, ANALYTIC])}, or a kernel")
        return KERNELS[kernel]
    if not isinstance(kernel, Kernel):
        raise complain(
            "kernel", type(kernel).__name__, f"one of {', '.join([*KERNELS, ANALYTIC])}, or a kernel"
        )
    return kernel
