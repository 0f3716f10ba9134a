"""What an audit measures on one set of points: the means that its ledger is made of, in independent units."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Float

from thermodiff.array_types import Key
from thermodiff.auditing.ledger import Means
from thermodiff.auditing.model_check import losses, refuse_if_wrong
from thermodiff.distributions.gaussian import Gaussian
from thermodiff.numerics.divergence import HutchinsonDivergence
from thermodiff.numerics.estimates import as_float64
from thermodiff.numerics.path_ratio import log_mean_exp
from thermodiff.paths.denoising import DenoisingCurve, errors_of
from thermodiff.paths.path_likelihood import DEFAULT_STEPS, jackknifed, path_work
from thermodiff.runtime.progress import stage
from thermodiff.sampling.kernels import AnalyticKernel, steps_of
from thermodiff.sampling.schedules import schedule
from thermodiff.scores.diffusion import LearnedDiffusion
from thermodiff.scores.exact import exact_score_if_known
from thermodiff.thermodynamics.entropies import Entropy, marginal_entropy
from thermodiff.thermodynamics.moments import NoiseMoments, noise_moments
from thermodiff.thermodynamics.point_sets import Points, noised_points
from thermodiff.thermodynamics.priors import prior_cross_entropy
from thermodiff.thermodynamics.time_grid import TimeGrid
from thermodiff.trajectories.probability_flow import Tolerance, probability_flow

STAGES = ("the score's averages", "entropies", "the probability flow")
"""What is measured one after the other, as those who wait are told."""


class Setting(NamedTuple):
    """What is the same for every set of points; the flow carries the first ``flow_points`` of each unit (None: all).

    ``paths`` is how many paths of noising a point get NLL_SDE (None: it is not measured), ``kernel`` the variances of
    the generator whose likelihood that is: those of the first set of points for all.
    """

    diffusion: LearnedDiffusion
    data: Any
    grid: TimeGrid
    prior: Gaussian
    tolerance: Tolerance | None
    flow_points: int | None
    paths: int | None = None
    kernel: AnalyticKernel | None = None


class Measured(NamedTuple):
    """Means over points, and how S0 and S1 are known; None where bounds stand for them."""

    means: Means
    S0: str | None
    S1: str | None


def measure_all(keys: Any, setting: Setting, sets: Iterable[Points]) -> Measured:
    """The means over all sets of points, their units one after another; ``keys`` for the averages and for the flow."""
    measured: list[Measured] = []
    for points in sets:
        # The first set draws what it would draw alone.
        here = [jax.random.fold_in(key, len(measured)) if measured else key for key in keys]
        measured.append(measure(here, setting, points))
        if setting.paths is not None and setting.kernel is None:
            setting = setting._replace(kernel=_kernel(setting, measured[0].means.moments))
    means = jax.tree.map(lambda *leaves: jnp.concatenate(leaves), *(one.means for one in measured))
    return measured[0]._replace(means=means)


def measure(keys: Any, setting: Setting, points: Points) -> Measured:
    """The means over one set of points."""
    diffusion, data, grid = setting.diffusion, setting.data, setting.grid
    process, nodes = diffusion.process, len(grid.time)
    stage(STAGES[0])
    exact = exact_score_if_known(data, process)
    moments = noise_moments(keys[0], _with_one_probe(diffusion), points, grid.time, exact)
    refuse_if_wrong(keys[0], diffusion, data, losses(moments, points, grid))
    stage(STAGES[1])
    CE = prior_cross_entropy(points, process, setting.prior)
    start, end = (noised_points(process, points, nodes + i, grid.time[-i]) for i in (0, 1))
    start = start[:, : setting.flow_points]
    S0, start_log_prob = marginal_entropy(data, process, points, start, grid.time[0])
    S1, _ = marginal_entropy(data, process, points, end, grid.time[-1])
    stage(STAGES[2])
    flow = _flow_means(keys[1], setting, start, start_log_prob, S0)
    means = Means(
        S0=flow["nll"] if S0 is None else S0.units,
        S1=CE if S1 is None else S1.units,
        CE=CE,
        moments=moments,
        **flow,
        **({} if setting.paths is None else _path_means(keys[1], setting, moments, start, flow["sampling"])),
    )
    return Measured(means, S0 and S0.known, S1 and S1.known)


def _with_one_probe(diffusion: LearnedDiffusion) -> LearnedDiffusion:
    """One probe a point is enough where the average over points does the rest."""
    random = isinstance(diffusion.divergence, HutchinsonDivergence)
    return diffusion.taking(HutchinsonDivergence(1)) if random else diffusion


def _kernel(setting: Setting, moments: NoiseMoments) -> AnalyticKernel:
    """The generator's variances, from the denoising errors that the audit has measured anyway."""
    dim = setting.diffusion.dim
    return (
        setting.kernel or DenoisingCurve(as_float64(setting.grid.ell), errors_of(moments, dim), dim).kernel()
    )


def _path_means(
    key: Key,
    setting: Setting,
    moments: NoiseMoments,
    start: Float[Array, "units m d"],
    sampling: Float[Array, " units"],
) -> dict[str, Any]:
    """nll_sde, nll_paths and neg_elbo_steps of ``Means``, from paths of noising of the points that the flow carries."""
    assert setting.paths is not None
    units, m, dim = start.shape
    diffusion, t_min = setting.diffusion.taking(None), float(setting.grid.time[0])
    steps = steps_of(diffusion.process, schedule("log_snr", diffusion.process, DEFAULT_STEPS, t_min))
    z = as_float64(start.reshape(-1, dim)) / steps.alpha[0]
    own_key, kernel = jax.random.fold_in(key, 1), _kernel(setting, moments)
    work = path_work(own_key, diffusion, z, steps, kernel, setting.prior, setting.paths)
    work += dim * np.log(steps.alpha[0])  # of a density of x(t_min), as all of an audit
    values = {
        "nll_sde": -jackknifed(work),
        "nll_paths": -log_mean_exp(-work),
        "neg_elbo_steps": work.mean(axis=1),
    }
    # The same control variate as the flow's: the scatter of ln p over the points.
    return {
        name: jnp.asarray(value.reshape(units, m).mean(axis=1), sampling.dtype) + sampling
        for name, value in values.items()
    }


def _flow_means(
    key: Key,
    setting: Setting,
    start: Float[Array, "units m d"],
    start_log_prob: Float[Array, "units m"] | None,
    S0: Entropy | None,
) -> dict[str, Any]:
    """nll, flow_growth, x1 and x1_square of ``Means``, from one solve of the learned flow."""
    units, m, dim = start.shape
    ends = setting.grid.time[jnp.asarray([0, -1])]
    path = probability_flow(key, setting.diffusion, start.reshape(-1, dim), ends, setting.tolerance)
    terminal = path.x[:, -1].reshape(units, m, dim)
    growth = path.growth[:, -1].reshape(units, m)
    nll = -setting.prior.log_prob(terminal) - growth
    sampling = jnp.zeros_like(nll)
    if S0 is not None and start_log_prob is not None:
        sampling = start_log_prob + S0.units[:, None]
    return {
        "nll": jnp.mean(nll + sampling, axis=1),
        "sampling": jnp.mean(sampling, axis=1),
        "flow_growth": jnp.mean(growth, axis=1),
        "x1": jnp.mean(terminal, axis=1),
        "x1_square": jnp.einsum("umi,umj->uij", terminal, terminal) / m,
    }
