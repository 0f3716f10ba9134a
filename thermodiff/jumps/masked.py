"""Masked noise, and what replaces its infinite entropy production: the entropy that unmasking has to supply.

    d H(x_0|x_t)/dt = (1/t) E sum over masked sites of H(x_l | the sites not masked),      alpha = 1 - t,

whose integral over t in [0, 1] is H(p_0) exactly, whatever the clock alpha(t): with another, (-alpha'/(1 - alpha)) for
1/t. With a model's conditionals for the data's it is the cross-entropy, whose integral is the model's -ELBO.
Source: this project, docs/jumps.md; Jeon et al. (2025), arXiv 2510.24088.
"""

from __future__ import annotations

import itertools
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from math import comb
from typing import Any

import numpy as np
from jaxtyping import Float, Int

from thermodiff.jumps.entropy_production import EntropyProduction, JumpRates
from thermodiff.jumps.states import check_space, checked_probabilities, entropy
from thermodiff.validation import check_time, complain

MASK = -1
"""What stands for the value of a masked site."""
NORMALISED = 1e-6
NO_WAY_BACK = (
    "masked noise is absorbing: a masked site never returns, so the reversed path has probability zero; "
    "unmasking_entropy has what replaces it, and its integral is H(p_0)"
)


@dataclass(frozen=True)
class MaskedNoise:
    """Each of ``sites`` L sites is masked by time t with probability t, and stays so: alpha(t) = 1 - t.

    The clock is this one because no integral depends on it. Raises ValueError for more than 4096 states, (K + 1)^L
    with the mask. Source: Austin et al., "Structured Denoising Diffusion Models in Discrete State-Spaces" (2021).
    """

    values: int
    sites: int

    def __post_init__(self) -> None:
        check_space(self.values, self.sites, spare=1)

    @property
    def size(self) -> int:
        """Number of states of the data, N = K^L."""
        return self.values**self.sites

    def entropy_production(self, p0: Any) -> EntropyProduction:
        """Infinite, with its reason."""
        checked_probabilities("p0", p0, self.size)
        return EntropyProduction(float("inf"), NO_WAY_BACK)

    def entropy_rates(self, p0: Any, time: Float[np.ndarray, " T"]) -> JumpRates:
        """The masked sequence's own entropy rate; the intrinsic one is infinite at every time."""
        system = np.array([self.system_rate(p0, t) for t in time])
        infinite = np.full(len(time), np.inf)
        return JumpRates(time, system, infinite, -infinite, NO_WAY_BACK)

    def system_rate(self, p0: Any, t: float) -> float:
        """dH(p_t)/dt of the masked sequence, nats per unit of t; infinite where no site or every site is masked.

        H(p_t) = L h(t) + sum over sets U of sites not masked of the chance of U times H(x_U), h that of a coin.
        """
        joint = self.joint_entropies(p0)
        odds = np.inf if t == 0 else -np.inf if t == 1 else np.log((1 - t) / t)
        slopes = (_chance_slope(len(seen), self.sites, t) * value for seen, value in joint.items())
        return float(self.sites * odds + sum(slopes))

    def joint_entropies(self, p0: Any) -> dict[tuple[int, ...], float]:
        """H(x_U) of every set U of sites, nats."""
        p = checked_probabilities("p0", p0, self.size).reshape((self.values,) * self.sites)
        return {seen: entropy(_marginal(p, seen).ravel()) for seen in _subsets(self.sites)}


def unmasking_entropy(noise: Any, p0: Any, times: Any) -> tuple[Float[np.ndarray, " T"], float]:
    """dH(x_0|x_t)/dt at ``times`` (T,), nats per unit of t, and its integral over [0, 1], H(p_0) in nats.

    The integral is a sum of its own over the sets of masked sites, by the beta function: its agreement with H(p_0) is
    the chain rule over random orders. Raises ValueError for a noise that is not masked and probabilities that are none.
    """
    _check_noise(noise)
    check_time(times, "times")
    time = np.atleast_1d(np.asarray(times, dtype=np.float64))
    joint = noise.joint_entropies(p0)

    def supplied(seen: tuple[int, ...]) -> float:
        masked = set(range(noise.sites)) - set(seen)
        return sum(joint[tuple(sorted((*seen, site)))] - joint[seen] for site in masked)

    return _over_time(noise.sites, time, supplied)


def unmasking_cross_entropy(
    noise: Any, p0: Any, log_conditionals: Callable[[Any], Any], times: Any
) -> tuple[Float[np.ndarray, " T"], float]:
    """The same with a model's conditionals: the rate (T,) at ``times``, and its -ELBO, nats.

    ``log_conditionals`` maps sequences (n, L) of whole numbers, -1 where a site is masked, to ln of the probability of
    each value at each site, (n, L, K), and is asked for masked sites alone. -ELBO - H(p_0) >= 0 is the model's waste.
    Raises ValueError for another shape or for conditionals that do not add up to one.
    """
    _check_noise(noise)
    check_time(times, "times")
    time = np.atleast_1d(np.asarray(times, dtype=np.float64))
    p = checked_probabilities("p0", p0, noise.size).reshape((noise.values,) * noise.sites)

    def supplied(seen: tuple[int, ...]) -> float:
        return _cross_entropy(noise, p, seen, log_conditionals)

    return _over_time(noise.sites, time, supplied)


def _check_noise(noise: Any) -> None:
    if not isinstance(noise, MaskedNoise):
        need = "a MaskedNoise: of uniform noise entropy_production has the entropy, score_entropy a model's waste"
        raise complain("noise", type(noise).__name__, need)


def _subsets(sites: int) -> Iterator[tuple[int, ...]]:
    """Every set of sites, as an increasing tuple."""
    return itertools.chain.from_iterable(
        itertools.combinations(range(sites), size) for size in range(sites + 1)
    )


def _marginal(p: np.ndarray, seen: tuple[int, ...]) -> np.ndarray:
    """The law of the sites ``seen`` from that of all, an axis each."""
    return np.asarray(p.sum(axis=tuple(site for site in range(p.ndim) if site not in seen)))


def _over_time(
    sites: int, time: np.ndarray, supplied: Callable[[tuple[int, ...]], float]
) -> tuple[np.ndarray, float]:
    """sum over U of (1 - t)^|U| t^(L - |U| - 1) times what is ``supplied`` to the masked sites, and its integral."""
    totals = np.zeros(sites)  # by the number of sites not masked; with none masked nothing is supplied
    for seen in _subsets(sites):
        if len(seen) < sites:
            totals[len(seen)] += supplied(seen)
    seen_sites = np.arange(sites)
    rate = ((1 - time[:, None]) ** seen_sites * time[:, None] ** (sites - 1 - seen_sites)) @ totals
    beta = [1 / (sites * comb(sites - 1, k)) for k in range(sites)]  # int (1 - t)^k t^(L - 1 - k) dt
    return rate, float(totals @ np.array(beta))


def _chance_slope(seen: int, sites: int, t: float) -> float:
    """d/dt of (1 - t)^seen t^(sites - seen), the chance that just these are not masked."""
    masked = sites - seen
    falling = 0.0 if seen == 0 else seen * (1 - t) ** (seen - 1) * t**masked
    rising = 0.0 if masked == 0 else masked * (1 - t) ** seen * t ** (masked - 1)
    return rising - falling


def _cross_entropy(
    noise: MaskedNoise, p: np.ndarray, seen: tuple[int, ...], log_conditionals: Callable[[Any], Any]
) -> float:
    """sum over masked sites l of E[-ln q(x_l | x_seen)], every value of the seen sites in turn."""
    x: Int[np.ndarray, "n L"] = np.full((noise.values ** len(seen), noise.sites), MASK)
    if seen:
        x[:, list(seen)] = np.array(list(itertools.product(range(noise.values), repeat=len(seen))))
    log_q = np.asarray(log_conditionals(x), dtype=np.float64)
    need = (len(x), noise.sites, noise.values)
    if log_q.shape != need:
        raise complain("log_conditionals", f"an output of shape {log_q.shape}", f"shape {need}")
    total = 0.0
    for site in sorted(set(range(noise.sites)) - set(seen)):
        here = log_q[:, site]
        off = np.abs(np.exp(here).sum(axis=1) - 1).max()
        if not off < NORMALISED:
            raise complain(
                "log_conditionals", f"probabilities off a sum of 1 by {off:.2g}", "normalised ones"
            )
        both = _marginal(p, tuple(sorted((*seen, site))))
        both = np.moveaxis(both, sorted((*seen, site)).index(site), -1).reshape(len(x), noise.values)
        there = both > 0
        total -= float((both[there] * here[there]).sum())
    return total
