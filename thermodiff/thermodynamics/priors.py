"""The terminal prior pi and what it costs to code the noise with it, CE(p_1, pi) = E[-ln pi(x_1)], nats.

``moment_prior`` is the Gaussian of p_1's moments, the default; ``noise_prior`` is N(0, sigma(1)^2).
Both stand at t = 1, or at the last time of a process that diverges there (``processes.base.last_time``).
"""

from __future__ import annotations

from typing import Any

import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Float

from thermodiff.array_types import Process, Score, computed_now
from thermodiff.distributions.gaussian import Gaussian
from thermodiff.processes.base import last_time
from thermodiff.scores.base import reference_of
from thermodiff.thermodynamics.point_sets import Points, noised_points
from thermodiff.validation import check_process, complain


def prior_cross_entropy(points: Points, process: Process, prior: Gaussian) -> Float[Array, " units"]:
    """CE(p_1, pi) = E[-ln pi(x_1)] per unit, nats, exact given the data's moments (or given each data point)."""
    alpha, sigma = process.alpha(last_time(process)), process.sigma(last_time(process))
    reference = points.reference
    if float(points.population) == 1.0:
        z_mean = prior.axes.T @ (alpha * reference.mean - prior.mean)
        spread = prior.axes.T @ (alpha**2 * reference.cov + sigma**2 * jnp.eye(prior.dim)) @ prior.axes
        square = jnp.sum((z_mean**2 + jnp.diag(spread)) / prior.variances)
        log_det = jnp.sum(jnp.log(2 * jnp.pi * prior.variances))
        return jnp.full(points.units, 0.5 * (square + log_det))
    return jnp.mean(prior_cross_entropy_given(prior, process, noised_points(process, points, 0, 0.0)), axis=1)


def moment_prior(reference: Gaussian, process: Process) -> Gaussian:
    """N(alpha(1) m, alpha(1)^2 C + sigma(1)^2 I): the Gaussian of p_1's moments for data of moments (m, C)."""
    return reference.noised(process.alpha(last_time(process)), process.sigma(last_time(process)))


def noise_prior(process: Process, dim: Any) -> Gaussian:
    """N(0, sigma(1)^2 I) in ``dim`` dimensions, which ignores what is left of the data at t = 1.

    Raises ValueError for what is no process and a ``dim`` that is no positive whole number.
    """
    check_process(process)
    if not (isinstance(dim, int | np.integer) and dim >= 1):
        number = isinstance(dim, int | float | np.number)
        raise complain("dim", f"{dim}" if number else type(dim).__name__, "the number of columns, at least 1")
    return Gaussian(np.zeros(dim), np.eye(int(dim))).noised(0.0, process.sigma(last_time(process)))


def default_prior(score: Score, process: Process, dim: int) -> Gaussian:
    """``moment_prior`` of the data that the score knows of, else ``noise_prior``."""
    reference = reference_of(score)
    with computed_now(reference, process):
        return noise_prior(process, dim) if reference is None else moment_prior(reference, process)


def check_prior(prior: Gaussian, dim: int) -> None:
    """Raise unless the prior has as many dimensions as the data."""
    if prior.dim != dim:
        raise complain("prior", f"a Gaussian in {prior.dim} dimensions", f"one in {dim}")


def prior_cross_entropy_given(
    prior: Gaussian, process: Process, x: Float[Array, "*n d"]
) -> Float[Array, "*n"]:
    """E[-ln pi(x_1) | x_0 = x] = -ln pi(alpha(1) x) + (1/2) sigma(1)^2 tr C_pi^-1, nats."""
    last = last_time(process)
    noise = 0.5 * process.sigma(last) ** 2 * jnp.sum(1 / prior.variances)
    return noise - prior.log_prob(process.alpha(last) * x)
