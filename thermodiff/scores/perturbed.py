"""Scores that are wrong on purpose and by a known amount: scaled, shifted, rotated, noisy."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import jax
import jax.numpy as jnp
from jaxtyping import Array, Float

from thermodiff.array_types import Key, Process, Scalar, Score, Vector, pytree_dataclass
from thermodiff.scores.base import WrappedScore, reference_of
from thermodiff.validation import check_finite, complain


@pytree_dataclass
class ScaledScore(WrappedScore):
    """s_th = c(t) s; ``factor`` is a number or a function of t."""

    score: Score
    factor: Any

    def __call__(self, x: Vector, t: Scalar) -> Vector:
        """c(t) s(x, t)."""
        factor = self.factor(t) if callable(self.factor) else self.factor
        return factor * self.score(x, t)


@pytree_dataclass
class ShiftedScore(WrappedScore):
    """s_th = s + shift(t); ``shift`` is a vector (d,) or a function of t, in units of 1/x."""

    score: Score
    shift: Any

    def __call__(self, x: Vector, t: Scalar) -> Vector:
        """s(x, t) + shift(t)."""
        return self.score(x, t) + (self.shift(t) if callable(self.shift) else jnp.asarray(self.shift))


@pytree_dataclass
class RotatedScore(WrappedScore):
    """s_th = Q s; for Q other than +-1 it is in general the gradient of nothing. ``rotation`` has shape (d, d)."""

    score: Score
    rotation: Float[Array, "d d"]

    def __call__(self, x: Vector, t: Scalar) -> Vector:
        """Q s(x, t)."""
        return self.rotation @ self.score(x, t)


@pytree_dataclass
class NoisyScore(WrappedScore):
    """s_th = s + u(x/scale, t)/scale with u a smooth random field and scale = sqrt(alpha^2 v + sigma^2).

    u(z, t) = amplitude sqrt(2/K) sum_k b_k cos(w_k . z + nu_k t + phase_k), b_k standard normal in R^d:
    E|u|^2 = amplitude^2 d. ``variance`` v is the data's; ``wavenumbers`` (K, d), ``frequencies`` (K,), ``phases``
    (K,), ``directions`` (K, d); a fixed function of x and t, not fresh noise at each call.
    """

    score: Score
    process: Process
    amplitude: Any
    variance: Any
    wavenumbers: Float[Array, "k d"]
    frequencies: Float[Array, " k"]
    phases: Float[Array, " k"]
    directions: Float[Array, "k d"]

    def __call__(self, x: Vector, t: Scalar) -> Vector:
        """s(x, t) plus the field."""
        scale = jnp.sqrt(self.process.alpha(t) ** 2 * self.variance + self.process.sigma(t) ** 2)
        waves = jnp.cos(self.wavenumbers @ (x / scale) + self.frequencies * t + self.phases)
        k = self.phases.shape[0]
        return self.score(x, t) + self.amplitude * jnp.sqrt(2.0 / k) * (waves @ self.directions) / scale


def scaled(score: Score, factor: Scalar | float | Callable[[Scalar], Scalar]) -> ScaledScore:
    """s_th = c(t) s: ``factor`` c, a number or a function () -> () of t, times the score.

    Raises ValueError for a factor that is not finite. Source: this project.
    """
    if not callable(factor):
        check_finite("factor", factor)
    return ScaledScore(
        score, jax.tree_util.Partial(factor) if callable(factor) else jnp.asarray(factor, dtype=float)
    )


def shifted(score: Score, shift: Any) -> ShiftedScore:
    """s_th = s + h(t): the score plus ``shift`` h, a vector (d,) in units of 1/x or a function of t giving one.

    Raises ValueError for a shift that is not finite. Source: this project.
    """
    if not callable(shift):
        check_finite("shift", shift)
    return ShiftedScore(
        score, jax.tree_util.Partial(shift) if callable(shift) else jnp.asarray(shift, dtype=float)
    )


def rotated(score: Score, rotation: Any) -> RotatedScore:
    """s_th = Q s: the score multiplied by ``rotation`` Q, an orthogonal matrix (d, d).

    Raises ValueError if it is not orthogonal. Source: this project.
    """
    check_finite("rotation", rotation)
    rotation = jnp.asarray(rotation, dtype=float)
    if rotation.ndim != 2 or rotation.shape[0] != rotation.shape[1]:
        raise complain("rotation", f"shape {rotation.shape}", "an orthogonal matrix (d, d)")
    defect = float(jnp.abs(rotation @ rotation.T - jnp.eye(rotation.shape[0])).max())
    if defect > 1e-4:
        raise complain(
            "rotation", f"Q Q^T that differs from 1 by {defect:.3g}", "an orthogonal matrix (d, d)"
        )
    return RotatedScore(score, rotation)


def noisy(
    key: Key,
    score: Score,
    process: Process,
    dim: int,
    amplitude: float = 0.1,
    wavenumber: float = 1.0,
    waves: int = 64,
) -> NoisyScore:
    """The score plus a smooth random field u(x/scale, t)/scale in ``dim`` dimensions (``NoisyScore`` has the equation).

    ``amplitude`` is the field's size relative to that of a Gaussian's score, sqrt(E|u|^2/d); ``wavenumber`` the scatter
    of its ``waves`` wave vectors in units of 1/scale, where a high one makes it rough. Raises ValueError for amplitude
    or wavenumber that is not finite. Source: random Fourier features, Rahimi & Recht (2007).
    """
    check_finite("amplitude", amplitude)
    check_finite("wavenumber", wavenumber)
    reference = reference_of(score)
    k = jax.random.split(key, 4)
    return NoisyScore(
        score,
        process,
        jnp.asarray(amplitude, dtype=float),
        jnp.ones(()) if reference is None else jnp.mean(reference.variances),
        wavenumber * jax.random.normal(k[0], (waves, dim)),
        2 * jnp.pi * jax.random.normal(k[1], (waves,)),
        2 * jnp.pi * jax.random.uniform(k[2], (waves,)),
        jax.random.normal(k[3], (waves, dim)),
    )
