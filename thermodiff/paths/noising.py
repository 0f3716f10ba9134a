"""Paths of noising from given points, and what they produce against their own reversed protocol: ratio (a).

    ln P_F/P_B = ds + dm,     ds = ln p_0(x_0) - ln p_N(x_N),     dm = sum_k kappa_k (|x_{k-1}|^2 - |x_k|^2)/2,
    kappa_k = (1 - r_k^2)/q_k,   r_k = alpha_k/alpha_{k-1},   q_k = sigma_k^2 - r_k^2 sigma_{k-1}^2,
P_B the forward kernels with their arguments exchanged, run backwards from p_N: normalised, so that <e^-(ds + dm)> = 1
at any number of steps. kappa_k is the stiffness of the trap that the drift is the force of, in units of k_B T: 0 for
VE, 1 for VP and cosine, and dm the heat given to the bath. Nothing here knows a score: for waste see ``paths.waste``.
"""

from __future__ import annotations

from typing import Any, NamedTuple

import jax
import numpy as np
from jaxtyping import Float

from thermodiff.array_types import Key, Process
from thermodiff.distributions.rows import as_rows
from thermodiff.numerics.estimates import estimate_rows
from thermodiff.paths.predictions import log_density
from thermodiff.sampling.kernels import Steps, steps_of
from thermodiff.sampling.schedules import Schedule
from thermodiff.types import Estimate
from thermodiff.validation import (
    check_count,
    check_key,
    check_magnitude,
    check_points,
    check_process,
    complain,
)


class NoisingPaths(NamedTuple):
    """Paths of noising, data first; paths i K ... i K + K - 1 begin at the same point, of row i.

    x (n K, N+1, d) from t_min to 1; noise (n K, N, d), the eps_k of each step; rows (n, d) the data at t = 0; schedule;
    per_point K.
    """

    x: Float[np.ndarray, "n N1 d"]
    noise: Float[np.ndarray, "n N d"]
    rows: Float[np.ndarray, "m d"]
    schedule: Schedule
    per_point: int = 1

    @property
    def direction(self) -> str:
        """The process that drew them."""
        return "noising"


class PathEntropy(NamedTuple):
    """Entropy in nats and energy in k_B T of each path, arrays (n,): total = system + medium, heat given to the bath.

    ``work`` is None where there is no protocol of energies. ``mean`` has an Estimate of each.
    """

    system: Any
    medium: Any
    total: Any
    heat: Any
    work: Any
    per_point: int = 1
    remarks: tuple[str, ...] = ()

    @property
    def mean(self) -> PathEntropy:
        """The same with means, and errors of independent starting points."""

        def of(values: Any) -> Any:
            if values is None or not np.all(np.isfinite(values)):
                return None if values is None else Estimate(float(np.mean(values)), np.nan, len(values))
            return estimate_rows(values.reshape(-1, self.per_point).mean(axis=1))

        return self._replace(
            **{name: of(getattr(self, name)) for name in ("system", "medium", "total", "heat", "work")}
        )

    def __str__(self) -> str:
        m = self if isinstance(self.total, Estimate) else self.mean
        lines = [f"entropy production {m.total} nats: system {m.system}, medium {m.medium}"]
        lines.append(f"heat {m.heat} k_B T" + ("" if m.work is None else f", work {m.work} k_B T"))
        return "\n".join([*lines, *self.remarks])


def noising_paths(key: Key, process: Process, x: Any, schedule: Schedule, per_point: int = 1) -> NoisingPaths:
    """``per_point`` independent paths of noising from each row of x (n, d), at the times of ``schedule``, exact.

    Rows are data at t = 0; each is carried to t_min, the schedule's end, by one draw that its paths share, and from
    there by one exact transition a step. Raises ValueError for rows or a schedule of the wrong form. Source: Song et
    al. (2021), eq. 29.
    """
    key = check_key(key)
    check_process(process)
    rows = as_rows("x", x).values
    check_points("x", rows)
    check_magnitude("x", rows)
    check_count("per_point", per_point)
    steps = steps_of(process, schedule)
    rows = np.asarray(rows, dtype=np.float64)
    n, d = rows.shape
    first, rest = jax.random.split(key)
    start = rows + steps.s[0] * np.asarray(jax.random.normal(first, (n, d)), dtype=np.float64)
    start = np.repeat(start, per_point, axis=0)
    noise = np.asarray(jax.random.normal(rest, (n * per_point, schedule.steps, d)), dtype=np.float64)
    walk = np.cumsum(steps.spread[:, None] * noise, axis=1)
    z = start[:, None] + np.concatenate([np.zeros_like(start[:, None]), walk], axis=1)
    return NoisingPaths(steps.alpha[:, None] * z, noise, rows, schedule, per_point)


def noising_entropy_production(paths: Any, process: Process, data: Any) -> PathEntropy:
    """Sigma = ln P_F - ln P_B of each path of noising against its reversed protocol, with its parts, heat and work.

    ``paths`` are those of ``td.noising_paths``, ``data`` the distribution that their rows were drawn from; its noised
    density must be known. The mean is the intrinsic entropy production of ``td.entropy_rates`` for constant kappa at
    any number of steps, else for many. <e^-Sigma> = 1 (``td.fluctuation_theorem(found.total)``); under VE its mean
    hangs on starts in the tails of the data that no sample holds, and it says "not converged". Where kappa changes (not
    in VE, VP or cosine) the trap is switched between steps and ``work`` is what that takes. Raises NotKnownError for
    data without a density. Source: Seifert (2005); Ikeda et al. (2025); telescoping this project.
    """
    check_process(process)
    if not isinstance(paths, NoisingPaths):
        need = "paths of noising, as td.noising_paths makes (of generated ones td.generation_heat)"
        raise complain("paths", type(paths).__name__, need)
    steps = steps_of(process, paths.schedule)
    ends = [log_density(data, process, float(steps.time[k]), paths.x[:, k]) for k in (0, len(steps.time) - 1)]
    kappa = stiffness(steps)
    half_squares = 0.5 * np.sum(paths.x**2, axis=2)
    system = ends[0] - ends[1]
    medium = (half_squares[:, :-1] - half_squares[:, 1:]) @ kappa
    work = half_squares[:, 1:-1] @ np.diff(kappa)
    return PathEntropy(system, medium, system + medium, medium, work, paths.per_point)


def stiffness(steps: Steps) -> Float[np.ndarray, " N"]:
    """kappa_k = (1 - r_k^2)/q_k of each step, per (length of x)^2."""
    log_r = np.log(steps.alpha[1:] / steps.alpha[:-1])
    return -np.expm1(2 * log_r) / (steps.alpha[1:] * steps.spread) ** 2
