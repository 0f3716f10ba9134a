"""E|x0 - D_th|^2 over noise ratios: the curve that analytic variances and the waste of a schedule are read from.

In units of the noise it is m(ell) = E|x0 - D_th|^2/s^2 = E|eps - n_th|^2 = d - 2 c + b (``thermodynamics.moments``),
for the true score mmse(gamma) gamma.
"""

from __future__ import annotations

from typing import Any, NamedTuple

import jax.numpy as jnp
import numpy as np
from jaxtyping import Float

from thermodiff.array_types import Key, Process, Score
from thermodiff.distributions.base import gaussian_entropy, if_known
from thermodiff.distributions.reference import exact_gaussian
from thermodiff.numerics.estimates import as_float64
from thermodiff.processes.base import last_time
from thermodiff.runtime.devices import in_full_precision
from thermodiff.sampling.kernels import AnalyticKernel, Kernel, Steps, named_kernel
from thermodiff.scores.diffusion import LearnedDiffusion, learned_diffusion
from thermodiff.scores.exact import exact_score_if_known
from thermodiff.thermodynamics.ensembles import DEFAULT_POINTS, DEFAULT_REPLICATES, ensembles
from thermodiff.thermodynamics.moments import NoiseMoments, noise_moments
from thermodiff.thermodynamics.priors import moment_prior
from thermodiff.thermodynamics.time_grid import DEFAULT_NODES, time_grid
from thermodiff.validation import check_key, complain

MOST_MEASURED = 4096
"""Rows at most on which the analytic kernel is measured."""


class DenoisingCurve(NamedTuple):
    """m = E|eps - n_th|^2 of independent units (units, T) at ell = ln(sigma/alpha) (T,), in ``dim`` dimensions.

    ``true`` is the same of the exact score, d - E|n|^2, and ``terminal`` KL(p_1 || pi) for the moment prior: None where
    the data's density, or p_1's entropy, is not known.
    """

    ell: Float[np.ndarray, " T"]
    units: Float[np.ndarray, "units T"]
    dim: int
    true: Float[np.ndarray, "units T"] | None = None
    terminal: float | None = None

    def kernel(self) -> AnalyticKernel:
        """The analytic kernel of this curve."""
        s = np.exp(self.ell)
        return AnalyticKernel(s, s**2 * np.maximum(self.units.mean(axis=0), 0.0))


def errors_of(moments: NoiseMoments, dim: int) -> Float[np.ndarray, "units T"]:
    """E|eps - n_th|^2 = d - 2 c + b of each unit."""
    return dim - 2 * as_float64(moments.overlap) + as_float64(moments.square)


@in_full_precision
def denoising_curve(
    key: Key,
    score: Score,
    process: Process,
    data: Any,
    *,
    t_min: float | None = None,
    nodes: int = DEFAULT_NODES,
    replicates: int = DEFAULT_REPLICATES,
    points: int = DEFAULT_POINTS,
    max_points: int | None = 4096,
) -> DenoisingCurve:
    """The curve on ``data``, a distribution or rows (n, d), at ``nodes`` times from t_min to 1, even in log-SNR.

    ``replicates``, ``points`` and ``max_points`` as in ``td.audit``. Raises ValueError for bad arguments, ScoreError
    where the score gives NaN.
    """
    key = check_key(key)
    parts = list(ensembles(key, data, nodes, replicates, points, max_points))
    dim = parts[0].dim
    diffusion = learned_diffusion(score, process, dim).taking(None)
    grid = time_grid(process, diffusion.starting_time(t_min), nodes)
    exact = exact_score_if_known(data, process)
    moments = [noise_moments(None, diffusion, part, grid.time, exact) for part in parts]
    units = np.concatenate([errors_of(m, dim) for m in moments])
    true = [dim - as_float64(m.true_square) for m in moments if m.true_square is not None]
    return DenoisingCurve(
        as_float64(grid.ell), units, dim, np.concatenate(true) if true else None, _terminal(data, process)
    )


def _terminal(data: Any, process: Process) -> float | None:
    """KL(p_1 || the Gaussian of p_1's moments) = S(that Gaussian) - S(p_1), where both are known."""
    gaussian = exact_gaussian(data)
    last = last_time(process)
    entropy = if_known(data, "noised_entropy", float(process.alpha(last)), float(process.sigma(last)))
    if gaussian is None or entropy is None:
        return None
    return gaussian_entropy(as_float64(moment_prior(gaussian, process).variances)) - float(entropy)


def kernel_for(
    key: Key,
    kernel: Any,
    diffusion: LearnedDiffusion,
    data: Any,
    steps: Steps,
    max_points: int = MOST_MEASURED,
) -> Kernel:
    """The kernel of a name or the object given; "analytic" is measured on ``data`` at the schedule's own times.

    Raises ValueError where it has to be measured and there are no data.
    """
    chosen = named_kernel(kernel)
    if chosen is not None:
        return chosen
    if data is None:
        raise complain(
            "data", "None for the analytic kernel", "data to measure E|x0 - D|^2 on, or another kernel"
        )
    time = jnp.asarray(steps.time[1:], dtype=float)
    parts = ensembles(key, data, len(steps.time) - 1, max_points=max_points)
    units = [errors_of(noise_moments(None, diffusion, p, time), diffusion.dim) for p in parts]
    return DenoisingCurve(np.log(steps.s[1:]), np.concatenate(units), diffusion.dim).kernel()
