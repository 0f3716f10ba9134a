"""Uniform noise: every site forgets its value and takes any of the others, all at the same rate."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from jaxtyping import Float, Int

from thermodiff.jumps.entropy_production import EntropyProduction, JumpRates
from thermodiff.jumps.states import check_space, checked_probabilities, entropy, enumerated, moves
from thermodiff.validation import check_positive, check_time


@dataclass(frozen=True)
class UniformNoise:
    """Each of ``sites`` L sites jumps from its value to each of the K - 1 others at ``rate``, per unit of t in [0, 1].

    What a site keeps of its value is e^(-K rate t), so that ``rate`` is for the whole of the way to the noise (default
    3): another clock in its place changes times and no integral. The law that it leads to is the uniform one, K^L
    states of equal probability. Raises ValueError for more than 4096 states or a rate that is not positive.
    Source: Lou, Meng & Ermon, "Discrete Diffusion Modeling by Estimating the Ratios of the Data Distribution" (2024).
    """

    values: int
    sites: int
    rate: float = 3.0

    def __post_init__(self) -> None:
        check_space(self.values, self.sites)
        check_positive("rate", self.rate)

    @property
    def size(self) -> int:
        """Number of states N = K^L."""
        return self.values**self.sites

    @property
    def states(self) -> Int[np.ndarray, "N L"]:
        """Every state's values."""
        return enumerated(self.values, self.sites)

    @property
    def moves(self) -> Int[np.ndarray, "N L K"]:
        """The state that i becomes when site l takes the value v; i itself where it has that value."""
        return moves(self.values, self.sites)

    def marginal(self, p0: Any, t: float) -> Float[np.ndarray, " N"]:
        """p_t (N,) from the data's probabilities, exact: site by site, kept + (1 - kept)/K."""
        check_time(t)
        p = checked_probabilities("p0", p0, self.size).reshape((self.values,) * self.sites)
        kept = np.exp(-self.values * self.rate * t)
        for site in range(self.sites):
            p = kept * p + (1 - kept) * p.mean(axis=site, keepdims=True)
        return p.ravel()

    def entropy_production(self, p0: Any) -> EntropyProduction:
        """Sig = H(p_1) - H(p_0), for rates are equal there and back; nats."""
        return EntropyProduction(entropy(self.marginal(p0, 1.0)) - entropy(self.marginal(p0, 0.0)), "")

    def entropy_rates(self, p0: Any, time: Float[np.ndarray, " T"]) -> JumpRates:
        """Intrinsic and system rate, which are the same, at the times (T,); no exchange."""
        intrinsic = np.array([self._rate(self.marginal(p0, t)) for t in time])
        reason = "" if np.isfinite(intrinsic).all() else "some states have probability zero at t = 0"
        return JumpRates(time, intrinsic, intrinsic, np.zeros(len(time)), reason)

    def _rate(self, p: Float[np.ndarray, " N"]) -> float:
        """(rate/2) sum (p_i - p_j) ln(p_i/p_j) over all i and every j that one site's jump makes of it."""
        there = p[self.moves]
        here = np.broadcast_to(p[:, None, None], there.shape)
        if ((here > 0) != (there > 0)).any():
            return float("inf")
        here, there = here[here > 0], there[there > 0]
        return float(0.5 * self.rate * np.sum((here - there) * np.log(here / there)))
