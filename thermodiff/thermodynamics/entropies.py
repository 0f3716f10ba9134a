"""The entropies that a bound is made of, each with how it is known.

Three entropies of the noise are kept apart by name (theory section 4): S(p_1), the noised data's own; CE(p_1, pi),
the price of coding it with the prior; and S(pi), the prior's own.
"""

from __future__ import annotations

from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Float

from thermodiff.array_types import Process, as_pytree
from thermodiff.distributions.base import gaussian_entropy, if_known, states
from thermodiff.numerics.estimates import as_float64
from thermodiff.thermodynamics.point_sets import Points
from thermodiff.types import NotKnownError


class Entropy(NamedTuple):
    """An entropy as one value per unit (units,), so that it can be paired, and how it is known.

    ``known`` is "exact" (closed form or quadrature: all units equal), "estimated" (unbiased, from the exact density) or
    "upper bound".
    """

    units: Float[Array, " units"]
    known: str


def marginal_entropy(
    data: Any, process: Process, points: Points, x: Float[Array, "units m d"], t: Any
) -> tuple[Entropy | None, Float[Array, "units m"] | None]:
    """S(p_t) of a distribution, and ln p_t on the points x drawn from p_t; None for what is not known.

    The entropy is exact where the family knows it; else it is estimated from ln p_t, as the closed-form entropy of the
    Gaussian of p_t's moments less E[ln p_t - ln G_t], which fluctuates far less than ln p_t itself.
    """
    alpha, sigma = float(process.alpha(t)), float(process.sigma(t))
    log_p = _log_prob_if_known(data, jnp.asarray(alpha), jnp.asarray(sigma), x)
    if log_p is None:
        return None, None
    exact = if_known(data, "noised_entropy", alpha, sigma)
    if exact is not None:
        return Entropy(jnp.full(points.units, exact), "exact"), log_p
    if float(points.population) == 1.0:
        gaussian = points.reference.noised(alpha, sigma)
        excess = log_p - gaussian.log_prob(x)
        entropy = gaussian_entropy(as_float64(gaussian.variances)) - jnp.mean(excess, axis=1)
        return Entropy(entropy, "estimated"), log_p
    return Entropy(-jnp.mean(log_p, axis=1), "estimated"), log_p


def _log_prob_if_known(data: Any, alpha: Any, sigma: Any, x: Any) -> Float[Array, "units m"] | None:
    """ln p_t on the points (units, m); None where the density is not stated or not known, its own errors pass."""
    if not states(data, "noised_log_prob"):
        return None
    try:
        return _log_prob(as_pytree(data), alpha, sigma, x)
    except NotKnownError:
        return None


@jax.jit
def _log_prob(data: Any, alpha: Any, sigma: Any, x: Any) -> Any:
    return jax.vmap(jax.vmap(lambda z: data.noised_log_prob(z, alpha, sigma)))(x)


def truncation_entropy(data: Any, process: Process, t_min: Any) -> float | None:
    """S(p(t_min)) - S(p_0), what starting at t_min adds to the data's entropy, nats; None where not known."""
    if not states(data, "entropy"):
        return None
    at_start = if_known(data, "noised_entropy", float(process.alpha(t_min)), float(process.sigma(t_min)))
    return None if at_start is None else float(np.float64(at_start) - np.float64(data.entropy()))
