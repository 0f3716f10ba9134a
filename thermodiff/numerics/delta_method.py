"""Means of independent units and smooth functions of such means, each with its standard error."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Float

from thermodiff.types import Estimate


def estimate(units: Float[Array, "units *shape"]) -> Estimate:
    """Mean over the leading axis of independent units, with the standard error of that mean."""
    n = units.shape[0]
    mean = jnp.mean(units, axis=0)
    stderr = jnp.std(units, axis=0, ddof=1) / np.sqrt(n) if n > 1 else jnp.full_like(mean, jnp.nan)
    return Estimate(mean, stderr, n)


UNITS_AT_ONCE = 64
"""Units whose derivatives are taken in one vectorised call: with all of thousands at once, 1 GiB in 64 dimensions."""


def estimate_functions(
    function: Callable[[Any, Any], dict[str, Any]], constants: Any, units: Any
) -> dict[str, Estimate]:
    """Smooth functions of several means at once, with the errors of their joint fluctuations.

    ``units`` is a pytree of arrays with a leading axis of independent units; ``function(constants, means)`` maps the
    pytree of their means to a dict of scalars. The standard error is that of the linearised function (the delta
    method), so that paired fluctuations cancel as they do in the data; the bias that curvature gives a function of
    sample means, (1/2) tr(H Cov)/n to first order, is subtracted. Computed in double precision.
    """
    with jax.enable_x64(True):
        constants, units = jax.tree.map(lambda u: np.asarray(u, dtype=np.float64), (constants, units))
        n = jax.tree.leaves(units)[0].shape[0]
        means = jax.tree.map(lambda u: u.mean(axis=0), units)
        deviations = jax.tree.map(lambda u, m: u - m, units, means)
        values, slopes, curvatures = jax.device_get(_expansion(function, constants, means, deviations))
    if n == 1:
        return {name: Estimate(float(value), float("nan"), n) for name, value in values.items()}
    return {
        name: Estimate(
            float(value - 0.5 * np.sum(curvatures[name]) / (n * (n - 1))),
            float(np.std(slopes[name], ddof=1) / np.sqrt(n)),
            n,
        )
        for name, value in values.items()
    }


@partial(jax.jit, static_argnums=0)
def _expansion(function: Callable[[Any, Any], Any], constants: Any, means: Any, deviations: Any) -> Any:
    """The functions at the means, and their first and second derivatives along each unit's deviation."""
    of_means = partial(function, constants)

    def along(deviation: Any) -> tuple[Any, Any]:
        slope = lambda m: jax.jvp(of_means, (m,), (deviation,))[1]  # noqa: E731
        return jax.jvp(slope, (means,), (deviation,))

    units = jax.tree.leaves(deviations)[0].shape[0]
    return of_means(means), *jax.lax.map(along, deviations, batch_size=min(UNITS_AT_ONCE, units))
