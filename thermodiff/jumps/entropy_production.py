"""Entropy rates of jumps and their integrals; what is infinite, with the reason.

    intrinsic  Sdot_i = (1/2) sum_ij (p_i Q_ij - p_j Q_ji) ln(p_i Q_ij / p_j Q_ji)        entropy production
    system     Sdot   = dH(p_t)/dt                     exchange  Sdot_e = Sdot - Sdot_i

Uniform noise has equal rates there and back, so its exchange is zero and Sig = H(p_1) - H(p_0) = KL(p_0||u) -
KL(p_1||u). Masked noise has no way back: its entropy production is infinite (``jumps.masked`` has what replaces it).
Source: Schnakenberg (1976) for the rates; this project.
"""

from __future__ import annotations

from typing import Any, NamedTuple, Protocol, runtime_checkable

import numpy as np
from jaxtyping import Float

from thermodiff.validation import check_time, complain


class EntropyProduction(NamedTuple):
    """Sig, the integral of the intrinsic rate over t in [0, 1], nats; ``reason`` says why where it is infinite."""

    value: float
    reason: str


class JumpRates(NamedTuple):
    """Entropy rates (T,) at the times asked for, nats per unit of t; ``reason`` says why where they are infinite."""

    time: Float[np.ndarray, " T"]
    system: Float[np.ndarray, " T"]
    intrinsic: Float[np.ndarray, " T"]
    exchange: Float[np.ndarray, " T"]
    reason: str


@runtime_checkable
class JumpNoise(Protocol):
    """A noise over enumerated states that knows its own entropies."""

    def entropy_production(self, p0: Any) -> EntropyProduction:
        """Sig of the noising from the data's probabilities (N,)."""

    def entropy_rates(self, p0: Any, time: Any) -> JumpRates:
        """The rates at the times (T,)."""


def entropy_production(noise: Any, p0: Any) -> EntropyProduction:
    """Sig of the noising from the data's probabilities ``p0`` (N,), nats, exact.

    Finite for uniform noise also where states have probability zero; infinite, with its reason, for masked noise.
    Raises ValueError for probabilities that are none.
    """
    return _checked(noise).entropy_production(p0)


def jump_rates(noise: Any, p0: Any, times: Any) -> JumpRates:
    """System, intrinsic and exchange rates at ``times`` in [0, 1], from sums over every pair of states.

    At t = 0 the rates of data that leave out states are infinite; their integral is not. Of masked noise the system
    rate is that of the masked sequence, H(p_t) over (K + 1)^L states; ``unmasking_entropy`` has that of the data.
    Raises ValueError for probabilities that are none or times outside [0, 1].
    """
    check_time(times, "times")
    return _checked(noise).entropy_rates(p0, np.atleast_1d(np.asarray(times, dtype=np.float64)))


def _checked(noise: Any) -> JumpNoise:
    if not hasattr(noise, "entropy_production"):
        raise complain("noise", type(noise).__name__, "a UniformNoise or a MaskedNoise")
    return noise
