"""The readings of a learned score's system rate: the part of each that depends on the score, per unit of ell.

    quadratic R1: b     divergence R2: c     denoising R3: 2c - b     (``thermodynamics.moments`` has the averages)
equal for the true score. Source: theory section 3 (this project).
"""

from __future__ import annotations

import jax.numpy as jnp
from jaxtyping import Array, Float

from thermodiff.thermodynamics.moments import NoiseMoments
from thermodiff.thermodynamics.time_grid import TimeGrid

READINGS = ("quadratic", "divergence", "denoising", "flow")
ORIENTATIONS = ("diffusion", "generation")


def system_moment(moments: NoiseMoments, reading: str) -> Float[Array, "units T"]:
    """The part of R_k that depends on the score, per unit of ell: b, c or 2c - b."""
    if reading == "quadratic":
        return moments.square
    if reading == "denoising":
        return 2 * moments.overlap - moments.square
    assert moments.divergence is not None
    return moments.divergence


def system_integrals(grid: TimeGrid, dim: int, moments: NoiseMoments) -> dict[str, Float[Array, " units"]]:
    """The integrals over the grid of R1, R2 and R3 for every unit, nats (R2 where its moment was taken)."""
    weights = jnp.asarray(grid.rule.weights, moments.square.dtype)
    drift = dim * grid.drift_integral
    square, overlap = moments.square @ weights, moments.overlap @ weights
    integrals = {"quadratic": drift + square, "denoising": drift + 2 * overlap - square}
    if moments.divergence is not None:
        integrals["divergence"] = drift + moments.divergence @ weights
    return integrals
