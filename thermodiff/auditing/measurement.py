"""What an audit measures on one set of points: the means that its ledger is made of, in independent units."""

from __future__ import annotations

from typing import Any, NamedTuple

import jax.numpy as jnp
from jaxtyping import Array, Float

from thermodiff.array_types import Key, Process, Score
from thermodiff.auditing.ledger import Means
from thermodiff.distributions.base import Family
from thermodiff.distributions.gaussian import Gaussian
from thermodiff.numerics.divergence import Divergence, HutchinsonDivergence
from thermodiff.runtime.progress import stage
from thermodiff.scores.exact import exact_score
from thermodiff.thermodynamics.ensembles import Points, noised_points
from thermodiff.thermodynamics.entropies import Entropy, marginal_entropy
from thermodiff.thermodynamics.moments import noise_moments
from thermodiff.thermodynamics.priors import prior_cross_entropy
from thermodiff.thermodynamics.time_grid import TimeGrid
from thermodiff.trajectories.probability_flow import Tolerance, probability_flow
from thermodiff.types import NotKnownError

STAGES = ("the score's averages", "entropies", "the probability flow")
"""What is measured one after the other, as those who wait are told."""


def _exact_score_of(data: Any, process: Process) -> Score | None:
    if not isinstance(data, Family):
        return None
    try:
        return exact_score(data, process)
    except NotKnownError:
        return None


def _flow_means(
    key: Key,
    score: Score,
    process: Process,
    start: Float[Array, "units m d"],
    start_log_prob: Float[Array, "units m"] | None,
    S0: Entropy | None,
    prior: Gaussian,
    grid: TimeGrid,
    divergence: Divergence,
    tolerance: Tolerance | None,
) -> dict[str, Any]:
    """nll, flow_growth, x1 and x1_square of ``Means``, from one solve of the learned flow."""
    units, m, dim = start.shape
    ends = grid.time[jnp.asarray([0, -1])]
    path = probability_flow(key, score, process, start.reshape(-1, dim), ends, divergence, tolerance)
    terminal = path.x[:, -1].reshape(units, m, dim)
    growth = path.growth[:, -1].reshape(units, m)
    nll = -prior.log_prob(terminal) - growth
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


class Measured(NamedTuple):
    """Means over one set of points, and how S0 and S1 are known; None where bounds stand for them."""

    means: Means
    S0: str | None
    S1: str | None


def measure(
    keys: Any,
    score: Score,
    process: Process,
    data: Any,
    points: Points,
    grid: TimeGrid,
    prior: Gaussian,
    divergence: Divergence,
    tolerance: Tolerance | None,
    flow_points: int | None,
) -> Measured:
    """The means over one set of points."""
    nodes = len(grid.time)
    stage(STAGES[0])
    exact = _exact_score_of(data, process)
    moments = noise_moments(keys[0], score, process, points, grid.time, _cheap(divergence), exact)
    stage(STAGES[1])
    CE = prior_cross_entropy(points, process, prior)
    start, end = (noised_points(process, points, nodes + i, grid.time[-i]) for i in (0, 1))
    start = start[:, :flow_points]
    S0, start_log_prob = marginal_entropy(data, process, points, start, grid.time[0])
    S1, _ = marginal_entropy(data, process, points, end, grid.time[-1])
    stage(STAGES[2])
    flow = _flow_means(keys[1], score, process, start, start_log_prob, S0, prior, grid, divergence, tolerance)
    means = Means(
        S0=flow["nll"] if S0 is None else S0.units,
        S1=CE if S1 is None else S1.units,
        CE=CE,
        moments=moments,
        **flow,
    )
    return Measured(means, S0 and S0.known, S1 and S1.known)


def _cheap(divergence: Divergence) -> Divergence:
    """One probe a point is enough where the average over points does the rest."""
    return HutchinsonDivergence(1) if isinstance(divergence, HutchinsonDivergence) else divergence
