"""A critic of dependence: how much likelier two rows are together than apart, learned by telling the two cases apart.

    f(x, y) = ln G(x, y)/(G(x) G(y)) + F(x, y)

G the Gaussian of the training rows, F a network that starts at zero and is trained to tell rows (x_i, y_i) from rows
(x_i, y_j), i and j apart. The best critic is ln p(x, y)/(p(x) p(y)). Source: Gutmann & Hyvarinen (2012) on telling data
from noise; the Gaussian to start from, this project.
"""

from __future__ import annotations

from typing import Any

import jax
import jax.numpy as jnp
import numpy as np

from thermodiff.array_types import Key, Scalar, Vector, pytree_dataclass
from thermodiff.information.descent import descend
from thermodiff.training.config import TrainingConfig

APART = 4
"""Rows that are apart, for each that is together."""
RIDGE = 1e-3
"""Added to the variances of whitened rows, so that the Gaussian of rows that give each other exactly is finite."""


@pytree_dataclass
class Critic:
    """u^T M u + constant for u = (x, y), the Gaussian part, and a network's addition F(u)."""

    matrix: Any
    constant: Any
    network: Any

    def __call__(self, x: Vector, y: Vector) -> Scalar:
        """f(x, y) of one pair, nats."""
        u = jnp.concatenate([x, y])
        return u @ self.matrix @ u + self.constant + self.network(u, jnp.zeros(()))[0]


def fit_critic(
    key: Key, x: np.ndarray, y: np.ndarray, training: np.ndarray, stopping: np.ndarray, config: TrainingConfig
) -> Critic:
    """A critic of centred, whitened rows x (n, a), y (n, b): trained on some numbers, stopped by others."""
    matrix, constant = _gaussian(x[training], y[training])
    start_key, key = jax.random.split(key)
    network = config.architecture(start_key, x.shape[1] + y.shape[1], config.width, config.depth)
    critic = Critic(jnp.asarray(matrix, dtype=float), jnp.asarray(constant, dtype=float), network)
    seen, held_out = (
        tuple(part[rows].astype(np.float32) for part in (x, y)) for rows in (training, stopping)
    )
    gaussian = (critic.matrix, critic.constant)
    network, _ = descend(key, _loss, network, gaussian, seen, held_out, config)
    return Critic(*gaussian, network)


def _gaussian(x: np.ndarray, y: np.ndarray) -> tuple[np.ndarray, float]:
    """M and the constant of ln G(x, y)/(G(x) G(y)) for rows x (n, a) and y (n, b) with mean zero."""
    a, both = x.shape[1], np.hstack([x, y])
    covariance = both.T @ both / len(both) + RIDGE * np.eye(both.shape[1])
    blocks = (slice(0, a), slice(a, None))
    matrix = -np.linalg.inv(covariance)
    constant = -np.linalg.slogdet(covariance)[1]
    for block in blocks:
        matrix[block, block] += np.linalg.inv(covariance[block, block])
        constant += np.linalg.slogdet(covariance[block, block])[1]
    return 0.5 * matrix, 0.5 * float(constant)


def _loss(network: Any, fixed: Any, rows: Any, key: Key) -> Any:
    """-E ln P(together | together) - E ln P(apart | apart) by P = 1/(1 + exp(-f)), nats."""
    x, y = rows
    matrix, constant = fixed
    f = jax.vmap(Critic(matrix, constant, network))
    shifts = jax.random.randint(key, (APART,), 1, len(x))
    apart = jnp.stack([f(x, jnp.roll(y, shift, axis=0)) for shift in shifts])
    return jnp.mean(jax.nn.softplus(-f(x, y))) + jnp.mean(jax.nn.softplus(apart))


@jax.jit
def means_by_order(critic: Critic, x: Any, y: Any, orders: Any) -> Any:
    """mean_i f(x_i, y_order(i)) of rows x (m, a) and y (m, b) for each of some orders (B, m), shape (B,)."""
    return jax.lax.map(lambda order: jnp.mean(jax.vmap(critic)(x, y[order])), orders)
