"""Everything at once for one score and one data set: entropies, likelihoods, bounds, and which of them hold.

All averages are taken on the same independent units, so that each difference has a paired error bar.
"""

from __future__ import annotations

import contextlib
import itertools
from typing import Any

import jax
import numpy as np

from thermodiff.array_types import Key, Process, Score
from thermodiff.auditing.ledger import Constants, denoising_integral, entropy_ceiling, ledger
from thermodiff.auditing.measurement import STAGES, Measured, Setting, measure_all
from thermodiff.auditing.report import Audit, build_report
from thermodiff.distributions.base import gaussian_entropy
from thermodiff.distributions.gaussian import Gaussian
from thermodiff.numerics.divergence import Divergence
from thermodiff.numerics.estimates import as_float64
from thermodiff.paths.path_likelihood import DEFAULT_STEPS
from thermodiff.runtime.devices import in_full_precision
from thermodiff.runtime.progress import shown, stage
from thermodiff.scores.diffusion import learned_diffusion
from thermodiff.thermodynamics.chosen_prior import chosen_prior
from thermodiff.thermodynamics.ensembles import DEFAULT_REPLICATES, ROWS_AT_ONCE, ensembles, is_array
from thermodiff.thermodynamics.entropies import truncation_entropy
from thermodiff.thermodynamics.rates import assemble_rates
from thermodiff.thermodynamics.time_grid import DEFAULT_NODES, time_grid
from thermodiff.trajectories.probability_flow import Tolerance
from thermodiff.validation import check_key, complain


@in_full_precision
def audit(
    key: Key,
    score: Score,
    process: Process,
    data: Any,
    *,
    prior: Gaussian | str | None = None,
    t_min: float | None = None,
    nodes: int = DEFAULT_NODES,
    replicates: int = DEFAULT_REPLICATES,
    points: int = 256,
    flow_points: int | None = None,
    max_points: int = 4096,
    divergence: Divergence | None = None,
    tolerance: Tolerance | None = None,
    paths: int | None = None,
    progress: bool = False,
) -> Audit:
    """Entropies, likelihoods and bounds of ``score`` on ``data``, with paired standard errors; print it for a table.

    ``data`` is a distribution (its entropy and exact score are used where it knows them) or samples (n, d), of
    which the first ``max_points`` are used: in parts, so that memory does not grow with them, and straight from
    disk if they are ``numpy.load(file, mmap_mode="r")``; beyond 4096 rows several share a unit of the error bars.
    Of the points in each unit (``points`` in each of the ``replicates`` of a distribution) the flow carries
    ``flow_points`` (default all). ``prior`` is the terminal Gaussian: "moments" (of p_1, the default), "noise"
    (N(0, sigma(1)^2)), or one of your own. ``progress`` shows on stderr what is being measured, and the time left.
    ``paths`` asks for NLL_SDE as well, the likelihood of the reverse SDE in 64 steps with analytic variances, from so
    many paths of noising a point (``td.path_log_likelihood``; at least 2), at 64 score evaluations a path.
    Every integral starts at ``t_min`` (see ``scores.base.starting_time``), so S0 stands for S(p(t_min)); what that
    adds is in the record. For samples S0 is not known: the smaller of NLL_ode and -ELBO, both upper bounds, stands
    for it, and the record says so. A model that ``td.score_from_...`` made is refused where another clock, sign or
    parameterisation fits the data and the given one does not (``td.check_model``).

    Returns an Audit. Raises ValueError for bad arguments, RuntimeError if the flow cannot be solved. Source: eq. (1) of
    arXiv 2510.06174; readings, identities and certified bounds are this project's (theory section 5).
    """
    key = check_key(key)
    if flow_points is not None and flow_points < 1:
        raise complain("flow_points", f"{flow_points}", "at least 1, or None for all")
    if paths is not None and paths < 2:
        raise complain("paths", f"{paths}", "at least 2 paths a point, or None for no likelihood of the SDE")
    with shown("audit", _stages(data, max_points), "compiling") if progress else contextlib.nullcontext():
        point_key, *keys = jax.random.split(key, 3)
        # Two blocks more than times: fresh points for the flow's start and for the entropy of the noise.
        sets = ensembles(point_key, data, nodes + 2, replicates, points, max_points)
        first = next(sets)
        diffusion = learned_diffusion(score, process, first.dim, divergence)
        grid = time_grid(process, diffusion.starting_time(t_min), nodes)
        prior, origin = chosen_prior(prior, diffusion.score, process, first.dim, first.reference)
        setting = Setting(diffusion, data, grid, prior, tolerance, flow_points, paths)
        measured = measure_all(keys, setting, itertools.chain([first], sets))
        stage("errors")
        return _report(setting, measured, origin)


def _report(setting: Setting, measured: Measured, origin: str) -> Audit:
    """The Audit of what was measured; ``origin`` says where the prior is from."""
    grid, prior, dim = setting.grid, setting.prior, setting.diffusion.dim
    constants = Constants(
        weights=grid.rule.weights,
        drift=dim * grid.drift_integral,
        prior_mean=as_float64(prior.mean),
        prior_cov=as_float64(prior.cov),
        prior_entropy=gaussian_entropy(as_float64(prior.variances)),
        dim=dim,
    )
    means, moments = measured.means, measured.means.moments
    if measured.S0 is None:
        neg_elbo = means.CE - constants.drift - denoising_integral(moments, grid)
        means = means._replace(S0=entropy_ceiling(means.nll, neg_elbo))
    return build_report(
        ledger,
        constants,
        means,
        grid,
        assemble_rates(grid, dim, moments.divergence, moments.local, "divergence", "generation"),
        known={
            "S0": measured.S0 or "upper bound",
            "S1": measured.S1 or "upper bound",
            "prior": origin,
            **({} if setting.paths is None else {"NLL_SDE": _described(setting.paths)}),
        },
        truncation=truncation_entropy(setting.data, setting.diffusion.process, grid.time[0]),
    )


def _described(paths: int) -> str:
    return f"{DEFAULT_STEPS} steps, {paths} paths, analytic"


def _stages(data: Any, max_points: int) -> int:
    """How often ``measure`` tells of a stage, and one for the errors."""
    shape = np.shape(getattr(data, "array", data)) if is_array(data) else ()
    rows = min(shape[0], max_points or shape[0]) if shape else 1
    return len(STAGES) * -(-rows // ROWS_AT_ONCE) + 1
