"""What a score knows beyond the Gaussian of its data, one number for each row and noise level.

With G the score's reference Gaussian, n_G its exact noise prediction at x = x_0 + sigma eps, F = n_th - n_G the
network's correction and r = eps - n_G what the Gaussian leaves unexplained, the entropy of the data blurred at
sigma_low is (theory section 6)
    S = E[-ln G] - int K d ell - KL(p_high || G_high),      ell = ln(sigma),
with K read in three ways, equal where the network is the true score:
    quadratic  E|F|^2        divergence  E[r . F]        denoising  2 E[r . F] - E|F|^2.
Where columns are given, all of it is of the others given those. F then falls as 1/sigma only: what is known of y from
given columns and not by a line is E[r . F] = E|F|^2 ~ sigma^-2, and the integral from sigma_high on, the last term, is
half the integrand there. Only |F|^2 and r . F enter. Both vanish where the data
are Gaussian, so little noise is left to average. The integral over ell does not depend on the process: a score of any
other serves through its own time at the same sigma/alpha.
"""

from __future__ import annotations

import dataclasses
import functools
import math
from functools import partial
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Float

from thermodiff.array_types import Key, Process, Scalar, Score, Vector, pytree_dataclass
from thermodiff.information.cross_fitting.conditional import ConditionalGaussian, Row
from thermodiff.processes.exploding import GeometricVarianceExploding
from thermodiff.runtime.compiled_once import compiled_once
from thermodiff.runtime.shares import so_far
from thermodiff.scores.base import noise_prediction

SIGMA_LOW, SIGMA_HIGH = 3e-3, 10.0
"""Noise, in standard deviations of the data, at which integrals end. Above 10 the departure from a Gaussian is worth
less than 1e-5 nats a dimension, given columns apart (``Correction.beyond``); what lies below 3e-3 is extrapolated
(``truncation``)."""
LEVELS = 32
ROWS_AT_ONCE, ROWS_A_CALL = 64, 1024


@functools.cache
def canonical() -> GeometricVarianceExploding:
    """The process that networks are trained in: alpha = 1, log-SNR nearly uniform in time.

    Made when it is first asked for: an array, it starts JAX's devices, which ``import thermodiff`` leaves alone.
    """
    return GeometricVarianceExploding(1e-3, 1.01 * SIGMA_HIGH)


@pytree_dataclass
class Correction:
    """|F|^2 and r . F of rows (n,) in each of ``LEVELS`` equal intervals of ell, and the clean rows' -ln G, nats.

    ``jacobian`` (n,) is what the entropy of a row before it was mapped exceeds that of the mapped row by, nats.
    ``square`` and ``overlap`` (n, L) are averages inside an interval over antithetic noise; times ``step`` their sum
    over intervals is the integral. ``total`` (L,) is E|n_th|^2 in each, for the extrapolation to no noise.
    """

    gaussian: Float[np.ndarray, " n"]
    square: Float[np.ndarray, "n L"]
    overlap: Float[np.ndarray, "n L"]
    total: Float[np.ndarray, " L"]
    step: float
    jacobian: Any = 0.0
    beyond: float = 0.0

    def plus(self, log_jacobian: Any) -> Correction:
        """The same of rows before a map that takes ``log_jacobian``, () or (n,), nats from their entropy."""
        return dataclasses.replace(self, jacobian=self.jacobian + log_jacobian)

    @property
    def gaussian_entropy(self) -> np.ndarray:
        """-ln G of every row (n,), before the maps."""
        return self.gaussian + self.jacobian

    def reading(self, name: str, scale: Any = 1.0) -> np.ndarray:
        """int K d ell of every row (n,) for F multiplied by ``scale`` (L,), the part above sigma_high with it."""
        square, overlap = scale**2 * self.square, scale * self.overlap
        values = {"quadratic": square, "divergence": overlap, "denoising": 2 * overlap - square}
        return values[name].sum(axis=1) * self.step + self.beyond * values[name][:, -1]

    def entropy(self, name: str, scale: Any = 1.0) -> np.ndarray:
        """-ln G - int K d ell of every row (n,): its mean is the entropy, nats."""
        return self.gaussian_entropy - self.reading(name, scale)


def evaluate(
    key: Key,
    score: Score,
    reference: ConditionalGaussian,
    rows: Any,
    noise_columns: tuple[int, ...],
    noise_dim: int,
    process: Process | None = None,
    limits: tuple[float, float] = (SIGMA_LOW, SIGMA_HIGH),
) -> Correction:
    """``Correction`` of rows (n, d + c) under a score whose Gaussian is ``reference``; the last c columns are given.

    The noise has ``noise_dim`` coordinates, of which ``noise_columns`` (d,) are used: scores of several sets of
    columns of one table then see the same noise, and so do two scores given the same key. ``process`` is by default
    ``canonical()``; ``limits`` are sigma_low and sigma_high in the units of the rows.
    """
    process = process or canonical()
    rows = np.asarray(rows, dtype=np.float32)
    # Filled up to whole blocks, so that any number of rows is the same compiled program.
    filled = np.concatenate([rows, np.repeat(rows[:1], -len(rows) % ROWS_A_CALL, axis=0)])
    keys = jax.random.split(key, len(filled))
    columns = jnp.asarray(noise_columns)
    low, high = math.log(limits[0]), math.log(limits[1])
    blocks = []
    for i in range(0, len(filled), ROWS_A_CALL):
        so_far(i / len(filled), "evaluating")
        block = slice(i, i + ROWS_A_CALL)
        arguments = (score, process, reference, keys[block], filled[block], columns, low, high)
        if i == 0:
            compiled_once(_moments, noise_dim, *arguments)
        blocks.append(jax.device_get(_moments(noise_dim, *arguments)))
    parts = (np.concatenate(part)[: len(rows)].astype(np.float64) for part in zip(*blocks, strict=True))
    square, overlap, total = parts
    step = (high - low) / LEVELS
    # K ~ sigma^-2, of which the last interval has the mean: K(sigma_high)/2 in terms of it.
    beyond = step / math.expm1(2 * step) if rows.shape[1] > reference.dim else 0.0
    cost = reference.cost(rows, limits[0])
    return Correction(cost, square, overlap, total.mean(axis=0), step, beyond=beyond)


def passes(rows: int) -> int:
    """How many times ``evaluate`` of so many rows asks the score."""
    return 2 * LEVELS * -(-rows // ROWS_A_CALL) * ROWS_A_CALL


def gaussian_only(reference: ConditionalGaussian, rows: Any) -> Correction:
    """``Correction`` of rows (n, d + c) where nothing is added to the Gaussian."""
    ell = np.log(SIGMA_LOW) + (np.arange(LEVELS) + 0.5) * np.log(SIGMA_HIGH / SIGMA_LOW) / LEVELS
    v = np.asarray(reference.variances, dtype=np.float64)[:, None]
    total = np.sum(np.exp(2 * ell) / (v + np.exp(2 * ell)), axis=0)
    zero = np.zeros((len(rows), LEVELS))
    step = np.log(SIGMA_HIGH / SIGMA_LOW) / LEVELS
    return Correction(reference.cost(rows, SIGMA_LOW), zero, zero, total, step)


@partial(jax.jit, static_argnums=0)
def _moments(
    noise_dim: int,
    score: Score,
    process: Process,
    g: ConditionalGaussian,
    keys: Any,
    rows: Any,
    columns: Any,
    low: Scalar | float,
    high: Scalar | float,
) -> tuple[Float[Array, "n L"], Float[Array, "n L"], Float[Array, "n L"]]:

    def at(row: Row, ell: Scalar, eps: Vector) -> tuple[Scalar, Scalar, Scalar]:
        """|F|^2, r . F and |n_th|^2 at x_0 + sigma eps; a process with alpha < 1 sees alpha times that."""
        sigma, t = jnp.exp(ell), process.time_of_log_snr(-2 * ell)
        x, given = row[: g.dim] + sigma * eps, row[g.dim :]
        n_gauss = g.noise(jnp.concatenate([x, given]), jnp.ones(()), sigma)
        seen = jnp.concatenate([process.alpha(t) * x, given])
        n = noise_prediction(score, process, seen, t)[: g.dim]
        correction = n - n_gauss
        return jnp.sum(correction**2), jnp.sum((eps - n_gauss) * correction), jnp.sum(n**2)

    def one_row(inputs: tuple[Any, Any]) -> Any:
        key, row = inputs
        key_level, key_noise = jax.random.split(key)
        # One uniform shift for all levels of a row: a stratified point in each interval.
        ell = low + (jnp.arange(LEVELS) + jax.random.uniform(key_level)) / LEVELS * (high - low)
        eps = jax.random.normal(key_noise, (LEVELS, noise_dim))[:, columns]
        pair = jax.vmap(at, in_axes=(None, 0, 0))
        return jax.tree.map(lambda a, b: 0.5 * (a + b), pair(row, ell, eps), pair(row, ell, -eps))

    return jax.lax.map(one_row, (keys, rows), batch_size=ROWS_AT_ONCE)
