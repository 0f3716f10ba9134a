"""Denoising loss: the integral over time of w(t) E|n_th(x_t, t) - eps|^2 and its unbiased estimate from one batch.

n_th = -sigma s_th is the noise prediction and x_t = alpha x_0 + sigma eps. The integral is that of w E|n_th - n|^2,
which training removes, plus that of w E|n - eps|^2, which nothing removes: the irreducible part, for Gaussian data
of covariance eigenvalues c_i and the weight of the likelihood sum_i (1/2) ln[(1 + c_i e^{-2 ell_min})/(1 + c_i
e^{-2 ell_max})].
"""

from __future__ import annotations

import dataclasses
from typing import Any, NamedTuple, Protocol, runtime_checkable

import jax
import jax.numpy as jnp
from jaxtyping import Array, Float

from thermodiff.array_types import Key, Scalar, WithGiven
from thermodiff.training.times import Span, Times, TimeSampler, draw_times
from thermodiff.validation import check_positive, complain


@runtime_checkable
class Weighting(Protocol):
    """w(t), the weight of |n_th - eps|^2 per unit of t."""

    def __call__(self, t: Times, span: Span) -> Times:
        """w(t)."""


@dataclasses.dataclass(frozen=True)
class LikelihoodWeighting:
    """w = D/sigma^2 = d ell/dt: the loss is int D E|s_th - s_cond|^2 dt in nats, of which the ELBO is made."""

    def __call__(self, t: Times, span: Span) -> Times:
        """D/sigma^2 at t."""
        return span.speed(t)


@dataclasses.dataclass(frozen=True)
class UniformNoiseWeighting:
    """w = 1: the "simple" loss of Ho et al. (2020), in units of one noise variance."""

    def __call__(self, t: Times, span: Span) -> Times:
        """1 at every t."""
        return jnp.ones_like(t)


@dataclasses.dataclass(frozen=True)
class EDMWeighting:
    """w = N(ell; mean, std) (sigma_r^2 + v)/v d ell/dt with sigma_r = sigma/alpha, v the data's mean variance.

    Karras et al. (2022): log-normal noise levels times their lambda(sigma), here on the noise loss. ``mean`` is ln
    sigma_r in the data's units; their -1.2 is for data of standard deviation 0.5, so add ln(std/0.5) for others.
    ``std`` in nats.
    """

    mean: float = -1.2
    std: float = 1.2

    def __post_init__(self) -> None:
        check_positive("std", self.std)

    def __call__(self, t: Times, span: Span) -> Times:
        """The weight at t."""
        ell = span.ell(t)
        normal = jax.scipy.stats.norm.pdf(ell, self.mean, self.std)
        return normal * (1 + jnp.exp(2 * ell) / span.variance) * span.speed(t)


class Batch(NamedTuple):
    """Noised points x (n, d) at times t (n,), the noise (n, d) that was added, and w/q (n,)."""

    x: Any
    t: Any
    noise: Any
    weight: Any


def draw_batch(key: Key, data: Any, span: Span, sampler: TimeSampler, weighting: Weighting, n: int) -> Batch:
    """n noised points in n/2 antithetic pairs, (x_0, t, eps) and (x_0, t, -eps), n even.

    The two errors of a pair are opposite to first order in sigma, so that their sum has no noise of that order; at
    equal cost the excess loss of a trained network was two to three times less for Gaussian data than with
    independent noise. Columns that are conditions (``WithGiven``) stay as they are and their noise is 0.
    """
    if n < 2 or n % 2:
        raise complain("batch_size", f"{n}", "an even number, at least 2 (noise comes in pairs)")
    key_data, key_noise, key_time = jax.random.split(key, 3)
    x0 = data.sample(key_data, n // 2)
    noise = jax.random.normal(key_noise, x0.shape, x0.dtype)
    t, density = draw_times(key_time, sampler, span, n // 2)
    alpha, sigma = span.process.alpha(t)[:, None], span.process.sigma(t)[:, None]
    if isinstance(data, WithGiven) and data.given:
        noised = jnp.arange(x0.shape[1]) < x0.shape[1] - data.given
        noise, alpha = jnp.where(noised, noise, 0.0), jnp.where(noised, alpha, 1.0)
    x = jnp.concatenate([alpha * x0 + sigma * noise, alpha * x0 - sigma * noise])
    weight = weighting(t, span) / density
    return Batch(x, jnp.tile(t, 2), jnp.concatenate([noise, -noise]), jnp.tile(weight, 2))


def denoising_loss(score: Any, batch: Batch) -> Scalar:
    """mean_i (w/q)_i |n_th(x_i, t_i) - eps_i|^2; ``score`` has a method ``noise(x, t)``."""
    errors: Float[Array, "n d"] = jax.vmap(score.noise)(batch.x, batch.t) - batch.noise
    return jnp.mean(batch.weight * jnp.sum(errors**2, axis=-1))
