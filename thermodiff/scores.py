"""Scores: exact, learned and deliberately wrong ones, all called ``score(x, t)``.

x has shape (d,), t shape (), the value grad log p_t(x) shape (d,) in units of 1/x. Nothing downstream knows
which kind it got. A score may also carry
    noise(x, t)   the noise prediction n = -sigma(t) score(x, t), the better conditioned form of the same thing
    reference     the Gaussian of the data's moments, used as control variate and for the default prior
    relative_velocity(z, t)   its divergence in closed form, where ``has_closed_divergence`` (``score_divergence``)
    t_min         the smallest time at which it is meant to be used
and is a pytree, so that a new parameter value does not mean a new compilation.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import jax
import jax.numpy as jnp
from jaxtyping import Array, Float

from thermodiff.distributions.base import Family
from thermodiff.distributions.gaussian import Gaussian
from thermodiff.types import (
    Key,
    NotKnownError,
    Process,
    Scalar,
    Score,
    Vector,
    pytree_dataclass,
    static,
)
from thermodiff.validation import check_finite, check_process, check_time, complain

DEFAULT_NOISE_RATIO = 1e-3
"""Where nothing else is said, integrals over time start where sigma/alpha is this fraction of the data's scale."""


def noise_prediction(score: Score, process: Process, x: Vector, t: Scalar) -> Vector:
    """n(x, t) = -sigma(t) s(x, t), shape (d,): E[eps | x_t] for the true score."""
    noise = getattr(score, "noise", None)
    return -process.sigma(t) * score(x, t) if noise is None else noise(x, t)


def reference_of(score: Score) -> Gaussian | None:
    """The Gaussian with the moments of the data that the score knows of, or None."""
    return getattr(score, "reference", None)


def has_closed_divergence(score: Score) -> bool:
    """Whether the score has its divergence in closed form (see ``score_divergence``)."""
    return bool(getattr(score, "has_closed_divergence", False))


def length_scale(score: Score) -> Any:
    """The geometric mean of the data's principal standard deviations where the score knows them, else 1."""
    reference = reference_of(score)
    return 1.0 if reference is None else jnp.exp(0.5 * jnp.mean(jnp.log(reference.variances)))


def starting_time(score: Score, process: Process, t_min: float | None = None) -> float:
    """``t_min`` if given, else the score's own, else where sigma/alpha = 1e-3 of the data's scale.

    Raises ValueError unless 0 < t_min < 1, and for what is no process.
    """
    check_process(process)
    if t_min is None:
        t_min = getattr(score, "t_min", None)
    if t_min is None:
        t_min = process.time_of_log_snr(-2 * jnp.log(DEFAULT_NOISE_RATIO * length_scale(score)))
    if not 0 < float(t_min) < 1:
        raise complain("t_min", f"{t_min}", "a time strictly between 0 and 1")
    return float(t_min)


# --- exact --------------------------------------------------------------------------------------


@pytree_dataclass
class ExactScore:
    """s(x, t) = grad log p_t(x) of a known density carried through a process."""

    distribution: Family
    process: Process

    def __call__(self, x: Vector, t: Scalar) -> Vector:
        """The score at x (d,) and time t; raises ValueError for x of another shape or t outside [0, 1]."""
        if jnp.shape(x) != (self.distribution.dim,):
            raise complain(
                "x", f"shape {jnp.shape(x)}", f"shape ({self.distribution.dim},): map over more with jax.vmap"
            )
        check_time(t)
        return self.distribution.noised_score(x, self.process.alpha(t), self.process.sigma(t))

    @property
    def reference(self) -> Gaussian | None:
        """The Gaussian with the distribution's exact moments, None where it has none."""
        try:
            return Gaussian(*self.distribution.moments())
        except NotKnownError:
            return None


def exact_score(distribution: Family, process: Process) -> ExactScore:
    """The exact score of ``distribution`` under ``process``.

    Raises NotKnownError for a distribution whose noised marginal is not known (a user's samples, say), ValueError for
    what is no distribution or no process.
    """
    check_process(process)
    if not hasattr(distribution, "noised_score"):
        raise complain(
            "distribution",
            type(distribution).__name__,
            "a distribution whose density is known, such as Gaussian",
        )
    probe = jax.ShapeDtypeStruct((distribution.dim,), jnp.float32)
    jax.eval_shape(lambda x: distribution.noised_score(x, 1.0, 0.1), probe)
    return ExactScore(distribution, process)


# --- learned ------------------------------------------------------------------------------------


@pytree_dataclass
class PlainScore:
    """The network is the noise prediction: s(x, t) = -F(x_in, ln(sigma/alpha)) / sigma.

    x_in = (x - alpha m)/sqrt(alpha^2 v + sigma^2) with m the data's mean and v its mean variance; nothing of
    the data's shape is built in, so even a Gaussian has to be learned.
    """

    network: Any
    process: Process
    reference: Gaussian
    t_min: Any

    def noise(self, x: Vector, t: Scalar) -> Vector:
        """n(x, t), shape (d,)."""
        alpha, sigma = self.process.alpha(t), self.process.sigma(t)
        scale = jnp.sqrt(alpha**2 * jnp.mean(self.reference.variances) + sigma**2)
        return self.network((x - alpha * self.reference.mean) / scale, jnp.log(sigma / alpha))

    def __call__(self, x: Vector, t: Scalar) -> Vector:
        """The score at x (d,) and time t."""
        return -self.noise(x, t) / self.process.sigma(t)


@pytree_dataclass
class PreconditionedScore:
    """The network learns the departure from the Gaussian of the data's moments; exact for Gaussian data at F = 0.

    In the eigenbasis e_i, c_i of the data's covariance, with v_i = alpha^2 c_i + sigma^2 and z_i = e_i.(x
    - alpha m)/sqrt(v_i),
        n = -sigma s = sum_i e_i (sigma z_i + alpha sqrt(c_i) F_i(z, ln(sigma/alpha))) / sqrt(v_i),
    the four scalars of Karras et al. (2022) taken per principal axis.
    """

    network: Any
    process: Process
    reference: Gaussian
    t_min: Any

    def noise(self, x: Vector, t: Scalar) -> Vector:
        """n(x, t), shape (d,)."""
        alpha, sigma = self.process.alpha(t), self.process.sigma(t)
        g = self.reference
        root = jnp.sqrt(alpha**2 * g.variances + sigma**2)
        z = (g.axes.T @ (x - alpha * g.mean)) / root
        departure = self.network(z, jnp.log(sigma / alpha))
        return g.axes @ ((sigma * z + alpha * jnp.sqrt(g.variances) * departure) / root)

    def __call__(self, x: Vector, t: Scalar) -> Vector:
        """The score at x (d,) and time t."""
        return -self.noise(x, t) / self.process.sigma(t)

    @property
    def has_closed_divergence(self) -> bool:
        """Whether the network has its divergence in closed form."""
        return has_closed_divergence(self.network)

    def relative_velocity(self, z: Vector, t: Scalar) -> tuple[Vector, Scalar]:
        """w_i = alpha sigma sqrt(c_i)/v_i F_i(z) of ``score_divergence``, shape (d,), and div_z w."""
        alpha, sigma = self.process.alpha(t), self.process.sigma(t)
        c = self.reference.variances
        weights = alpha * sigma * jnp.sqrt(c) / (alpha**2 * c + sigma**2)
        F, divergence = self.network.with_divergence(z, jnp.log(sigma / alpha), weights)
        return weights * F, divergence


# --- wrong on purpose ---------------------------------------------------------------------------


class _Wrapped:
    """What a changed score inherits from the score inside it."""

    score: Score

    @property
    def reference(self) -> Gaussian | None:
        """The Gaussian reference of the score inside."""
        return reference_of(self.score)

    @property
    def t_min(self) -> Any:
        """The starting time of the score inside."""
        return getattr(self.score, "t_min", None)


@pytree_dataclass
class ScaledScore(_Wrapped):
    """s_th = c(t) s; ``factor`` is a number or a function of t."""

    score: Score
    factor: Any

    def __call__(self, x: Vector, t: Scalar) -> Vector:
        """c(t) s(x, t)."""
        factor = self.factor(t) if callable(self.factor) else self.factor
        return factor * self.score(x, t)


@pytree_dataclass
class ShiftedScore(_Wrapped):
    """s_th = s + shift(t); ``shift`` is a vector (d,) or a function of t, in units of 1/x."""

    score: Score
    shift: Any

    def __call__(self, x: Vector, t: Scalar) -> Vector:
        """s(x, t) + shift(t)."""
        return self.score(x, t) + (self.shift(t) if callable(self.shift) else jnp.asarray(self.shift))


@pytree_dataclass
class RotatedScore(_Wrapped):
    """s_th = Q s; for Q other than +-1 it is in general the gradient of nothing. ``rotation`` has shape (d, d)."""

    score: Score
    rotation: Float[Array, "d d"]

    def __call__(self, x: Vector, t: Scalar) -> Vector:
        """Q s(x, t)."""
        return self.rotation @ self.score(x, t)


@pytree_dataclass
class NoisyScore(_Wrapped):
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


def scaled(score: Score, factor: float | Callable[[Scalar], Scalar]) -> ScaledScore:
    """``factor`` times the score; ``factor`` may be a function of t."""
    if not callable(factor):
        check_finite("factor", factor)
    return ScaledScore(
        score, jax.tree_util.Partial(factor) if callable(factor) else jnp.asarray(factor, dtype=float)
    )


def shifted(score: Score, shift: Any) -> ShiftedScore:
    """The score plus a constant vector (d,), or a function of t giving one."""
    if not callable(shift):
        check_finite("shift", shift)
    return ShiftedScore(
        score, jax.tree_util.Partial(shift) if callable(shift) else jnp.asarray(shift, dtype=float)
    )


def rotated(score: Score, rotation: Any) -> RotatedScore:
    """The score multiplied by an orthogonal matrix (d, d); raises ValueError if it is not orthogonal."""
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
    """The score plus a smooth random field of relative size ``amplitude``; high ``wavenumber`` makes it rough."""
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


# --- other people's -----------------------------------------------------------------------------


class _ByIdentity:
    """Makes any object hashable by identity, so that it can be compiled in."""

    def __init__(self, value: Any) -> None:
        self.value = value

    def __eq__(self, other: object) -> bool:
        return isinstance(other, _ByIdentity) and self.value is other.value

    def __hash__(self) -> int:
        return id(self.value)


@pytree_dataclass
class CallableScore:
    """A user's own callable (x, t) -> (d,), compiled in as it is, with what else it may carry."""

    function: _ByIdentity = static()

    def __call__(self, x: Vector, t: Scalar) -> Vector:
        """The user's function."""
        return self.function.value(x, t)

    @property
    def noise(self) -> Any:
        """The user's own noise prediction, or None."""
        return getattr(self.function.value, "noise", None)

    @property
    def reference(self) -> Gaussian | None:
        """The user's own reference, or None."""
        return reference_of(self.function.value)

    @property
    def t_min(self) -> Any:
        """The user's own starting time, or None."""
        return getattr(self.function.value, "t_min", None)


def traceable(score: Score) -> Score:
    """``score`` itself if it is a pytree of arrays, else the same wrapped so that compiled functions can take it."""
    leaves = jax.tree.leaves(score)
    if all(isinstance(leaf, jax.Array | float | int) for leaf in leaves):
        return score
    return CallableScore(_ByIdentity(score))
