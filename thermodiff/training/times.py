"""At which times to train: from uniform numbers to times, and with which density.

A loss is an integral over time of w(t) E|n_th - eps|^2; drawn at times of density q(t) its unbiased estimate is the
mean of w/q times the squared error. A sampler changes the variance, never what is estimated. With ell =
ln(sigma/alpha), the natural clock of a diffusion,
    d ell/dt = D/sigma^2,
so that the weight of the likelihood, D/sigma^2 on |n_th - eps|^2, is 1 per unit of ell.
"""

from __future__ import annotations

import dataclasses
from typing import Any, NamedTuple, Protocol, runtime_checkable

import jax
import jax.numpy as jnp
from jaxtyping import Array, Float

from thermodiff.array_types import Key, Process, Scalar, pytree_dataclass
from thermodiff.processes.base import last_time

Times = Float[Array, "*n"]


@pytree_dataclass
class Span:
    """Times [t_min, 1] of a process on data of mean variance ``variance``: what a sampler or a weight may depend on.

    For 1 stands the last time of a process that diverges there.
    """

    process: Process
    t_min: Any
    variance: Any

    @property
    def last(self) -> Any:
        """1, or where the process ends (``processes.base.last_time``)."""
        return last_time(self.process)

    def ell(self, t: Times) -> Times:
        """ln(sigma/alpha) at t."""
        return -0.5 * self.process.log_snr(t)

    def speed(self, t: Times) -> Times:
        """d ell/dt = D/sigma^2."""
        return self.process.diffusivity(t) / self.process.sigma(t) ** 2

    def time(self, ell: Times) -> Times:
        """The inverse of ``ell``, inside [t_min, 1]."""
        return jnp.clip(self.process.time_of_log_snr(-2 * ell), self.t_min, self.last)

    @property
    def ends(self) -> tuple[Scalar, Scalar]:
        """ell at t_min and at 1."""
        return self.ell(jnp.asarray(self.t_min, dtype=float)), self.ell(jnp.asarray(self.last, dtype=float))


@runtime_checkable
class TimeSampler(Protocol):
    """Two methods: times from uniform numbers, and their density."""

    def times(self, u: Times, span: Span) -> Times:
        """u uniform on [0, 1] to times in [t_min, 1], by the inverse of their distribution function."""

    def density(self, t: Times, span: Span) -> Times:
        """q(t), the density of those times per unit of t."""


@dataclasses.dataclass(frozen=True)
class UniformTime:
    """q(t) = 1/(1 - t_min)."""

    def times(self, u: Times, span: Span) -> Times:
        """t = t_min + u (1 - t_min)."""
        return span.t_min + u * (span.last - span.t_min)

    def density(self, t: Times, span: Span) -> Times:
        """1/(1 - t_min)."""
        return jnp.ones_like(t) / (span.last - span.t_min)


@dataclasses.dataclass(frozen=True)
class UniformLogSNR:
    """Uniform in ell = ln(sigma/alpha), so that every decade of noise gets the same share of the batch."""

    def times(self, u: Times, span: Span) -> Times:
        """The time at which ell = ell_min + u (ell_max - ell_min)."""
        low, high = span.ends
        return span.time(low + u * (high - low))

    def density(self, t: Times, span: Span) -> Times:
        """(d ell/dt)/(ell_max - ell_min)."""
        low, high = span.ends
        return span.speed(t) / (high - low)


@dataclasses.dataclass(frozen=True)
class ImportanceSampled:
    """q(ell) proportional to 1/(1 + e^{2 ell}/v), the irreducible loss of Gaussian data of variance v.

    Each draw then contributes equally to the likelihood's loss of a perfect score, so that loss has the smallest
    variance. While a network is far from perfect the rare draws at high noise count for much; train with
    ``UniformLogSNR``. Source: the closed form of what Song et al. (2021, "Maximum likelihood training") tabulate.
    """

    def times(self, u: Times, span: Span) -> Times:
        """The time at which G(ell) = G(ell_min) + u (G(ell_max) - G(ell_min)), G = -(1/2) ln(1 + v e^{-2 ell})."""
        low, high = self._primitive(span)
        return span.time(-0.5 * jnp.log(jnp.expm1(-2 * (low + u * (high - low))) / span.variance))

    def density(self, t: Times, span: Span) -> Times:
        """(d ell/dt) / (1 + e^{2 ell}/v) / (G(ell_max) - G(ell_min))."""
        low, high = self._primitive(span)
        return span.speed(t) / (1 + jnp.exp(2 * span.ell(t)) / span.variance) / (high - low)

    @staticmethod
    def _primitive(span: Span) -> tuple[Scalar, Scalar]:
        low, high = (-0.5 * jnp.log1p(span.variance * jnp.exp(-2 * ell)) for ell in span.ends)
        return low, high


class Draw(NamedTuple):
    """Times (n,) and the densities (n,) they were drawn with."""

    t: Any
    density: Any


def stratified(key: Key, n: int) -> Float[Array, " n"]:
    """u_i = (i + U_i)/n: one uniform number in each of n equal intervals of [0, 1]."""
    return (jnp.arange(n) + jax.random.uniform(key, (n,))) / n


def draw_times(key: Key, sampler: TimeSampler, span: Span, n: int) -> Draw:
    """n stratified times of a sampler: each alone has density q, together they cover it evenly."""
    t = sampler.times(stratified(key, n), span)
    return Draw(t, sampler.density(t, span))
