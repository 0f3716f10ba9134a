"""Rescaling a score in time: lowers the loss for free and makes the readings agree.

At each t the factor c(t) = E[s . s_th]/E|s_th|^2 minimises E|s - c s_th|^2, and with it R1 = R2 = R3 (theory
section 3). E[s . s_th] needs no true score: it is -E[div s_th], which scatters least where there is little noise.
"""

from __future__ import annotations

from typing import Any

import jax
import jax.numpy as jnp
from jaxtyping import Array, Float

from thermodiff.array_types import Key, Process, Scalar, Score, Vector, pytree_dataclass
from thermodiff.numerics.delta_method import estimate
from thermodiff.runtime.devices import in_full_precision
from thermodiff.scores.base import NoiseScore, WrappedScore, has_closed_divergence, noise_prediction
from thermodiff.scores.diffusion import learned_diffusion
from thermodiff.thermodynamics.ensembles import DEFAULT_POINTS, DEFAULT_REPLICATES, ensemble
from thermodiff.thermodynamics.moments import noise_moments
from thermodiff.thermodynamics.time_grid import time_grid
from thermodiff.types import Estimate
from thermodiff.validation import check_key


@pytree_dataclass
class CalibratedScore(WrappedScore, NoiseScore):
    """c(t) s_th(x, t), c linear in ell = ln(sigma/alpha) between nodes ``ell`` (T,), where it is ``factor`` (T,)."""

    score: Score
    process: Process
    ell: Float[Array, " T"]
    factor: Float[Array, " T"]

    def noise(self, x: Vector, t: Scalar) -> Vector:
        """c(t) n_th(x, t), shape (d,)."""
        return self._factor(t) * noise_prediction(self.score, self.process, x, t)

    def _factor(self, t: Scalar) -> Scalar:
        return jnp.interp(-0.5 * self.process.log_snr(t), self.ell, self.factor)

    @property
    def has_closed_divergence(self) -> bool:
        """Whether the score inside has its divergence in closed form."""
        return has_closed_divergence(self.score)

    def relative_velocity(self, z: Vector, t: Scalar) -> tuple[Vector, Scalar]:
        """c w + (c - 1) (r/rho)^2 z with the w of the score inside (``scores.diffusion``), and its divergence."""
        score: Any = self.score
        c, sigma = self._factor(t), self.process.sigma(t)
        share = sigma**2 / (self.process.alpha(t) ** 2 * score.reference.variances + sigma**2)
        w, divergence = score.relative_velocity(z, t)
        return c * w + (c - 1) * share * z, c * divergence + (c - 1) * jnp.sum(share)


def shrink(factor: Estimate) -> Float[Array, " T"]:
    """The factor drawn towards 1 where it differs from 1 by no more than its error (positive-part James-Stein).

    c = 1 + (c_hat - 1) max(0, 1 - stderr^2/(c_hat - 1)^2).
    """
    excess = factor.mean - 1
    weight = jnp.maximum(0.0, 1 - factor.stderr**2 / jnp.maximum(excess**2, 1e-30))
    return 1 + excess * weight


@in_full_precision
def calibrate(
    key: Key,
    score: Score,
    process: Process,
    data: Any,
    *,
    nodes: int = 33,
    t_min: float | None = None,
    replicates: int = DEFAULT_REPLICATES,
    points: int = DEFAULT_POINTS,
) -> CalibratedScore:
    """The score times c(t) = E[s . s_th]/E|s_th|^2, estimated on ``data`` (a distribution, or training samples (n, d)).

    c is estimated at ``nodes`` times uniform in log-SNR and drawn towards 1 where it is not told from 1. Report what
    it does on data that it has not seen. Raises ValueError for a score of the wrong shape. Source: this project.
    """
    key = check_key(key)
    point_key, probe_key = jax.random.split(key)
    pts = ensemble(point_key, data, nodes, replicates, points)
    diffusion = learned_diffusion(score, process, pts.dim)
    grid = time_grid(process, diffusion.starting_time(t_min), nodes)
    moments = noise_moments(probe_key, diffusion, pts, grid.time)
    overlap = moments.divergence
    assert overlap is not None
    square = jnp.maximum(jnp.mean(moments.square, axis=0), 1e-12)
    ratio = jnp.mean(overlap, axis=0) / square
    scatter = estimate((overlap - ratio * moments.square) / square)
    factor = shrink(Estimate(ratio, scatter.stderr, scatter.n))
    return CalibratedScore(diffusion.score, process, jnp.asarray(grid.ell, dtype=float), factor)
