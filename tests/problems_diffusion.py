"""Laws, processes and wrong scores that several test files share, each with its oracle.

They share shapes too (1024 points, one nesting of errors for every wrong score), so that what is compiled for one file
serves the others.
"""

from __future__ import annotations

from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
import oracles_diffusion as oracle

import thermodiff as td
from thermodiff.distributions import GaussianMixture

SIZES = {"replicates": 16, "points": 64}
N = 16 * 64

# Single precision and the flow's default tolerance, nats per dimension: 1e-5 measured on exact scores.
FLOW = 2e-5

MEAN, COV = np.array([1.5, -2.0]), np.array([[1.2, 0.7], [0.7, 0.8]])
WEIGHTS, MEANS, VARIANCES = np.array([0.7, 0.3]), np.array([-0.5, 4.0]), np.array([0.25, 1.0])

unit_gaussian = td.Gaussian([0.0], [[1.0]])
gaussian = td.Gaussian(MEAN, COV)
mixture = GaussianMixture(WEIGHTS, MEANS[:, None], VARIANCES[:, None, None])
mixture_oracle = oracle.Mixture1d(WEIGHTS, MEANS, VARIANCES)


def sub_vp_alpha(t: Any) -> Any:
    return jnp.exp(-0.5 * (0.3 * t + 0.5 * 7.7 * t**2))


def sub_vp_sigma(t: Any) -> Any:
    return -jnp.expm1(-(0.3 * t + 0.5 * 7.7 * t**2))


PROCESSES = {
    "VE": (td.VarianceExploding(25.0), oracle.exploding(25.0)),
    "VP": (td.VariancePreserving(0.1, 20.0), oracle.preserving(0.1, 20.0)),
    "cosine": (td.CosineVariancePreserving(0.01), oracle.cosine(0.01)),
    "sub-VP": (td.CustomProcess(sub_vp_alpha, sub_vp_sigma), oracle.sub_preserving(0.3, 8.0)),
}


def turn(angle: float) -> np.ndarray:
    return np.array([[np.cos(angle), -np.sin(angle)], [np.sin(angle), np.cos(angle)]])


class Errors(NamedTuple):
    """s_th = Q (c s + h) + noise."""

    factor: float = 1.0
    shift: Any = 0.0
    angle: float = 0.0
    amplitude: float = 0.0

    def rotation(self, dim: int) -> np.ndarray:
        return turn(self.angle) if dim == 2 else np.eye(dim)

    def score(self, distribution: Any, process: Any, seed: int = 0) -> Any:
        """One nesting for all errors: only numbers differ, so only one compilation is needed."""
        d = distribution.dim
        s = td.scaled(td.exact_score(distribution, process), self.factor)
        s = td.rotated(td.shifted(s, np.broadcast_to(self.shift, (d,))), self.rotation(d))
        return td.noisy(jax.random.key(seed), s, process, d, self.amplitude)

    def affine(self, schedule: oracle.Schedule, mean: np.ndarray, cov: np.ndarray) -> oracle.AffineModel:
        d = len(mean)
        assert self.amplitude == 0
        return oracle.AffineModel(
            schedule, mean, cov, self.factor, np.broadcast_to(self.shift, (d,)), self.rotation(d)
        )


def close(estimate: Any, expected: Any, allowance: float = 0.0, z: float = 5.0) -> None:
    """|mean - expected| <= z standard errors + allowance, everywhere."""
    mean, stderr = np.asarray(estimate.mean, float), np.asarray(estimate.stderr, float)
    excess = np.abs(mean - expected) - z * stderr - allowance
    worst = np.argmax(excess)
    assert np.all(excess <= 0), (
        f"{mean.flat[worst]:.7g} ± {stderr.flat[worst]:.2g} against "
        f"{np.broadcast_to(expected, mean.shape).flat[worst]:.7g}, allowance {np.max(allowance):.2g}"
    )
