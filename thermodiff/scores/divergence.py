"""A score's noise prediction with its divergence: in closed form where the network has one, else by products.

In the principal axes e_i and variances c_i of the score's reference Gaussian, with r = sigma/alpha, rho_i^2 = c_i + r^2
and z_i = e_i . (x/alpha - m)/rho_i, the flow of that Gaussian stands still and the learned one moves by
    dz_i/d ell = w_i = (r/rho_i) (e_i . n - (r/rho_i) z_i),     so that     sigma div_x n = sum_i (r/rho_i)^2 + div_z w.
A score that knows w and div_z w without derivatives has a method ``relative_velocity(z, t)`` that returns both, and
says by ``has_closed_divergence`` whether it may be called: that depends on the network inside. Source: this project.
"""

from __future__ import annotations

from typing import Any

import jax.numpy as jnp

from thermodiff.array_types import Key, Process, Scalar, Score, Vector
from thermodiff.distributions.gaussian import Gaussian
from thermodiff.numerics.divergence import Divergence, ExactDivergence, HutchinsonDivergence
from thermodiff.scores.base import has_closed_divergence, noise_prediction

EXACT_DIVERGENCE_MAX_DIM = 16
"""Measured on a flow (docs/performance.md): exact by products costs as much as 8 probes at about 12 dimensions, at 16 a
third more; up to there that is paid for having no noise."""


def default_divergence(score: Score, dim: int) -> Divergence:
    """Exact where the score has it in closed form and up to 16 dimensions, else Hutchinson's with 8 probes."""
    exact = has_closed_divergence(score) or dim <= EXACT_DIVERGENCE_MAX_DIM
    return ExactDivergence() if exact else HutchinsonDivergence()


def without_products(score: Any, divergence: Divergence) -> bool:
    """Whether this divergence of this score is a formula: an exact one is asked for, and the score has it."""
    return isinstance(divergence, ExactDivergence) and has_closed_divergence(score)


def noise_with_divergence(
    score: Any, process: Process, divergence: Divergence, x: Vector, t: Scalar, key: Key | None = None
) -> tuple[Vector, Scalar]:
    """n(x, t), shape (d,), and sigma div_x n, the divergence in units of the noise."""
    alpha, sigma = process.alpha(t), process.sigma(t)
    if not without_products(score, divergence):
        noise, div = divergence(lambda y: noise_prediction(score, process, y, t), x, key)
        return noise, sigma * div
    g = score.reference
    root = jnp.sqrt(alpha**2 * g.variances + sigma**2)
    z, gain = (g.axes.T @ (x - alpha * g.mean)) / root, sigma / root
    w, div = score.relative_velocity(z, t)
    return g.axes @ (gain * z + w / gain), jnp.sum(gain**2) + div


def relative_velocity(
    score: Any,
    process: Process,
    divergence: Divergence,
    reference: Gaussian,
    z: Vector,
    t: Scalar,
    key: Key | None = None,
) -> tuple[Vector, Scalar]:
    """w(z, t), shape (d,), and div_z w; ``reference`` is the score's own, or any Gaussian where it has none."""
    if without_products(score, divergence):
        return score.relative_velocity(z, t)
    alpha, r = process.alpha(t), process.sigma(t) / process.alpha(t)
    rho = jnp.sqrt(reference.variances + r**2)
    gain = r / rho

    def velocity(y: Vector) -> Vector:
        position = alpha * (reference.mean + reference.axes @ (rho * y))
        return gain * (reference.axes.T @ noise_prediction(score, process, position, t) - gain * y)

    return divergence(velocity, z, key)
