"""What a score is and may carry, and what a score made from another inherits.

x has shape (d,), t shape (), the value grad log p_t(x) shape (d,) in units of 1/x. Nothing downstream knows
which kind it got. A score may also carry
    noise(x, t)   the noise prediction n = -sigma(t) score(x, t), the better conditioned form of the same thing
    reference     the Gaussian of the data's moments, used as control variate and for the default prior
    relative_velocity(z, t)   its divergence in closed form, where ``has_closed_divergence`` (``scores.divergence``)
    t_min         the smallest time at which it is meant to be used
    check_for(d)  raises where it is not made for d columns, with a message of its own
and is a pytree, so that a new parameter value does not mean a new compilation.
"""

from __future__ import annotations

from typing import Any

import jax.numpy as jnp

from thermodiff.array_types import Process, Scalar, Score, Vector, computed_now
from thermodiff.distributions.gaussian import Gaussian
from thermodiff.processes.base import last_time
from thermodiff.types import is_concrete
from thermodiff.validation import check_process, complain

STANDARDISE = "data of order 1: standardise the columns, (x - x.mean(axis=0)) / x.std(axis=0)"
DEFAULT_NOISE_RATIO = 1e-3
"""Where nothing else is said, integrals over time start where sigma/alpha is this fraction of the data's scale."""
NARROWEST_NOISE_RATIO = 1 / 30
"""And never above this fraction of the narrowest principal width, of which the noise then drowns (1/30)^2/2 nats."""


def noise_prediction(score: Score, process: Process, x: Vector, t: Scalar) -> Vector:
    """n(x, t) = -sigma(t) s(x, t), shape (d,): E[eps | x_t] for the true score."""
    noise = getattr(score, "noise", None)
    return -process.sigma(t) * score(x, t) if noise is None else noise(x, t)


def reference_of(score: Score) -> Gaussian | None:
    """The Gaussian with the moments of the data that the score knows of, or None."""
    with computed_now(score):
        return getattr(score, "reference", None)


def has_closed_divergence(score: Score) -> bool:
    """Whether the score has its divergence in closed form (see ``scores.divergence``)."""
    return bool(getattr(score, "has_closed_divergence", False))


def length_scale(score: Score) -> Any:
    """The geometric mean of the data's principal standard deviations where the score knows them, else 1."""
    reference = reference_of(score)
    return 1.0 if reference is None else jnp.exp(0.5 * jnp.mean(jnp.log(reference.variances)))


def smallest_noise(score: Score) -> Any:
    """sigma/alpha where integrals over time start: small beside the data's scale and beside its narrowest direction."""
    scale = DEFAULT_NOISE_RATIO * length_scale(score)
    reference = reference_of(score)
    if reference is None:
        return scale
    return jnp.minimum(scale, NARROWEST_NOISE_RATIO * jnp.sqrt(jnp.min(reference.variances)))


def starting_time(score: Score, process: Process, t_min: Scalar | float | None = None) -> Any:
    """``t_min`` if given, else the score's, else the process's, else where sigma/alpha is ``smallest_noise``; a float.

    Raises ValueError unless 0 < t_min < 1 (the process's last time, if that is earlier), and for what is no process.
    Where score, process or ``t_min`` are traced, so is what comes back, and its range is not checked.
    """
    check_process(process)
    with computed_now(score, process, t_min):
        if t_min is None:
            t_min = getattr(score, "t_min", None)
        if t_min is None:
            t_min = getattr(process, "t_min", None)
        if t_min is None:
            t_min = process.time_of_log_snr(-2 * jnp.log(smallest_noise(score)))
            if is_concrete(t_min) and not 0 < float(t_min) < float(last_time(process)):
                most = float(jnp.exp(-0.5 * process.log_snr(last_time(process))))
                raise complain(
                    "data",
                    f"a scale of {float(length_scale(score)):.3g}, for which noise of sigma/alpha up to {most:.3g} has "
                    "no start",
                    STANDARDISE,
                )
        if not is_concrete(t_min):
            return t_min
        last = float(last_time(process)) if is_concrete(process) else 1.0
        if not 0 < float(t_min) < last:
            raise complain("t_min", f"{t_min}", f"a time strictly between 0 and {last:g}")
        return float(t_min)


class WrappedScore:
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


class NoiseScore:
    """What a score made of a noise prediction inherits: s = -n / sigma."""

    process: Process

    def noise(self, x: Vector, t: Scalar) -> Vector:
        """n(x, t), shape (d,)."""
        raise NotImplementedError

    def __call__(self, x: Vector, t: Scalar) -> Vector:
        """The score -n(x, t)/sigma(t), shape (d,), at x (d,) and time t."""
        return -self.noise(x, t) / self.process.sigma(t)
