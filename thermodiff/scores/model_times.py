"""The clock of a model: what number stands for the time t when a network is asked.

    ContinuousTime(noise, data)   data + (noise - data) t: t itself, t counted from the noise, a thousand times t
    StepNumber(n, first)          n t - 1 + first: the step of a table of n, with fractions between its entries
    WholeSteps(n, first)          whole steps alone, and between two of them what lies between their answers
    NoiseLevel()                  sigma/alpha
    LogSigma()                    ln(sigma/alpha)
    EDMNoise()                    ln(sigma/alpha)/4, the c_noise of Karras et al. (2022)
    LogSNR()                      ln(alpha^2/sigma^2)

t is the process's, data at 0 and noise at 1. Where a velocity is predicted it is dx per unit of t in the direction in
which the clock runs: towards the noise, or towards the data (``direction`` -1).
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import jax.numpy as jnp
import numpy as np

from thermodiff.array_types import ByIdentity, Process, Scalar, Vector, pytree_dataclass, static
from thermodiff.types import is_concrete
from thermodiff.validation import check_count, check_finite, complain


class ModelTime:
    """What a clock of a model has to say."""

    whole = False
    """Whether the model is told whole numbers."""

    def value(self, process: Process, t: Scalar) -> Scalar:
        """The number that stands for t, shape ()."""
        raise NotImplementedError

    @property
    def direction(self) -> Any:
        """1 where the number grows with the noise, -1 where it grows towards the data."""
        return 1.0

    def ask(self, model: Callable, x: Vector, process: Process, t: Scalar) -> Vector:
        """What the model answers at x (d,) and time t."""
        return model(x, self.value(process, t))


@pytree_dataclass
class ContinuousTime(ModelTime):
    """data + (noise - data) t: ``noise`` is what the model calls the time of the noise, ``data`` that of the data.

    ``ContinuousTime()`` is t itself, ``ContinuousTime(noise=0.0, data=1.0)`` the clock of flow matching that starts at
    the noise, ``ContinuousTime(noise=1000.0)`` t in thousandths. Raises ValueError where both are the same.
    """

    noise: Any = 1.0
    data: Any = 0.0

    def __post_init__(self) -> None:
        check_finite("noise", self.noise)
        check_finite("data", self.data)
        if is_concrete((self.noise, self.data)) and np.any(np.asarray(self.noise) == np.asarray(self.data)):
            raise complain(
                "noise", f"{self.noise}, as for the data", "another time for the noise than for the data"
            )

    def value(self, process: Process, t: Scalar) -> Scalar:
        """data + (noise - data) t."""
        return self.data + (self.noise - self.data) * jnp.asarray(t, dtype=float)

    @property
    def direction(self) -> Any:
        """The sign of noise - data."""
        return jnp.sign(jnp.asarray(self.noise - self.data, dtype=float))


@pytree_dataclass
class StepNumber(ModelTime):
    """k = n t - 1 + ``first``: the step of a table of ``n`` entries whose first is ``first`` (default 0).

    Between two steps k has a fraction, which a sinusoidal embedding of the time takes as it is; for a model that looks
    its steps up in a table there is ``WholeSteps``. ``n`` is by default that of the process, a ``TabulatedProcess``.
    """

    n: int | None = static(default=None)
    first: int = static(default=0)

    def __post_init__(self) -> None:
        if self.n is not None:
            check_count("n", self.n)

    def steps(self, process: Process) -> int:
        """``n``, or the number of the process's entries. Raises ValueError where neither is known."""
        known = self.n if self.n is not None else getattr(process, "steps", None)
        if known is None:
            raise complain(
                "time", f"{type(self).__name__}() for a {type(process).__name__}", "n, how many steps are"
            )
        return known

    def value(self, process: Process, t: Scalar) -> Scalar:
        """N t - 1 + first."""
        return self.steps(process) * jnp.asarray(t, dtype=float) - 1 + self.first


@pytree_dataclass
class WholeSteps(StepNumber):
    """As ``StepNumber`` for a model that takes whole numbers only: two calls, linear in t between their answers."""

    whole = True

    def ask(self, model: Callable, x: Vector, process: Process, t: Scalar) -> Vector:
        """(1 - w) model(x, k) + w model(x, k + 1), k + w the step at t."""
        step = self.value(process, t) - self.first
        low = jnp.clip(jnp.floor(step), 0, self.steps(process) - 2)
        w = jnp.clip(step - low, 0.0, 1.0)
        k = low.astype(jnp.int32) + self.first
        return (1 - w) * model(x, k) + w * model(x, k + 1)


@pytree_dataclass
class NoiseLevel(ModelTime):
    """sigma/alpha, the noise in units of the data: sigma itself for a variance-exploding model."""

    def value(self, process: Process, t: Scalar) -> Scalar:
        """e^(-log-SNR/2)."""
        return jnp.exp(-0.5 * process.log_snr(t))


@pytree_dataclass
class LogSigma(ModelTime):
    """ln(sigma/alpha), the logarithm of the noise in units of the data."""

    def value(self, process: Process, t: Scalar) -> Scalar:
        """-log-SNR/2."""
        return -0.5 * process.log_snr(t)


@pytree_dataclass
class EDMNoise(ModelTime):
    """c_noise = ln(sigma/alpha)/4. Source: Karras et al. (2022), table 1."""

    def value(self, process: Process, t: Scalar) -> Scalar:
        """-log-SNR/8."""
        return -0.125 * process.log_snr(t)


@pytree_dataclass
class LogSNR(ModelTime):
    """ln(alpha^2/sigma^2), which grows towards the data."""

    def value(self, process: Process, t: Scalar) -> Scalar:
        """log-SNR."""
        return process.log_snr(t)

    @property
    def direction(self) -> Any:
        """-1."""
        return -1.0


@pytree_dataclass
class FunctionOfTime(ModelTime):
    """A function of the user's own, () -> (), of the process's time t."""

    function: ByIdentity = static()

    def value(self, process: Process, t: Scalar) -> Scalar:
        """The function at t."""
        return self.function.inside(t)

    @property
    def direction(self) -> Any:
        """The sign of its growth between t = 1/4 and 3/4."""
        early, late = (self.function.inside(jnp.asarray(t)) for t in (0.25, 0.75))
        return jnp.sign(late - early)


@pytree_dataclass
class Backwards(ModelTime):
    """A clock that runs the other way between two times of the process: at t it says what it says at low + high - t."""

    clock: Any
    low: Any
    high: Any

    @property
    def whole(self) -> bool:  # type: ignore[override]
        """As the clock's."""
        return self.clock.whole

    def value(self, process: Process, t: Scalar) -> Scalar:
        """The clock's at the mirrored time."""
        return self.clock.value(process, self._mirrored(t))

    @property
    def direction(self) -> Any:
        """The other."""
        return -self.clock.direction

    def ask(self, model: Callable, x: Vector, process: Process, t: Scalar) -> Vector:
        """The clock's question at the mirrored time."""
        return self.clock.ask(model, x, process, self._mirrored(t))

    def _mirrored(self, t: Scalar) -> Scalar:
        return jnp.clip(self.low + self.high - t, self.low, self.high)


def as_model_time(time: Any, process: Process) -> ModelTime:
    """The clock given, a function of t, or where there is none t itself, the step where the process is a table.

    Raises ValueError for what is neither, and where a table's length is asked for and not known.
    """
    if time is None:
        return StepNumber() if hasattr(process, "steps") else ContinuousTime()
    if isinstance(time, ModelTime):
        if isinstance(time, StepNumber):
            time.steps(process)
        return time
    if isinstance(time, type) or not callable(time):
        name = time.__name__ if isinstance(time, type) else type(time).__name__
        raise complain(
            "time", name, "a clock such as td.ContinuousTime() or td.StepNumber(1000), or a function of t"
        )
    return FunctionOfTime(ByIdentity(time))
