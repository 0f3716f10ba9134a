"""The readings of a learned score's system rate, and the two orientations that it is read in: once, for all.

    quadratic R1 = drift + b     divergence R2 = drift + c     denoising R3 = drift + 2c - b
with drift = E[div f] and the averages b, c of ``thermodynamics.moments``, at one time or integrated; equal for the true
score. The reading along the learned flow, R0, is no function of these. Source: theory section 3 (this project).
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import jax.numpy as jnp
from jaxtyping import Array, Float

from thermodiff.thermodynamics.moments import NoiseMoments
from thermodiff.thermodynamics.time_grid import TimeGrid

READINGS: dict[str, Callable[[Any, Any, Any, Any], Any]] = {
    "quadratic": lambda drift, square, overlap, divergence: drift + square,
    "divergence": lambda drift, square, overlap, divergence: drift + divergence,
    "denoising": lambda drift, square, overlap, divergence: drift + 2 * overlap - square,
}
"""R_k as a function of the drift and the averages b = E|n_th|^2, c = E[eps . n_th] and c = sigma E[div n_th]."""
FLOW = "flow"
"""The name of R0, the average over the learned flow."""
ORIENTATIONS = {"diffusion": 1.0, "generation": -1.0}
"""The sign of the system rate: generation runs against t, and what it does per unit of 1 - t is counted."""


def system_moment(moments: NoiseMoments, reading: str) -> Float[Array, "units T"]:
    """The part of R_k that depends on the score, per unit of ell: b, c or 2c - b."""
    return READINGS[reading](0.0, moments.square, moments.overlap, moments.divergence)


def system_integrals(grid: TimeGrid, dim: int, moments: NoiseMoments) -> dict[str, Float[Array, " units"]]:
    """The integrals over the grid of R1, R2 and R3 for every unit, nats (R2 where its moment was taken)."""
    weights = jnp.asarray(grid.rule.weights, moments.square.dtype)
    square, overlap, divergence = (
        None if moment is None else moment @ weights
        for moment in (moments.square, moments.overlap, moments.divergence)
    )
    taken = [name for name in READINGS if name != "divergence" or divergence is not None]
    return {name: READINGS[name](dim * grid.drift_integral, square, overlap, divergence) for name in taken}
