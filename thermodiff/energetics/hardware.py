"""From nats to joules, from action to seconds: a device by its temperature and its relaxation time.

    y = l x in physical units, k_B T mu dt = l^2 D dt_process:     energy k_B T per nat,     tau = zeta Lam tau_1
    tau_1 = l^2/(mu k_B T), the relaxation time of the trap whose thermal variance is l^2 (RC for a capacitor)

To run the same marginals on the same bath zeta times slower is exactly the family of generators of stochasticity zeta,
so that dissipation times duration does not depend on it:
    E_diss tau = k_B T tau_1 Sig Lam >= k_B T tau_1 L^2 >= k_B T tau_1 W2^2.
Source: Aurell et al. (2011, 2012), Dechant & Sakurai (arXiv 1912.08405) for the bounds; the map is this project's.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, NamedTuple

import numpy as np
from jaxtyping import Float

from thermodiff.types import Estimate
from thermodiff.validation import check_finite, check_numbers, check_positive, complain

BOLTZMANN = 1.380649e-23
"""J/K, exact by the definition of the kelvin."""
FLOOR = (
    "These are floors of the sampled degrees of freedom alone: control electronics, measurement and evaluations of the "
    "score are not in them."
)
"""What every answer in joules has to say."""


class Tradeoff(NamedTuple):
    """Work in joules for one sample of a closed cycle against the duration of its generation, (T,) each.

    schedule    the process's own marginals at its own relative speeds, k_B T Sig (1 + Lam tau_1/tau)
    retimed     the same marginals at constant W2 speed, k_B T (Sig + L^2 tau_1/tau)
    bound_high  the cheapest path between the same ends, k_B T (Sig + W2^2 tau_1/tau), by the bracket's upper end
    bound_low   the same with its lower end: no device of this temperature and mobility is below
    quasistatic k_B T Sig, the price of infinite patience
    """

    duration: Float[np.ndarray, " T"]
    schedule: Float[np.ndarray, " T"]
    retimed: Float[np.ndarray, " T"]
    bound_low: Float[np.ndarray, " T"]
    bound_high: Float[np.ndarray, " T"]
    quasistatic: float


@dataclass(frozen=True)
class Hardware:
    """An overdamped device: ``temperature`` in kelvin, ``relaxation_time`` in seconds, ``length`` of a unit of data.

    ``relaxation_time`` is that of a trap (RC of a capacitor), ``length`` what one unit of the data is in thermal
    standard deviations of that trap; only relaxation_time * length^2 matters, and it is the tau_1 above. The energy
    of a nat depends on the temperature alone. Raises ValueError unless all three are positive.
    """

    temperature: float = 300.0
    relaxation_time: float = 1e-6
    length: float = 1.0

    def __post_init__(self) -> None:
        for name in ("temperature", "relaxation_time", "length"):
            check_positive(name, getattr(self, name))

    @property
    def nat(self) -> float:
        """k_B T in joules: 4.141947e-21 at 300 K."""
        return BOLTZMANN * self.temperature

    @property
    def bit(self) -> float:
        """k_B T ln 2 in joules, Landauer's price of a bit: 2.870979e-21 at 300 K."""
        return self.nat * float(np.log(2.0))

    @property
    def unit_time(self) -> float:
        """tau_1 in seconds: the duration of one unit of action at stochasticity 1."""
        return self.relaxation_time * self.length**2

    def energy(self, nats: Any) -> Any:
        """Joules of so many nats: a number, an array, or an ``Estimate`` with its error."""
        if isinstance(nats, Estimate):
            return Estimate(nats.mean * self.nat, nats.stderr * self.nat, nats.n)
        return np.asarray(nats, dtype=np.float64)[()] * self.nat

    def duration(self, action: Any, stochasticity: float = 1.0) -> float:
        """Seconds of a generation of action Lam (squared units of the data): tau = zeta Lam tau_1.

        At stochasticity 0, the probability flow, it is 0, for an infinite dissipation.
        """
        check_finite("action", action)
        return float(action) * check_stochasticity(stochasticity) * self.unit_time

    def tradeoff(self, cost: Any, times: Any) -> Tradeoff:
        """Work in joules a sample against the duration ``times`` (T,) in seconds, from a ``td.driving_cost``.

        Raises ValueError for durations that are not positive and for what is no driving cost.
        """
        _check_cost(cost)
        _check_durations(times)
        duration = np.atleast_1d(np.asarray(times, dtype=np.float64))
        Sig = float(cost.entropy_production.mean)
        slowness = self.unit_time / duration

        def work(square: Any) -> np.ndarray:
            return self.nat * (Sig + float(square) * slowness)

        return Tradeoff(
            duration=duration,
            schedule=work(Sig * cost.action),
            retimed=work(cost.path_length.mean**2),
            bound_low=work(cost.wasserstein_low.mean),
            bound_high=work(cost.wasserstein_high.mean),
            quasistatic=self.nat * Sig,
        )

    def least_duration(self, cost: Any, energy: float) -> float:
        """Seconds below which no path between the same ends does a cycle for ``energy`` joules a sample.

        tau = W2^2 tau_1/(energy/k_B T - Sig) with the lower end of W2^2; infinite where the energy does not pay for
        Sig.
        """
        _check_cost(cost)
        check_positive("energy", energy)
        left = energy / self.nat - float(cost.entropy_production.mean)
        return float(cost.wasserstein_low.mean) * self.unit_time / left if left > 0 else float("inf")


def _check_cost(cost: Any) -> None:
    """Raise unless ``cost`` has what a frontier of energy and duration is made of."""
    needed = ("entropy_production", "action", "path_length", "wasserstein_low", "wasserstein_high")
    if not all(hasattr(cost, name) for name in needed):
        raise complain("cost", type(cost).__name__, "a driving cost, as td.driving_cost measures it")


def _check_durations(times: Any) -> None:
    """Raise unless every duration is positive and finite, naming the first that is not."""
    check_numbers("times", times)
    values = np.atleast_1d(np.asarray(times, dtype=np.float64))
    bad = ~(np.isfinite(values) & (values > 0))
    if bad.any():
        raise complain("times", f"{values[bad][0]:g}", "positive, finite durations in seconds")


def check_stochasticity(stochasticity: Any) -> float:
    """``stochasticity`` as a number. Raises ValueError unless it is finite and not negative."""
    value = np.asarray(stochasticity)
    if value.shape != () or value.dtype.kind not in "iuf" or not (np.isfinite(value) and value >= 0):
        raise complain(
            "stochasticity", f"{stochasticity}", "a number that is 0 (the flow), 1 (the SDE) or more"
        )
    return float(value)
